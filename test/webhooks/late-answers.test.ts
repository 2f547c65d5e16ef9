/** What a receiver answers counts for the run also when something else happened before. */

import { beforeEach, expect, it } from "vitest";
import { WebhookSender } from "../../src/webhooks/sender.ts";
import type { Attempt } from "../../src/webhooks/webhook-request.ts";

import { envWith } from "../support/bindings.ts";
import { until } from "../support/direct.ts";
import { type ActionRun, ask } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, fire, loseFirstAttempt, ORIGIN } from "./runs.ts";
import { sendWith } from "./stand-in-sender.ts";
import { askToStop, externalUrl, play, rowsOf } from "./stop/stoppable-runs.ts";

await useSettings("development");

const PAGE = "https://ci.example.com/jobs/1";

/**
 * The attempts of webhooks whose answers may come through. Each looks for itself, because no object may resume another.
 */
const letThrough = new Set<number>();
/** How many answers have come through. */
let through = 0;

beforeEach(async () => {
  letThrough.clear();
  through = 0;
  const send = async (attempt: Attempt) => {
    const answer = await new WebhookSender({} as ExecutionContext, envWith({})).send(attempt);
    if (attempt.stopRequest !== undefined) return answer;
    while (!letThrough.has(attempt.attempt)) await scheduler.wait(2);
    through++;
    return answer;
  };
  return sendWith(send);
});

/** A run whose webhook was answered, but the response has not come through. */
async function fireLate() {
  const cancel = { payload: "{{ response.url }}" };
  const answer = { status: 202, body: `{"url":"${PAGE}"}` };
  const { run, starts, stops } = await play(answer, cancel, [], { link: "{{ response.url }}" });
  await starts.untilInbox(1);
  const untilUsed = () => until(async () => (await rowsOf(run)).responses === 1);
  return { run, stops, untilUsed };
}

it("a link is shown although a heartbeat has started the run before", async () => {
  const { run, untilUsed } = await fireLate();
  await run.heartbeat();
  letThrough.add(1);
  await untilUsed();
  expect(await externalUrl(run)).toBe(PAGE);
  const types = ["created", "attempt_started", "started", "heartbeat", "attempt_answered", "external_url"];
  expect(await run.story()).toEqual(types);
});

it("the job's own link stays, because the job knows better", async () => {
  const { run, untilUsed } = await fireLate();
  const own = "https://ci.example.com/jobs/own";
  await run.heartbeat({ externalUrl: own });
  letThrough.add(1);
  await untilUsed();
  expect(await externalUrl(run)).toBe(own);
});

it("a job's link replaces that of the response", async () => {
  const { run, untilUsed } = await fireLate();
  letThrough.add(1);
  await untilUsed();
  await run.heartbeat({ externalUrl: `${PAGE}/2` });
  expect(await externalUrl(run)).toBe(`${PAGE}/2`);
});

it("no link is shown after the end", async () => {
  const { run, stops } = await fireLate();
  await run.cancel();
  letThrough.add(1);
  // It has waited for the response.
  expect((await stops.untilInbox(1))[0]?.body).toBe(JSON.stringify(PAGE));
  expect(await externalUrl(run)).toBeNull();
  expect((await run.story()).at(-1)).toBe("ended");
});

it("a link between a request and its repetition does not break the replay", async () => {
  const { run } = await fireLate();
  await run.heartbeat();
  const cancel = (key: string, graceSeconds: number) =>
    ask<ActionRun>("POST", `${ORIGIN}${run.path}/${run.created.id}/cancel`, {
      body: { graceSeconds },
      headers: { "Idempotency-Key": key },
    });
  expect((await cancel("first", 600)).status).toBe(202);
  expect((await cancel("sooner", 300)).headers.get("Idempotent-Replayed")).toBeNull();
  letThrough.add(1);
  await until(async () => (await externalUrl(run)) === PAGE);
  expect((await cancel("sooner", 300)).headers.get("Idempotent-Replayed")).toBe("true");
});

it("of two answers, the first names the job", async () => {
  const [starts, stops] = await Promise.all([
    answering({ status: 202, body: '{"id":1}' }, { status: 202, body: '{"id":2}' }),
    answering(),
  ]);
  const run = await fire(starts.url, { cancel: { url: `${stops.url}/jobs/{{ response.id }}` } });
  await loseFirstAttempt(run, starts);
  letThrough.add(1);
  await until(async () => (await rowsOf(run)).responses === 1);
  letThrough.add(2);
  await until(async () => through === 2);
  await askToStop(run);
  const [request] = await stops.untilInbox(1);
  expect(request?.path).toMatch(/\/jobs\/1$/);
});

it("a stop request waits for the newest attempt if an older one's answer names no job", async () => {
  const [starts, stops] = await Promise.all([
    answering({ status: 503 }, { status: 202, body: '{"id":2}' }),
    answering(),
  ]);
  const run = await fire(starts.url, { cancel: { url: `${stops.url}/jobs/{{ response.id }}` } });
  await loseFirstAttempt(run, starts);
  await run.cancel();
  letThrough.add(1);
  await until(async () => through === 1);
  await run.untilAnswered(1);
  letThrough.add(2);
  const [request] = await stops.untilInbox(1);
  expect(request?.path).toMatch(/\/jobs\/2$/);
});
