import { afterEach, describe, expect, it, vi } from "vitest";
import { direct, HOUR_MS } from "../../support/direct.ts";
import {
  type ActionRun,
  type Ask,
  ask,
  type CreatedRun,
  createRun,
  newRunsPath,
  report,
} from "../../support/requests.ts";

type Refusable = ActionRun & { readonly code?: string };

const SUCCEEDED = { status: "succeeded", output: { url: "x" } };
const FAILED = { status: "failed", error: "exit 1" };
const keyed = (key: string): Ask => ({ headers: { "Idempotency-Key": key } });
const replayed = (headers: Headers) => headers.get("Idempotent-Replayed");

afterEach(() => vi.useRealTimers());

/** Lets time pass: until `ms` after the run's callback token expires. */
function passExpiryBy(run: CreatedRun, ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.parse(run.callback.expiresAt) + ms);
}

describe("after the callback token has expired", () => {
  const GRACE_MS = 24 * HOUR_MS;

  it.each([
    [0, "Idempotency-Key"],
    [1, "webhook-id"],
    [HOUR_MS, "Idempotency-Key"],
    [GRACE_MS - 1, "webhook-id"],
  ])("by %i ms, the lost answer is told again (%s)", async (ms, header) => {
    const run = await createRun(newRunsPath());
    const options = { headers: { [header]: "job-1" } };
    const first = await report(run, SUCCEEDED, options);
    passExpiryBy(run, ms);
    const again = await report(run, SUCCEEDED, options);
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
    expect(replayed(again.headers)).toBe("true");
  });

  const LATE: readonly [string, number, Ask][] = [
    ["a day later", GRACE_MS, { body: SUCCEEDED, ...keyed("job-1") }],
    ["without a key", 0, { body: SUCCEEDED }],
    ["with another key", 0, { body: SUCCEEDED, ...keyed("job-2") }],
    ["with another body", 0, { body: FAILED, ...keyed("job-1") }],
    ["with a key that can't be one", 0, { body: SUCCEEDED, ...keyed("k".repeat(256)) }],
    ["with bad JSON", 0, { raw: "{", ...keyed("job-1") }],
    ["with an unknown key in the body", 0, { body: { ...SUCCEEDED, x: 1 }, ...keyed("job-1") }],
    ["with a body over the limit", 0, { raw: `"${"x".repeat(1_100_000)}"`, ...keyed("job-1") }],
    [
      "with another content type",
      0,
      { raw: "x", headers: { "Idempotency-Key": "job-1", "Content-Type": "text/plain" } },
    ],
  ];

  it.each(LATE)("everything else is 401 token_expired: %s", async (_, ms, options) => {
    const path = newRunsPath();
    const run = await createRun(path);
    const first = await report(run, SUCCEEDED, keyed("job-1"));
    passExpiryBy(run, ms);
    const answer = await ask<Refusable>("POST", run.callback.url, { ...options, token: run.callback.token });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 401, code: "token_expired" });
    expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
    expect(replayed(answer.headers)).toBeNull();
    expect((await ask("GET", `${path}/${run.id}`)).body).toEqual(first.body);
  });

  it("a report that never arrived in time is 401, and the run has timed out", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    passExpiryBy(run, 0);
    for (const options of [{}, keyed("job-1")]) {
      const answer = await report(run, SUCCEEDED, options);
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({ code: "token_expired" });
    }
    const got = (await ask("GET", `${path}/${run.id}`)).body;
    expect(got).toMatchObject({ status: "failed", completedAt: run.callback.expiresAt, startedAt: null });
  });

  it("a late report changes nothing, also where the coordinator's clock is behind the Worker's", async () => {
    const path = newRunsPath();
    const { callback: _, ...run } = await createRun(path);
    const change = { key: "c:job-1", fingerprint: "" };
    const late = () =>
      direct(path).runs.applyEvent(run.id, { type: "succeeded", output: null }, change, { replayOnly: true });
    expect((await late()).ok).toBe(false);
    expect((await ask("GET", `${path}/${run.id}`)).body).toEqual(run);
  });

  it("a millisecond before it, a report still counts", async () => {
    const run = await createRun(newRunsPath());
    passExpiryBy(run, -1);
    expect((await report(run, SUCCEEDED)).status).toBe(200);
  });
});

describe("asking for a change again when the run's time is up", () => {
  it("tells a start that the run has timed out, not that it runs", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    const start = () => direct(path).runs.applyEvent(run.id, { type: "started" }, { key: "m:start", fingerprint: "" });
    expect(await start()).toMatchObject({ ok: true, replayed: false });
    expect(await start()).toMatchObject({ ok: true, replayed: true });
    passExpiryBy(run, 0);
    expect(await start()).toMatchObject({ ok: false, reason: "run_timed_out" });
    const got = (await ask("GET", `${path}/${run.id}`)).body;
    expect(got).toMatchObject({ status: "failed", completedAt: run.callback.expiresAt });
  });

  it("still tells a cancel of its own end", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    const cancel = (key: string) => ask<Refusable>("DELETE", `${path}/${run.id}`, keyed(key));
    const first = await cancel("stop-1");
    passExpiryBy(run, HOUR_MS);
    const again = await cancel("stop-1");
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
    expect((await cancel("stop-2")).body.code).toBe("run_cancelled");
  });

  it("refuses the first cancel as late, and the run has timed out", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    passExpiryBy(run, 0);
    for (let n = 0; n < 2; n++) {
      const answer = await ask<Refusable>("DELETE", `${path}/${run.id}`, keyed("stop-1"));
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 409, code: "run_timed_out" });
    }
  });
});
