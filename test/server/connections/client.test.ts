/** The client against the real service, over a network that loses responses and cuts streams. */

import { describe, expect, test } from "vitest";
import { type ClientSettings, callback, createClient } from "../../../src/client/index.ts";
import { all } from "../../client/stub.ts";
import { revokedAlone } from "../../support/api/api-objects.ts";
import { sharedServer } from "../installation.ts";

const ORG = "of-client-test";
const { origin, token } = sharedServer(ORG);

/** A client. Each test has its own environment. */
function connect(env: string, settings: Partial<ClientSettings> = {}) {
  const scope = { org: ORG, project: "shop", env };
  return createClient({ baseUrl: origin, token, ...scope, retryDelayMs: 20, ...settings });
}

/** A fetch that loses the first responses to changes. */
function losing(answers: number): { fetch: typeof fetch; lost: () => number } {
  let lost = 0;
  return {
    lost: () => lost,
    async fetch(input, init) {
      const response = await fetch(input, init);
      if (input instanceof Request && input.method !== "GET" && lost < answers) {
        lost++;
        await response.arrayBuffer();
        throw new TypeError("the answer got lost");
      }
      return response;
    },
  };
}

/** A fetch that cuts every stream after some bytes, often within an event. */
function cutting(): { fetch: typeof fetch; streams: () => number } {
  let streams = 0;
  return {
    streams: () => streams,
    async fetch(input, init) {
      const response = await fetch(input, init);
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream") || response.body === null)
        return response;
      let left = 90 + 17 * streams++;
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          controller.enqueue(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) controller.error(new TypeError("cut"));
        },
      });
      return new Response(response.body.pipeThrough(cut), response);
    },
  };
}

describe("runs", () => {
  test("are created, read, listed at once, and cancelled", async () => {
    const { runs } = connect("plain");
    const made = await runs.create({ actionName: "deploy", parameters: { ünï: [1, null] }, timeout: 5 });
    expect(made).toMatchObject({ status: "pending", parameters: { ünï: [1, null] }, triggeredBy: "root" });
    const { callback: _, ...run } = made;
    expect(await runs.get(made.id)).toEqual(run);
    expect(await all(runs.list())).toEqual([run]);
    const cancelled = await runs.cancel(made.id);
    expect(cancelled.status).toBe("cancelled");
    expect(await runs.wait(made.id)).toEqual(cancelled);
    expect(await all(runs.watch(made.id))).toEqual(await all(runs.events(made.id)));
  });

  test("are listed over all pages, with every filter", async () => {
    const { runs } = connect("pages");
    const made: string[] = [];
    for (let n = 0; n < 7; n++) made.unshift((await runs.create({ actionName: n % 2 ? "odd" : "even" })).id);
    const ids = async (...filter: Parameters<typeof runs.list>) =>
      (await all(runs.list(...filter))).map(({ id }) => id);
    expect(await ids({ limit: 2 })).toEqual(made);
    expect(await ids({ limit: 1, actionName: "odd" })).toEqual(made.filter((_, n) => n % 2));
    const everything = { createdAfter: "2020-01-01T00:00:00Z", createdBefore: "2100-01-01T00:00:00+02:00" };
    expect(await ids({ ...everything, triggeredBy: "root", status: ["pending", "running"] })).toEqual(made);
    expect(await ids({ status: ["failed"], entityId: made[0] ?? "" })).toEqual([]);
    const events = await all(runs.events(made[0] ?? ""));
    expect(events.map(({ type }) => type)).toEqual(["created"]);
  });

  test("are watched and waited for while the workflow runs", async () => {
    const { runs } = connect("followed");
    const made = await runs.create({ actionName: "deploy" });
    const watching = all(runs.watch(made.id));
    const waiting = runs.wait(made.id);
    const { heartbeat, succeed } = callback(made.callback.url, made.callback.token);
    expect((await heartbeat({ message: "grüße 🚀", progress: 0.5 })).status).toBe("running");
    await heartbeat();
    const done = await succeed({ url: "https://shop.example" });
    expect(done).toMatchObject({ status: "succeeded", output: { url: "https://shop.example" } });
    expect(await waiting).toEqual(done);
    const events = await watching;
    expect(events.map(({ type }) => type)).toEqual(["created", "started", "heartbeat", "ended"]);
    expect(events).toEqual(await all(runs.events(made.id)));
  });
});

describe("a network that loses responses", () => {
  test("creates no run twice, and a report that arrived succeeds", async () => {
    const lossy = losing(2);
    const { runs } = connect("lossy", lossy);
    const made = await runs.create({ actionName: "deploy" });
    expect(lossy.lost()).toBe(2);
    expect((await all(runs.list())).map(({ id }) => id)).toEqual([made.id]);

    const { fetch } = losing(1);
    const reporting = callback(made.callback.url, made.callback.token, { fetch, retryDelayMs: 20 });
    expect(await reporting.fail("exit 1", { n: 1 })).toMatchObject({ status: "failed", error: "exit 1" });
    expect(await reporting.fail("exit 1", { n: 1 })).toMatchObject({ status: "failed" });
    await expect(reporting.succeed()).rejects.toMatchObject({ status: 409, code: "run_failed" });
  });

  test("and cuts every stream shows each event once", async () => {
    const cut = cutting();
    const { runs } = connect("cut");
    const made = await runs.create({ actionName: "deploy" });
    const { heartbeat, succeed } = callback(made.callback.url, made.callback.token);
    const watching = all(connect("cut", { ...cut, retries: 20 }).runs.watch(made.id));
    for (let n = 0; n < 3; n++) await heartbeat({ message: `line ${n}`, progress: n / 3 });
    await succeed();
    expect(await watching).toEqual(await all(runs.events(made.id)));
    expect(cut.streams()).toBeGreaterThan(3);
  });
});

describe("tokens and refusals", () => {
  test("a token allows what its role allows, until it is revoked", async () => {
    const { tokens, audit } = connect("prod");
    const { id, token } = await tokens.create({ name: "reader", role: "viewer", envName: "prod" });
    expect((await all(tokens.list())).find((one) => one.id === id)).toMatchObject({ name: "reader" });
    const reader = connect("prod", { token });
    expect(await all(reader.runs.list())).toEqual([]);
    await expect(reader.runs.create({ actionName: "deploy" })).rejects.toMatchObject({
      name: "ActionRunsError",
      status: 403,
      code: "forbidden",
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(await tokens.revoke(id)).toEqual(revokedAlone(id));
    expect((await all(audit.list()))[0]).toMatchObject({ action: "token_revoked", target: id });
    await expect(tokens.revoke(id)).rejects.toMatchObject({ status: 404, code: "token_not_found" });
  });
});
