/**
 * Waits for a run's end, for the commands that make a run and for `get`. stdout is for the run alone, so progress goes
 * to stderr.
 */

import { setTimeout as delay } from "node:timers/promises";
import { Option } from "commander";
import {
  ActionRunsError,
  type Client,
  type DetailOptions,
  type FollowedList,
  type FollowOptions,
  type RunChanges,
  type Schemas,
} from "../client/index.ts";
import { type CliCommand, wholeNumberFrom } from "./command.ts";
import { CommandFailed, EXIT, errorSentence, exitCodeOf, exitCodeOfRun } from "./exit.ts";
import { complain, cut, Output, plain, printable, wrap } from "./output.ts";
import { eventText, heartbeatLine, runText, waitsForText } from "./run-text.ts";

type DetailedActionRun = Schemas["DetailedActionRun"];

const SECOND_MS = 1000;
/** A JavaScript timer fires at once if its milliseconds don't fit into 31 bits. */
const WAIT_MAX_SECONDS = Math.floor((2 ** 31 - 1) / SECOND_MS);

/** Adds the options of a command that can wait. */
export function withWaiting(command: CliCommand): CliCommand {
  return command
    .addOption(new Option("--wait", "wait until the run ends; the exit code tells how"))
    .addOption(waitTimeoutOption());
}

export function waitTimeoutOption(): Option {
  return new Option("--wait-timeout <seconds>", "stop waiting after this time and exit with 7").argParser(
    wholeNumberFrom(1, WAIT_MAX_SECONDS),
  );
}

export interface UntilEndedOptions extends DetailOptions {
  readonly seconds: number | undefined;
  /** Whether the server has answered before. Otherwise a server that does not answer ends the command. */
  readonly hasAnswered: boolean;
  /** How to show the ended run. Default: with all its members. */
  readonly show?: (run: DetailedActionRun) => Promise<void>;
}

/** Shows the run when it has ended, and returns the exit code for its status. Throws CommandFailed after `seconds`. */
export async function untilEnded(
  client: Client,
  id: string,
  output: Output,
  { seconds, include, hasAnswered, show }: UntilEndedOptions,
): Promise<number> {
  const signal = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  const options = signal === undefined ? {} : { signal };
  const most = seconds === undefined ? "" : `, for at most ${inSeconds(seconds)}`;
  try {
    const people = process.stderr.isTTY || !output.isJson ? new Output({ json: false }, process.stderr) : null;
    const waiting = `Waiting for the run ${plain(id)} to end${most}. Ctrl-C stops waiting. The run continues.`;
    await people?.line(wrap(waiting, people.columns));
    if (!hasAnswered) await client.runs.get(id, options);
    if (people !== null) await showEvents(client, id, people, options);
    const wait = () => client.runs.wait(id, { ...options, include });
    const run = await lasting(wait, { signal, say: complain });
    // On stderr, because stdout may be a file with the run alone.
    await people?.line("");
    await (show === undefined ? output.show(run, () => runText(run, output)) : show(run));
    return exitCodeOfRun(run.status);
  } catch (thrown) {
    if (!signal?.aborted) throw thrown;
    throw new CommandFailed(
      `The run ${id} did not end within ${inSeconds(seconds)}. It continues. To wait again: action-runs get ${id} --wait`,
      EXIT.timedOut,
    );
  }
}

