/** 100 callers, the alarm and the clock at one run: one end, and one story that every answer agrees with. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { coordinator } from "../../../support/direct.ts";
import { replicatedRow } from "../../../support/replicated.ts";
import { type ActionRun, type Answer, ask, type Beaten, type CreatedRun, report } from "../../../support/requests.ts";
import { beat, eventsOf, givenStarted } from "../../../support/runs/stream.ts";

type Told = ActionRun & {
  readonly code?: string;
  readonly details?: { readonly cancel: { readonly reason: string; readonly until: string } | null };
};
type Call = () => Promise<Answer<Told | Beaten> | boolean>;

async function started() {
  const { path, run } = await givenStarted({ actionName: "deploy", timeout: 1 });
  return { path, run };
}

function cancel(path: string, id: string, body: unknown = {}): Promise<Answer<Told>> {
  return ask("POST", `${path}/${id}/cancel`, { body });
}

/** Few of them end the run, so that much comes before the end. `last`: what one caller in five does. */
function callers(path: string, run: CreatedRun, last: (n: number) => Call): Call[] {
  const calls = Array.from({ length: 100 }, (_, n): Call => {
    if (n % 10 < 4) return () => cancel(path, run.id, { graceSeconds: 1 + (n % 30), reason: `cancel ${n}` });
    if (n % 10 === 4) return () => report(run, { status: "succeeded", output: { n } });
    if (n % 10 === 5) return () => report(run, { status: "failed", error: `no ${n}` });
    return n % 10 < 8 ? () => beat(run) : last(n);
  });
  const order = calls.map((call) => ({ call, at: Math.random() })).sort((a, b) => a.at - b.at);
  return order.map(({ call }) => call);
}

/** The run's end, its timeline, its details, D1 and every answer tell the same. Returns the end. */
async function expectOneStory(path: string, run: CreatedRun, answers: readonly Answer<Told | Beaten>[]) {
  const { body: end } = await ask<Told>("GET", `${path}/${run.id}`);
  const { body: events } = await eventsOf(`${path}/${run.id}`);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort());
  expect(events.filter(({ type }) => type === "ended")).toEqual([events.at(-1)]);
  const asked = events.filter(({ type }) => type === "cancel_requested");
  expect(events.slice(0, -1).map(({ type }) => type)).toEqual([
    "created",
    "started",
    "heartbeat",
    ...asked.map(() => "cancel_requested"),
  ]);
  const told = events.at(-1);
  expect(told).toMatchObject({ status: end.status, at: end.completedAt });
  // A run that was asked to stop succeeds or is cancelled, and each further request ends it sooner.
  if (asked.length > 0) expect(end.status).toBeOneOf(["succeeded", "cancelled"]);
  const untils = asked.map(({ until }) => String(until));
  expect(untils).toEqual([...new Set(untils)].sort().reverse());
  const { details } = (await ask<Told>("GET", `${path}/${run.id}?include=details`)).body;
  const last = told?.by === undefined ? asked.at(-1) : { reason: told.reason, until: told.at };
  expect(details?.cancel ?? null).toEqual(
    last === undefined ? null : expect.objectContaining({ reason: last.reason, until: last.until }),
  );

  // Created, started, each request to stop, and the end.
  expect(await replicatedRow(path, run.id)).toMatchObject({ version: 3 + asked.length, status: end.status });
  expect(JSON.parse((await replicatedRow(path, run.id))?.body ?? "")).toEqual(end);

  const { callback: _, ...created } = run;
  const running = { ...created, status: "running", startedAt: end.startedAt };
  const isEnd = (body: Told | Beaten): body is Told => "completedAt" in body && body.completedAt !== null;
  const winners = answers.filter(({ status, body }) => status === 200 && isEnd(body));
  // Nobody is told of an end that time brought.
  const isByCaller = told?.cause === "callback" || told?.by !== undefined;
  expect(winners.map(({ body }) => body)).toEqual(isByCaller ? [end] : []);
  const codes = end.status === "failed" ? ["run_failed", "run_timed_out"] : [`run_${end.status}`];
  for (const answer of answers) {
    if (winners.includes(answer)) continue;
    const { status, body } = answer;
    if (status === 409) expect(codes).toContain((body as Told).code);
    else if (status === 401) expect(body).toMatchObject({ code: "token_expired" });
    else if ("actionName" in body) expect(body).toEqual(running);
    else if (body.cancel !== null) {
      const { reason, until } = body.cancel;
      expect(asked).toContainEqual(expect.objectContaining({ reason, until }));
    }
  }
  expect(answers.filter(({ status }) => status === 202).length).toBeGreaterThanOrEqual(asked.length);
  return end;
}

const ROUNDS = 3;

it("100 racing callers have one winner and one story, whoever comes first", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const { path, run } = await started();
    const now = (n: number) => () =>
      n % 20 === 8 ? cancel(path, run.id, { graceSeconds: 0, reason: `now ${n}` }) : beat(run);
    const answers = await Promise.all(callers(path, run, now).map((call) => call()));
    const told = answers.filter((answer) => typeof answer !== "boolean");
    await expectOneStory(path, run, told);
  }
});

it.each(["grace", "deadline"] as const)(
  "100 racing callers, the alarm and the end of the %s have one winner and one story",
  async (ending) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { path, run } = await started();
      const first = ending === "grace" ? [await cancel(path, run.id, { graceSeconds: 30, reason: "first" })] : [];
      const at = Date.parse((await beat(run)).body.cancel?.until ?? run.callback.expiresAt);
      const stub = coordinator(path);
      const calls = callers(path, run, () => () => runDurableObjectAlarm(stub));
      vi.useFakeTimers({ toFake: ["Date"], now: at - 1 });
      let left = Math.floor(Math.random() * 40);
      const answers = await Promise.all(
        calls.map(async (call) => {
          const answer = await call();
          // Some callers are answered before the end, and the others are on their way.
          if (left-- === 0) vi.setSystemTime(at);
          return answer;
        }),
      );
      const told = [...first, ...answers.filter((answer) => typeof answer !== "boolean")];
      const end = await expectOneStory(path, run, told);
      if (ending === "grace") expect(end.status).toBeOneOf(["succeeded", "cancelled"]);
      // A callback token expires at the deadline.
      const statuses = ending === "grace" ? [200, 202, 409] : [200, 202, 401, 409];
      for (const { status } of told) expect(status).toBeOneOf(statuses);
      vi.useRealTimers();
    }
  },
);

it("a report, a cancel and the end of the grace at one instant: the grace has ended first", async () => {
  const { path, run } = await started();
  const first = await cancel(path, run.id, { graceSeconds: 1, reason: "first" });
  const until = Date.parse((await beat(run)).body.cancel?.until ?? "");
  vi.useFakeTimers({ toFake: ["Date"], now: until });
  const answers = await Promise.all([
    report(run, { status: "succeeded" }),
    cancel(path, run.id, { graceSeconds: 0 }),
    beat(run),
    report(run, { status: "failed", error: "no" }),
  ]);
  for (const answer of answers) expect(answer).toMatchObject({ status: 409, body: { code: "run_cancelled" } });
  expect(await expectOneStory(path, run, [first])).toMatchObject({
    status: "cancelled",
    completedAt: new Date(until).toISOString(),
  });
});
