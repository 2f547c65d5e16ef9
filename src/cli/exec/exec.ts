/**
 * `exec`: runs a command as the work of a run, with heartbeats while it runs, then one report of how it ended. A started
 * command runs to its end, even if heartbeats and the report fail. Only a cancel of the run stops it.
 */

import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ActionRunsError, type Callback, type Schemas } from "../../client/index.ts";
import { type Build, command } from "../command.ts";
import { EXIT, errorSentence, exitCodeOf, isCancelled, UsageError } from "../exit.ts";
import { isObject } from "../input.ts";
import { argument, CALLBACK_OF_EXEC, option, wholeNumberFrom } from "../options.ts";
import { complain, exitWhenReaderIsGone } from "../output.ts";
import { truncatedText } from "../run-text.ts";
import { callbackOf, connectCallback, REPORT_RETRIES } from "../settings.ts";
import { CommandOutput } from "./command-output.ts";
import { JobControl, type JobEnd, runJob, statusOf } from "./job.ts";
import { hideSecrets, withoutSecrets } from "./secrets.ts";

/** How often heartbeats are sent, unless an option says it. People who watch want to see the newest output. */
const BEAT_SECONDS = 15;
const WATCHED_BEAT_SECONDS = 5;
/** How often the output is sent if nobody watches. A little less than every second heartbeat, because timers vary. */
const TAIL_EVERY_MS = 29_000;
/** A heartbeat that hangs must not hide a cancel for long. */
const BEAT_TIMEOUT_SECONDS = 15;
/** After this time the command starts anyway, because an outage of the service must not stop the work. */
const FIRST_BEAT_MS = 15_000;
/** KILL comes after this share of the time that the run has left. The rest is for the report. */
const SHARE_BEFORE_KILL = 2 / 3;
/** The time before KILL if the run has already ended, or if the response does not say how much time is left. */
const LATE_GRACE_MS = 10_000;
const REFUSALS: readonly (number | null)[] = [401, 403, 404, 409];

export const execCommand: Build = () => execute().usage("[options] -- <command> [args...]").passThroughOptions();