/** Shows people the events until the run ends. The caller shows the ended run. */
async function showEvents(
  client: Client,
  id: string,
  people: Output,
  options: { readonly signal?: AbortSignal },
): Promise<void> {
  const read = () => client.runs.get(id, { ...options, include: "details" });
  const lines = new EventLines(people, read);
  try {
    // Without events there is still the end to wait for.
    const patience = { ...options, say: (sentence: string) => lines.complain(sentence), notAfter: "too_many_watchers" };
    for await (const event of lastingEvents(client, id, patience)) await lines.show(event);
  } catch (fault) {
    options.signal?.throwIfAborted();
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

/* SECTION:
 * Shows people a run's events: one line each. On a terminal the heartbeats are one progress bar, and what the run waits
 * for is one line, which change in place.
 */

type Event = Parameters<typeof eventText>[0];

/** After these events a run may wait. */
const HOLDING: ReadonlySet<unknown> = new Set(["waiting", "approved"]);

export class EventLines {
  readonly #output: Output;
  readonly #live: LiveLine | null;
  readonly #waiting: LiveWaiting | null;

  /** `read`: gives the run with its details. */
  constructor(output: Output, read: ReadRun) {
    this.#output = output;
    this.#live = LiveLine.canBeOn(output.stream) ? new LiveLine(output.stream) : null;
    this.#waiting = this.#live && new LiveWaiting(this.#live, read);
  }

  async show(event: Event): Promise<void> {
    const type = "type" in event ? event.type : null;
    if (this.#live !== null && type === "heartbeat") {
      this.#live.show((columns) => heartbeatLine(event, columns));
      return;
    }
    this.clear();
    await this.#output.line(eventText(event, this.#output));
    // Not awaited, because the next event must not wait for the read.
    if (HOLDING.has(type)) void this.#waiting?.start();
  }

  /** Prints a problem to stderr. */
  complain(sentence: string): void {
    // Both streams may be the same terminal. The next heartbeat brings the bar back, and the next second the line of a
    // run that waits.
    this.#live?.clear();
    complain(sentence);
  }

  /** Call this before something else is printed. */
  clear(): void {
    this.#waiting?.stop();
    this.#live?.clear();
  }
}

/* SECTION:
 * The live line of a run that waits. No event tells that the run's position has changed, so the run is read
 * again from time to time.
 */

/** Rarely, because many may wait for hours. */
const READ_EVERY_MS = 10_000;
/** The line also says how long it is until the start. */
const DRAW_EVERY_MS = 1000;

/** Gives the run with its details. */
export type ReadRun = () => Promise<DetailedActionRun>;

export class LiveWaiting {
  readonly #live: LiveLine;
  readonly #read: ReadRun;
  #details: DetailedActionRun["details"];
  #timer: NodeJS.Timeout | undefined;
  /** Grows with each start and stop, so that a late response draws nothing. */
  #generation = 0;

  constructor(live: LiveLine, read: ReadRun) {
    this.#live = live;
    this.#read = read;
  }

  /** Shows the line, and keeps it true until `stop`. Resolves when the first line is there. */
  async start(): Promise<void> {
    this.stop();
    const generation = this.#generation;
    let leftMs = READ_EVERY_MS;
    this.#timer = setInterval(() => {
      leftMs -= DRAW_EVERY_MS;
      if (leftMs <= 0) {
        leftMs = READ_EVERY_MS;
        void this.#update(generation);
      } else this.#draw();
    }, DRAW_EVERY_MS);
    this.#timer.unref();
    await this.#update(generation);
  }

  /** Call this when the run no longer waits, or before the command ends. */
  stop(): void {
    this.#generation++;
    clearInterval(this.#timer);
    this.#details = undefined;
  }

  async #update(generation: number): Promise<void> {
    // The line is an extra. If the service can't answer, the events say so.
    const run = await this.#read().catch(() => null);
    if (generation !== this.#generation) return;
    if (run !== null) this.#details = run.details;
    this.#draw();
  }

  #draw(): void {
    const details = this.#details;
    if (details?.waiting) this.#live.show((columns) => cut(waitsForText(details, Date.now()), columns));
    else this.#live.clear();
  }
}

/* SECTION:
 * One line of a terminal that changes in place, below lines that stay. The cursor stays at the line's beginning, so
 * that a terminal that breaks the line when it gets narrower has all of it after the cursor, where it is erased.
 */

/** From the cursor to the end of the screen. */
const ERASE = "\r\x1b[J";

