/** Steps that make runs: creates and retries. */

import { expect } from "vitest";
import { type Answer, ask, type CreatedRun } from "../support/requests.ts";
import {
  type Command,
  expectAnswer,
  expectGets,
  headersOf,
  onRun,
  suffixOf,
  tell,
  tells,
  type Who,
} from "./command.ts";
import {
  type Expected,
  type Inputs,
  type Model,
  ModelRun,
  type NewRunBody,
  type Recalled,
  type RetryBody,
} from "./model.ts";
import { withSameRandom } from "./platform.ts";

interface NewRun {
  readonly key: string | null;
  /** All that makes a repetition the same request. */
  readonly asked: string;
  /** What must be answered if no new run is made. */
  readonly expected: Expected | Recalled | null;
  readonly inputs: Inputs;
  readonly isDetailed: boolean;
  readonly send: () => Promise<Answer<CreatedRun & { code?: string }>>;
}

/** Sends a create or a retry. */
async function sendNew(model: Model, wanted: NewRun): Promise<void> {
  const { key, asked, expected, inputs, isDetailed, send } = wanted;
  const now = Date.now();
  const answer = await send();
  const { callback, ...told } = answer.body;
  if (expected !== null && "of" in expected) {
    const { of, ...rest } = expected;
    expectAnswer({ ...answer, body: told }, rest, isDetailed);
    if (answer.status === 201) expect(callback).toEqual(of.created.callback);
    if (tells(answer.status)) of.told = of.version;
    return;
  }
  if (expected !== null) return expectAnswer({ ...answer, body: told }, expected, isDetailed);
  const { id } = told;
  const none = { startedAt: null, completedAt: null, error: null, output: null };
  const createdAt = new Date(now).toISOString();
  const { actionName, entityId, parameters, timeout } = inputs;
  const run = new ModelRun(
    {
      id,
      actionName,
      entityId,
      status: "pending",
      parameters,
      recommendations: {},
      triggeredBy: "root",
      createdAt,
      ...none,
      callback: { ...callback, expiresAt: new Date(now + timeout * 60_000).toISOString() },
    },
    inputs,
  );
  expectAnswer({ ...answer, body: told }, { status: 201, run: run.at(now), replayed: false }, isDetailed);
  expect(callback).toEqual(run.created.callback);
  expect(model.runs.map((other) => other.id)).not.toContain(id);
  run.told = run.version;
  model.add(run, key, asked);
}

/** `isSameRandom`: the new id wants the place of another. */
export function create(who: Who, body: NewRunBody, isSameRandom: boolean): Command {
  const { key, isDetailed } = who;
  return {
    check: () => true,
    async run(model) {
      const { actionName, timeout, entityId = null } = body;
      const labels = [...new Set(body.labels)].sort();
      const inputs: Inputs = { actionName, timeout, entityId, labels, parameters: {}, retryOf: null };
      const asked = `create ${JSON.stringify(inputs)}`;
      const send = () => {
        const go = () =>
          ask<CreatedRun & { code?: string }>("POST", `${model.path}${suffixOf(isDetailed)}`, {
            body,
            headers: headersOf(key),
          });
        return isSameRandom ? withSameRandom(go) : go();
      };
      const expected = model.recall(key, asked, Date.now());
      await sendNew(model, { key, asked, expected, inputs, isDetailed, send });
      await expectGets(model);
    },
    toString: () => `${tell("create", who, body)}${isSameRandom ? ", same random" : ""}`,
  };
}

/** The parameters of the retry, if it has any, replace those of the run. */
export const retry = (who: Who, nth: number, body: RetryBody) =>
  onRun(tell("retry", who, body), nth, async (run, model) => {
    const { key, isDetailed } = who;
    const now = Date.now();
    const inputs: Inputs = { ...run.inputs, ...body, retryOf: run.id };
    const asked = `retry ${run.id} ${JSON.stringify(body)}`;
    const open: Expected | null = run.isOpenAt(now) ? { status: 409, code: "run_open", replayed: false } : null;
    const expected = model.recall(key, asked, now) ?? open;
    const send = () =>
      ask<CreatedRun & { code?: string }>("POST", `${model.path}/${run.id}/retry${suffixOf(isDetailed)}`, {
        body,
        headers: headersOf(key),
      });
    await sendNew(model, { key, asked, expected, inputs, isDetailed, send });
  });
