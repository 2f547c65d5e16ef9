/** What a receiver gets, how often, and what the timeline shows. What each answer means is in answers.test.ts. */

import { describe, expect, it } from "vitest";
import { journal } from "../support/direct.ts";
import { receiver } from "../support/receiver/client.ts";
import { ask } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, fire, ORIGIN } from "./runs.ts";

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
    const told = ["created", "attempt_started", "attempt_answered", "started", "heartbeat"];
    expect(await story()).toEqual(told);
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