export class LiveLine {
  readonly #stream: NodeJS.WriteStream;
  #make: ((columns: number) => string) | null = null;
  readonly #endsWithInterrupt: boolean;
  readonly #redraw = () => this.#draw();
  /** Ctrl-C must not leave half a line where the shell prints its prompt. */
  readonly #interrupt = () => {
    this.clear();
    process.kill(process.pid, "SIGINT");
  };

  /** `endsWithInterrupt`: false if the command itself decides what Ctrl-C does. It must then clear the line. */
  constructor(stream: NodeJS.WriteStream, { endsWithInterrupt = true } = {}) {
    this.#stream = stream;
    this.#endsWithInterrupt = endsWithInterrupt;
  }

  /** Whether lines can change in place there. */
  static canBeOn(stream: NodeJS.WriteStream): boolean {
    return stream.isTTY === true && process.env.TERM !== "dumb";
  }

  /** `make`: the text for a width in cells. It must not take more, and the terminal must be able to print it. */
  show(make: (columns: number) => string): void {
    if (this.#make === null) {
      this.#stream.on("resize", this.#redraw);
      if (this.#endsWithInterrupt) process.once("SIGINT", this.#interrupt);
    }
    this.#make = make;
    this.#draw();
  }

  /** Removes the line, so that other lines can be printed. */
  clear(): void {
    if (this.#make === null) return;
    this.#make = null;
    this.#stream.off("resize", this.#redraw);
    process.off("SIGINT", this.#interrupt);
    this.#stream.write(ERASE);
  }

  #draw(): void {
    if (this.#make === null) return;
    // A text in the last cell would make some terminals begin a new line.
    const columns = Math.max((this.#stream.columns || 80) - 1, 0);
    this.#stream.write(`${ERASE}${printable(this.#make(columns))}\r`);
  }
}

/* SECTION:
 * Goes on although the server goes away, because a run goes on too. Only what the server refuses ends a command that
 * has reached it once. An address that never answered is probably wrong, so the first failure there is thrown.
 */

/** Doubles with each failure. The client's own retries come before each of these pauses. */
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 10_000;

export interface LastingOptions {
  readonly signal?: AbortSignal | undefined;
  /** Tells people that the server does not answer, and that it answers again. */
  readonly say: (sentence: string) => void;
  /** The code of an error that is thrown although waiting could help. */
  readonly notAfter?: string;
}

/** Calls until there is a response. Throws refusals. The server must have answered before. */
export async function lasting<T>(call: () => Promise<T>, options: LastingOptions): Promise<T> {
  const outage = new Outage(options);
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
  { after = 0, ...options }: LastingOptions & { readonly after?: number | undefined },
): AsyncGenerator<Schemas["TimelineEvent"], void> {
  const outage = new Outage(options);
  for (let seq = after; ; ) {
    try {
      for await (const event of client.runs.watch(id, { after: seq, signal: options.signal })) {
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
  const outage = new Outage({ say });
  const onBreak = (fault: ActionRunsError) => outage.begin(fault);
  for await (const changes of client.runs.follow({ ...options, onBreak })) {
    outage.end();
    yield changes;
  }
}

class Outage {
  readonly #options: LastingOptions;
  #failures = 0;

  constructor(options: LastingOptions) {
    this.#options = options;
  }

  /** Waits a moment if the server may come back. Throws everything else. */
  async waitAfter(fault: unknown): Promise<void> {
    const { signal, notAfter } = this.#options;
    signal?.throwIfAborted();
    if (!(fault instanceof ActionRunsError) || exitCodeOf(fault) !== EXIT.unreachable) throw fault;
    if (fault.code === notAfter) throw fault;
    const pauseMs = Math.min(PAUSE_MIN_MS * 2 ** this.#failures, PAUSE_MAX_MS);
    this.begin(fault);
    await delay(Math.max(pauseMs, fault.retryAfterMs ?? 0), undefined, { signal });
  }

  /** Says it once for each outage. */
  begin(fault: ActionRunsError): void {
    if (this.#failures++ > 0) return;
    this.#options.say(
      `The server can't answer now, so the command waits for it. Ctrl-C stops waiting. ${errorSentence(fault)}`,
    );
  }

  end(): void {
    if (this.#failures > 0) this.#options.say("The server answers again.");
    this.#failures = 0;
  }
}

/* SECTION: What SIGINT and SIGTERM do to a command that started something which goes on without it. */

/** The exit codes of shells: 128 and the number of the signal. */
export const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const;

export type Interruption = keyof typeof INTERRUPTED;

/**
 * Does `work`. A signal does not end the process meanwhile, but calls `onSignal`. Its `leave` aborts the work, and its
 * error is then thrown.
 */
export async function withSignals<T>(
  work: (signal: AbortSignal, leave: (error: unknown) => void) => Promise<T>,
  onSignal: (name: Interruption, leave: (error: unknown) => void) => void,
): Promise<T> {
  const aborter = new AbortController();
  const leave = (error: unknown) => aborter.abort(error);
  const listeners = (Object.keys(INTERRUPTED) as Interruption[]).map(
    (name) => [name, () => onSignal(name, leave)] as const,
  );
  for (const [name, listener] of listeners) process.on(name, listener);
  try {
    return await work(aborter.signal, leave);
  } catch (thrown) {
    aborter.signal.throwIfAborted();
    throw thrown;
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}
