import { describe, expect, it, vi } from "vitest";
import { direct, HOUR_MS } from "../../support/direct.ts";
import {
  type ActionRun,
  type Ask,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  keyed,
  newRunsPath,
  replayed,
  report,
} from "../../support/requests.ts";

type Refusable = ActionRun & { readonly code?: string };

const SUCCEEDED = { status: "succeeded", output: { url: "x", parts: [{ a: 1, b: 2 }] } };
/** The same value with every object's keys the other way round. */
const SUCCEEDED_REORDERED = '{"output":{"parts":[{"b":2,"a":1}],"url":"x"},"status":"succeeded"}';
const FAILED = { status: "failed", error: "exit 1" };

/** Lets time pass: until `ms` after the run's callback token expires. */
function passExpiryBy(run: CreatedRun, ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.parse(run.callback.expiresAt) + ms);
}

describe("creating again with the same Idempotency-Key", () => {
  const body = { actionName: "deploy", parameters: { a: 1, b: { c: 2, d: 3 } }, timeout: 5 };
  const create = (path: string, options: Ask) =>
    ask<CreatedRun & { code?: string }>("POST", path, { body, ...options });

  it("and the same body gives the same run, 201, with a token of the same expiry, and says so", async () => {
    const path = newRunsPath();
    const first = await create(path, keyed("order-1"));
    expect(replayed(first)).toBeNull();
    const again = await create(path, keyed("order-1"));
    expect(again.status).toBe(201);
    expect(replayed(again)).toBe("true");
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("Location")).toBe(first.headers.get("Location"));
    expect((await ask<ActionRun[]>("GET", path)).body).toHaveLength(1);
  });

  it("does not depend on the order of keys, nor on a default being spelled out", async () => {
    const path = newRunsPath();
    const first = await create(path, keyed("order-1"));
    const raw =
      '{"timeout":5,"recommendations":{},"entityId":null,"parameters":{"b":{"d":3,"c":2},"a":1},"actionName":"deploy"}';
    const again = await create(path, { ...keyed("order-1"), body: undefined, raw });
    expect(again.status).toBe(201);
    expect(again.body.id).toBe(first.body.id);
  });

  it("gives the run as it is now, not as it was", async () => {
    const path = newRunsPath();
    const first = await create(path, keyed("order-1"));
    const done = await report(first.body, SUCCEEDED);
    const { callback, ...run } = (await create(path, keyed("order-1"))).body;
    expect(run).toEqual(done.body);
    expect(callback).toEqual(first.body.callback);
  });

  it("tells of a run whose time was up meanwhile that it has timed out", async () => {
    const path = newRunsPath();
    const first = await create(path, keyed("order-1"));
    passExpiryBy(first.body, 0);
    const again = await create(path, keyed("order-1"));
    expect(again.status).toBe(201);
    expect(again.body).toMatchObject({ status: "failed", completedAt: first.body.callback.expiresAt });
    expect(again.body.error).toMatch(/^\[timeout\] /);
    expect(again.body.callback).toEqual(first.body.callback);
  });

  it.each([
    ["another name", { ...body, actionName: "rollback" }],
    ["another value deep inside", { ...body, parameters: { a: 1, b: { c: 2, d: 4 } } }],
    ["another timeout", { ...body, timeout: 6 }],
    ["less", { actionName: "deploy" }],
  ])("and %s is 422, and makes nothing", async (_, other) => {
    const path = newRunsPath();
    await create(path, keyed("order-1"));
    const answer = await create(path, { ...keyed("order-1"), body: other });
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe("idempotency_key_reused");
    expect(replayed(answer)).toBeNull();
    expect((await ask<ActionRun[]>("GET", path)).body).toHaveLength(1);
  });

  it("in another environment makes another run", async () => {
    const first = await create(newRunsPath(), keyed("order-1"));
    const other = await create(newRunsPath(), keyed("order-1"));
    expect(other.status).toBe(201);
    expect(replayed(other)).toBeNull();
    expect(other.body.id).not.toBe(first.body.id);
  });

  it("as webhook-id counts too, and Idempotency-Key goes before it", async () => {
    const path = newRunsPath();
    const first = await create(path, { headers: { "webhook-id": "msg-1" } });
    expect((await create(path, keyed("msg-1"))).body.id).toBe(first.body.id);
    const both = await create(path, { headers: { "webhook-id": "msg-1", "Idempotency-Key": "order-2" } });
    expect(both.body.id).not.toBe(first.body.id);
  });

  it("is never confused with the keys that the service creates for itself", async () => {
    const path = newRunsPath();
    const [one, two] = [await createRun(path), await createRun(path)];
    expect(one.id).not.toBe(two.id);
    expect(replayed(await create(path, {}))).toBeNull();
  });

  // test/http/limits.test.ts has the longest key.
  it.each([
    ["empty", ""],
    ["no printable text", "a\tb"],
  ])("is refused where the key is %s", async (_, key) => {
    const path = newRunsPath();
    const answer = await create(path, keyed(key));
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("invalid_idempotency_key");
    expect((await ask("GET", path)).body).toEqual([]);
  });
});

