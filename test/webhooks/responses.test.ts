/** What each answer of a receiver means for the run, and when the webhook is retried. */

import { describe, expect, it } from "vitest";
import { useSettings } from "../support/use-settings.ts";
import { answering, fire } from "./runs.ts";

await useSettings("development");

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