const execute = command("exec", {
  about:
    "Run a command as the work of a run. exec sends heartbeats while the command runs. Then it reports the exit " +
    "status and the last 16 KiB of the output. If the command fails, the run's error is the first line of the output " +
    "that names a failure, such as `error` or `failed`, or else the last line that is not indented. The output passes " +
    "through unchanged, but the command writes to a pipe, not to a terminal. The newest lines of the output are sent " +
    "with the heartbeats: while somebody watches the run, with each one, otherwise every 30 seconds. Signals reach the " +
    "command too, and the run is then reported as failed. If the run is cancelled, exec stops the command.",
  arguments: [argument("<command...>", "the command and its arguments, after --")],
  options: [
    option(
      "--interval <seconds>",
      `the time between two heartbeats (default: ${BEAT_SECONDS}, and ${WATCHED_BEAT_SECONDS} while somebody watches the run)`,
      { read: wholeNumberFrom(1, 86_400) },
    ),
    option("--log", "report the first 64 KiB and the last 160 KiB of the output, and not only the last 16 KiB"),
    option("--output-file <file>", "a file for the run's output: the command writes a JSON object to it"),
    option("--keep-token", "let the command see CALLBACK_TOKEN, so that it can send heartbeats"),
    ...CALLBACK_OF_EXEC,
  ],
  help: `
exec exits with the command's status, or with 128 + the number of the signal
that ended the command. If the service refuses the first heartbeat, the command
does not start: exit code 5 if the run has ended, 3 if the token is refused, 4
if there is no such run, 8 if the run was cancelled. If the command succeeds but
the report fails, the exit code says why: 6 if the server can't be reached.

exec learns from a heartbeat that the run was cancelled. Then it sends SIGTERM
to the command and all that it started, and SIGKILL after two thirds of the
time that the run has left, or after 10 seconds if the run has already ended.
Then it reports the run as failed, and exits with the command's status, or
with 8 if that is 0. The last line on stderr says that the run was cancelled,
also if exec learns it from the response to its report. If exec gets SIGINT, SIGTERM or SIGHUP, all that the
command started gets it too. On a terminal, signals go to the command alone.
On Windows, exec ends all of them at once, without SIGTERM.

Without CALLBACK_TOKEN, exec gets the token for a proof of the job. If that
fails, the command does not start.

The command does not get CALLBACK_TOKEN, ACTION_RUNS_TOKEN,
ACTION_RUNS_ID_TOKEN or the variables whose JSON can hold a trigger's secrets.
It can still ask GitHub for proofs, because other tools of the job need them.
The report shows *** in place of the tokens, also if the command prints them percent-encoded or in base64. A
hostile command of the same user can still find them: in the shell or npx that
started exec, in a profile, and, except on Linux, in exec itself. Run such a command
as another user.
`,
  examples: [
    "action-runs exec -- npm test",
    "action-runs exec --interval 10 --output-file result.json -- ./deploy.sh production",
    "action-runs exec --log -- make test",
    "action-runs exec --keep-token -- sh -c 'make && action-runs heartbeat --progress 50% && make install'",
  ],
  async run({ flags }, command) {
    if (command[0] === undefined || command[0] === "")
      throw new UsageError("The command is missing. Write it after --.");
    // Check the settings before anything starts.
    const address = await callbackOf(flags).catch(refused);
    if (typeof address === "number") return address;
    const report = await connectCallback(flags, { retries: flags.retries ?? REPORT_RETRIES }, address);
    const beats = await connectCallback(
      { ...flags, requestTimeout: Math.min(flags.requestTimeout, BEAT_TIMEOUT_SECONDS) },
      { retries: Math.min(flags.retries ?? 1, 1) },
      address,
    );
    // If nobody reads the output, the command decides what to do.
    process.stdout.off("error", exitWhenReaderIsGone);
    const { ACTION_RUNS_TOKEN = "", ACTION_RUNS_ID_TOKEN = "", ACTIONS_ID_TOKEN_REQUEST_TOKEN = "" } = process.env;
    const env = { ...withoutSecrets(process.env), ...(flags.keepToken && { CALLBACK_TOKEN: address.token }) };
    hideSecrets();
    return runCommand({
      command,
      env,
      beats,
      report,
      intervalSeconds: flags.interval ?? null,
      isLog: flags.log === true,
      outputFile: flags.outputFile ?? null,
      secrets: [address.token, ACTION_RUNS_TOKEN, ACTION_RUNS_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_TOKEN],
    });
  },
});

type Json = Record<string, unknown>;
type BeatAnswer = Schemas["HeartbeatAnswer"];
type Cancel = NonNullable<BeatAnswer["cancel"]>;

interface Execution {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** For heartbeats: few retries, because the next heartbeat comes soon. */
  readonly beats: Pick<Callback, "heartbeat">;
  /** For the report: many retries, because a lost report leaves the run open. */
  readonly report: Callback;
  /** Null: as often as it is useful. */
  readonly intervalSeconds: number | null;
  readonly isLog: boolean;
  readonly outputFile: string | null;
  readonly secrets: readonly string[];
}

/** The command's status, or the exit code that says why it was not started or was stopped, or the report failed. */
async function runCommand(execution: Execution): Promise<number> {
  const control = new JobControl();
  control.listen();
  try {
    const first = await firstBeat(execution);
    if (first instanceof ActionRunsError) return refused(first);
    if (first?.cancel) return endBeforeStart(execution, first.cancel);
    const output = new CommandOutput(execution.secrets, execution);
    const before = stampOf(execution.outputFile);
    const heartbeats = heartbeatsOf(execution, output, first?.watched === true);
    const end = await work(execution, control, output, heartbeats);
    const signal = control.first;
    control.isImpatient = true;
    const fault = await deliver(execution, end, signal, output, before);
    if (fault !== null && !isCancelled(fault)) {
      complain(`The report failed: ${errorSentence(fault)}`);
      return end.status === 0 ? exitCodeOf(fault) : end.status;
    }
    const isOver = end.isStopped || fault !== null;
    if (isOver) complain(`The run was cancelled: ${howEnded(execution.command, end)}.`);
    // A command may trap TERM and exit with 0, but its work is not done. Or it ended before exec heard of the cancel.
    return isOver && end.status === 0 ? EXIT.stop : end.status;
  } finally {
    control.unlisten();
  }
}

