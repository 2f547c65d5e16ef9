/**
 * A command as the work of a run: heartbeats while it runs, and one report of how it ended. Whatever becomes of the
 * reporting, a command that was started runs to its end, and its status is what counts.
 */

import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { ActionRunsError } from "../client/index.ts";
import { exitCodeOf, sentenceOf } from "./exit.ts";
import { type JobEnd, runJob, Signals, statusOf } from "./job.ts";
import { complain } from "./output.ts";
import type { Callback } from "./settings.ts";
import { lastLine, Tail } from "./tail.ts";

const SECOND_MS = 1000;
/** A server that is away does not keep the work from being done. */
const FIRST_BEAT_MS = 15 * SECOND_MS;
const REFUSALS: readonly (number | null)[] = [401, 403, 404, 409];

type Json = Record<string, unknown>;

export interface Execution {
  /** The command and its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** For heartbeats, which are soon followed by another. */
  readonly beats: Callback;
  /** For the report, which is worth many tries. */
  readonly report: Callback;
  readonly intervalSeconds: number;
  readonly outputFile: string | null;
  /** Taken out of the tail. */
  readonly secrets: readonly string[];
}

/** Runs it; the exit code is the command's, or says why it was not started or not reported. */
export async function execute(execution: Execution): Promise<number> {
  const signals = new Signals();
  signals.listen();
  try {
    const refusal = await firstBeat(execution.beats);
    if (refusal !== null) {
      complain(`The command was not started: ${sentenceOf(refusal)}`);
      return exitCodeOf(refusal);
    }
    const tail = new Tail();
    const before = stampOf(execution.outputFile);
    const end = await work(execution, signals, tail);
    const cancelledBy = signals.first;
    signals.endOnSecond();
    const { status } = end;
    const fault = await deliver(execution, end, cancelledBy, tail.text(execution.secrets), before);
    if (fault === null) return status;
    complain(`The end was not reported: ${sentenceOf(fault)}`);
    return status === 0 ? exitCodeOf(fault) : status;
  } finally {
    signals.stop();
  }
}

/** A refusal, after which there is no point in working; null when it was taken, or when nobody knows. */
async function firstBeat(beats: Callback): Promise<ActionRunsError | null> {
  try {
    await beats.heartbeat({}, { signal: AbortSignal.timeout(FIRST_BEAT_MS) });
    return null;
  } catch (fault) {
    if (isRefusal(fault)) return fault;
    complain(`The first heartbeat was not taken, the command is started all the same: ${sentenceOf(fault)}`);
    return null;
  }
}

function isRefusal(fault: unknown): fault is ActionRunsError {
  return (
    fault instanceof ActionRunsError && REFUSALS.includes(fault.status) && fault.code !== "unexpected_answer"
  );
}

async function work(execution: Execution, signals: Signals, tail: Tail): Promise<JobEnd> {
  // Told to stop before it was begun.
  if (signals.first !== null) {
    return { status: statusOf(signals.first), endedBy: signals.first, fault: null };
  }
  const over = new AbortController();
  const beating = beat(execution.beats, execution.intervalSeconds, over.signal);
  const end = await runJob(execution.command, execution.env, signals, tail);
  over.abort();
  await beating;
  return end;
}

/** Beats until told that it is over, or that the run is. One after the other, for a slow server is not to be crowded. */
async function beat(beats: Callback, seconds: number, over: AbortSignal): Promise<void> {
  while (await waited(seconds * SECOND_MS, over)) {
    try {
      await beats.heartbeat({}, { signal: over });
    } catch (fault) {
      if (over.aborted) return;
      if (!isRefusal(fault)) continue;
      complain(`Heartbeats are refused, the command goes on: ${sentenceOf(fault)}`);
      return;
    }
  }
}

/** Whether the time has passed without its being over. */
function waited(ms: number, over: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (over.aborted) return resolve(false);
    const stop = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      over.removeEventListener("abort", stop);
      resolve(true);
    }, ms);
    over.addEventListener("abort", stop, { once: true });
  });
}

/** Reports; null when that came to something, else what it came to. */
async function deliver(
  execution: Execution,
  end: JobEnd,
  cancelledBy: NodeJS.Signals | null,
  tail: string,
  before: string | null,
): Promise<unknown> {
  const error = errorOf(execution.command, end, cancelledBy, tail);
  const told: Json = { exitCode: end.status, tail };
  const result = outputOf(execution.outputFile, before);
  const send = (output: Json) =>
    error === null ? execution.report.succeed(output) : execution.report.fail(error, output);
  try {
    await send({ ...told, ...result });
    return null;
  } catch (fault) {
    // Too large, too deep: that it ended is worth more than what it brought.
    const isForOutput = fault instanceof ActionRunsError && [400, 413].includes(fault.status ?? 0);
    if (!isForOutput || result === null) return fault;
    complain(`The output file is not taken, the end is reported without it: ${sentenceOf(fault)}`);
    return send(told).then(
      () => null,
      (second: unknown) => second,
    );
  }
}

/** Why it failed, in one line; null where it succeeded. Arguments are left out: they may hold secrets. */
function errorOf(
  [command = ""]: readonly string[],
  { status, endedBy, fault }: JobEnd,
  cancelledBy: NodeJS.Signals | null,
  tail: string,
): string | null {
  const name = basename(command);
  if (cancelledBy !== null) return `cancelled by ${cancelledBy}`;
  if (fault !== null) return `${name} could not be started: ${fault}`;
  if (status === 0) return null;
  const line = lastLine(tail);
  const how = endedBy === null ? `exited with status ${status}` : `was ended by ${endedBy}`;
  return line === "" ? `${name} ${how}` : `${name} ${how}: ${line}`;
}

/** What tells a file that was written from one that was there before. */
function stampOf(path: string | null): string | null {
  const found = path === null ? undefined : statSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.mtimeMs} ${found.size} ${found.ino}`;
}

function outputOf(path: string | null, before: string | null): Json | null {
  if (path === null) return null;
  const now = stampOf(path);
  if (now === null || now === before) {
    complain(`The command did not write ${path}: the report has no output of its own.`);
    return null;
  }
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // Said below.
  }
  complain(`${path} holds no JSON object: the report has no output of its own.`);
  return null;
}