describe("a second callback is 409, and its code names what happened", () => {
  const path = newRunsPath();
  const cancel = (run: CreatedRun) => ask("DELETE", `${path}/${run.id}`);
  const reject = (run: CreatedRun) =>
    direct(path).runs.applyEvent(
      run.id,
      { type: "dispatch_failed", reason: "ci.example answered 404." },
      { key: "m:1", fingerprint: "" },
    );

  it.each([
    ["run_succeeded", (run: CreatedRun) => report(run, SUCCEEDED)],
    ["run_failed", (run: CreatedRun) => report(run, FAILED)],
    ["run_cancelled", cancel],
    ["delivery_failed", reject],
  ])("is %s, and the run stays as it is", async (code, end) => {
    const run = await createRun(path);
    await end(run);
    const told = (await ask("GET", `${path}/${run.id}`)).body;
    // The very same report without a key is no replay either, and neither is one under a key of its own.
    for (const body of [SUCCEEDED, FAILED]) {
      for (const options of [{}, keyed("another")]) {
        const answer = await report(run, body, options);
        expect(answer.status).toBe(409);
        expect(answer.body).toMatchObject({ code, error: expect.stringMatching(/^The run .*\.$/) });
        expect(replayed(answer)).toBeNull();
      }
    }
    expect((await ask("GET", `${path}/${run.id}`)).body).toEqual(told);
  });
});

describe("a repeated callback with the key that completed the run", () => {
  it.each(["Idempotency-Key", "webhook-id"])(
    "and the same body, in any order of keys, is 200 with the stored run (%s)",
    async (header) => {
      const run = await createRun(newRunsPath());
      const options = { headers: { [header]: "job-1" } };
      const first = await report(run, SUCCEEDED, options);
      expect(replayed(first)).toBeNull();
      for (const body of [{ body: SUCCEEDED }, { raw: SUCCEEDED_REORDERED }]) {
        const again = await ask("POST", run.callback.url, { ...options, ...body, token: run.callback.token });
        expect(again.status).toBe(200);
        expect(again.body).toEqual(first.body);
        expect(replayed(again)).toBe("true");
      }
    },
  );

  it("and another body is 409: the run's end stands", async () => {
    const run = await createRun(newRunsPath());
    await report(run, SUCCEEDED, keyed("job-1"));
    for (const body of [FAILED, { status: "succeeded" }, { ...SUCCEEDED, output: { url: "y" } }]) {
      const answer = await report(run, body, keyed("job-1"));
      expect(answer.status).toBe(409);
      expect(answer.body).toMatchObject({ code: "run_succeeded" });
    }
  });

  it("opens no other run", async () => {
    const path = newRunsPath();
    const [one, two] = [await createRun(path), await createRun(path)];
    await report(one, SUCCEEDED, keyed("job-1"));
    const other = await report(two, SUCCEEDED, keyed("job-1"));
    expect(other.status).toBe(200);
    expect(replayed(other)).toBeNull();
    expect(other.body.id).toBe(two.id);
  });
});

