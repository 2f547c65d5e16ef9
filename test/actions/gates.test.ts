/** The gates of a stored action: what a PUT takes and keeps, what a run needs, and what the audit says of a change. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { actionMemory } from "../../src/actions/kind.ts";
import { ask } from "../support/requests.ts";
import { get, newActionsPath, ORIGIN_A, put, run, runsOf, scopeOf } from "./actions.ts";

const TRIGGER = { type: "webhook", url: ORIGIN_A, startOn: "heartbeat" };
const CONCURRENCY = { group: "deploy", key: "{{ parameters.service }}" };
const path = newActionsPath();

/** Stores a new action, so that nothing of an earlier one counts. */
function store(definition: object) {
  return put(`${path}/a-${crypto.randomUUID()}`, { trigger: TRIGGER, ...definition });
}

async function featuresOf(action: string): Promise<string | null | undefined> {
  const row = await env.DB.prepare("SELECT features FROM definitions WHERE scope = ? AND name = ?")
    .bind(scopeOf(path), action.split("/").at(-1))
    .first<{ features: string | null }>();
  return row?.features;
}

describe("a PUT", () => {
  it("keeps the gates with their defaults, and a PUT of what a GET shows changes nothing", async () => {
    const action = `${path}/kept`;
    const sent = { trigger: TRIGGER, concurrency: { group: "deploy" }, approval: {}, waitTimeout: 5 };
    const stored = {
      concurrency: { group: "deploy", limit: 1, onConflict: "queue" },
      approval: { required: 1, allowSelf: false },
      waitTimeout: 5,
    };
    expect(await put(action, sent)).toMatchObject({ status: 201, body: stored });
    const { body, headers } = await get(action);
    expect(body).toMatchObject(stored);
    expect((await put(action, body)).headers.get("ETag")).toBe(headers.get("ETag"));
  });

  it.each<[string, object, string]>([
    ["a group with placeholders", { concurrency: { group: "{{ parameters.x }}" } }, "/concurrency/group"],
    ["the name of an environment's pause", { concurrency: { group: "-environment" } }, "/concurrency/group"],
    ["a long group", { concurrency: { group: "a".repeat(64) } }, "/concurrency/group"],
    ["no group", { concurrency: {} }, "/concurrency/group"],
    ["an empty key", { concurrency: { ...CONCURRENCY, key: "" } }, "/concurrency/key"],
    ["a long key", { concurrency: { ...CONCURRENCY, key: "a".repeat(256) } }, "/concurrency/key"],
    ["a key that is not closed", { concurrency: { ...CONCURRENCY, key: "{{ parameters.x" } }, "/concurrency/key"],
    ["a key of the run", { concurrency: { ...CONCURRENCY, key: "{{ run.id }}" } }, "/concurrency/key"],
    [
      "a key of recommendations",
      { concurrency: { ...CONCURRENCY, key: "{{ recommendations.x }}" } },
      "/concurrency/key",
    ],
    ["a key of a secret", { concurrency: { ...CONCURRENCY, key: "{{ secrets.x }}" } }, "/concurrency/key"],
    ["a key of the response", { concurrency: { ...CONCURRENCY, key: "{{ response.id }}" } }, "/concurrency/key"],
    ["a key of the whole entity", { concurrency: { ...CONCURRENCY, key: "{{ json entity }}" } }, "/concurrency/key"],
    ["a limit of 0", { concurrency: { ...CONCURRENCY, limit: 0 } }, "/concurrency/limit"],
    ["a limit of 101", { concurrency: { ...CONCURRENCY, limit: 101 } }, "/concurrency/limit"],
    ["an unknown conflict", { concurrency: { ...CONCURRENCY, onConflict: "wait" } }, "/concurrency/onConflict"],
    ["no approver", { approval: { required: 0 } }, "/approval/required"],
    ["six approvers", { approval: { required: 6 } }, "/approval/required"],
    ["allowSelf as a text", { approval: { allowSelf: "yes" } }, "/approval/allowSelf"],
    ["an unknown member", { approval: { by: "Ada" } }, "/approval/by"],
    ["no object", { approval: true }, "/approval"],
    ["a wait of 0", { waitTimeout: 0 }, "/waitTimeout"],
    ["a wait of more than 30 days", { waitTimeout: 43_201 }, "/waitTimeout"],
    [
      "a key of a parameter that a closed schema lacks",
      {
        concurrency: { ...CONCURRENCY, key: "{{ parameters.sevrice }}" },
        parametersSchema: { type: "object", properties: { service: {} }, additionalProperties: false },
      },
      "/concurrency/key",
    ],
  ])("with %s is refused", async (_what, definition, pointer) => {
    const { status, body } = await store(definition);
    expect([status, body.code, body.pointer]).toEqual([400, "invalid_body", pointer]);
  });

  it.each<[object, string]>([
    [{ concurrency: CONCURRENCY }, "/concurrency"],
    [{ approval: {} }, "/approval"],
  ])("with %j and no trigger is refused", async (definition, pointer) => {
    const { status, body } = await store({ ...definition, trigger: undefined });
    expect([status, body.code, body.pointer]).toEqual([422, "gate_needs_trigger", pointer]);
  });

  it("takes a waitTimeout without a trigger, because it is no gate", async () => {
    expect((await store({ waitTimeout: 5, trigger: undefined })).status).toBe(201);
  });
});

