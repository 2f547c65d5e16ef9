/** Steps that make runs: creates and retries. */

import { expect } from "vitest";
import { faults } from "../support/faults.ts";
import { type Answer, ask, type CreatedRun } from "../support/requests.ts";
import type { Caller, Sent } from "./caller.ts";
import {
  type Command,
  expectAnswer,
  expectGets,
  headersOf,
  noteChange,
  onRun,
  suffixOf,
  tell,
  type Who,
} from "./command.ts";
import { listAs } from "./lists.ts";
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
  readonly send: (sent: Sent) => Promise<Answer<CreatedRun & { code?: string }>>;
}

/** Sends a create or a retry. */
async function sendNew(model: Model, caller: Caller, wanted: NewRun): Promise<void> {
  const { key, asked, expected, inputs, isDetailed, send } = wanted;
  const now = Date.now();
  const sent = caller.toChange();
  const answer = await send(sent);
  const text = answer.headers.get("x-d1-bookmark");
  const { callback, ...told } = answer.body;
  if (expected !== null && "of" in expected) {
    const { of, ...rest } = expected;
    expectAnswer({ ...answer, body: told }, rest, isDetailed);
    if (answer.status === 201) expect(callback).toEqual(of.created.callback);
    return noteChange(model, caller, of, { sent, text, status: answer.status, isNew: false });
  }
  if (expected !== null) return expectAnswer({ ...answer, body: told }, expected, isDetailed);
  const { id } = told;
  const none = { entityId: null, startedAt: null, completedAt: null, error: null, output: null };
  const createdAt = new Date(now).toISOString();
  const { actionName, parameters, timeout } = inputs;
  const run = new ModelRun(
    {
      ...{ id, actionName, entityId: null, status: "pending", parameters, recommendations: {} },
      ...{ triggeredBy: "root", createdAt, ...none },
      callback: { ...callback, expiresAt: new Date(now + timeout * 60_000).toISOString() },
    },
    inputs,
  );
  expectAnswer({ ...answer, body: told }, { status: 201, run: run.at(now), replayed: false }, isDetailed);
  expect(callback).toEqual(run.created.callback);
  expect(model.runs.map((other) => other.id)).not.toContain(id);
  model.add(run, key, asked);
  noteChange(model, caller, run, { sent, text, status: 201, isNew: true });
}

/** `isSameRandom`: the new id wants the place of another. */
export function create(who: Who, body: NewRunBody, isSameRandom: boolean): Command {
  const { by, key, isDetailed } = who;
  return {
    check: () => true,
    async run(model, { callers }) {
      const { actionName, timeout } = body;
      const labels = [...new Set(body.labels)].sort();
      const inputs: Inputs = { actionName, timeout, labels, parameters: {}, retryOf: null };
      const asked = `create ${JSON.stringify(inputs)}`;
      const send = (sent: Sent) => {
        const go = () =>
          ask<CreatedRun & { code?: string }>("POST", `${model.path}${suffixOf(isDetailed)}`, {
            body,
            headers: headersOf(key, sent),
          });
        return isSameRandom ? withSameRandom(go) : go();
      };
      const expected = model.recall(key, asked, Date.now());
      await sendNew(model, callers[by], { key, asked, expected, inputs, isDetailed, send });
      await expectGets(model);
    },
    toString: () => `${tell("create", who, body)}${isSameRandom ? ", same random" : ""}`,
  };
}

/** The parameters of the retry, if it has any, replace those of the run. */
export const retry = (who: Who, nth: number, body: RetryBody) =>
  onRun(tell("retry", who, body), nth, async (run, model, { callers }) => {
    const { by, key, isDetailed } = who;
    const now = Date.now();
    const inputs: Inputs = { ...run.inputs, ...body, retryOf: run.id };
    const asked = `retry ${run.id} ${JSON.stringify(body)}`;
    const open: Expected | null = run.isOpenAt(now)
      ? { status: 409, code: "run_open", replayed: false }
      : null;
    const expected = model.recall(key, asked, now) ?? open;
    const send = (sent: Sent) =>
      ask<CreatedRun & { code?: string }>("POST", `${model.path}/${run.id}/retry${suffixOf(isDetailed)}`, {
        body,
        headers: headersOf(key, sent),
      });
    await sendNew(model, callers[by], { key, asked, expected, inputs, isDetailed, send });
  });

/** A second change comes while a list waits for D1. The next list must show the second change as well. */
export const createDuringList = (body: NewRunBody): Command => ({
  check: () => true,
  async run(model, real) {
    const { none } = real.callers;
    const { readDelayMs } = faults;
    const createOne = create({ by: "none", key: null, isDetailed: false }, body, false);
    await createOne.run(model, real);
    faults.readDelayMs = 10;
    const listing = listAs(none, model, { limit: 200 });
    await createOne.run(model, real).finally(() => listing);
    faults.readDelayMs = readDelayMs;
    await listAs(none, model, { limit: 200 });
  },
  toString: () => `create(${JSON.stringify(body)}) during a list`,
});

/** A create is refused right after another with its key. It must not make the isolate forget what D1 still lacks. */
export const createThenRefused = (key: string, body: NewRunBody): Command => ({
  check: () => true,
  async run(model, real) {
    const { writeDelayMs } = faults;
    faults.writeDelayMs = Math.max(writeDelayMs, 30);
    const who: Who = { by: "none", key, isDetailed: false };
    await create(who, body, false).run(model, real);
    await create(who, { ...body, timeout: body.timeout + 1 }, false).run(model, real);
    await listAs(real.callers.none, model, { limit: 200 });
    faults.writeDelayMs = writeDelayMs;
  },
  toString: () => `create(${key}, ${JSON.stringify(body)}), and refused`,
});
