/**
 * What a receiver gets, how often, what its answer means for the run, and what the timeline shows, also while D1 is down.
 */

import { describe, expect, it, vi } from "vitest";
import { exchange } from "../../src/webhooks/send.ts";
import { journal, until } from "../support/direct.ts";
import { breakD1, resetFaults } from "../support/faults.ts";
import { receiver } from "../support/receiver/client.ts";
import { ask, rowOf } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, type Fired, fire, ORIGIN } from "./runs.ts";

await useSettings("development");

describe("a request", () => {
  it("is by default a POST with everything that placeholders can reach, as JSON", async () => {
    const r = receiver();
    const inputs = { parameters: { branch: "main" }, recommendations: { size: { cpu: 2 } } };
    const entityId = "6f1d2c3b-0000-4000-8000-00000000000a";
    const { created, path } = await fire(r.url, {}, { body: { ...inputs, entityId } });
    const [request] = await r.untilInbox(1);
    const { id, callback, createdAt } = created;
    expect(request).toMatchObject({ method: "POST", path: new URL(r.url).pathname });
    expect(JSON.parse(request?.body ?? "")).toEqual({
      run: {
        id,
        actionName: "deploy",
        triggeredBy: "root",
        createdAt,
        callbackUrl: `${ORIGIN}${path}/${id}/callback`,
        callbackToken: callback.token,
        expiresAt: callback.expiresAt,
        timeoutSeconds: 3600,
        traceparent: null,
      },
      ...inputs,
      entity: { id: entityId },
    });
  });

  it("has exactly these headers, among them the run's id as the idempotency key", async () => {
    const r = receiver();
    const { created } = await fire(r.url);
    const [request] = await r.untilInbox(1);
    // The runtime adds one that says whose Worker it is.
    const { "webhook-timestamp": timestamp, "cf-worker": _platform, ...headers } = request?.headers ?? {};
    expect(headers).toEqual({
      host: new URL(r.url).host,
      "user-agent": "action-runs",
      "content-type": "application/json",
      "content-length": String(request?.body.length),
      "accept-encoding": "identity",
      "action-runs-delivery": created.id,
      "idempotency-key": created.id,
      "webhook-id": created.id,
    });
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
  });

  it("has the values of its placeholders, encoded for their place", async () => {
    const r = receiver();
    const { created } = await fire(
      `${r.url}/{{ parameters.ref }}?for={{ parameters.who }}`,
      {
        method: "PUT",
        headers: { "X-Ref": "ref {{ parameters.ref }}", "User-Agent": "mine" },
        payload: {
          n: "{{ parameters.n }}",
          list: ["{{ recommendations.size }}", "{{parameters.none}}"],
          text: "{{ run.actionName }}-{{ parameters.n }}-{{ parameters.none }}.",
          twice: "{{ parameters.trap }}",
        },
      },
      {
        body: {
          parameters: { ref: "a/b c", who: "x&y=z?#", n: 7, trap: "{{ run.callbackToken }}" },
          recommendations: { size: { cpu: 2 } },
        },
      },
    );
    const [request] = await r.untilInbox(1);
    expect(request).toMatchObject({
      method: "PUT",
      path: `${new URL(r.url).pathname}/a%2Fb%20c?for=x%26y%3Dz%3F%23`,
      headers: { "x-ref": "ref a/b c", "user-agent": "mine", "webhook-id": created.id },
    });
    expect(JSON.parse(request?.body ?? "")).toEqual({
      n: 7,
      list: [{ cpu: 2 }, null],
      text: "deploy-7-.",
      twice: "{{ run.callbackToken }}",
    });
  });

  it("is a form if its Content-Type says so", async () => {
    const r = receiver();
    await fire(
      r.url,
      {
        headers: { "content-type": "application/x-www-form-urlencoded" },
        payload: { ref: "{{ parameters.ref }}", "variables[N]": "{{ parameters.n }}", dry: false, none: null },
      },
      { body: { parameters: { ref: "a&b=c ☃", n: 7 } } },
    );
    const [request] = await r.untilInbox(1);
    expect(request?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect([...new URLSearchParams(request?.body)]).toEqual([
      ["ref", "a&b=c ☃"],
      ["variables[N]", "7"],
      ["dry", "false"],
      ["none", ""],
    ]);
  });

  it("has a token that can report on the run", async () => {
    const r = receiver();
    const payload = { url: "{{ run.callbackUrl }}", auth: "Bearer {{ run.callbackToken }}" };
    const { get } = await fire(r.url, { payload });
    const { url, auth } = JSON.parse((await r.untilInbox(1))[0]?.body ?? "");
    const body = { status: "succeeded" };
    const answer = await ask("POST", url, { token: null, headers: { Authorization: auth }, body });
    expect(answer).toMatchObject({ status: 200, body: { status: "succeeded" } });
    expect((await get()).status).toBe("succeeded");
  });
});

describe("a dispatch", () => {
  it("goes on by default for half of the run's time, with a backoff from 1000 ms", async () => {
    const r = await answering({ status: 503 });
    const { path, created, untilAnswered } = await fire(r.url, { retry: undefined });
    await untilAnswered(1);
    const columns = "max_attempts, initial_delay_ms, ends_at, start_on, attempt";
    expect(await journal(path, `SELECT ${columns} FROM dispatches`)).toEqual([
      {
        max_attempts: null,
        initial_delay_ms: 1000,
        start_on: "accepted",
        attempt: 1,
        ends_at: Date.parse(created.createdAt) + 1_800_000,
      },
    ]);
  });

  it("repeats the same request with the same id", async () => {
    const r = await answering({ status: 503 }, { mode: "reset" }, { status: 429 }, { status: 202 });
    const { untilStatus } = await fire(r.url, { retry: { maxAttempts: 4, initialDelayMs: 100 } });
    await untilStatus("running");
    const sent = (await r.inbox()).map(({ at: _at, rawHeaders: _raw, headers, ...rest }) => {
      const { "webhook-timestamp": _timestamp, ...others } = headers;
      return { ...rest, headers: others };
    });
    expect(sent).toHaveLength(4);
    for (const request of sent) expect(request).toEqual(sent[0]);
  });

  it.each([1, 2, 5])("ends the run after %i attempts, as that is all it may have", async (maxAttempts) => {
    const r = await answering({ status: 503 });
    const { untilStatus, alarmIn, hurryRetries } = await fire(r.url, { retry: { maxAttempts, initialDelayMs: 100 } });
    await hurryRetries(maxAttempts - 1);
    const { error, startedAt, completedAt } = await untilStatus("failed");
    const last = maxAttempts === 1 ? "" : `, at attempt ${maxAttempts}`;
    expect(error).toBe(`[delivery] ${new URL(r.url).host} answered 503${last}.`);
    expect([startedAt, completedAt]).toEqual([null, expect.any(String)]);
    await alarmIn(3_600_000);
    expect(await r.inbox()).toHaveLength(maxAttempts);
  });

  it.each([200, 201, 202, 204, 299])("starts the run when it is answered %i", async (status) => {
    const r = await answering({ status });
    const { untilStatus, created, kept } = await fire(r.url);
    const { startedAt, completedAt, error } = await untilStatus("running");
    expect(Date.parse(startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(created.createdAt));
    expect([completedAt, error, await kept()]).toEqual([null, null, 0]);
  });

  it("leaves the run pending until the first heartbeat if startOn says so", async () => {
    const r = await answering({ status: 202 });
    const { get, untilAnswered, heartbeat, story, alarmIn, kept } = await fire(r.url, { startOn: "heartbeat" });
    expect(await untilAnswered(1)).toMatchObject([{ outcome: "accepted", status: 202, nextAttemptAt: null }]);
    await alarmIn(31_000);
    expect(await get()).toMatchObject({ status: "pending", startedAt: null });
    expect([await kept(), (await r.inbox()).length]).toEqual([0, 1]);
    expect((await heartbeat()).body).toMatchObject({ status: "running" });
    expect(await get()).toMatchObject({ status: "running", startedAt: expect.any(String) });
    const types = ["created", "attempt_started", "attempt_answered", "started", "heartbeat"];
    expect(await story()).toEqual(types);
  });
});

describe("the timeline", () => {
  it("has each attempt, its answer and the next one, then the start and the end", async () => {
    const r = await answering({ status: 503, body: "come\nback\u0007 later" }, { status: 202, body: "" });
    const { created, untilStatus, report, timeline, get } = await fire(r.url);
    await untilStatus("running");
    await report({ status: "succeeded" });
    const { host } = new URL(r.url);
    const entries = await timeline();
    const { startedAt, completedAt } = await get();
    const at = expect.any(String);
    const durationMs = expect.any(Number);
    const excerpt = "come\nback\\u0007 later";
    const sorry = { status: 503, reason: "answered 503", excerpt, nextAttemptAt: at };
    const fine = { status: 202, reason: "answered 202", excerpt: null, nextAttemptAt: null };
    const answered = { type: "attempt_answered", at, durationMs };
    expect(entries).toEqual([
      { seq: 1, type: "created", at: created.createdAt, by: "root" },
      { seq: 2, type: "attempt_started", at, attempt: 1, host },
      { seq: 3, ...answered, attempt: 1, outcome: "retry", ...sorry },
      { seq: 4, type: "attempt_started", at, attempt: 2, host },
      { seq: 5, ...answered, attempt: 2, outcome: "accepted", ...fine },
      { seq: 6, type: "started", at: startedAt, cause: "delivery" },
      { seq: 7, type: "ended", at: completedAt, status: "succeeded", cause: "callback" },
    ]);
    const instants = entries.map((entry) => Date.parse(entry.at));
    expect(instants).toEqual([...instants].sort((a, b) => a - b));
    const [, , first, second] = entries;
    expect(Date.parse(second?.at ?? "")).toBeGreaterThanOrEqual(Date.parse(first?.nextAttemptAt ?? ""));
  });

  it("ends with the reason why the dispatch was given up", async () => {
    const r = await answering({ status: 404, body: "no such job" });
    const { untilStatus, timeline } = await fire(r.url);
    await untilStatus("failed");
    const answered = { type: "attempt_answered", outcome: "given_up", status: 404, excerpt: "no such job" };
    const ended = { type: "ended", status: "failed", cause: "delivery" };
    expect((await timeline()).slice(2)).toMatchObject([{ ...answered, nextAttemptAt: null }, ended]);
  });
});

const SECRET_PATH = "/job-4711-path";
const BODY = "a-body-of-the-receiver";

describe("a response", () => {
  it.each([429, 503, 599])("of %i is retried", async (status) => {
    const r = await answering({ status }, { status: 202 });
    const { untilStatus, timeline } = await fire(r.url);
    await untilStatus("running");
    expect(await r.inbox()).toHaveLength(2);
    const answers = (await timeline()).filter(({ type }) => type === "attempt_answered");
    expect(answers).toMatchObject([
      { outcome: "retry", status },
      { outcome: "accepted", status: 202 },
    ]);
  });

  it.each([404, 422, 302])("of %i fails the run, with an error that names only the host", async (status) => {
    const headers = { Location: "/elsewhere-than-asked", "Retry-After": "1" };
    const r = await answering({ status, headers, body: BODY }, { status: 202 });
    const { untilStatus, alarmIn, kept } = await fire(`${r.url}${SECRET_PATH}?q=1`);
    const { error, startedAt } = await untilStatus("failed");
    const redirect = status < 400 ? ", and redirects are not followed" : "";
    expect(error).toBe(`[delivery] ${new URL(r.url).host} answered ${status}${redirect}.`);
    expect([startedAt, await kept()]).toEqual([null, 0]);
    await alarmIn(31_000);
    expect(await r.inbox()).toHaveLength(1);
  });

  it("of 409 after an attempt that may have arrived starts the run", async () => {
    const r = await answering({ mode: "reset" }, { status: 409 });
    const { untilStatus, timeline } = await fire(r.url);
    expect((await untilStatus("running")).error).toBeNull();
    expect(await timeline()).toMatchObject([
      { type: "created" },
      { type: "attempt_started" },
      { type: "attempt_answered", outcome: "retry", status: null, nextAttemptAt: expect.any(String) },
      { type: "attempt_started" },
      { type: "attempt_answered", outcome: "accepted", status: 409 },
      { type: "started", cause: "delivery" },
    ]);
  });

  it("of 409 also starts the run if another answer came in between", async () => {
    const r = await answering({ mode: "reset" }, { status: 503 }, { status: 409 });
    const { untilStatus } = await fire(r.url);
    await untilStatus("running");
  });

  it("of 409 fails the run if every attempt before was answered", async () => {
    const r = await answering({ status: 503 }, { status: 429 }, { status: 409 });
    const { untilStatus } = await fire(r.url);
    expect((await untilStatus("failed")).error).toMatch(/^\[delivery\] .* answered 409\.$/);
  });
});

describe("the wait before a retry", () => {
  it("is as long as Retry-After asks as a date, even if the alarm rings earlier", async () => {
    const at = Math.ceil(Date.now() / 1000) * 1000 + 600_000;
    const headers = { "Retry-After": new Date(at).toUTCString() };
    const r = await answering({ status: 429, headers }, { status: 202 });
    const { untilAnswered, untilStatus, alarmIn } = await fire(r.url);
    expect((await untilAnswered(1))[0]?.nextAttemptAt).toBe(new Date(at).toISOString());
    await alarmIn(at - Date.now() - 2000);
    await scheduler.wait(100);
    expect(await r.inbox()).toHaveLength(1);
    await alarmIn(at - Date.now());
    await r.untilInbox(2);
    await untilStatus("running");
  });

  it.each([
    ["half of the timeout", 1, undefined, "31"],
    ["an hour", 43_200, undefined, "3601"],
    ["the timeout, with maxAttempts", 1, 3, "61"],
  ])("never lasts past %s: the run fails at once", async (_, timeout, maxAttempts, asked) => {
    const r = await answering({ status: 503, headers: { "Retry-After": asked }, body: BODY });
    const retry = { maxAttempts, initialDelayMs: 100 };
    const { untilStatus, timeline, created } = await fire(r.url, { retry }, { body: { timeout } });
    const { error, completedAt } = await untilStatus("failed");
    const { host } = new URL(r.url);
    expect(error).toBe(
      `[delivery] ${host} answered 503, and the time for retries would be up before the next attempt.`,
    );
    expect(Date.parse(completedAt ?? "") - Date.parse(created.createdAt)).toBeLessThan(50_000);
    expect((await timeline()).at(-1)).toMatchObject({ type: "ended", cause: "delivery" });
  });
});

/** D1 gets all of the run when it is back. */
async function expectReplicated(run: Fired, open: () => void): Promise<void> {
  const shown = await run.get();
  expect(await rowOf(run.created.id)).toBeNull();
  resetFaults();
  open();
  // Later than any clock of the test.
  await run.alarmIn(120_000);
  await until(async () => (await rowOf(run.created.id))?.status === shown.status);
  const { body = "" } = (await rowOf(run.created.id)) ?? {};
  expect(JSON.parse(body)).toEqual(shown);
}

it.each(["down", "hang"] as const)(
  "D1 is %s from before the create until after the end, and nobody notices",
  async (fault) => {
    const { open } = breakD1(fault);
    const r = await answering({ status: 503 }, { mode: "reset" }, { status: 202 });
    const run = await fire(r.url);
    await run.untilStatus("running");
    expect(await r.inbox()).toHaveLength(3);
    const heard = await run.heartbeat({ message: "half-way", progress: 0.5 });
    expect(heard).toMatchObject({ status: 200, body: { status: "running" } });
    const reported = await run.report({ status: "succeeded", output: { url: "x" } });
    expect(reported).toMatchObject({ status: 200, body: { status: "succeeded" } });
    const attempts = Array(3).fill(["attempt_started", "attempt_answered"]).flat();
    expect(await run.story()).toEqual(["created", ...attempts, "started", "heartbeat", "ended"]);
    await expectReplicated(run, open);
  },
);

describe("an attempt that fails without a response", () => {
  it.each([
    ["has not reached a receiver that could not be connected just before", false, 1999, true],
    ["may have reached it if it took longer than a connection may", false, 2000, false],
    ["may have reached it if the receiver could be connected just before", true, 1999, false],
  ])("after $2 ms %s", async (_, isReachable, ms, isUnreached) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.stubGlobal("fetch", async () => {
      vi.setSystemTime(Date.now() + ms);
      throw new Error("Network connection lost.");
    });
    const request = { method: "POST", body: "{}" } as const;
    const result = await exchange(new URL("https://ci.example.com/"), request, new Headers(), isReachable);
    expect(result).toMatchObject({ status: null, durationMs: ms, isUnreached });
  });
});
