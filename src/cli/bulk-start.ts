/** Starts a bulk operation for a command: shows people what it would do, asks, and follows it to its end. */

import { ActionRunsError, type BulkChange, type BulkOperation, type Client } from "../client/index.ts";
import { followBulk } from "./bulk-follow.ts";
import type { BulkFlags } from "./bulk-inputs.ts";
import { changeable, operationText, previewText } from "./bulk-text.ts";
import { CommandFailed, EXIT, exitCodeOf } from "./exit.ts";
import { ask } from "./input.ts";
import { given } from "./options.ts";
import { complain, Output, plain } from "./output.ts";
import { INTERRUPTED, withSignals } from "./signals.ts";

const NOTHING = "Nothing was changed.";
const MAY_HAVE_BEGUN = "The bulk operation may have begun. To see it: action-runs bulk list";

/** Returns the exit code. Call `checkConsent` before. */
export async function changeMany(
  client: Client,
  change: BulkChange,
  flags: BulkFlags,
  output: Output,
): Promise<number> {
  if (flags.dryRun) {
    const preview = await client.bulkOperations.preview(change);
    await output.show(preview, () => previewText(preview, change.operation, output));
    return EXIT.succeeded;
  }
  // Nobody reads a preview in a script. And a repeat with the same key must find its operation, although the runs no
  // longer match.
  const confirmed = flags.yes ? change : await confirmedChange(client, change, flags);
  if (confirmed === null) return EXIT.succeeded;
  const operation = await started(client, confirmed, flags);
  if (flags.wait === false) {
    const follow = `To follow it: action-runs bulk wait ${plain(operation.id)}`;
    await output.show(operation, () => `${operationText(operation, output)}\n\n${follow}`);
    return EXIT.succeeded;
  }
  return followBulk(client, operation, output, { isOwn: true });
}

/**
 * The change that the user has confirmed: without --max, it is about no more runs than the user has seen. Null if no run
 * matches. Throws CommandFailed if none can change, or the user does not say yes.
 */
async function confirmedChange(client: Client, change: BulkChange, { max }: BulkFlags): Promise<BulkChange | null> {
  const { operation, maxRuns } = change;
  const preview = await client.bulkOperations.preview(change);
  const { matched } = preview;
  if (matched === 0) {
    complain(`No runs match. ${NOTHING}`);
    return null;
  }
  if (typeof matched !== "number" && maxRuns !== undefined && matched.atLeast > maxRuns) {
    throw new CommandFailed(
      `More than ${maxRuns} runs match. ${NOTHING} Use more filters, such as --status and --since, or a higher --max.`,
      EXIT.conflict,
    );
  }
  // On stderr, because stdout is for the operation.
  const people = new Output({ json: false }, process.stderr);
  await people.line(`${previewText(preview, operation, people)}\n`);
  const count = changeable(preview, operation);
  const isExact = typeof matched === "number";
  if (count === 0 && isExact) {
    const done = operation === "cancel" ? "cancelled" : "retried";
    throw new CommandFailed(`None of these runs can be ${done}. ${NOTHING}`, EXIT.conflict);
  }
  const runs = `${count}${isExact ? "" : " or more"} ${count === 1 && isExact ? "run" : "runs"}`;
  const answer = await ask(`${operation === "cancel" ? "Cancel" : "Retry"} ${runs}? (y/N)`, { otherwise: NOTHING });
  if (!/^y(es)?$/i.test(answer)) throw new CommandFailed(NOTHING);
  return max === undefined && change.filter !== undefined && isExact ? { ...change, maxRuns: matched } : change;
}

async function started(client: Client, change: BulkChange, flags: BulkFlags): Promise<BulkOperation> {
  const { idempotencyKey } = flags;
  try {
    return await withSignals(
      (signal) => client.bulkOperations.create(change, { signal, ...given({ idempotencyKey }) }),
      (name, leave) => leave(new CommandFailed(MAY_HAVE_BEGUN, INTERRUPTED[name])),
    );
  } catch (thrown) {
    if (thrown instanceof ActionRunsError && exitCodeOf(thrown) === EXIT.unreachable) complain(MAY_HAVE_BEGUN);
    throw thrown;
  }
}