describe("a run", () => {
  it("lacks a value of its key and is refused, and so is a retry", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, {});
    const { id } = (await run(`${actions}/deploy`)).body;
    await ask("DELETE", `${runsOf(actions)}/${id}`);
    await put(`${actions}/deploy`, { trigger: TRIGGER, concurrency: CONCURRENCY });
    const refused = { status: 422, body: { code: "invalid_concurrency_key", pointer: "/parameters/service" } };
    expect(await run(`${actions}/deploy`)).toMatchObject(refused);
    expect(await ask("POST", `${runsOf(actions)}/${id}/retry`, { body: {} })).toMatchObject(refused);
  });

  const FAR = new Date(Date.now() + 31 * 24 * 3600 * 1000).toISOString();
  const SOON = new Date(Date.now() + 3600 * 1000).toISOString();

  it.each<[string, number, string, object]>([
    ["an instant without an offset", 400, "invalid_body", { notBefore: "2026-11-25T12:00:00" }],
    ["a number", 400, "invalid_body", { notBefore: 5 }],
    ["an instant that is too far ahead", 400, "invalid_body", { notBefore: FAR }],
    ["a wait of 0", 400, "invalid_body", { waitTimeout: 0 }],
  ])("with %s is refused", async (_what, status, code, body) => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER });
    const pointer = `/${Object.keys(body)[0]}`;
    const expected = { status, body: { code, pointer } };
    expect(await run(`${actions}/deploy`, body)).toMatchObject(expected);
    const create = { actionName: "deploy", trigger: TRIGGER, ...body };
    expect(await ask("POST", runsOf(actions), { body: create })).toMatchObject(expected);
  });

  it("without a trigger has nothing that notBefore could hold back", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, {});
    const refused = { status: 422, body: { code: "gate_needs_trigger", pointer: "/notBefore" } };
    expect(await run(`${actions}/deploy`, { notBefore: SOON })).toMatchObject(refused);
    const body = { actionName: "deploy", notBefore: SOON };
    expect(await ask("POST", runsOf(actions), { body })).toMatchObject(refused);
    const { id } = (await run(`${actions}/deploy`)).body;
    await ask("DELETE", `${runsOf(actions)}/${id}`);
    const retry = { body: { notBefore: SOON } };
    expect(await ask("POST", `${runsOf(actions)}/${id}/retry`, retry)).toMatchObject(refused);
  });

  it("may have a past notBefore, which is part of the request that its key is bound to", async () => {
    const actions = newActionsPath();
    await put(`${actions}/deploy`, { trigger: TRIGGER });
    const options = { headers: { "Idempotency-Key": "night" } };
    const body = { notBefore: "2020-01-01T00:00:00+01:00" };
    const first = await run(`${actions}/deploy`, body, options);
    expect(first.status).toBe(201);
    expect((await run(`${actions}/deploy`, body, options)).body.id).toBe(first.body.id);
    for (const other of [{}, { notBefore: "2020-01-01T00:00:00Z" }, { ...body, waitTimeout: 5 }])
      expect((await run(`${actions}/deploy`, other, options)).body.code).toBe("idempotency_key_reused");
  });
});

