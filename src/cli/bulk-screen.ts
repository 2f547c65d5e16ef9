/** What people see while a bulk operation runs, and what their Ctrl-C does. */

import type { BulkOperation, Client } from "../client/index.ts";
import { progressLine } from "./bulk-text.ts";
import { CommandFailed, errorSentence, exitCodeOf } from "./exit.ts";
import { ask } from "./input.ts";
import { LiveLine } from "./live-line.ts";
import { complain, Output, plain } from "./output.ts";
import { INTERRUPTED, type Interruption } from "./signals.ts";

/** The user leaves the operation, which goes on. */
export class Left extends Error {
  override readonly name = "Left";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("The bulk operation goes on.");
    this.exitCode = exitCode;
  }
}

export class BulkScreen {
  readonly #client: Client;
  readonly #id: string;
  readonly #isOwn: boolean;
  readonly #live: LiveLine | null;
  #mayAsk: boolean;
  /** Whether the question is on the screen. */
  #isAsking = false;
  /** Takes the question back. */
  readonly #over = new AbortController();

  /** `isOwn`: whether this command started the operation, so that Ctrl-C can mean to stop it. */
  constructor(client: Client, id: string, isOwn: boolean) {
    this.#client = client;
    this.#id = id;
    this.#isOwn = isOwn;
    const { stdin, stderr } = process;
    this.#live = LiveLine.canBeOn(stderr) ? new LiveLine(stderr, { endsWithInterrupt: false }) : null;
    this.#mayAsk = isOwn && stdin.isTTY === true && stderr.isTTY === true;
  }

  begin(): void {
    const ctrlC = this.#mayAsk ? " Ctrl-C asks whether to stop it." : "";
    // Also in a script, because the operation goes on if the script is killed.
    if (this.#isOwn) complain(`Started the bulk operation ${plain(this.#id)}.${ctrlC}`);
    else if (this.#live) complain("Ctrl-C stops waiting. The bulk operation goes on.");
  }

  show(operation: BulkOperation): void {
    if (!this.#isAsking) this.#live?.show((columns) => progressLine(operation, columns));
  }

  /** Prints a problem to stderr. The next read brings the line back. */
  say(sentence: string): void {
    this.#live?.clear();
    complain(sentence);
  }

  /** `leave`: ends the wait with this error. */
  interrupt(name: Interruption, leave: (error: Left) => void): void {
    this.#live?.clear();
    if (name === "SIGINT" && this.#mayAsk) void this.#ask(leave);
    else leave(new Left(INTERRUPTED[name]));
  }

  /** Asks once. Ctrl-C in the place of an answer leaves the operation. */
  async #ask(leave: (error: Left) => void): Promise<void> {
    this.#mayAsk = false;
    this.#isAsking = true;
    const left = new Left(INTERRUPTED.SIGINT);
    try {
      const answer = await ask("Stop the bulk operation? N leaves it running (y/N)", {
        signal: this.#over.signal,
        onInterrupt: () => leave(left),
      });
      this.#isAsking = false;
      if (!/^y(es)?$/i.test(answer)) return leave(left);
      await this.#client.bulkOperations.cancel(this.#id, { signal: this.#over.signal });
    } catch (thrown) {
      if (this.#over.signal.aborted) return;
      // The input has ended.
      if (thrown instanceof CommandFailed) return leave(left);
      this.say(`The service does not stop it. ${errorSentence(thrown)}`);
      leave(new Left(exitCodeOf(thrown)));
    }
  }

  /** Call this before something else is printed. */
  end(): void {
    this.#live?.clear();
    this.#over.abort();
    if (this.#isAsking) process.stderr.write("\n");
    this.#isAsking = false;
  }

  /** Commands have lines of their own, so that people can copy them. */
  async sayGoesOn(): Promise<void> {
    complain("The bulk operation goes on.");
    const id = plain(this.#id);
    const people = new Output({ json: false }, process.stderr);
    await people.line(`To follow it: action-runs bulk wait ${id}\nTo stop it: action-runs bulk cancel ${id}`);
  }
}
