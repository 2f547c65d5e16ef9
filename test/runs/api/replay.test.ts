import { afterEach, describe, expect, it, vi } from "vitest";
import { direct } from "../../support/direct.ts";
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

const keyed = (key: string): Ask => ({ headers: { "Idempotency-Key": key } });
const replayed = (headers: Headers) => headers.get("Idempotent-Replayed");

const SUCCEEDED = { status: "succeeded", output: { url: "x", parts: [{ a: 1, b: 2 }] } };
/** The same value with every object's keys the other way round. */
const SUCCEEDED_REORDERED = '{"output":{"parts":[{"b":2,"a":1}],"url":"x"},"status":"succeeded"}';
const FAILED = { status: "failed", error: "exit 1" };

afterEach(() => vi.useRealTimers());

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
    expect(replayed(first.headers)).toBeNull();
    const again = await create(path, keyed("order-1"));
    expect(again.status).toBe(201);
    expect(replayed(again.headers)).toBe("true");
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
    expect(replayed(answer.headers)).toBeNull();
    expect((await ask<ActionRun[]>("GET", path)).body).toHaveLength(1);
  });

  it("in another environment makes another run", async () => {
    const first = await create(newRunsPath(), keyed("order-1"));
    const other = await create(newRunsPath(), keyed("order-1"));
    expect(other.status).toBe(201);
    expect(replayed(other.headers)).toBeNull();
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
    expect(replayed((await create(path, {})).headers)).toBeNull();
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
  ])("%s", async (code, end) => {
    const run = await createRun(path);
    await end(run);
    const told = (await ask("GET", `${path}/${run.id}`)).body;
    // The very same report without a key is no replay either, and neither is one under a key of its own.
    for (const body of [SUCCEEDED, FAILED]) {
      for (const options of [{}, keyed("another")]) {
        const answer = await report(run, body, options);
        expect(answer.status).toBe(409);
        expect(answer.body).toMatchObject({ code, error: expect.stringMatching(/^The run .*\.$/) });
        expect(replayed(answer.headers)).toBeNull();
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
      expect(replayed(first.headers)).toBeNull();
      for (const body of [{ body: SUCCEEDED }, { raw: SUCCEEDED_REORDERED }]) {
        const again = await ask("POST", run.callback.url, { ...options, ...body, token: run.callback.token });
        expect(again.status).toBe(200);
        expect(again.body).toEqual(first.body);
        expect(replayed(again.headers)).toBe("true");
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
    expect(replayed(other.headers)).toBeNull();
    expect(other.body.id).toBe(two.id);
  });
});

describe("a repeated cancel", () => {
  const cancel = (path: string, run: CreatedRun, options: Ask = {}) =>
    ask<Refusable>("DELETE", `${path}/${run.id}`, options);

  it("with its key is 200 with the stored run; with another or none it is 409", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    const first = await cancel(path, run, keyed("stop-1"));
    expect(first.body.status).toBe("cancelled");
    expect(replayed(first.headers)).toBeNull();
    const again = await cancel(path, run, keyed("stop-1"));
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
    expect(replayed(again.headers)).toBe("true");
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