describe("what a definition uses is kept beside it", () => {
  it("for an action with a gate, as long as it has one", async () => {
    const action = `${path}/features`;
    const features: unknown[] = [];
    for (const gates of [{}, { approval: {} }, { concurrency: CONCURRENCY }, { waitTimeout: 5 }]) {
      await put(action, { trigger: TRIGGER, ...gates });
      features.push(await featuresOf(action));
    }
    expect(features).toEqual([null, '["gates"]', '["gates"]', null]);
    expect((await get(action)).body).not.toHaveProperty("features");
  });

  it("and a feature that this code does not know starts nothing until the action is stored again", async () => {
    const actions = newActionsPath();
    const action = `${actions}/deploy`;
    await put(action, {});
    const { id } = (await run(action)).body;
    await ask("DELETE", `${runsOf(actions)}/${id}`);
    await env.DB.prepare(`UPDATE definitions SET features = '["gates","tides"]' WHERE scope = ?`)
      .bind(scopeOf(actions))
      .run();
    actionMemory.forget({ scope: scopeOf(actions), name: "deploy" });
    const refused = { status: 503, body: { code: "action_needs_newer_code" } };
    const answer = await run(action);
    expect(answer).toMatchObject(refused);
    expect(answer.headers.get("Retry-After")).toBe("5");
    expect(await ask("POST", `${runsOf(actions)}/${id}/retry`, { body: {} })).toMatchObject(refused);
    expect((await ask<unknown[]>("GET", runsOf(actions))).body).toHaveLength(1);
    // What this code stores, it knows.
    expect((await put(action, { timeout: 5 })).status).toBe(200);
    expect((await run(action)).status).toBe(201);
  });

  it("and a run that the same key created before is still found", async () => {
    const actions = newActionsPath();
    const action = `${actions}/deploy`;
    await put(action, {});
    const options = { headers: { "Idempotency-Key": "once" } };
    const { id } = (await run(action, {}, options)).body;
    await env.DB.prepare(`UPDATE definitions SET features = '["tides"]' WHERE scope = ?`).bind(scopeOf(actions)).run();
    actionMemory.forget({ scope: scopeOf(actions), name: "deploy" });
    expect((await run(action, {}, options)).body.id).toBe(id);
  });
});

it("the audit says which change added, weakened or removed a gate", async () => {
  const actions = newActionsPath();
  const action = `${actions}/deploy`;
  const changes = [
    { trigger: TRIGGER },
    { trigger: TRIGGER, approval: { required: 2 } },
    { trigger: TRIGGER, approval: { required: 2 }, timeout: 5 },
    { trigger: TRIGGER, approval: { required: 1 } },
    { trigger: TRIGGER },
    { trigger: TRIGGER, concurrency: CONCURRENCY },
  ];
  for (const definition of changes) await put(action, definition);
  await ask("DELETE", action);
  type Entry = { readonly action: string; readonly gates: string | null };
  const { body } = await ask<Entry[]>("GET", `${actions.split("/envs/")[0]}/audit`);
  expect(body.map((entry) => [entry.action, entry.gates]).reverse()).toEqual([
    ["action_put", null],
    ["action_put", "added"],
    ["action_put", null],
    ["action_put", "weakened"],
    ["action_put", "removed"],
    ["action_put", "added"],
    ["action_deleted", "removed"],
  ]);
});
