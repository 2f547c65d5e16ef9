/** Steps that change a run: reports, cancels, heartbeats and starts. */

import { expect } from "vitest";
import { direct } from "../support/direct.ts";
import { ask, type Beaten } from "../support/requests.ts";
import { expectAnswer, headersOf, onRun, suffixOf, type Told, tell, tells, type Who } from "./command.ts";
import { expectList } from "./lists.ts";
import { type Expected, type Model, type ModelRun, plain, type ReportBody, type StopBody } from "./model.ts";
import { losingAnswers } from "./platform.ts";

/** Sends a change. If its answer is lost, it was made all the same, and lists show it. */
async function sendChange(
  model: Model,
  run: ModelRun,
  {
    expected,
    isLost,
    isDetailed = false,
    send,
  }: {
    readonly expected: Expected;
    readonly isLost: boolean;
    readonly isDetailed?: boolean;
    readonly send: () => Promise<Told>;
  },
): Promise<void> {
  const answer = await (isLost ? losingAnswers(send) : send());
  if (isLost && answer.status === 503) {
    expect(answer.body.code).toBe("coordinator_unavailable");
    if (tells(expected.status)) run.told = run.version;
    await expectList(model, { limit: 200 });
    return;
  }
  expectAnswer(answer, expected, isDetailed);
  if (tells(answer.status)) run.told = run.version;
}

async function sendReport(
  model: Model,
  run: ModelRun,
  { body, key, isLost }: { readonly body: ReportBody; readonly key: string | null; readonly isLost: boolean },
): Promise<void> {
  const expected = run.report(body, key, Date.now());
  const { url, token } = run.created.callback;
  const send = (): Promise<Told> => ask("POST", url, { body, token, headers: headersOf(key) });
  await sendChange(model, run, { expected, isLost, send });
  run.lastReport = { body, key };
}

export const callback = (nth: number, body: ReportBody, key: string | null, isLost: boolean) =>
  onRun(`callback(${JSON.stringify(body)}, ${key}${isLost ? ", lost" : ""})`, nth, (run, model) =>
    sendReport(model, run, { body, key, isLost }),
  );

export const callbackAgain = (nth: number) =>
  onRun("callback again", nth, async (run, model) => {
    if (run.lastReport !== null) await sendReport(model, run, { ...run.lastReport, isLost: false });
  });

export const cancel = (nth: number, key: string | null, isLost: boolean) =>
  onRun(`cancel(${key}${isLost ? ", lost" : ""})`, nth, async (run, model) => {
    const expected = run.cancel(key, Date.now());
    const send = (): Promise<Told> => ask("DELETE", `${model.path}/${run.id}`, { headers: headersOf(key) });
    await sendChange(model, run, { expected, isLost, send });
  });

async function sendStop(
  model: Model,
  run: ModelRun,
  body: StopBody,
  { who, isLost }: { readonly who: Who; readonly isLost: boolean },
): Promise<void> {
  const { key, isDetailed } = who;
  const expected = run.stop(body, key, Date.now());
  const url = `${model.path}/${run.id}/cancel${suffixOf(isDetailed)}`;
  const send = (): Promise<Told> => ask("POST", url, { body, headers: headersOf(key) });
  await sendChange(model, run, { expected, isLost, isDetailed, send });
  if (expected.status < 300) run.stops.push({ body, key });
}

/** A cancel that gives a running job some time. */
export const stop = (who: Who, nth: number, body: StopBody, isLost: boolean) =>
  onRun(`${tell("stop", who, body)}${isLost ? ", lost" : ""}`, nth, (run, model) =>
    sendStop(model, run, body, { who, isLost }),
  );

/** Whatever came in between, each accepted request to stop is known. */
export const stopAgain = (who: Who, nth: number, ofStops: number) =>
  onRun(tell("stop again", who), nth, async (run, model) => {
    const stop = run.stops[ofStops % run.stops.length];
    if (stop === undefined) return;
    const { body, key } = stop;
    await sendStop(model, run, body, { who: { ...who, key }, isLost: false });
  });

/** A running job is asked twice. Of two requests, the one counts that ends the run sooner. */
export const stopTwice = (who: Who, nth: number, bodies: readonly [StopBody, StopBody]) =>
  onRun(tell("stop twice", who, ...bodies), nth, async (run, model) => {
    await sendBeat(run);
    const [first, second] = bodies;
    await sendStop(model, run, first, { who, isLost: false });
    await sendStop(model, run, second, { who: { ...who, key: "twice" }, isLost: false });
    await sendBeat(run);
  });

/** The job says that it lives, and hears whether it must stop. */
export const beat = (nth: number) => onRun("heartbeat", nth, (run) => sendBeat(run));

async function sendBeat(run: ModelRun): Promise<void> {
  const expected = run.beat(Date.now());
  const { url, token } = run.created.callback;
  const answer = await ask<Beaten & { readonly code?: string }>("POST", url.replace(/callback$/, "heartbeat"), {
    token,
    body: {},
  });
  const { status } = answer;
  const { watched: _, ...body } = answer.body;
  expect({ status, code: body.code, body }).toEqual({ code: undefined, body, ...expected });
  if (tells(status)) run.told = run.version;
}

/** A change that does not come through the API. */
export const start = (nth: number, key: string) =>
  onRun(`start(${key})`, nth, async (run, model) => {
    const expected = run.start(key, Date.now());
    const answer = await direct(model.path).runs.applyEvent(
      run.id,
      { type: "started" },
      { key: `m:${key}`, fingerprint: "" },
    );
    run.told = run.version;
    if (answer.ok) {
      const run = expected.run && plain(expected.run);
      expect({ run: JSON.parse(answer.actionRun), replayed: answer.replayed, status: 200 }).toEqual({
        ...expected,
        run,
      });
    } else {
      expect({ status: 409, code: answer.reason, replayed: false }).toEqual(expected);
    }
  });
