/** Runs with a trigger, made as in development, and what the tests of dispatch ask of them. */

import { expect } from "vitest";
import { alarmIn, coordinator, journal, until } from "../support/direct.ts";
import { type Receiver, type Answer as ReceiverAnswer, receiver } from "../support/receiver/client.ts";
import {
  type ActionRun,
  type Answer,
  type Ask,
  ask,
  type Beaten,
  type CreatedRun,
  createRun,
  newRunsPath,
} from "../support/requests.ts";

/** Webhooks may go to loopback only where the service itself is reached there. */
export const ORIGIN = "http://localhost:8787";

/** Longer than the waits of a few retries, and shorter than an attempt's lease. */
const RETRY_MAX_MS = 20_000;

/** An entry of the timeline as it goes on the wire. */
export interface Entry {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly attempt?: number;
  readonly outcome?: string;
  readonly status?: number | string | null;
  readonly durationMs?: number;
  readonly reason?: string;
  readonly excerpt?: string | null;
  readonly nextAttemptAt?: string | null;
  readonly cause?: string;
  readonly by?: string;
}

export interface Fired {
  /** Without origin, as test/support/direct.ts wants it. */
  readonly path: string;
  readonly created: CreatedRun;
  /** As its coordinator has it, D1 well or not. */
  get(): Promise<ActionRun>;
  timeline(): Promise<Entry[]>;
  /** The types of its entries, in order. */
  story(): Promise<string[]>;
  untilStatus(status: string, ms?: number): Promise<ActionRun>;
  /** Its answered attempts, once there are `n` of them. */
  untilAnswered(n: number, ms?: number): Promise<Entry[]>;
  /** Rings its coordinator's alarm after each of the first `n` answers, as if the wait for a retry were over. */
  hurryRetries(n: number): Promise<void>;
  /** Runs its coordinator's alarm as if `ms` had passed. */
  alarmIn(ms: number): Promise<void>;
  /** How many requests its coordinator keeps for it. */
  kept(): Promise<number>;
  report(body: unknown): Promise<Answer<ActionRun>>;
  heartbeat(body?: unknown): Promise<Answer<Beaten>>;
  cancel(): Promise<Answer<ActionRun>>;
}

export interface Firing {
  readonly path?: string;
  /** Joins `actionName` and `trigger` in the body of the create. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly options?: Ask;
}

/** Creates a run with a trigger for `url`, which retries soon unless `trigger` says otherwise. */
export async function fire(
  url: string,
  trigger: Readonly<Record<string, unknown>> = {},
  { path = newRunsPath(), body = {}, options = {} }: Firing = {},
): Promise<Fired> {
  const retry = { initialDelayMs: 100 };
  const whole = { actionName: "deploy", trigger: { type: "webhook", url, retry, ...trigger }, ...body };
  return fired(path, await createRun(ORIGIN + path, whole, options));
}

export function fired(path: string, created: CreatedRun): Fired {
  const url = `${ORIGIN}${path}/${created.id}`;
  const stub = coordinator(path);
  const { token } = created.callback;
  const get = async () => {
    const answer = await ask("GET", url);
    expect(answer.status).toBe(200);
    return answer.body;
  };
  const timeline = async () => (await ask<Entry[]>("GET", `${url}/events?limit=200`)).body;
  const answered = async () => (await timeline()).filter(({ type }) => type === "attempt_answered");
  return {
    path,
    created,
    get,
    timeline,
    story: async () => (await timeline()).map(({ type }) => type),
    untilStatus: async (status, ms) => {
      await until(async () => (await get()).status === status, ms);
      return get();
    },
    untilAnswered: async (n, ms) => {
      await until(async () => (await answered()).length >= n, ms);
      return answered();
    },
    hurryRetries: async (n) => {
      for (let answer = 1; answer <= n; answer++) {
        await until(async () => (await answered()).length >= answer);
        await alarmIn(RETRY_MAX_MS, stub);
      }
    },
    alarmIn: async (ms) => {
      await alarmIn(ms, stub);
    },
    kept: async () => (await journal(path, "SELECT 1 FROM dispatches WHERE run_id = ?", created.id)).length,
    report: (body) => ask("POST", `${url}/callback`, { token, body }),
    heartbeat: (body = {}) => ask("POST", `${url}/heartbeat`, { token, body }),
    cancel: () => ask("DELETE", url),
  };
}

/** A receiver that answers so. */
export async function answering(...answers: readonly ReceiverAnswer[]): Promise<Receiver> {
  const playing = receiver();
  await playing.script(...answers);
  return playing;
}

/** Until no client waits for the receiver any more; the bytes that it has sent by then. */
export async function untilNobodyWaits(playing: Receiver): Promise<number> {
  await until(async () => (await playing.open()).open === 0);
  return (await playing.open()).bytesSent;
}

/** More than an attempt's lease. */
export const LEASE_OVER_MS = 31_000;

/** Lets the first attempt count as lost, and waits until the second one has arrived. */
export async function loseFirstAttempt(run: Fired, to: Receiver): Promise<void> {
  await to.untilInbox(1);
  await run.alarmIn(LEASE_OVER_MS);
  await run.alarmIn(LEASE_OVER_MS + 200);
  await to.untilInbox(2);
}
