/** Follows a bulk operation to its end. stdout is for the ended operation alone, so progress goes to stderr. */

import type { BulkItem, BulkOperation, Client } from "../client/index.ts";
import {
  countsText,
  countText,
  operationText,
  progressLine,
  type Reasons,
  reasonsText,
} from "./bulk-text.ts";
import { CommandFailed, EXIT, exitCodeOfBulk } from "./exit.ts";
import { ask } from "./input.ts";
import { lasting } from "./lasting.ts";
import { take } from "./limits.ts";
import { LiveLine } from "./live-line.ts";
import { complain, type Output, plain } from "./output.ts";
import { INTERRUPTED, type Interruption, withSignals } from "./signals.ts";

/** Of more runs the codes are not read. */
const REASONS_MAX = 1000;
const SECOND_MS = 1000;

export interface FollowBulkOptions {
  /** Whether this command started the operation, so that Ctrl-C can mean to stop it. */
  readonly isOwn: boolean;
  /** How long to wait at most. */
  readonly seconds?: number | undefined;
}

/**
 * Shows the operation when it has ended, and returns the exit code. Throws CommandFailed if the user leaves it, or after
 * `seconds`. The service must have answered before.
 */
export async function followBulk(
  client: Client,
  first: BulkOperation,
  output: Output,
  { isOwn, seconds }: FollowBulkOptions,
): Promise<number> {
  const screen = new Screen(client, first.id, isOwn);
  screen.begin();
  const timeout = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  try {
    const ended = await withSignals(
      (left) => {
        const signal = timeout === undefined ? left : AbortSignal.any([left, timeout]);
        const onProgress = (operation: BulkOperation) => screen.show(operation);
        const wait = () => client.bulkOperations.wait(first.id, { signal, onProgress });
        return lasting(wait, { signal, say: (sentence) => screen.say(sentence) });
      },
      (name, leave) => screen.interrupt(name, leave),
    );
    screen.end();
    await showEnded(client, ended, output);
    return exitCodeOfBulk(ended);
  } catch (thrown) {
    if (!timeout?.aborted || thrown !== timeout.reason) throw thrown;
    throw new CommandFailed(
      `The bulk operation did not end within ${seconds} s. ${goesOn(first.id)}`,
      EXIT.timedOut,
    );
  } finally {
    screen.end();
  }
}

/** What people see while the operation runs, and what their Ctrl-C does. */
class Screen {
  readonly #client: Client;
  readonly #id: string;
  readonly #isOwn: boolean;
  readonly #live: LiveLine | null;
  /** Takes the question back when the operation ends. */
  #question: AbortController | null = null;
  #mayAsk: boolean;

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
    if (this.#question === null) this.#live?.show((columns) => progressLine(operation, columns));
  }

  /** Prints a problem to stderr. The next read brings the line back. */
  say(sentence: string): void {
    this.#live?.clear();
    complain(sentence);
  }

  interrupt(name: Interruption, leave: (error: unknown) => void): void {
    this.#live?.clear();
    if (name === "SIGINT" && this.#mayAsk) void this.#ask(leave);
    else leave(new CommandFailed(goesOn(this.#id), INTERRUPTED[name]));
  }

  /** Asks once. Ctrl-C in the place of an answer leaves the operation. */
  async #ask(leave: (error: unknown) => void): Promise<void> {
    this.#mayAsk = false;
    const question = new AbortController();
    this.#question = question;
    const left = new CommandFailed(goesOn(this.#id), INTERRUPTED.SIGINT);
    try {
      const answer = await ask(
        "Stop the bulk operation? What it has done stays done. (y = stop, N = leave it)",
        {
          signal: question.signal,
          onInterrupt: () => leave(left),
        },
      );
      if (!/^y(es)?$/i.test(answer)) return leave(left);
      await this.#client.bulkOperations.cancel(this.#id);
      this.#question = null;
    } catch (thrown) {
      // No answer is possible, or the service refuses to stop it.
      if (!question.signal.aborted) leave(thrown instanceof CommandFailed ? left : thrown);
    }
  }

  /** Call this before something else is printed. */
  end(): void {
    this.#live?.clear();
    if (this.#question === null) return;
    this.#question.abort();
    this.#question = null;
    process.stderr.write("\n");
  }
}

function goesOn(id: string): string {
  const one = plain(id);
  return `The bulk operation goes on. \`action-runs bulk wait ${one}\` follows it, and \`action-runs bulk cancel ${one}\` stops it.`;
}

async function showEnded(client: Client, operation: BulkOperation, output: Output): Promise<void> {
  const { id, counts, status } = operation;
  const reasons = {
    skipped: await reasonsOf(client, id, "skipped", counts.skipped),
    failed: await reasonsOf(client, id, "failed", counts.failed),
  };
  await output.show(operation, () => operationText(operation, output, reasons));
  if (output.isJson && (status === "aborted" || counts.skipped + counts.failed > 0)) {
    complain(endSentence(operation, reasons));
  }
}

function endSentence(operation: BulkOperation, reasons: Reasons): string {
  const { status, abortReason, counts } = operation;
  const told = [reasonsText(reasons.skipped), reasonsText(reasons.failed)].join(" ").trim();
  const how = abortReason === null ? status : `${status} (${abortReason})`;
  return `The bulk operation is ${plain(how)}: ${countsText(operation)}, ${countText(counts.remaining)} remaining. ${told}`;
}

async function reasonsOf(
  client: Client,
  id: string,
  outcome: NonNullable<BulkItem["outcome"]>,
  count: number,
): Promise<ReadonlyMap<string, number>> {
  const reasons = new Map<string, number>();
  if (count === 0) return reasons;
  for await (const { code } of take(client.bulkOperations.items(id, { outcome }), REASONS_MAX)) {
    reasons.set(code ?? "unknown", (reasons.get(code ?? "unknown") ?? 0) + 1);
  }
  return reasons;
}
