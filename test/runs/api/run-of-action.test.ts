/** What a run of a stored action takes from the action and from its caller, and who gets its callback token. */

import { describe, expect, it } from "vitest";
import { newActionsPath, put, versionOf } from "../../actions/actions.ts";
import { journal } from "../../support/direct.ts";
import { type Answer, type Ask, ask, type CreatedRun, keyed, report } from "../../support/requests.ts";
import { grantToken } from "../../support/tokens.ts";

type Told = Omit<CreatedRun, "callback"> & {
  readonly callback?: CreatedRun["callback"];
  readonly code?: string;
  readonly details?: Record<string, unknown>;
};

const TRIGGER = { type: "webhook", url: "https://ci.example.com/a", startOn: "heartbeat" };
const DEPLOY = { timeout: 30, heartbeatTimeout: 5, labels: ["team:payments", "b"] };

const runsOf = (path: string) => path.replace(/actions\/.*$/, "action-runs");

function run(path: string, body: unknown = {}, options: Ask = {}): Promise<Answer<Told>> {
  return ask("POST", `${path}/runs?include=details`, { body, ...options });
}

/** The path of an action that nobody else uses. */
async function stored(definition: object = DEPLOY): Promise<string> {
  const path = `${newActionsPath()}/deploy`;
  expect((await put(path, definition)).status).toBe(201);
  return path;
}

it("has the action's name, version, timeouts and labels, and the caller's name and inputs", async () => {
  const path = await stored({});
  const current = await put(path, DEPLOY);
  const project = path.split("/").slice(0, 3).join("/");
  const { token } = await grantToken(project, { role: "member", name: "portal" });
  const body = { parameters: { a: 1 }, recommendations: { b: 2 }, labels: ["a", "b"] };
  const answer = await run(path, body, { token });
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({
    actionName: "deploy",
    triggeredBy: "portal",
    entityId: null,
    parameters: { a: 1 },
    recommendations: { b: 2 },
    details: {
      action: { name: "deploy", version: versionOf(current) },
      labels: ["a", "b", "team:payments"],
      retryOf: null,
    },
  });
  expect(answer.headers.get("Location")).toContain(`${runsOf(path)}/${answer.body.id}`);
  const minutes = ({ callback, createdAt }: Told) =>
    (Date.parse(callback?.expiresAt ?? "") - Date.parse(createdAt)) / 60_000;
  expect(minutes(answer.body)).toBe(30);
  expect(minutes((await run(path, { timeout: 7 })).body)).toBe(7);
  await put(path, {});
  expect(minutes((await run(path)).body)).toBe(60);
});

it("has at most 10 labels, those of the action included", async () => {
  const path = await stored();
  const labels = Array.from({ length: 9 }, (_, n) => `l${n}`);
  expect(await run(path, { labels })).toMatchObject({ status: 422, body: { code: "too_many_labels" } });
  expect((await run(path, { labels: labels.slice(1) })).status).toBe(201);
});

describe("the callback token", () => {
  it("is the caller's if the action has no trigger", async () => {
    const { body } = await run(await stored());
    expect((await report(body as CreatedRun, { status: "succeeded" })).status).toBe(200);
  });

  it("is the receiver's alone if the action has one, also in a replay", async () => {
    const action = { ...DEPLOY, trigger: TRIGGER };
    const path = await stored(action);
    const first = await run(path, {}, keyed("k"));
    expect(first.status).toBe(201);
    expect(first.body.callback).toBeUndefined();
    const changes = [
      async () => {},
      () => put(path, DEPLOY),
      () => put(path, { ...action, timeout: 9 }),
      () => ask("DELETE", path),
    ];
    for (const change of changes) {
      await change();
      const again = await run(path, {}, keyed("k"));
      expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([201, "true"]);
      expect(again.body.id).toBe(first.body.id);
      expect(JSON.stringify(again.body)).not.toContain("token");
    }
  });

  it("is the receiver's alone while its first attempt waits for a permit", async () => {
    const path = await stored({ ...DEPLOY, trigger: TRIGGER });
    const { body } = await run(path, {}, keyed("k"));
    await journal(runsOf(path), "DELETE FROM events WHERE type = 'attempt_started'");
    const again = await run(path, {}, keyed("k"));
    expect([again.body.id, again.body.callback]).toEqual([body.id, undefined]);
  });

  it("stays the caller's in a replay after the action got a trigger", async () => {
    const path = await stored();
    const first = await run(path, {}, keyed("k"));
    await put(path, { ...DEPLOY, trigger: TRIGGER });
    const again = await run(path, {}, keyed("k"));
    expect(again.body).toEqual(first.body);
  });
});

describe("a key", () => {
  it("is bound to the action's name and the caller's body, and not to the definition", async () => {
    const path = await stored();
    const body = { parameters: { a: 1 }, labels: ["c"] };
    const first = await run(path, body, keyed("k"));
    // With these labels of the action, the same run would have 11 labels today.
    await put(path, { ...DEPLOY, labels: Array.from({ length: 10 }, (_, n) => `l${n}`) });
    expect((await run(path, body)).body.code).toBe("too_many_labels");
    const changed = await run(path, body, keyed("k"));
    expect(changed.body).toEqual(first.body);
    const reused = { status: 422, body: { code: "idempotency_key_reused" } };
    expect(await run(path, { parameters: { a: 2 } }, keyed("k"))).toMatchObject(reused);
    const other = path.replace(/deploy$/, "other");
    await put(other, DEPLOY);
    expect(await run(other, body, keyed("k"))).toMatchObject(reused);
  });

  it("that nobody used finds nothing", async () => {
    const path = `${newActionsPath()}/deploy`;
    const gone = { status: 404, body: { code: "action_not_found" } };
    expect(await run(path, {}, keyed("k"))).toMatchObject(gone);
    expect(await run(path)).toMatchObject(gone);
  });
});
