/** Follows runs and bulk operations, although the server goes away. stdout is for the result alone. */

import { setTimeout as delay } from "node:timers/promises";
import { withoutColours } from "../base/visible-text.ts";
import {
  ActionRunsError,
  type Client,
  type DetailOptions,
  type FollowedList,
  type FollowOptions,
  type RunChanges,
  type RunTail,
  type Schemas,
  type WatchOptions,
} from "../client/index.ts";
import { TailLines, unendedLine } from "../words/tail-lines.ts";
import { CommandFailed, EXIT, errorSentence, exitCodeOf, exitCodeOfRun } from "./exit.ts";
import { option, wholeNumberFrom } from "./options.ts";
import { complain, cut, instantText, type Output, people, plain, plainLines, printable, wrap } from "./output.ts";
import { eventText, heartbeatLine, runText, waitsForText } from "./run-text.ts";

type DetailedActionRun = Schemas["DetailedActionRun"];

const SECOND_MS = 1000;
/** A JavaScript timer fires at once if its milliseconds don't fit into 31 bits. */
const WAIT_MAX_SECONDS = Math.floor((2 ** 31 - 1) / SECOND_MS);

export const WAIT_TIMEOUT = option("--wait-timeout <seconds>", "stop waiting after this time and exit with 7", {
  read: wholeNumberFrom(1, WAIT_MAX_SECONDS),
});
export const WAITING = [option("--wait", "wait until the run ends; the exit code tells how"), WAIT_TIMEOUT] as const;

interface UntilEndedOptions extends DetailOptions {
  readonly seconds: number | undefined;
  /** Whether the server has answered before. Otherwise a server that does not answer ends the command. */
  readonly hasAnswered: boolean;
  /** How to show the ended run. Default: with all its members. */
  readonly show?: (run: DetailedActionRun, why: DetailedActionRun["details"]) => Promise<void>;
}

/** Why a run does not start or was stopped, and whether it is retried. This needs its coordinator, and the run does not. */
export async function whyOf(client: Client, run: DetailedActionRun): Promise<DetailedActionRun["details"]> {
  const isClear = run.status === "running" || run.status === "succeeded";
  if (run.details !== undefined || isClear) return run.details;
  return (await client.runs.get(run.id, { include: "details" }).catch(() => run)).details;
}

/** Shows the run when it has ended, and returns the exit code for its status. Throws CommandFailed after `seconds`. */
export async function untilEnded(
  client: Client,
  id: string,
  output: Output,
  { seconds, include, hasAnswered, show }: UntilEndedOptions,
): Promise<number> {
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  const most = seconds === undefined ? "" : `, for at most ${inSeconds(seconds)}`;
  try {
    const shown = process.stderr.isTTY || !output.isJson ? people() : null;
    const waiting = `Waiting for the run ${plain(id)} to end${most}. Ctrl-C stops waiting. The run continues.`;
    await shown?.line(wrap(waiting, shown.columns));
    if (shown === null) {
      const reading = client.runs.get(id, { signal, include: "details" });
      // The run that a create has just made is there, so a read that fails is no reason to stop.
      complainOfGates(id, (await (hasAnswered ? reading.catch(() => null) : reading))?.details);
    } else {
      if (!hasAnswered) await client.runs.get(id, { signal });
      await showEvents(client, id, shown, signal);
    }
    const wait = () => client.runs.wait(id, { signal, include });
    const run = await lasting(wait, { signal, say: complain });
    // On stderr, because stdout may be a file with the run alone.
    await shown?.line("");
    const why = output.isJson ? undefined : await whyOf(client, run);
    await (show === undefined ? output.show(run, () => runText(run, output, why)) : show(run, why));
    return exitCodeOfRun(run.status);
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
    throw new CommandFailed(
      `The run ${id} did not end within ${inSeconds(seconds)}. It continues. To wait again: action-runs get ${id} --wait`,
      EXIT.timedOut,
    );
  }
}

/** A script shows no events, and a run can wait for days. */
function complainOfGates(id: string, details: DetailedActionRun["details"]): void {
  if (!details?.waiting) return;
  const until = `at most until ${instantText(details.waiting.until)}`;
  complain(`The run ${plain(id)} does not start yet: ${waitsForText(details, Date.now())}, ${until}.`);
}

