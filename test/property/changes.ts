/** Steps that change a run: reports, cancels, heartbeats and starts. */

import { expect } from "vitest";
import { direct } from "../support/direct.ts";
import { ask, type Beaten } from "../support/requests.ts";
import { Caller, type Keeps, type Sent } from "./caller.ts";
import {
  expectAnswer,
  headersOf,
  noteChange,
  onRun,
  suffixOf,
  type Told,
  tell,
  type Who,
} from "./command.ts";
import { listAs } from "./lists.ts";
import { type Expected, type Model, type ModelRun, plain, type ReportBody, type StopBody } from "./model.ts";
import { losingAnswers, withOldBookmarks } from "./platform.ts";

/** Sends a change. If its answer is lost, it was made all the same, and the isolate knows that it may have been. */
async function sendChange(
  model: Model,
  caller: Caller,
  run: ModelRun,
  {
    before,
    expected,
    isLost,
    isDetailed = false,
    send,
  }: {
    /** The version before the change. */
    readonly before: number;
    readonly expected: Expected;
    readonly isLost: boolean;
    readonly isDetailed?: boolean;
    readonly send: (sent: Sent) => Promise<Told>;
  },
): Promise<void> {
  const sent = caller.toChange();
  const answer = await (isLost ? losingAnswers(() => send(sent)) : send(sent));
  if (isLost && answer.status === 503) {
    expect(answer.body.code).toBe("coordinator_unavailable");
    model.changed(run, Date.now());
    // Whoever sends no bookmark sees the change all the same.
    await listAs(new Caller("none"), model, { limit: 200 });
    return;
  }
  expectAnswer(answer, expected, isDetailed);
  const text = answer.headers.get("x-d1-bookmark");
  const isNew = answer.status < 300 && run.version > before;
  noteChange(model, caller, run, { sent, text, status: answer.status, isNew });
}

async function sendReport(
  model: Model,
  caller: Caller,
  run: ModelRun,
  { body, key, isLost }: { readonly body: ReportBody; readonly key: string | null; readonly isLost: boolean },
): Promise<void> {
  const before = run.version;
  const expected = run.report(body, key, Date.now());
  const { url, token } = run.created.callback;
  const send = (sent: Sent): Promise<Told> =>
    ask("POST", url, { body, token, headers: headersOf(key, sent) });
  await sendChange(model, caller, run, { before, expected, isLost, send });
  run.lastReport = { body, key };
}

export const callback = (by: Keeps, nth: number, body: ReportBody, key: string | null, isLost: boolean) =>
  onRun(
    `callback by ${by}(${JSON.stringify(body)}, ${key}${isLost ? ", lost" : ""})`,
    nth,
    (run, model, { callers }) => sendReport(model, callers[by], run, { body, key, isLost }),
  );

export const callbackAgain = (by: Keeps, nth: number) =>
  onRun(`callback again by ${by}`, nth, async (run, model, { callers }) => {
    if (run.lastReport !== null)
      await sendReport(model, callers[by], run, { ...run.lastReport, isLost: false });
  });

export const cancel = (by: Keeps, nth: number, key: string | null, isLost: boolean) =>
  onRun(`cancel by ${by}(${key}${isLost ? ", lost" : ""})`, nth, async (run, model, { callers }) => {
    const before = run.version;
    const expected = run.cancel(key, Date.now());
    const send = (sent: Sent): Promise<Told> =>
      ask("DELETE", `${model.path}/${run.id}`, { headers: headersOf(key, sent) });
    await sendChange(model, callers[by], run, { before, expected, isLost, send });
  });

async function sendStop(
  model: Model,
  run: ModelRun,
  body: StopBody,
  { who, caller, isLost }: { readonly who: Who; readonly caller: Caller; readonly isLost: boolean },
): Promise<void> {
  const { key, isDetailed } = who;
  const before = run.version;
  const expected = run.stop(body, key, Date.now());
  const url = `${model.path}/${run.id}/cancel${suffixOf(isDetailed)}`;
  const send = (sent: Sent): Promise<Told> => ask("POST", url, { body, headers: headersOf(key, sent) });
  await sendChange(model, caller, run, { before, expected, isLost, isDetailed, send });
  if (expected.status < 300) run.stops.push({ body, key });
}

