/** POST …/retry: a new run with the inputs of an old one. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { askWith, envWith } from "../../support/bindings.ts";
import { journal } from "../../support/direct.ts";
import { faults, faulty } from "../../support/faults.ts";
import { replicated } from "../../support/replicated.ts";
import {
  type ActionRun,
  type Answer,
  type Ask,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  keyed,
  newRunsPath,
  report,
} from "../../support/requests.ts";
import { beat } from "../../support/runs/stream.ts";
import { grantToken } from "../../support/tokens.ts";

type Told = CreatedRun & { readonly code?: string; readonly details?: Record<string, unknown> };

const WANTED = {
  actionName: "deploy",
  entityId: "01890a5d-ac96-774b-bcce-b302099a8057",
  parameters: JSON.parse('{"version":"1.4.2","odd":{"__proto__":null,"n":[1e3,1e-7,1e21,9007199254740993]},"1":"é"}'),
  recommendations: { canary: true },
  labels: ["b", "a"],
  timeout: 30,
  heartbeatTimeout: 5,
};

function retry(path: string, id: string, body: unknown = {}, options: Ask = {}): Promise<Answer<Told>> {
  return ask("POST", `${path}/${id}/retry?include=details`, { body, ...options });
}

async function ended(wanted: Record<string, unknown> = WANTED) {
  const { path, run } = await givenRun(wanted);
  await report(run, { status: "failed", error: "no" });
  return { path, run };
}

function inputsOf({ actionName, entityId, parameters, recommendations }: ActionRun) {
  return { actionName, entityId, parameters, recommendations };
}

function minutesOf({ callback, createdAt }: CreatedRun): number {
  return (Date.parse(callback.expiresAt) - Date.parse(createdAt)) / 60_000;
}

it("creates a pending run with the same inputs, labels and timeouts, which names the first one", async () => {
  const { path, run } = await ended();
  const { status, headers, body } = await retry(path, run.id);
  expect(status).toBe(201);
  expect(body.id).not.toBe(run.id);
  expect(body).toMatchObject({ status: "pending", ...inputsOf(run), triggeredBy: "root" });
  expect(JSON.stringify(body.parameters)).toBe(JSON.stringify(run.parameters));
  expect(headers.get("Location")).toContain(`${path}/${body.id}`);
  expect(body.details).toMatchObject({ retryOf: run.id, labels: ["a", "b"], action: null });
  expect(minutesOf(body)).toBe(30);
  const query = "SELECT heartbeat_timeout_ms AS ms, source FROM runs WHERE id = ?";
  expect(await journal(path, query, body.id)).toEqual([{ ms: 300_000, source: "none" }]);
});

it("needs no body, and the new run can be reported and retried", async () => {
  const { path, run } = await ended();
  const { status, body } = await ask<Told>("POST", `${path}/${run.id}/retry`);
  expect(status).toBe(201);
  expect(body.details).toBeUndefined();
  expect((await report(body, { status: "succeeded" })).status).toBe(200);
  const again = await retry(path, body.id);
  expect(again.body.details).toMatchObject({ retryOf: body.id });
});

it("takes other parameters, and nothing else", async () => {
  const { path, run } = await ended();
  const { body } = await retry(path, run.id, { parameters: { version: "1.4.3" } });
  expect(inputsOf(body)).toEqual({ ...inputsOf(run), parameters: { version: "1.4.3" } });
  for (const wrong of [{ labels: [] }, { actionName: "x" }, { parameters: null }, { parameters: [] }, []]) {
    expect(await retry(path, run.id, wrong)).toMatchObject({ status: 400, body: { code: "invalid_body" } });
  }
});

it("bounds the new parameters together with the recommendations of the run", async () => {
  const recommendations = { a: "x".repeat(200_000) };
  const { path, run } = await ended({ actionName: "deploy", recommendations });
  const fits = await retry(path, run.id, { parameters: { a: "x".repeat(60_000) } });
  expect(fits.status).toBe(201);
  const answer = await retry(path, run.id, { parameters: { a: "x".repeat(70_000) } });
  expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body" } });
});

it("needs no D1, unless the key is gone that made the run's id, and then a replay needs none", async () => {
  const { path, run } = await ended();
  await replicated(path);
  const CALLBACK_SIGNING_KEYS = "another-signing-key-of-32-bytes-and-more";
  const rotated = envWith({ CALLBACK_SIGNING_KEYS, DB: faulty(env.DB) });
  const url = `${path}/${run.id}/retry`;
  const options = { body: {}, ...keyed("k") };
  const first = await askWith<Told>(rotated, "POST", url, options);
  expect([first.status, first.body.parameters]).toEqual([201, run.parameters]);
  faults.reads = "down";
  faults.writes = "down";
  // Only D1 could say whether a run of a removed key exists. A replay does not ask.
  expect((await askWith<Told>(rotated, "POST", url, { body: {} })).status).toBe(503);
  const replay = await askWith<Told>(rotated, "POST", url, options);
  expect([replay.status, replay.body.id]).toEqual([201, first.body.id]);
  expect((await retry(path, run.id)).status).toBe(201);
});

describe("refuses", () => {
  it("an open run: run_open", async () => {
    const { path, run } = await givenRun();
    expect(await retry(path, run.id)).toMatchObject({ status: 409, body: { code: "run_open" } });
    await beat(run);
    expect(await retry(path, run.id)).toMatchObject({ status: 409, body: { code: "run_open" } });
  });

  it("a run with a trigger of its own: trigger_not_kept, with a word on stored actions", async () => {
    const trigger = { type: "webhook", url: "https://ci.example.com/a", startOn: "heartbeat" };
    const { path, run } = await ended({ actionName: "deploy", trigger });
    const source = await journal(path, "SELECT source FROM runs");
    expect(source).toEqual([{ source: "trigger" }]);
    const answer = await retry(path, run.id);
    expect(answer).toMatchObject({ status: 409, body: { code: "trigger_not_kept" } });
    expect(answer.body.error).toContain("action");
  });

  it("an unknown run: run_not_found, also under another environment's path", async () => {
    const { path, run } = await ended();
    for (const [where, id] of [
      [path, crypto.randomUUID()],
      [path, "x"],
      [newRunsPath(), run.id],
    ] as const) {
      expect(await retry(where, id)).toMatchObject({ status: 404, body: { code: "run_not_found" } });
    }
  });
});

describe("with an Idempotency-Key", () => {
  it("creates one run, however often and however many at once", async () => {
    const { path, run } = await ended();
    const answers = await Promise.all(Array.from({ length: 20 }, () => retry(path, run.id, {}, keyed("k"))));
    expect(answers.filter(({ headers }) => !headers.has("Idempotent-Replayed"))).toHaveLength(1);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    const { body } = await ask<ActionRun[]>("GET", path);
    expect(body).toHaveLength(2);
  });

  it("refuses another body, another run, and a create under the key", async () => {
    const { path, run } = await ended();
    const other = await createRun(path);
    await report(other, { status: "succeeded" });
    await retry(path, run.id, {}, keyed("k"));
    const answers = [
      await retry(path, run.id, { parameters: {} }, keyed("k")),
      await retry(path, other.id, {}, keyed("k")),
      await ask("POST", path, { body: WANTED, ...keyed("k") }),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
    }
  });

  it("is another key with another token", async () => {
    const { path, run } = await ended();
    const { token } = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "member" });
    const first = await retry(path, run.id, {}, keyed("k"));
    const second = await retry(path, run.id, {}, { ...keyed("k"), token });
    expect(second.body.id).not.toBe(first.body.id);
  });

  it("gives the same run even after the first one is gone", async () => {
    const { path, run } = await ended();
    const first = await retry(path, run.id, {}, keyed("k"));
    await journal(path, "DELETE FROM runs WHERE id = ?", run.id);
    await env.DB.prepare("DELETE FROM runs WHERE id = ?").bind(run.id).run();
    const again = await retry(path, run.id, {}, keyed("k"));
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(again.headers.get("Idempotent-Replayed")).toBe("true");
    expect((await retry(path, run.id, {}, keyed("other"))).status).toBe(404);
  });
});