/** The exit code if the service wants no such job. Throws what is no answer of the service. */
function refused(fault: unknown): number {
  if (!(fault instanceof ActionRunsError)) throw fault;
  complain(`The command was not started: ${errorSentence(fault)}`);
  return isCancelled(fault) ? EXIT.stop : exitCodeOf(fault);
}

/** The report ends the run, so that nobody has to wait for the end of the grace period. */
async function endBeforeStart({ report }: Execution, cancel: Cancel): Promise<number> {
  complain(`The command was not started, because the run was cancelled${reasonOf(cancel)}.`);
  try {
    await report.fail("cancelled: the command was not started");
  } catch (fault) {
    if (!isCancelled(fault)) complain(`The report failed: ${errorSentence(fault)}`);
  }
  return EXIT.stop;
}

/** The answer, or the refusal that makes the work pointless. null if the service could not be reached. */
async function firstBeat({ beats }: Execution): Promise<ActionRunsError | BeatAnswer | null> {
  try {
    return await beats.heartbeat({}, { signal: AbortSignal.timeout(FIRST_BEAT_MS) });
  } catch (fault) {
    if (isRefusal(fault)) return fault;
    complain(`The first heartbeat failed, but the command starts anyway: ${errorSentence(fault)}`);
    return null;
  }
}

function reasonOf(cancel?: Cancel): string {
  return cancel?.reason ? `: ${cancel.reason}` : "";
}

function isRefusal(fault: unknown): fault is ActionRunsError {
  return fault instanceof ActionRunsError && REFUSALS.includes(fault.status) && fault.code !== "unexpected_answer";
}

async function work(
  execution: Execution,
  control: JobControl,
  output: CommandOutput,
  heartbeats: Heartbeats,
): Promise<JobEnd> {
  // A signal came before the command started.
  if (control.first !== null) {
    return { status: statusOf(control.first), endedBy: control.first, fault: null, isStopped: false };
  }
  const over = new AbortController();
  const beating = beat(heartbeats, control, over.signal);
  const end = await runJob(execution.command, execution.env, control, output);
  over.abort();
  await beating;
  return end;
}

/** Sends heartbeats until the command or the run ends. After a cancel too: the run must not fall silent. */
async function beat(heartbeats: Heartbeats, control: JobControl, over: AbortSignal): Promise<void> {
  while (await delay(heartbeats.pauseMs(), true, { signal: over }).catch(() => false)) {
    try {
      const { cancel } = await heartbeats.send(over);
      if (cancel !== null) stopFor(control, cancel);
    } catch (fault) {
      if (over.aborted) return;
      if (!isRefusal(fault)) continue;
      if (isCancelled(fault)) stopFor(control);
      else complain(`The service refuses heartbeats, but the command continues: ${errorSentence(fault)}`);
      return;
    }
  }
}