describe("a repeated cancel", () => {
  const cancel = (path: string, run: CreatedRun, options: Ask = {}) =>
    ask<Refusable>("DELETE", `${path}/${run.id}`, options);

  it("with its key is 200 with the stored run; with another or none it is 409", async () => {
    const { path, run } = await givenRun();
    const first = await cancel(path, run, keyed("stop-1"));
    expect(first.body.status).toBe("cancelled");
    expect(replayed(first)).toBeNull();
    const again = await cancel(path, run, keyed("stop-1"));
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
    expect(replayed(again)).toBe("true");
    for (const options of [{}, keyed("stop-2")]) {
      const answer = await cancel(path, run, options);
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 409, code: "run_cancelled" });
    }
  });

  it("is not mistaken for a callback under the same key, nor the other way round", async () => {
    const path = newRunsPath();
    const [cancelled, reported] = [await createRun(path), await createRun(path)];
    await cancel(path, cancelled, keyed("k"));
    expect((await report(cancelled, SUCCEEDED, keyed("k"))).body).toMatchObject({ code: "run_cancelled" });
    await report(reported, SUCCEEDED, keyed("k"));
    expect((await cancel(path, reported, keyed("k"))).body.code).toBe("run_succeeded");
  });
});

it("names a reported failure as such, even where the report's own words look like ours", async () => {
  const path = newRunsPath();
  for (const error of ["[timeout] the database was slow", "[delivery] the parcel was lost"]) {
    const run = await createRun(path);
    expect((await report(run, { status: "failed", error })).body.error).toBe(error);
    expect((await report(run, { status: "succeeded" })).body).toMatchObject({ code: "run_failed" });
  }
});

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
    expect(replayed(again)).toBe("true");
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
    const { run, runPath } = await givenRun();
    const first = await report(run, SUCCEEDED, keyed("job-1"));
    passExpiryBy(run, ms);
    const answer = await ask<Refusable>("POST", run.callback.url, { ...options, token: run.callback.token });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 401, code: "token_expired" });
    expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
    expect(replayed(answer)).toBeNull();
    expect((await ask("GET", runPath)).body).toEqual(first.body);
  });

  it("a report that never arrived in time is 401, and the run has timed out", async () => {
    const { run, runPath } = await givenRun();
    passExpiryBy(run, 0);
    for (const options of [{}, keyed("job-1")]) {
      const answer = await report(run, SUCCEEDED, options);
      expect(answer.status).toBe(401);
      expect(answer.body).toMatchObject({ code: "token_expired" });
    }
    const got = (await ask("GET", runPath)).body;
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
    const { path, run, runPath } = await givenRun();
    const start = () => direct(path).runs.applyEvent(run.id, { type: "started" }, { key: "m:start", fingerprint: "" });
    expect(await start()).toMatchObject({ ok: true, replayed: false });
    expect(await start()).toMatchObject({ ok: true, replayed: true });
    passExpiryBy(run, 0);
    expect(await start()).toMatchObject({ ok: false, reason: "run_timed_out" });
    const got = (await ask("GET", runPath)).body;
    expect(got).toMatchObject({ status: "failed", completedAt: run.callback.expiresAt });
  });

  it("still tells a cancel of its own end", async () => {
    const { run, runPath } = await givenRun();
    const cancel = (key: string) => ask<Refusable>("DELETE", runPath, keyed(key));
    const first = await cancel("stop-1");
    passExpiryBy(run, HOUR_MS);
    const again = await cancel("stop-1");
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
    expect((await cancel("stop-2")).body.code).toBe("run_cancelled");
  });

  it("refuses the first cancel as late, and the run has timed out", async () => {
    const { run, runPath } = await givenRun();
    passExpiryBy(run, 0);
    for (let n = 0; n < 2; n++) {
      const answer = await ask<Refusable>("DELETE", runPath, keyed("stop-1"));
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 409, code: "run_timed_out" });
    }
  });
});
