/** Runs with gates as the Worker makes them: what they wait for, and that a key makes one run. */

import { describe, expect, it } from "vitest";
import { journal } from "../support/direct.ts";
import { ask } from "../support/requests.ts";
import { newActionsPath, put, run, runsOf } from "./actions.ts";

const MINUTE = 60_000;
const WEEK = 7 * 24 * 60 * MINUTE;
/** Nothing answers there, and no test waits for it. */
const TRIGGER = {
  type: "webhook",
  url: "https://ci.example.com/hooks/{{ parameters.service }}",
  headers: { Authorization: "Bearer the-header-secret-7731", "Content-Type": "application/json" },
  secrets: { token: "the-named-secret-8842" },
  payload: { token: "{{ secrets.token }}", run: "{{ run }}", seconds: "{{ run.timeoutSeconds }}" },
  startOn: "heartbeat",
};
const CONCURRENCY = { group: "deploy", key: "{{ parameters.service }}" };
const SHOP = { parameters: { service: "shop" } };

interface Row extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly gates: string | null;
  readonly releasedAt: number | null;
  readonly createdAt: number;
  readonly deadlineAt: number;
  readonly timeoutMs: number;
}

/** The runs of an environment as its coordinator has them. */
function rows(actions: string): Promise<Row[]> {
  const query = `SELECT id, gates, released_at AS releasedAt, created_at AS createdAt, deadline_at AS deadlineAt,
                        timeout_ms AS timeoutMs FROM runs`;
  return journal<Row>(runsOf(actions), query);
}

const keyed = (key: string) => ({ headers: { "Idempotency-Key": key } });

describe("a run", () => {
  it("that starts later waits, and its timeout counts from then", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER, timeout: 7 });
    const notBefore = Date.now() + 60 * MINUTE;
    const body = { ...SHOP, notBefore: new Date(notBefore).toISOString(), waitTimeout: 5 };
    expect((await run(`${actions}/deploy`, body)).body.status).toBe("pending");
    const [row] = await rows(actions);
    expect(row).toMatchObject({ releasedAt: null, timeoutMs: 7 * MINUTE });
    expect(row?.deadlineAt).toBe(notBefore + 12 * MINUTE);
    expect(JSON.parse(row?.gates ?? "")).toMatchObject({
      notBefore,
      waitUntil: notBefore + 5 * MINUTE,
      creator: { tokenId: "root", tokenName: "root" },
    });
  });

  it("of a create can start later, too, and its callback token lasts until the latest possible end", async () => {
    const path = runsOf(newActionsPath());
    const notBefore = new Date(Date.now() + 60 * MINUTE).toISOString();
    const trigger = { type: "webhook", url: "https://ci.example.com" };
    type Created = { readonly callback: { readonly expiresAt: string } };
    const { body } = await ask<Created>("POST", path, { body: { actionName: "a", trigger, notBefore } });
    expect(Date.parse(body.callback.expiresAt)).toBe(Date.parse(notBefore) + WEEK + 60 * MINUTE);
  });

  it("without any gate is a run like any other", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER, waitTimeout: 5 });
    await run(`${actions}/deploy`, SHOP);
    const [row] = await rows(actions);
    expect([row?.gates, row && row.deadlineAt - row.createdAt]).toEqual([null, 60 * MINUTE]);
  });

  it("that needs an approval keeps what an approver sees, without any secret", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER, approval: {}, timeout: 7 });
    const { id } = (await run(`${actions}/deploy`, SHOP)).body;
    const query = "SELECT request AS preview FROM previews";
    const [kept] = await journal<{ preview: string }>(runsOf(actions), query);
    expect(JSON.parse(kept?.preview ?? "")).toMatchObject({
      method: "POST",
      url: "https://ci.example.com/hooks/shop",
      headers: { Authorization: null, "Content-Type": "application/json" },
      payload: { token: null, run: { id, callbackToken: null, timeoutSeconds: 420 }, seconds: 420 },
    });
    expect(kept?.preview).not.toContain("secret");
  });

  it("waits in its queue while another run of its group and key is running, with a caller's key or without", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER, concurrency: CONCURRENCY });
    await Promise.all(
      Array.from({ length: 6 }, (_, n) => run(`${actions}/deploy`, SHOP, n % 2 === 0 ? {} : keyed(`k${n}`))),
    );
    const released = (await rows(actions)).filter(({ releasedAt }) => releasedAt !== null);
    expect(released).toHaveLength(1);
  });

  it("that waits in its queue starts as soon as a PUT raises the limit, and not when one lowers it", async () => {
    const actions = newActionsPath();
    const limited = (limit: number) =>
      put(`${actions}/deploy`, { trigger: TRIGGER, concurrency: { ...CONCURRENCY, limit } });
    const released = async () => (await rows(actions)).filter(({ releasedAt }) => releasedAt !== null).length;
    await limited(2);
    for (let n = 0; n < 4; n++) await run(`${actions}/deploy`, SHOP);
    expect(await released()).toBe(2);
    await limited(1);
    expect(await released()).toBe(2);
    await limited(3);
    expect(await released()).toBe(3);
  });

  it("that its group rejects is a conflict, and no run", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER, concurrency: { ...CONCURRENCY, onConflict: "reject" } });
    expect((await run(`${actions}/deploy`, SHOP)).status).toBe(201);
    const refused = await run(`${actions}/deploy`, SHOP, keyed("once"));
    expect([refused.status, refused.body.code]).toEqual([409, "concurrency_limit"]);
    expect(await rows(actions)).toHaveLength(1);
  });
});