/** Shows people the events until the run ends. The caller shows the ended run. */
async function showEvents(client: Client, id: string, output: Output, signal: AbortSignal | undefined): Promise<void> {
  const lines = eventLinesOn(output, () => client.runs.get(id, { signal, include: "details" }));
  try {
    // Without events there is still the end to wait for.
    const patience = { signal, say: lines.complain, notAfter: "too_many_watchers" };
    for await (const event of lastingEvents(client, id, { ...patience, onTail: lines.showTail }))
      await lines.show(event);
  } catch (fault) {
    signal?.throwIfAborted();
    const isRefused = !(fault instanceof ActionRunsError) || [401, 403, 404].includes(fault.status ?? 0);
    if (isRefused) throw fault;
    lines.complain(`Can't show events, but still waiting: ${errorSentence(fault)}`);
  } finally {
    lines.clear();
  }
}

function inSeconds(count = 0): string {
  return count === 1 ? "1 second" : `${count} seconds`;
}

type Event = Parameters<typeof eventText>[0];

/** After these events a run may wait. */
const HOLDING: ReadonlySet<unknown> = new Set(["waiting", "approved"]);
/** No event tells that a waiting run's position has changed, so it is read again. Rarely, because many wait for hours. */
const READ_EVERY_MS = 10_000;
/** The line also says how long it is until the start. */
const DRAW_EVERY_MS = 1000;

/** Shows people a run's events, one line each. A terminal also has a line below them that changes in place. */
export function eventLinesOn(output: Output, read: () => Promise<DetailedActionRun>) {
  const screen = screenOn(output.stream);
  const tailLines = new TailLines();
  /** What the job printed last, without the end of its line. */
  let unended = "";
  let bar: ((columns: number) => string) | null = null;
  let timer: NodeJS.Timeout | undefined;
  /** Grows with each event that clears the line, so that a late response draws nothing. */
  let generation = 0;

  const tailLine = (line: string) => `${output.paint("dim", "|")} ${plainLines(line)}`;

  function showBar(shown: (columns: number) => string): void {
    bar = shown;
    screen.show(shown);
  }

  /** Call this before something else is printed. */
  function clear(): void {
    generation++;
    bar = null;
    clearInterval(timer);
    screen.clear();
  }

  /** Shows what the run waits for, and keeps it true until `clear`. */
  async function showWaiting(): Promise<void> {
    const own = generation;
    let details: DetailedActionRun["details"];
    const draw = () => {
      const shown = details;
      if (shown?.waiting) screen.show((columns) => cut(waitsForText(shown, Date.now()), columns));
      else screen.clear();
    };
    const update = async () => {
      // The line is an extra. If the service can't answer, the events say so.
      const run = await read().catch(() => null);
      if (own !== generation) return;
      if (run !== null) details = run.details;
      draw();
    };
    let leftMs = READ_EVERY_MS;
    timer = setInterval(() => {
      leftMs -= DRAW_EVERY_MS;
      if (leftMs > 0) return draw();
      leftMs = READ_EVERY_MS;
      void update();
    }, DRAW_EVERY_MS);
    timer.unref();
    await update();
  }

  return {
    async show(event: Event): Promise<void> {
      const type = "type" in event ? event.type : null;
      if (screen.isLive && type === "heartbeat") {
        showBar((columns) => heartbeatLine(event, columns));
        return;
      }
      clear();
      if (type === "ended" && unended !== "") await output.line(tailLine(unended));
      await output.line(eventText(event, output));
      // Not awaited, because the next event must not wait for the read.
      if (screen.isLive && HOLDING.has(type)) void showWaiting();
    },
    showTail({ tail }: RunTail): void {
      const text = withoutColours(tail);
      unended = unendedLine(text);
      const lines = tailLines.next(text);
      if (lines.length === 0) return;
      const before = bar;
      clear();
      for (const line of lines) {
        // Not awaited, because this is called between two events. A reader that is gone ends the command elsewhere.
        output.line(tailLine(line)).catch(() => {});
      }
      if (before !== null) showBar(before);
    },
    complain: screen.complain,
    clear,
  };
}

/** From the cursor to the end of the screen. */
const ERASE = "\r\x1b[J";

/**
 * Below the lines that stay, one line that changes in place, if the terminal can. The cursor stays at its beginning: if
 * the terminal gets narrower and breaks the line, all of it is after the cursor, where it is erased.
 *
 * `endsWithInterrupt`: false if the command itself decides what Ctrl-C does. It must then clear the line.
 */
