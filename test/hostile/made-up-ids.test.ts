import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { newUuidV7 } from "../../src/base/ids.ts";
import { createRunId } from "../../src/runs/run-id.ts";
import { keyRing } from "../../src/settings/key-ring.ts";

import { askWith, envWith, untouchable } from "../support/bindings.ts";
import { coordinator } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { replicated, replicatedRow } from "../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, scopeOfPath } from "../support/requests.ts";
import type { Refusal } from "../support/tokens.ts";

const OTHER_KEY = "another-signing-key-of-32-bytes-and-more";

function newIdUnder(keys: string | undefined, path: string) {
  const ring = keyRing(keys);
  if (!ring.ok) throw new Error(ring.error);
  return createRunId(ring.value, scopeOfPath(path), Date.now());
}

function withWrongTag(id: string): string {
  return id.slice(0, -1) + (id.endsWith("0") ? "1" : "0");
}

/** Ids that a stranger could make up for runs of `path`, which has no run. */
const MADE_UP: Readonly<Record<string, (path: string) => string | Promise<string>>> = {
  "one with a wrong tag": async (path) => withWrongTag(await newIdUnder(env.CALLBACK_SIGNING_KEYS, path)),
  "one made under a key that is not in the ring": (path) => newIdUnder(OTHER_KEY, path),
  "a real run's, of another environment": async () => (await createRun(newRunsPath())).id,
  "one of version 4": () => crypto.randomUUID(),
  "one of version 7": () => newUuidV7(Date.now()),
  "the nil uuid": () => "00000000-0000-0000-0000-000000000000",
  "the max uuid": () => "ffffffff-ffff-ffff-ffff-ffffffffffff",
};

const FORGED_TOKEN = (id: string) => `${id}:${Date.now() + 60_000}:${"ab".repeat(32)}`;

/** Every route that takes a run's id, as a stranger uses it, with the status for a missing run. */
const ROUTES = [
  { method: "GET", suffix: "", status: 404 },
  { method: "HEAD", suffix: "", status: 404 },
  { method: "GET", suffix: "?wait=1", status: 404 },
  { method: "GET", suffix: "/events", status: 404 },
  { method: "GET", suffix: "/events", status: 404, headers: { Accept: "text/event-stream" } },
  { method: "DELETE", suffix: "", status: 404 },
  { method: "DELETE", suffix: "", status: 404, headers: { "Idempotency-Key": "k" } },
  { method: "POST", suffix: "/cancel", status: 404 },
  { method: "POST", suffix: "/cancel", status: 404, headers: { "Idempotency-Key": "k" } },
  { method: "POST", suffix: "/retry", status: 404 },
  { method: "POST", suffix: "/callback", status: 401 },
  { method: "POST", suffix: "/heartbeat", status: 401 },
] as const;

function askRoute(route: (typeof ROUTES)[number], path: string, id: string) {
  const headers = "headers" in route ? { headers: route.headers } : {};
  const report = route.status === 401 ? { token: FORGED_TOKEN(id), body: { status: "succeeded" } } : {};
  return { method: route.method, address: `${path}/${id}${route.suffix}`, options: { ...headers, ...report } };
}

async function objects(): Promise<string[]> {
  return (await listDurableObjectIds(env.COORDINATORS)).map(String).sort();
}

describe.each(Object.entries(MADE_UP))("a made-up id, %s,", (_name, makeUp) => {
  it("wakes no object on any route", async () => {
    const path = newRunsPath();
    const id = await makeUp(path);
    const before = await objects();
    const coordinators = untouchable<typeof env.COORDINATORS>("COORDINATORS");
    const tryRoute = async (route: (typeof ROUTES)[number]) => {
      const { method, address, options } = askRoute(route, path, id);
      const answer = await ask<Refusal | null>(method, address, options);
      expect([method, answer.status]).toEqual([method, route.status]);
      if (method !== "HEAD") {
        expect(answer.body).toEqual({
          error: expect.any(String),
          code: route.status === 404 ? "run_not_found" : "token_invalid",
        });
      }
      const watched = await askWith(envWith({ COORDINATORS: coordinators.binding }), method, address, options);
      expect(watched.status).toBe(route.status);
    };
    await Promise.all(ROUTES.map(tryRoute));
    expect(coordinators.uses).toEqual([]);
    expect(await objects()).toEqual(before);
  });

  it("wakes no object while D1 is down, and reads, cancels and retries are 503", async () => {
    const path = newRunsPath();
    const id = await makeUp(path);
    const before = await objects();
    faults.reads = "down";
    const tryRoute = async (route: (typeof ROUTES)[number]) => {
      const { method, address, options } = askRoute(route, path, id);
      const { status } = await ask(method, address, options);
      expect([method, status]).toEqual([method, route.status === 404 ? 503 : 401]);
    };
    await Promise.all(ROUTES.map(tryRoute));
    expect(await objects()).toEqual(before);
  });
});

it("a genuine id wakes its object even without a run, which shows that the tests above can fail", async () => {
  const path = newRunsPath();
  const id = await newIdUnder(env.CALLBACK_SIGNING_KEYS, path);
  const before = await objects();
  expect((await ask("GET", `${path}/${id}`)).status).toBe(404);
  const woken = (await objects()).filter((object) => !before.includes(object));
  expect(woken).toEqual([String(coordinator(path).id)]);
});

describe("a run whose signing key left the ring", () => {
  const rotated = envWith({ CALLBACK_SIGNING_KEYS: OTHER_KEY });

  it("can still be read, listed and cancelled", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    await replicated(path);
    const read = await askWith<ActionRun>(rotated, "GET", `${path}/${run.id}`);
    expect([read.status, read.body.status]).toEqual([200, "pending"]);
    const events = await askWith<{ type: string }[]>(rotated, "GET", `${path}/${run.id}/events`);
    expect(events.body.map(({ type }) => type)).toEqual(["created"]);
    const listed = await askWith<ActionRun[]>(rotated, "GET", path);
    expect(listed.body.map(({ id }) => id)).toEqual([run.id]);
    const cancelled = await askWith<ActionRun>(rotated, "DELETE", `${path}/${run.id}`);
    expect([cancelled.status, cancelled.body.status]).toEqual([200, "cancelled"]);
    expect((await replicatedRow(path, run.id))?.status).toBe("cancelled");
    expect((await ask("GET", `${path}/${run.id}`)).body.status).toBe("cancelled");
  });

  it("can be read after its end, and cancelling it is still 409", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    await report(run, { status: "failed", error: "no luck" });
    await replicated(path);
    const read = await askWith<ActionRun>(rotated, "GET", `${path}/${run.id}`);
    expect([read.status, read.body.error]).toEqual([200, "no luck"]);
    const waited = await askWith<ActionRun>(rotated, "GET", `${path}/${run.id}?wait=60`);
    expect([waited.status, waited.body.error]).toEqual([200, "no luck"]);
    const cancelled = await askWith<Refusal>(rotated, "DELETE", `${path}/${run.id}`);
    expect([cancelled.status, cancelled.body.code]).toEqual([409, "run_failed"]);
  });

  it("can be read and cancelled without any valid key", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    await replicated(path);
    const unset = envWith({ CALLBACK_SIGNING_KEYS: "" });
    expect((await askWith(unset, "GET", `${path}/${run.id}`)).status).toBe(200);
    expect((await askWith(unset, "GET", `${path}/${run.id}/events`)).status).toBe(200);
    const cancelled = await askWith<ActionRun>(unset, "DELETE", `${path}/${run.id}`);
    expect(cancelled.body.status).toBe("cancelled");
  });
});
