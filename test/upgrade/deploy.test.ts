/**
 * During a deploy, Workers and objects older than stored actions run beside those of this code. A call between them either
 * does all that its answer says, or fails and can be repeated.
 */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Env } from "../../src/settings/env.ts";
import type { NewDelivery } from "../../src/webhooks/delivery.ts";
import { ORIGIN_A, put } from "../actions/actions.ts";
import { askWith, envWith } from "../support/bindings.ts";
import { direct, journal, MINUTE_MS, mint } from "../support/direct.ts";
import { landed } from "../support/landed.ts";
import { type ActionRun, ask, type CreatedRun, createRun, newRunsPath, report } from "../support/requests.ts";

type Detailed = CreatedRun & { readonly code?: string; readonly details?: Record<string, unknown> };

const BARE = {
  ...{ source: "none", action: null, retryOf: null, labels: [] },
  ...{ externalUrl: null, heartbeat: null, cancel: null },
};
const keyed = (key: string) => ({ headers: { "Idempotency-Key": key } });

describe("a create of an older Worker", () => {
  /** As commit 13b34cb calls it. */
  async function createAsBefore(path: string, isTriggered: boolean): Promise<string> {
    const createdAt = Date.now();
    const id = await mint(path, createdAt);
    const run = {
      ...{ id, actionName: "deploy", entityId: null, parameters: "{}", recommendations: "{}" },
      ...{ triggeredBy: "root", createdAt, deadlineAt: createdAt + 60 * MINUTE_MS, heartbeatTimeoutMs: null },
    };
    const sealed = crypto.getRandomValues(new Uint8Array(64));
    const policy = { maxAttempts: 3, initialDelayMs: 60_000 };
    const delivery: NewDelivery = {
      host: "ci.example.com",
      startOn: "accepted",
      sealed,
      weight: 64,
      ...policy,
    };
    const change = { key: `t:${id}`, fingerprint: "the same" };
    const answer = await direct(path, 0).create(run, change, isTriggered ? delivery : null);
    expect(answer).toMatchObject({ ok: true, id, status: "pending" });
    return id;
  }

  it.each([
    { source: "none", retried: { status: 201, body: { status: "pending" } } },
    { source: "trigger", retried: { status: 409, body: { code: "trigger_not_kept" } } },
  ])("makes a run like any other: source $source", async ({ source, retried }) => {
    const path = newRunsPath();
    const id = await createAsBefore(path, source === "trigger");
    const query = "SELECT source, action_version, retry_of, labels FROM runs";
    const row = { source, action_version: null, retry_of: null, labels: "[]" };
    expect(await journal(path, 0, query)).toEqual([row]);
    const { body } = await ask<Detailed>("GET", `${path}/${id}?include=details`);
    expect(body).toMatchObject({ id, status: "pending", details: { ...BARE, source } });
    await landed(path);
    expect((await ask("GET", `${path}?include=details`)).body).toEqual([body]);
    expect((await ask("POST", `${path}/${id}/cancel`, { body: {} })).body.status).toBe("cancelled");
    expect(await ask("POST", `${path}/${id}/retry`)).toMatchObject(retried);
  });
});

