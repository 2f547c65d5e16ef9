/** Follows a bulk operation to its end. stdout is for the ended operation alone, so progress goes to stderr. */

import type { BulkItem, BulkOperation, Client } from "../client/index.ts";
import { BulkScreen, Left } from "./bulk-screen.ts";
import { endSentence, operationText, type Reasons } from "./bulk-text.ts";
import { EXIT, exitCodeOfBulk } from "./exit.ts";
import { lasting } from "./lasting.ts";
import { take } from "./limits.ts";
import { complain, type Output } from "./output.ts";
import { withSignals } from "./signals.ts";

/** The codes of more runs are not read. */
const REASONS_MAX = 1000;
const SECOND_MS = 1000;

export interface FollowBulkOptions {
  /** Whether this command started the operation, so that Ctrl-C can mean to stop it. */
  readonly isOwn: boolean;
  /** How long to wait at most. */
  readonly seconds?: number | undefined;
}

/**
 * Shows the operation when it has ended, and returns the exit code. If the user leaves it, or after `seconds`, it says
 * that the operation goes on. The service must have answered before.
 */
export async function followBulk(
  client: Client,
  { id }: BulkOperation,
  output: Output,
  { isOwn, seconds }: FollowBulkOptions,
): Promise<number> {
  const screen = new BulkScreen(client, id, isOwn);
  const timeout = seconds === undefined ? undefined : AbortSignal.timeout(seconds * SECOND_MS);
  try {
    const ended = await withSignals(
      (left) => {
        screen.begin();
        const signal = timeout === undefined ? left : AbortSignal.any([left, timeout]);
        const onProgress = (operation: BulkOperation) => screen.show(operation);
        const wait = () => client.bulkOperations.wait(id, { signal, onProgress });
        return lasting(wait, { signal, say: (sentence) => screen.say(sentence) });
      },
      (name, leave) => screen.interrupt(name, leave),
    );
    screen.end();
    await showEnded(client, ended, output);
    return exitCodeOfBulk(ended);
  } catch (thrown) {
    screen.end();
    const exitCode = thrown instanceof Left ? thrown.exitCode : EXIT.timedOut;
    if (!(thrown instanceof Left) && thrown !== timeout?.reason) throw thrown;
    await screen.sayGoesOn();
    return exitCode;
  }
}

async function showEnded(client: Client, operation: BulkOperation, output: Output): Promise<void> {
  const { id, counts, status } = operation;
  const read = (outcome: "skipped" | "failed") =>
    counts[outcome] === 0 ? [] : lasting(() => codesOf(client, id, outcome), { say: complain });
  const reasons: Reasons = { skipped: await read("skipped"), failed: await read("failed") };
  await output.show(operation, () => operationText(operation, output, reasons));
  if (output.isJson && (status === "aborted" || counts.skipped + counts.failed > 0)) {
    complain(endSentence(operation, reasons));
  }
}

async function codesOf(
  client: Client,
  id: string,
  outcome: NonNullable<BulkItem["outcome"]>,
): Promise<readonly string[]> {
  const codes: string[] = [];
  for await (const { code } of take(client.bulkOperations.items(id, { outcome }), REASONS_MAX)) {
    codes.push(code ?? "");
  }
  return codes;
}