describe("a key makes one run, whatever becomes of the action's group meanwhile", () => {
  const NONE = { trigger: TRIGGER };
  const GROUPED = { trigger: TRIGGER, concurrency: CONCURRENCY };
  const OTHER = { trigger: TRIGGER, concurrency: { group: "elsewhere", key: "{{ parameters.service }}-2" } };
  it.each<[string, object, object]>([
    ["it is added", NONE, GROUPED],
    ["it is removed", GROUPED, NONE],
    ["it is changed", GROUPED, OTHER],
    ["it rejects by now", GROUPED, { trigger: TRIGGER, concurrency: { ...CONCURRENCY, onConflict: "reject" } }],
    ["the action's trigger goes with it", GROUPED, {}],
    ["the run is refused then", GROUPED, { ...GROUPED, parametersSchema: { required: ["x"] } }],
  ])("creates no second run if %s", async (_what, before, after) => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, before);
    const first = await run(`${actions}/deploy`, SHOP, keyed("once"));
    expect(first.status).toBe(201);
    await put(`${actions}/deploy`, after);
    const again = await run(`${actions}/deploy`, SHOP, keyed("once"));
    expect([again.status, again.body.id]).toEqual([201, first.body.id]);
    expect(again.headers.get("Idempotent-Replayed")).toBe("true");
    expect(await rows(actions)).toHaveLength(1);
  });

  it("a refused create has used no key, so the next one is judged anew", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER, concurrency: { ...CONCURRENCY, onConflict: "reject" } });
    await run(`${actions}/deploy`, SHOP);
    expect((await run(`${actions}/deploy`, SHOP, keyed("once"))).status).toBe(409);
    await put(`${actions}/deploy`, OTHER);
    const made = await run(`${actions}/deploy`, SHOP, keyed("once"));
    expect(made.status).toBe(201);
    const row = (await rows(actions)).find(({ id }) => id === made.body.id);
    expect(JSON.parse(row?.gates ?? "").concurrency).toMatchObject({ group: "elsewhere", key: "shop-2" });
  });

  it("and another request with the key is refused", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, GROUPED);
    await run(`${actions}/deploy`, SHOP, keyed("once"));
    const other = await run(`${actions}/deploy`, { parameters: { service: "till" } }, keyed("once"));
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  it("ten times at once", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, GROUPED);
    const changes = [NONE, OTHER, GROUPED, NONE, GROUPED, OTHER, NONE, GROUPED, OTHER, NONE];
    const [answers] = await Promise.all([
      Promise.all(changes.map(() => run(`${actions}/deploy`, SHOP, keyed("once")))),
      (async () => {
        for (const definition of changes) await put(`${actions}/deploy`, definition);
      })(),
    ]);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => !headers.has("Idempotent-Replayed"))).toHaveLength(1);
    expect(await rows(actions)).toHaveLength(1);
  });
});
