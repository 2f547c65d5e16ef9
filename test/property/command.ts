/** What the steps of a random story share: how they ask, and what they expect. */

import type fc from "fast-check";
import { expect } from "vitest";
import { type ActionRun, type Answer, ask } from "../support/requests.ts";
import { Follower } from "./follower.ts";
import { type Expected, type Model, type ModelRun, plain } from "./model.ts";
import type { HeldWrites } from "./platform.ts";

/** An answer about a run. */
export type Told = Answer<ActionRun & { readonly code?: string }>;

/** What a story has beside the model. */
export interface Real {
  readonly held: HeldWrites;
  readonly followers: readonly Follower[];
}

export interface Command extends fc.AsyncCommand<Model, Real> {}

export function newReal(held: HeldWrites): Real {
  return { held, followers: [new Follower(), new Follower()] };
}

export const headersOf = (key: string | null) => (key === null ? {} : { "Idempotency-Key": key });

export function expectAnswer(answer: Told, expected: Expected, isDetailed = false): void {
  const replayed = answer.headers.get("Idempotent-Replayed") === "true";
  const told = { status: answer.status, code: answer.body.code, run: answer.body, replayed };
  const run = expected.run && (isDetailed ? expected.run : plain(expected.run));
  expect(told).toEqual({ ...expected, code: expected.code, run: run ?? answer.body });
}

export const suffixOf = (isDetailed: boolean) => (isDetailed ? "?include=details" : "");

/** Whether an answer with this status tells of a run, and so of its newest version. */
export const tells = (status: number) => status < 300 || status === 409;

/** Gets of every run, exact, whatever D1 does. Every other one is detailed. */
export async function expectGets(model: Model): Promise<void> {
  const isOdd = model.reads++ % 2;
  const gets = model.runs.map(async (run, i) => expectGet(model, run, i % 2 === isOdd));
  await Promise.all(gets);
}

export async function expectGet(model: Model, run: ModelRun, isDetailed: boolean): Promise<void> {
  const got = await ask("GET", `${model.path}/${run.id}${suffixOf(isDetailed)}`);
  const expected = run.at(Date.now());
  const body = isDetailed ? expected : plain(expected);
  expect({ status: got.status, body: got.body }).toEqual({ status: 200, body });
  run.told = run.version;
}

export interface Who {
  readonly key: string | null;
  /** Whether the caller asks for details. */
  readonly isDetailed: boolean;
}

export const tell = (what: string, { key, isDetailed }: Who, ...more: unknown[]) =>
  `${what}${isDetailed ? " with details" : ""}(${[key, ...more.map((one) => JSON.stringify(one))].join(", ")})`;

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