describe("an object of older code", () => {
  /** How many arguments each method of commit 13b34cb takes. */
  const METHODS = {
    create: 3,
    recall: 1,
    change: 4,
    heartbeat: 2,
    read: 1,
    settle: 0,
    events: 3,
    watch: 5,
  } as const;
  const ADDED = ["source", "actionVersion", "retryOf", "labels"];
  type Call = (...args: unknown[]) => Promise<unknown>;

  function without(members: readonly string[], value: unknown): unknown {
    return Object.fromEntries(Object.entries(value as object).filter(([name]) => !members.includes(name)));
  }

  /** The platform's binding, where objects know only those methods, take only what they knew, and answer only that. */
  function olderObjects(): Env {
    const getByName = (name: string) => {
      const stub = env.COORDINATORS.getByName(name) as unknown as Record<string, Call>;
      return new Proxy({} as Record<string, Call>, {
        get: (_target, method: string): Call | undefined => {
          const arity = METHODS[method as keyof typeof METHODS];
          if (arity === undefined) return async () => Promise.reject(new TypeError(`no method "${method}"`));
          return async (first, ...rest) => {
            const known = method === "create" ? without(ADDED, first) : first;
            const answer = await stub[method]?.(...[known, ...rest].slice(0, arity));
            return without(["details", "cancel", "isTokenHidden"], answer);
          };
        },
      });
    };
    return envWith({ COORDINATORS: { getByName } as unknown as Env["COORDINATORS"] });
  }

  const trigger = { type: "webhook", url: `${ORIGIN_A}/start` };
  const link = "{{ response.web_url }}";
  it.each([
    { what: "labels", body: { labels: ["a"] } },
    { what: "a stop request", body: { trigger: { ...trigger, cancel: { url: `${ORIGIN_A}/stop` } } } },
    { what: "a link", body: { trigger: { ...trigger, link } } },
  ])("creates no run with $what, and a repeat after the deploy does", async ({ body }) => {
    const path = newRunsPath();
    const create = { body: { actionName: "deploy", ...body }, ...keyed("k") };
    const refused = await askWith<{ code: string }>(olderObjects(), "POST", path, create);
    expect(refused).toMatchObject({ status: 503, body: { code: "coordinator_unavailable" } });
    expect(refused.headers.has("Retry-After")).toBe(true);
    const made = await ask<CreatedRun>("POST", path, create);
    expect([made.status, made.headers.has("Idempotent-Replayed")]).toEqual([201, false]);
    expect((await ask("GET", path)).body).toMatchObject([{ id: made.body.id }]);
  });

  it("creates no run of an action and no retry", async () => {
    const path = newRunsPath();
    const action = `${path.replace(/action-runs$/, "actions")}/deploy`;
    await put(action, { trigger });
    const ended = await createRun(path);
    await report(ended, { status: "succeeded" });
    for (const url of [`${action}/runs`, `${path}/${ended.id}/retry`]) {
      const create = { body: {}, ...keyed(url) };
      const refused = await askWith(olderObjects(), "POST", url, create);
      expect(refused).toMatchObject({ status: 503, body: { code: "coordinator_unavailable" } });
      const made = await ask("POST", url, create);
      expect([made.status, made.headers.has("Idempotent-Replayed")]).toEqual([201, false]);
    }
  });

  it("goes on with all that it knew, and a cancel with a grace changes nothing until the deploy is over", async () => {
    const path = newRunsPath();
    const older = olderObjects();
    const { status, body } = await askWith<Detailed>(older, "POST", path, {
      body: { actionName: "deploy", trigger },
      ...keyed("k"),
    });
    expect(status).toBe(201);
    const { id, callback } = body;
    const replay = await askWith<CreatedRun>(older, "POST", path, {
      body: { actionName: "deploy", trigger },
      ...keyed("k"),
    });
    expect(replay.body).toEqual(body);
    const job = { token: null, headers: { Authorization: `Bearer ${callback.token}` }, body: {} };
    const beaten = await askWith(older, "POST", `${path}/${id}/heartbeat`, job);
    expect(beaten).toMatchObject({ status: 200, body: { status: "running", cancel: null } });

    const cancel = { body: { graceSeconds: 600 }, ...keyed("stop") };
    const refused = await askWith(older, "POST", `${path}/${id}/cancel`, cancel);
    expect(refused).toMatchObject({ status: 503, body: { code: "coordinator_unavailable" } });
    const shown = await askWith<Detailed>(older, "GET", `${path}/${id}?include=details`);
    expect([shown.body.status, "details" in shown.body]).toEqual(["running", false]);
    const asked = await ask<ActionRun>("POST", `${path}/${id}/cancel`, cancel);
    expect([asked.status, asked.headers.has("Idempotent-Replayed")]).toEqual([202, false]);
    expect((await ask<Detailed>("GET", `${path}/${id}?include=details`)).body.details).toMatchObject({
      cancel: { by: "root" },
    });
  });
});