/** A cancel that gives a running job some time. */
export const stop = (who: Who, nth: number, body: StopBody, isLost: boolean) =>
  onRun(`${tell("stop", who, body)}${isLost ? ", lost" : ""}`, nth, (run, model, { callers }) =>
    sendStop(model, run, body, { who, caller: callers[who.by], isLost }),
  );

/** Whatever came in between, each accepted request to stop is known. */
export const stopAgain = (who: Who, nth: number, ofStops: number) =>
  onRun(tell("stop again", who), nth, async (run, model, { callers }) => {
    const stop = run.stops[ofStops % run.stops.length];
    if (stop === undefined) return;
    const { body, key } = stop;
    await sendStop(model, run, body, { who: { ...who, key }, caller: callers[who.by], isLost: false });
  });

/** A running job is asked twice. Of two requests, the one counts that ends the run sooner. */
export const stopTwice = (who: Who, nth: number, bodies: readonly [StopBody, StopBody]) =>
  onRun(tell("stop twice", who, ...bodies), nth, async (run, model, { callers }) => {
    await sendBeat(model, run);
    const [first, second] = bodies;
    const caller = callers[who.by];
    await sendStop(model, run, first, { who, caller, isLost: false });
    await sendStop(model, run, second, { who: { ...who, key: "twice" }, caller, isLost: false });
    await sendBeat(model, run);
  });

/** The job says that it lives, and hears whether it must stop. It gets no bookmark. */
export const beat = (nth: number) => onRun("heartbeat", nth, (run, model) => sendBeat(model, run));

async function sendBeat(model: Model, run: ModelRun): Promise<void> {
  const expected = run.beat(Date.now());
  const { url, token } = run.created.callback;
  const answer = await ask<Beaten & { readonly code?: string }>(
    "POST",
    url.replace(/callback$/, "heartbeat"),
    {
      token,
      body: {},
    },
  );
  const { status, body } = answer;
  expect({ status, code: body.code, body }).toEqual({ code: undefined, body, ...expected });
  if (status === 200) model.changed(run, Date.now());
}

/** A change that does not come through this isolate. */
export const start = (by: Keeps, nth: number, key: string) =>
  onRun(`start by ${by}(${key})`, nth, async (run, model, { callers }) => {
    const bookmark = await sendStart(model, run, key);
    // What another isolate would make of it for a request that sent no bookmark.
    const seen = new Map([[run, run.version]]);
    if (by === "all") callers.all.answered({ headers: {}, seen: new Map() }, bookmark ?? run.id, seen);
  });

/** Of two flights, that which left first comes back last. A list still gets the bookmark that covers both. */
export const startWithOldBookmark = (nth: number, key: string) =>
  onRun(`start with an old bookmark(${key})`, nth, async (run, model) => {
    const { upkeep } = direct(model.path);
    const before = await upkeep.settle();
    const after = await withOldBookmarks(async () => {
      await sendStart(model, run, key);
      return upkeep.settle();
    });
    expect((after.bookmark ?? "") >= (before.bookmark ?? "")).toBe(true);
  });

/** Returns the bookmark of D1 in the coordinator's answer. */
async function sendStart(model: Model, run: ModelRun, key: string): Promise<string | null> {
  const expected = run.start(key, Date.now());
  const answer = await direct(model.path).runs.applyEvent(
    run.id,
    { type: "started" },
    { key: `m:${key}`, fingerprint: "" },
  );
  if (answer.ok) {
    const run = expected.run && plain(expected.run);
    expect({ run: JSON.parse(answer.actionRun), replayed: answer.replayed, status: 200 }).toEqual({
      ...expected,
      run,
    });
  } else {
    expect({ status: 409, code: answer.reason, replayed: false }).toEqual(expected);
  }
  return answer.bookmark ?? null;
}