export function screenOn(stream: NodeJS.WriteStream, { endsWithInterrupt = true } = {}) {
  const isLive = stream.isTTY === true && process.env.TERM !== "dumb";
  let make: ((columns: number) => string) | null = null;

  function draw(): void {
    if (make === null) return;
    // A text in the last cell would make some terminals begin a new line.
    const columns = Math.max((stream.columns || 80) - 1, 0);
    stream.write(`${ERASE}${printable(make(columns))}\r`);
  }

  function clear(): void {
    if (make === null) return;
    make = null;
    stream.off("resize", draw);
    process.off("SIGINT", interrupt);
    stream.write(ERASE);
  }

  /** Ctrl-C must not leave half a line where the shell prints its prompt. */
  function interrupt(): void {
    clear();
    process.kill(process.pid, "SIGINT");
  }

  return {
    isLive,
    clear,
    /** `text`: for a width in cells. It must not take more, and the terminal must be able to print it. */
    show(text: (columns: number) => string): void {
      if (!isLive) return;
      if (make === null) {
        stream.on("resize", draw);
        if (endsWithInterrupt) process.once("SIGINT", interrupt);
      }
      make = text;
      draw();
    },
    /** Prints a problem to stderr, which may be the same terminal. The next `show` brings the line back. */
    complain(sentence: string): void {
      clear();
      complain(sentence);
    },
  };
}

/** Doubles with each failure. The client's own retries come before each of these pauses. */
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 10_000;

interface LastingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Tells people that the server does not answer, and that it answers again. */
  readonly say: (sentence: string) => void;
  /** The code of an error that is thrown although waiting could help. */
  readonly notAfter?: string;
}

/** Calls until there is a response. Throws refusals. The server must have answered before. */
export async function lasting<T>(call: () => Promise<T>, options: LastingOptions): Promise<T> {
  const outage = outageOf(options);
  for (;;) {
    try {
      const value = await call();
      outage.end();
      return value;
    } catch (fault) {
      await outage.waitAfter(fault);
    }
  }
}

/** The events after the number `after`, each once, until the run ends. The server must have answered before. */
export async function* lastingEvents(
  client: Client,
  id: string,
  { after = 0, onTail, ...options }: LastingOptions & Pick<WatchOptions, "after" | "onTail">,
): AsyncGenerator<Schemas["TimelineEvent"], void> {
  const outage = outageOf(options);
  for (let seq = after; ; ) {
    try {
      for await (const event of client.runs.watch(id, { after: seq, signal: options.signal, onTail })) {
        outage.end();
        seq = event.seq;
        yield event;
      }
      return;
    } catch (fault) {
      await outage.waitAfter(fault);
    }
  }
}

/** The changes of all runs. The client waits for the server by itself, so this only tells people. */
export async function* lastingChanges(
  client: Client,
  { say, ...options }: FollowOptions<FollowedList> & Pick<LastingOptions, "say">,
): AsyncGenerator<RunChanges, void> {
  const outage = outageOf({ say });
  for await (const changes of client.runs.follow({ ...options, onBreak: outage.begin })) {
    outage.end();
    yield changes;
  }
}

/**
 * A run goes on meanwhile, so only a refusal ends a command, or the first failure of an address that never answered.
 */
function outageOf({ signal, say, notAfter }: LastingOptions) {
  let failures = 0;

  function begin(fault: ActionRunsError): void {
    if (failures++ > 0) return;
    say(`The server can't answer now, so the command waits for it. Ctrl-C stops waiting. ${errorSentence(fault)}`);
  }

  return {
    begin,
    end(): void {
      if (failures > 0) say("The server answers again.");
      failures = 0;
    },
    /** Waits a moment if the server may come back. Throws everything else. */
    async waitAfter(fault: unknown): Promise<void> {
      signal?.throwIfAborted();
      if (!(fault instanceof ActionRunsError) || exitCodeOf(fault) !== EXIT.unreachable) throw fault;
      if (fault.code === notAfter) throw fault;
      const pauseMs = Math.min(PAUSE_MIN_MS * 2 ** failures, PAUSE_MAX_MS);
      begin(fault);
      await delay(Math.max(pauseMs, fault.retryAfterMs ?? 0), undefined, { signal });
    },
  };
}

/** The exit codes of shells: 128 and the number of the signal. */
export const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const;

type Interruption = keyof typeof INTERRUPTED;

/** No signal ends the process during `work`, but calls `onSignal`. Its `leave` aborts the work and throws the error. */
export async function withSignals<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onSignal: (name: Interruption, leave: (error: unknown) => void) => void,
): Promise<T> {
  const aborter = new AbortController();
  const leave = (error: unknown) => aborter.abort(error);
  const listener = (name: NodeJS.Signals) => onSignal(name as Interruption, leave);
  const names = Object.keys(INTERRUPTED) as Interruption[];
  for (const name of names) process.on(name, listener);
  try {
    return await work(aborter.signal);
  } catch (thrown) {
    aborter.signal.throwIfAborted();
    throw thrown;
  } finally {
    for (const name of names) process.off(name, listener);
  }
}
