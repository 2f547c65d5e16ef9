/** What a run of a stored action takes from the action and from its caller, and who gets its callback token. */

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import type { AppEnv } from "../../../src/http/app-env.ts";
import { errorResponse, toApiError } from "../../../src/http/errors.ts";
import {
  type ActionDefinition,
  createRunOfAction,
  replayOfAction,
} from "../../../src/runs/api/create/of-action.ts";
import { newRunOfAction } from "../../../src/runs/api/request-schemas.ts";
import { placeOf } from "../../../src/runs/api/run-place.ts";
import { readRunId } from "../../../src/runs/run-id.ts";
import { trigger } from "../../../src/webhooks/request/trigger.ts";
import { journal } from "../../support/direct.ts";
import { type CreatedRun, newRunsPath, parse, report } from "../../support/requests.ts";

type Told = Omit<CreatedRun, "callback"> & {
  readonly callback?: CreatedRun["callback"];
  readonly code?: string;
  readonly details?: Record<string, unknown>;
};

const TRIGGER = trigger.parse({ type: "webhook", url: "https://ci.example.com/a", startOn: "heartbeat" });
const DEPLOY: ActionDefinition = {
  name: "deploy",
  version: 3,
  trigger: undefined,
  timeout: 30,
  heartbeatTimeout: 5,
  labels: ["team:payments", "b"],
};

/** Asks as a route of stored actions would. `action` null: it is gone. */
async function run(
  path: string,
  action: ActionDefinition | null,
  body: unknown = {},
  key: string | null = null,
) {
  const app = new Hono<AppEnv>();
  app.onError((thrown, c) => errorResponse(c, toApiError(thrown)));
  app.post("/:o/:p/envs/:envName/action-runs", async (c) => {
    c.set("hops", { d1: 0, coordinator: 0 });
    c.set("principal", {
      ...{ id: "root", name: "portal", role: "member", project: null, envName: null, expiresAt: null },
    });
    const place = placeOf(c);
    const wanted = newRunOfAction.parse(body);
    if (action !== null) return createRunOfAction(c, place, action, wanted, true);
    return (await replayOfAction(c, place, "deploy", wanted, true)) ?? c.json({ code: "gone" }, 404);
  });
  const headers: Record<string, string> = key === null ? {} : { "Idempotency-Key": key };
  const init = { method: "POST", headers };
  const url = `https://runs.example${path}`;
  const response = await app.request(url, init, env, createExecutionContext());
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parse<Told>(response, text) };
}

it("has the action's name, timeouts and labels, and the caller's inputs", async () => {
  const path = newRunsPath();
  const body = { parameters: { a: 1 }, recommendations: { b: 2 }, labels: ["a", "b"] };
  const answer = await run(path, DEPLOY, body);
  expect(answer.status).toBe(201);
  expect(answer.body).toMatchObject({
    ...{ actionName: "deploy", triggeredBy: "portal", entityId: null, parameters: { a: 1 } },
    details: { action: { name: "deploy", version: 3 }, labels: ["a", "b", "team:payments"], retryOf: null },
  });
  expect(answer.headers.get("Location")).toContain(`${path}/${answer.body.id}`);
  const minutes = ({ callback, createdAt }: Told) =>
    (Date.parse(callback?.expiresAt ?? "") - Date.parse(createdAt)) / 60_000;
  expect(minutes(answer.body)).toBe(30);
  expect(minutes((await run(path, DEPLOY, { timeout: 7 })).body)).toBe(7);
  expect(minutes((await run(path, { ...DEPLOY, timeout: undefined })).body)).toBe(60);
});

it("has at most 10 labels, those of the action included", async () => {
  const path = newRunsPath();
  const labels = Array.from({ length: 9 }, (_, n) => `l${n}`);
  expect(await run(path, DEPLOY, { labels })).toMatchObject({
    status: 422,
    body: { code: "too_many_labels" },
  });
  expect((await run(path, DEPLOY, { labels: labels.slice(1) })).status).toBe(201);
});

describe("the callback token", () => {
  it("is the caller's if the action has no trigger", async () => {
    const { body } = await run(newRunsPath(), DEPLOY);
    expect((await report(body as CreatedRun, { status: "succeeded" })).status).toBe(200);
  });

  it("is the receiver's alone if the action has one, also in a replay", async () => {
    const path = newRunsPath();
    const action = { ...DEPLOY, trigger: TRIGGER };
    const first = await run(path, action, {}, "k");
    expect(first.status).toBe(201);
    expect(first.body.callback).toBeUndefined();
    // The action has lost its trigger, has got another, or is gone.
    for (const later of [action, DEPLOY, { ...action, version: 4 }, null]) {
      const again = await run(path, later, {}, "k");
      expect([again.status, again.headers.get("Idempotent-Replayed")]).toEqual([201, "true"]);
      expect(again.body.id).toBe(first.body.id);
      expect(JSON.stringify(again.body)).not.toContain("token");
    }
  });

  it("is the receiver's alone while its first attempt waits for a place", async () => {
    const path = newRunsPath();
    const action = { ...DEPLOY, trigger: TRIGGER };
    const { body } = await run(path, action, {}, "k");
    const { coordinator } = readRunId(body.id);
    await journal(path, coordinator, "DELETE FROM events WHERE type = 'attempt_started'");
    const again = await run(path, action, {}, "k");
    expect([again.body.id, again.body.callback]).toEqual([body.id, undefined]);
  });

  it("stays the caller's in a replay after the action got a trigger", async () => {
    const path = newRunsPath();
    const first = await run(path, DEPLOY, {}, "k");
    const again = await run(path, { ...DEPLOY, trigger: TRIGGER }, {}, "k");
    expect(again.body).toEqual(first.body);
  });
});

describe("a key", () => {
  it("is bound to the action's name and the caller's body, and not to the definition", async () => {
    const path = newRunsPath();
    const first = await run(path, DEPLOY, { parameters: { a: 1 } }, "k");
    const labels = Array.from({ length: 11 }, (_, n) => `l${n}`);
    const changed = await run(path, { ...DEPLOY, version: 9, labels }, { parameters: { a: 1 } }, "k");
    expect(changed.body).toEqual(first.body);
    const reused = { status: 422, body: { code: "idempotency_key_reused" } };
    expect(await run(path, DEPLOY, { parameters: { a: 2 } }, "k")).toMatchObject(reused);
    expect(await run(path, { ...DEPLOY, name: "other" }, { parameters: { a: 1 } }, "k")).toMatchObject(
      reused,
    );
  });

  it("that nobody used finds nothing", async () => {
    expect(await run(newRunsPath(), null, {}, "k")).toMatchObject({ status: 404, body: { code: "gone" } });
    expect(await run(newRunsPath(), null, {})).toMatchObject({ status: 404, body: { code: "gone" } });
  });
});
