/** Receivers that misbehave: an attempt ends soon, costs little, and can't be redirected. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { keyRing } from "../../src/settings/key-ring.ts";
import { type SentDelivery, sendDelivery } from "../../src/webhook-endpoints/send-delivery.ts";

import { envWith } from "../support/bindings.ts";
import { type Answer, type Receiver, receiver } from "../support/receiver/client.ts";
import { useSettings } from "../support/use-settings.ts";
import { attemptOf, endpointOf } from "../webhook-endpoints/ended-run.ts";
import { answering, type Fired, fire, untilNobodyWaits } from "./runs.ts";

await useSettings("development");

const TIMEOUT_MS = 15_000;
const MIB = 1024 * 1024;

/** Runs whose receivers need 15 seconds. They are created first and looked at last, so that no test waits for them. */
let slowReceivers: readonly Receiver[] = [];
let slowRuns: readonly Fired[] = [];
let slowDelivery: Promise<SentDelivery>;
beforeAll(async () => {
  slowReceivers = await Promise.all([
    answering({ mode: "hang" }, { status: 409 }),
    // The response begins in time and does not end in time.
    answering({ mode: "trickle" }, { status: 202 }),
    answering({ delayMs: 14_000, status: 204 }),
  ]);
  slowRuns = await Promise.all(slowReceivers.map(({ url }) => fire(url)));
  const ring = keyRing(env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new Error(ring.error);
  const { url } = await answering({ mode: "hang" });
  slowDelivery = sendDelivery(endpointOf({ url }), attemptOf(), { env: envWith({}), ring: ring.value });
});

describe("a response whose status was heard counts, whatever its body does", () => {
  // What the receiver may have sent by the time we are gone; buffers of the system hold some of it.
  const BODIES: readonly [string, Answer, number][] = [
    ["never comes", { mode: "hang_body" }, 1024],
    ["stops half-way", { mode: "hang_body", body: "half a sent" }, 1024],
    ["is cut off", { mode: "cut" }, 2048],
    ["never ends", { mode: "endless" }, MIB],
    ["is enormous", { mode: "enormous" }, 32 * MIB],
    ["is a bomb", { mode: "bomb" }, MIB],
    ["is not the gzip it says it is", { mode: "bad_gzip" }, 1024],
  ];

  it.each(BODIES)(
    "and it %s: 200 starts the run long before the attempt has to end",
    async (_what, answer, bytesMax) => {
      const r = await answering({ ...answer, status: 200 });
      const begunAt = Date.now();
      const { untilStatus, untilAnswered } = await fire(r.url);
      await untilStatus("running");
      expect(Date.now() - begunAt).toBeLessThan(TIMEOUT_MS);
      expect(await untilNobodyWaits(r)).toBeLessThan(bytesMax);
      const [{ excerpt } = {}] = await untilAnswered(1);
      expect(excerpt?.length ?? 0).toBeLessThanOrEqual(6145);
      expect(await r.inbox()).toHaveLength(1);
    },
  );

  it("and the excerpt shows the part that came", async () => {
    const r = await answering({ status: 400, mode: "hang_body", body: "no branch of that name" });
    const { untilStatus, untilAnswered } = await fire(r.url);
    await untilStatus("failed");
    const excerpt = "no branch of that name…";
    expect(await untilAnswered(1)).toMatchObject([{ excerpt, status: 400 }]);
  });
});

describe("a receiver that gives no response", () => {
  it.each(["reset", "not_http"] as const)("%s: is retried, and is then the reason of the failed run", async (mode) => {
    const r = await answering({ mode });
    const retry = { maxAttempts: 2, initialDelayMs: 100 };
    const { untilStatus, untilAnswered } = await fire(`${r.url}/a-path`, { retry });
    const reason = "could not be reached, or broke the connection off";
    expect((await untilStatus("failed")).error).toBe(`[delivery] ${new URL(r.url).host} ${reason}, at attempt 2.`);
    expect((await untilAnswered(2))[0]).toMatchObject({ outcome: "retry", status: null, excerpt: null, reason });
  });

  it("and does not exist gets every attempt, and is then named", async () => {
    const { untilStatus, untilAnswered, hurryRetries } = await fire("http://127.0.0.1:1/", {
      retry: { maxAttempts: 5, initialDelayMs: 100 },
    });
    await hurryRetries(4);
    expect((await untilStatus("failed")).error).toBe("[delivery] 127.0.0.1:1 could not be reached, at attempt 5.");
    const reasons = (await untilAnswered(5)).map(({ reason }) => reason);
    // The runtime says the same of a broken connection. From the second attempt on, a connection is tried before.
    const first = "could not be reached, or broke the connection off";
    expect(reasons).toEqual([first, ...Array(4).fill("could not be reached")]);
  });
});

describe("a redirect", () => {
  const other = receiver();
  it.each([
    ["to itself", undefined],
    ["to another receiver", other.url],
    ["to a metadata address", "http://169.254.169.254/latest/meta-data/"],
    ["to nowhere", ""],
    ["to a file", "file:///etc/passwd"],
  ])("%s is never followed, and its target is not shown", async (_where, location) => {
    const headers: Record<string, string> = location === undefined ? {} : { Location: location };
    const r = await answering({ mode: "redirect", status: 307, headers });
    const { untilStatus, timeline } = await fire(r.url);
    const { error } = await untilStatus("failed");
    const reason = "answered 307, and redirects are not followed";
    expect(error).toBe(`[delivery] ${new URL(r.url).host} ${reason}.`);
    expect((await timeline())[2]).toMatchObject({ outcome: "given_up", status: 307, reason });
    expect(await r.inbox()).toHaveLength(1);
    expect(await other.inbox()).toEqual([]);
    if (location) expect(JSON.stringify(await timeline())).not.toContain(location);
  });
});

describe("a receiver that does not answer within 15 seconds", () => {
  it("is left and asked again under the same id, and its 409 says that it had the request already", async () => {
    await Promise.all(slowRuns.map(({ untilStatus }) => untilStatus("running")));
    const [hung, trickled, slow] = await Promise.all(slowRuns.map((run) => run.untilAnswered(1)));
    for (const [first, second] of [hung ?? [], trickled ?? []]) {
      expect(first).toMatchObject({ outcome: "retry", status: null, excerpt: null });
      expect(first?.reason).toBe("did not answer within 15 seconds");
      expect(first?.durationMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 100);
      expect(first?.durationMs).toBeLessThan(2 * TIMEOUT_MS);
      expect(second?.outcome).toBe("accepted");
    }
    expect(slow).toMatchObject([{ outcome: "accepted", status: 204 }]);
    for (const [n, playing] of slowReceivers.entries()) {
      await untilNobodyWaits(playing);
      const ids = (await playing.inbox()).map(({ headers }) => headers["webhook-id"]);
      expect(ids).toEqual(Array(n < 2 ? 2 : 1).fill(slowRuns[n]?.created.id));
    }
  });

  it("is left by a delivery to an endpoint, too", async () => {
    const { durationMs, ...sent } = await slowDelivery;
    const reason = "did not answer within 15 seconds";
    expect(sent).toMatchObject({ verdict: "failed", isAlive: false, status: null, excerpt: null, reason });
    expect(durationMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 100);
  });
});