/** When the next heartbeat of a running command is due, and which of them carry the newest lines of its output. */
export function heartbeatsOf(
  { beats, intervalSeconds }: Pick<Execution, "beats" | "intervalSeconds">,
  output: Pick<CommandOutput, "newestLines">,
  isWatchedAtFirst: boolean,
) {
  let isWatched = isWatchedAtFirst;
  /** By `performance.now`. */
  let tailSentAt = Number.NEGATIVE_INFINITY;
  /** Whether the last one failed with lines, perhaps because of them. Then the next one has none. */
  let isNextPlain = false;
  return {
    pauseMs: () => (intervalSeconds ?? (isWatched ? WATCHED_BEAT_SECONDS : BEAT_SECONDS)) * 1000,
    async send(signal: AbortSignal): Promise<BeatAnswer> {
      const isDue = isWatched || performance.now() - tailSentAt >= TAIL_EVERY_MS;
      const tail = isDue && !isNextPlain ? output.newestLines() : "";
      isNextPlain = tail !== "";
      const answer = await beats.heartbeat(tail === "" ? {} : { tail }, { signal });
      isNextPlain = false;
      if (tail !== "") tailSentAt = performance.now();
      // A service that does not know of tails does not say it.
      isWatched = answer.watched === true;
      return answer;
    },
  };
}

type Heartbeats = ReturnType<typeof heartbeatsOf>;

/** KILL comes by our own clock. */
function stopFor(control: JobControl, cancel?: Cancel): void {
  const leftMs = cancel?.remainingMs ?? -1;
  const graceMs = leftMs >= 0 ? leftMs * SHARE_BEFORE_KILL : LATE_GRACE_MS;
  if (!control.isStopped) {
    const seconds = Math.ceil(graceMs / 1000);
    complain(`The run was cancelled${reasonOf(cancel)}. The command must end within ${seconds} s.`);
  }
  control.stop(graceMs);
}

async function deliver(
  execution: Execution,
  end: JobEnd,
  signal: NodeJS.Signals | null,
  printed: CommandOutput,
  before: string | null,
): Promise<unknown> {
  const error = errorOf(execution.command, end, signal, printed);
  const basics: Json = {
    exitCode: end.status,
    ...(execution.isLog ? { log: printed.log() } : { tail: printed.tail() }),
  };
  const result = outputOf(execution.outputFile, before);
  const send = async (output: Json) => {
    const { report } = execution;
    const { truncated } = await (error === null ? report.succeed(output) : report.fail(error, output));
    if (truncated) complain(`The report was too long: ${truncatedText(truncated)}.`);
  };
  try {
    await send({ ...basics, ...result });
    return null;
  } catch (fault) {
    // The output may have a number that is too large for JSON. A report without it is better than none.
    const isForOutput = fault instanceof ActionRunsError && [400, 413].includes(fault.status ?? 0);
    if (!isForOutput || result === null) return fault;
    complain(`The service refused the output file. Reporting without it: ${errorSentence(fault)}`);
    return send(basics).then(
      () => null,
      (second: unknown) => second,
    );
  }
}

/** Why the command failed, in one line; null if it succeeded. Without its arguments, because they may hold secrets. */
function errorOf(
  command: readonly string[],
  end: JobEnd,
  signal: NodeJS.Signals | null,
  printed: CommandOutput,
): string | null {
  const [name = ""] = command;
  const { status, fault, isStopped } = end;
  if (isStopped) return `cancelled: ${howEnded(command, end)}`;
  if (signal !== null) return `cancelled by ${signal}`;
  if (fault !== null) return `${basename(name)} could not be started: ${fault}`;
  if (status === 0) return null;
  const line = printed.errorLine();
  return line === "" ? howEnded(command, end) : `${howEnded(command, end)}: ${line}`;
}

function howEnded([name = ""]: readonly string[], { status, endedBy, isStopped }: JobEnd): string {
  if (endedBy !== null) return `${basename(name)} was ended by ${endedBy}`;
  // With status 0 it looks like a success, but its work is not done.
  const isTidy = isStopped && status === 0;
  return isTidy ? `${basename(name)} stopped when it was asked to` : `${basename(name)} exited with status ${status}`;
}

/** A text that changes when the file is written, so that an older file is not taken for a result. */
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
    if (isObject(value)) return value;
  } catch {
    // The message below covers this case too.
  }
  complain(`${path} does not hold a JSON object, so the report has no output from it.`);
  return null;
}
