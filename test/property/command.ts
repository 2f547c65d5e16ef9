/**
 * What the steps of a random story share: how they ask, what they expect, and what the caller and the isolate then
 * know.
 */

import type fc from "fast-check";
import { expect } from "vitest";
import { faults } from "../support/faults.ts";
import { type ActionRun, type Answer, ask } from "../support/requests.ts";
import { type Caller, type Keeps, newCallers, type Sent, saysBehind } from "./caller.ts";
import { Follower } from "./follower.ts";
import { type Expected, type Model, type ModelRun, plain } from "./model.ts";
import type { HeldWrites } from "./platform.ts";

/** An answer about a run. */
export type Told = Answer<ActionRun & { readonly code?: string }>;

/** What a story has beside the model. */
export interface Real {
  readonly callers: Readonly<Record<Keeps, Caller>>;
  readonly held: HeldWrites;
  readonly followers: readonly Follower[];
}

export interface Command extends fc.AsyncCommand<Model, Real> {}

export function newReal(held: HeldWrites): Real {
  return { callers: newCallers(), held, followers: [new Follower(), new Follower()] };
}

export const headersOf = (key: string | null, sent: Sent) => ({
  ...sent.headers,
  ...(key === null ? {} : { "Idempotency-Key": key }),
});

export function expectAnswer(answer: Told, expected: Expected, isDetailed = false): void {
  const replayed = answer.headers.get("Idempotent-Replayed") === "true";
  const told = { status: answer.status, code: answer.body.code, run: answer.body, replayed };
  const run = expected.run && (isDetailed ? expected.run : plain(expected.run));
  expect(told).toEqual({ ...expected, code: expected.code, run: run ?? answer.body });
}

export const suffixOf = (isDetailed: boolean) => (isDetailed ? "?include=details" : "");

interface Noted {
  readonly sent: Sent;
  /** The bookmark of the answer. */
  readonly text: string | null;
  readonly status: number;
  /** Whether the answer tells of a version that was just made. */
  readonly isNew: boolean;
}

/** The caller keeps the bookmark of an answer about a run, and the isolate remembers that it asked for a change. */
export function noteChange(
  model: Model,
  caller: Caller,
  run: ModelRun,
  { sent, text, status, isNew }: Noted,
): void {
  const isAbout = status < 300 || status === 409;
  if (!isAbout) return;
  expect(text).not.toBeNull();
  // D1 can't have what it refuses to take.
  if (isNew && faults.writes === "down") expect(saysBehind(text)).toBe(true);
  model.changed(run, Date.now());
  caller.answered(sent, text, new Map([[run, run.version]]));
}

/** Gets of every run, by somebody who keeps no bookmark: exact, whatever D1 does. Every other one is detailed. */
export async function expectGets(model: Model): Promise<void> {
  const isOdd = model.reads++ % 2;
  const gets = model.runs.map(async (run, i) => expectGet(model, run, {}, i % 2 === isOdd));
  await Promise.all(gets);
}

export async function expectGet(
  model: Model,
  run: ModelRun,
  headers: Record<string, string>,
  isDetailed: boolean,
): Promise<string | null> {
  const got = await ask("GET", `${model.path}/${run.id}${suffixOf(isDetailed)}`, { headers });
  const expected = run.at(Date.now());
  const body = isDetailed ? expected : plain(expected);
  expect({ status: got.status, body: got.body }).toEqual({ status: 200, body });
  return got.headers.get("x-d1-bookmark");
}

export interface Who {
  readonly by: Keeps;
  readonly key: string | null;
  /** Whether the caller asks for details. */
  readonly isDetailed: boolean;
}

export const tell = (what: string, { by, key, isDetailed }: Who, ...more: unknown[]) =>
  `${what}${isDetailed ? " with details" : ""} by ${by}(${[key, ...more.map((one) => JSON.stringify(one))].join(", ")})`;

/** A command on one of the runs there are. */
export function onRun(
  name: string,
  nth: number,
  go: (run: ModelRun, model: Model, real: Real) => Promise<void>,
): Command {
  return {
    check: (model) => model.runs.length > 0,
    async run(model, real) {
      const run = model.runs[nth % model.runs.length];
      if (run !== undefined) await go(run, model, real);
      await expectGets(model);
    },
    toString: () => `${name} #${nth}`,
  };
}
