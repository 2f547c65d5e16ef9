/**
 * Runs a command as the work of a run: heartbeats while it runs, then one report of how it ended. A started command always
 * runs to its end, even if heartbeats and the report fail.
 */

import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ActionRunsError } from "../client/index.ts";
import { exitCodeOf, sentenceOf } from "./exit.ts";
import { type JobEnd, runJob, Signals, statusOf } from "./job.ts";
import { complain } from "./output.ts";
import type { Callback } from "./settings.ts";
import { lastLine, Tail } from "./tail.ts";

const SECOND_MS = 1000;
/** After this time the command starts anyway, because an outage of the service must not stop the work. */
const FIRST_BEAT_MS = 15 * SECOND_MS;
const REFUSALS: readonly (number | null)[] = [401, 403, 404, 409];

type Json = Record<string, unknown>;

export interface Execution {
  /** The command and its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** For heartbeats: few retries, because the next heartbeat comes soon. */
  readonly beats: Callback;
  /** For the report: many retries, because a lost report leaves the run open. */
  readonly report: Callback;
  readonly intervalSeconds: number;
  readonly outputFile: string | null;
  /** Replaced in the tail. */
  readonly secrets: readonly string[];
}

/** Returns the command's status, or the exit code that says why it was not started or not reported. */
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
    complain(`The report failed: ${sentenceOf(fault)}`);
    return status === 0 ? exitCodeOf(fault) : status;
  } finally {
    signals.stop();
  }
}

/** The refusal that makes the work pointless. null if the service accepted the heartbeat, or could not be reached. */
async function firstBeat(beats: Callback): Promise<ActionRunsError | null> {
  try {
    await beats.heartbeat({}, { signal: AbortSignal.timeout(FIRST_BEAT_MS) });
    return null;
  } catch (fault) {
    if (isRefusal(fault)) return fault;
    complain(`The first heartbeat failed, but the command starts anyway: ${sentenceOf(fault)}`);
    return null;
  }
}

function isRefusal(fault: unknown): fault is ActionRunsError {
  return (
    fault instanceof ActionRunsError && REFUSALS.includes(fault.status) && fault.code !== "unexpected_answer"
  );
}

async function work(execution: Execution, signals: Signals, tail: Tail): Promise<JobEnd> {
  // A signal came before the command started.
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

/** Sends heartbeats, one at a time, until the command or the run ends. A slow server never gets two at once. */
async function beat(beats: Callback, seconds: number, over: AbortSignal): Promise<void> {
  while (await waited(seconds * SECOND_MS, over)) {
    try {
      await beats.heartbeat({}, { signal: over });
    } catch (fault) {
      if (over.aborted) return;
      if (!isRefusal(fault)) continue;
      complain(`The service refuses heartbeats, but the command continues: ${sentenceOf(fault)}`);
      return;
    }
  }
}

/** Resolves with true after `ms`, or with false as soon as `over` aborts. */
function waited(ms: number, over: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal: over }).catch(() => false);
}

/** Sends the report. Returns null, or the error that stopped it. */
async function deliver(
  execution: Execution,
  end: JobEnd,
  cancelledBy: NodeJS.Signals | null,
  tail: string,
  before: string | null,
): Promise<unknown> {
  const error = errorOf(execution.command, end, cancelledBy, tail);
  const basics: Json = { exitCode: end.status, tail };
  const result = outputOf(execution.outputFile, before);
  const send = (output: Json) =>
    error === null ? execution.report.succeed(output) : execution.report.fail(error, output);
  try {
    await send({ ...basics, ...result });
    return null;
  } catch (fault) {
    // The output may be too large or too deep. A report without it is better than none.
    const isForOutput = fault instanceof ActionRunsError && [400, 413].includes(fault.status ?? 0);
    if (!isForOutput || result === null) return fault;
    complain(`The service refused the output file. Reporting without it: ${sentenceOf(fault)}`);
    return send(basics).then(
      () => null,
      (second: unknown) => second,
    );
  }
}

/** Why the command failed, in one line; null if it succeeded. Without its arguments, because they may hold secrets. */
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

/** Changes when the file is written, so that a file from before is not taken for a result. */
function stampOf(path: string | null): string | null {
  const found = path === null ? undefined : statSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.mtimeMs} ${found.size} ${found.ino}`;
}

function outputOf(path: string | null, before: string | null): Json | null {
  if (path === null) return null;
  const now = stampOf(path);
  if (now === null || now === before) {
    complain(`The command did not write ${path}, so the report has no output from it.`);
    return null;
  }
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  } catch {
    // The message below covers this case too.
  }
  complain(`${path} does not hold a JSON object, so the report has no output from it.`);
  return null;
}
