/** `bulk`: shows, follows and stops bulk operations, which `cancel` and `retry` start. Progress goes to stderr. */
import type { Client, Schemas } from "../../client/index.ts";
import { changeableText, endedText, wouldStartText } from "../../words/bulk.ts";
import { countText, least, tallyText } from "../../words/statuses.ts";
import { calling, group, listing, showing, take } from "../command.ts";
import { CommandFailed, EXIT, errorSentence, exitCodeOf, exitCodeOfBulk } from "../exit.ts";
import { INTERRUPTED, lasting, screenOn, WAIT_TIMEOUT, withSignals } from "../follow.ts";
import { isConfirmed } from "../input.ts";
import { allOf, argument, limitOption, option, readId } from "../options.ts";
import { type Colour, complain, cut, indent, instantText, type Output, people, plain, text, words } from "../output.ts";
import { actionText, progressBar } from "../run-text.ts";

type BulkOperation = Schemas["BulkOperation"];
type Outcome = NonNullable<Schemas["BulkItem"]["outcome"]>;

/** The codes of more runs are not read. */
const REASONS_MAX = 1000;

const GOES_ON = "The bulk operation goes on.";

class Left extends CommandFailed {}

/**
 * Shows the operation when it has ended, and returns the exit code. If the user leaves it, or after `seconds`, it says
 * that the operation goes on. The service must have answered before. `isOwn`: this command started the operation. Then
 * Ctrl-C on a terminal asks once whether to stop it. Ctrl-C in the place of an answer leaves it.
 */
export async function followBulk(
  client: Client,
  { id }: BulkOperation,
  output: Output,
  { isOwn, seconds }: { readonly isOwn: boolean; readonly seconds?: number | undefined },
): Promise<number> {
  const { stdin, stderr } = process;
  const screen = screenOn(stderr, { endsWithInterrupt: false });
  const over = new AbortController();
  const timeout = seconds === undefined ? undefined : AbortSignal.timeout(seconds * 1000);
  let mayAsk = isOwn && stdin.isTTY === true && stderr.isTTY === true;
  let isAsking = false;

  async function askToStop(leave: (error: Left) => void): Promise<void> {
    mayAsk = false;
    isAsking = true;
    const left = new Left(GOES_ON, INTERRUPTED.SIGINT);
    try {
      const isStopped = await isConfirmed("Stop the bulk operation? N leaves it running", {
        signal: over.signal,
        onInterrupt: () => leave(left),
      });
      isAsking = false;
      if (!isStopped) return leave(left);
      await client.bulkOperations.cancel(id, { signal: over.signal });
    } catch (thrown) {
      if (over.signal.aborted) return;
      // The input has ended.
      if (thrown instanceof CommandFailed) return leave(left);
      screen.complain(`The service does not stop it. ${errorSentence(thrown)}`);
      leave(new Left(GOES_ON, exitCodeOf(thrown)));
    }
  }

  /** Takes the question back. */
  function end(): void {
    screen.clear();
    over.abort();
    if (isAsking) stderr.write("\n");
    isAsking = false;
  }

  try {
    const ended = await withSignals(
      (left) => {
        const ctrlC = mayAsk ? " Ctrl-C asks whether to stop it." : "";
        // Also in a script, because the operation goes on if the script is killed.
        if (isOwn) complain(`Started the bulk operation ${plain(id)}.${ctrlC}`);
        else if (screen.isLive) complain("Ctrl-C stops waiting. The bulk operation goes on.");
        const signal = timeout === undefined ? left : AbortSignal.any([left, timeout]);
        const onProgress = (operation: BulkOperation) => {
          if (!isAsking) screen.show((columns) => progressLine(operation, columns));
        };
        const wait = () => client.bulkOperations.wait(id, { signal, onProgress });
        return lasting(wait, { signal, say: screen.complain });
      },
      (name, leave) => {
        screen.clear();
        if (name === "SIGINT" && mayAsk) void askToStop(leave);
        else leave(new Left(GOES_ON, INTERRUPTED[name]));
      },
    );
    end();
    await showEnded(client, ended, output);
    return exitCodeOfBulk(ended);
  } catch (thrown) {
    end();
    if (!(thrown instanceof Left) && thrown !== timeout?.reason) throw thrown;
    complain(GOES_ON);
    // Commands have lines of their own, so that people can copy them.
    const how = `To follow it: action-runs bulk wait ${plain(id)}\nTo stop it: action-runs bulk cancel ${plain(id)}`;
    await people().line(how);
    return thrown instanceof Left ? thrown.exitCode : EXIT.timedOut;
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

async function codesOf(client: Client, id: string, outcome: Outcome): Promise<readonly string[]> {
  const items = await Array.fromAsync(take(client.bulkOperations.items(id, { outcome }), REASONS_MAX));
  return items.map(({ code }) => code ?? "");
}

/** The codes of runs that were skipped or failed, perhaps not of all. */
type Reasons = Readonly<Record<"skipped" | "failed", readonly string[]>>;

/** More would move the counts, which are below, out of sight. */
const NEWEST_SHOWN = 10;

const COLOURS: Readonly<Record<string, Colour>> = {
  collecting: "yellow",
  running: "cyan",
  completed: "green",
  aborted: "red",
  accepted: "green",
  skipped: "yellow",
  failed: "red",
};

const ABORTED: Readonly<Record<string, string>> = {
  asked: "stopped",
  too_many_runs: "too many runs match, so nothing was done",
  token_revoked: "its token was revoked",
  token_expired: "its token has expired",
};

export function previewText(preview: Schemas["BulkPreview"], kind: BulkOperation["operation"], output: Output): string {
  const { matched, byStatus, newest } = preview;
  const shown = newest.slice(0, NEWEST_SHOWN);
  const isAll = shown.length === matched;
  return output.fields([
    ["newest runs", indent([...shown.map(plain), ...(isAll ? [] : ["…"])].join("\n"))],
    ["match", words(countText(matched, String), inBrackets(byStatus))],
    ["of them", plain(changeableText(preview, kind, String))],
    ["then", plain(wouldStartText(preview) ?? "")],
  ]);
}

export function operationText(operation: BulkOperation, output: Output, reasons?: Reasons): string {
  const { id, operation: kind, status, filter, by, counts, createdAt, completedAt } = operation;
  return output.fields([
    ["bulk operation", plain(id)],
    ["does", plain(kind)],
    ["status", output.paint(COLOURS[status] ?? "dim", statusText(operation))],
    ["match", countText(counts.matched, String)],
    ["accepted", text(counts.accepted)],
    ["ended", plain(endedText(operation) ?? "")],
    ["skipped", words(text(counts.skipped), inBrackets(tally(reasons?.skipped)))],
    ["failed", words(text(counts.failed), inBrackets(tally(reasons?.failed)))],
    ["remaining", countText(counts.remaining, String)],
    ["filter", filter && indent(filterText(filter))],
    ["by", plain(by)],
    ["created", instantText(createdAt)],
    ["completed", completedAt && instantText(completedAt)],
  ]);
}

function filterText(filter: NonNullable<BulkOperation["filter"]>): string {
  return Object.entries(filter)
    .map(([name, value]) => `${plain(name)}: ${[value].flat().map(text).join(", ")}`)
    .join("\n");
}

function statusText({ status, abortReason }: BulkOperation): string {
  if (abortReason === null) return plain(status);
  const reason = ABORTED[abortReason] ?? plain(abortReason);
  return status === "aborted" ? `aborted: ${reason}` : `${plain(status)}: is being stopped`;
}

function tally(codes: readonly string[] = []): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(codes, String)].map(([code, same]) => [code, same.length]));
}

function inBrackets(counts: Readonly<Record<string, number>>): string {
  const told = plain(tallyText(counts));
  return told === "" ? "" : `(${told})`;
}

/** How an operation ended, for people who read its JSON elsewhere. */
function endSentence(operation: BulkOperation, { skipped, failed }: Reasons): string {
  const { counts } = operation;
  return words(
    `The bulk operation is ${statusText(operation)}. ${countsText(operation)}, ${countText(counts.remaining, String)} remaining.`,
    skipped.length > 0 ? `Skipped: ${plain(tallyText(tally(skipped)))}.` : "",
    failed.length > 0 ? `Failed: ${plain(tallyText(tally(failed)))}.` : "",
  );
}

function progressLine(operation: BulkOperation, columns: number): string {
  const { status, counts } = operation;
  const { matched, accepted, skipped, failed } = counts;
  if (status === "collecting") return cut(`finds the runs: ${countText(matched, String)} so far`, columns);
  const decided = accepted + skipped + failed;
  const total = least(matched);
  const bar = progressBar(total === 0 ? 1 : decided / total, columns);
  return cut(`${bar} ${text(decided)} of ${countText(matched, String)}: ${countsText(operation)}`, columns);
}

function countsText({ counts: { accepted, skipped, failed } }: BulkOperation): string {
  return `${text(accepted)} accepted, ${text(skipped)} skipped, ${text(failed)} failed`;
}

function operationTable(operations: readonly BulkOperation[], output: Output): string {
  return output.table(operations, [
    // Commands need the whole id.
    ["BULK OPERATION", ({ id }) => id],
    ["DOES", ({ operation }) => operation],
    ["STATUS", ({ status }) => status, { colour: (cell) => COLOURS[cell] }],
    ["MATCH", ({ counts }) => countText(counts.matched, String), { dispensable: 1 }],
    ["ACCEPTED", ({ counts }) => counts.accepted, { dispensable: 2 }],
    ["SKIPPED", ({ counts }) => counts.skipped, { dispensable: 3 }],
    ["FAILED", ({ counts }) => counts.failed, { dispensable: 4 }],
    ["REASON", ({ abortReason }) => abortReason, { least: 8, dispensable: 7 }],
    ["CREATED", ({ createdAt }) => instantText(createdAt), { dispensable: 5 }],
    ["BY", ({ by }) => by, { least: 8, dispensable: 6 }],
  ]);
}

function itemTable(items: readonly Schemas["BulkItem"][], output: Output): string {
  return output.table(items, [
    ["RUN", ({ runId }) => runId],
    ["ACTION", ({ title, actionName }) => actionText(title, actionName), { least: 16, dispensable: 2 }],
    ["OUTCOME", ({ outcome }) => outcome ?? "undecided", { colour: (cell) => COLOURS[cell] }],
    ["CODE", ({ code }) => code, { least: 12, dispensable: 1 }],
    ["NEW RUN", ({ newRunId }) => newRunId, { isOptional: true }],
  ]);
}

const OUTCOMES = allOf<Outcome>({ accepted: true, skipped: true, failed: true });
const ID = "019ab3de-9b55-8003-a8a9-dd2c148ea617";
const OPERATION = argument("<id>", "the operation's id", { read: readId });

const list = listing("bulk list", {
  about: "List bulk operations, newest first: those that run, and those that ended in the last 30 days.",
  options: [limitOption(20)],
  examples: [
    "action-runs bulk list",
    "action-runs bulk list --json | jq -r '.[] | select(.status == \"running\") | .id'",
  ],
  list: ({ client }) => client.bulkOperations.list(),
  none: "There are no bulk operations.",
  table: operationTable,
});

const get = showing("bulk get", {
  about:
    "Show a bulk operation: its filter, how far it is, and for a cancel how the accepted runs have ended. The exit " +
    "code is 0, also if the operation was stopped.",
  arguments: [OPERATION],
  examples: [`action-runs bulk get ${ID}`, `action-runs bulk get ${ID} --json | jq .counts`],
  ask: ({ client }, id) => client.bulkOperations.get(id),
  text: operationText,
});

const items = listing("bulk items", {
  about:
    "List the runs of a bulk operation, in the order in which it first tries them. A run is accepted, skipped with the " +
    "code of the reason, failed if the service could not decide, or undecided. A retry also shows the new run.",
  arguments: [OPERATION],
  options: [option("--outcome <outcome>", "only runs with this outcome", { choices: OUTCOMES }), limitOption()],
  examples: [
    `action-runs bulk items ${ID} --outcome skipped`,
    `action-runs bulk items ${ID} --outcome accepted --json | jq -r '.[].newRunId'`,
  ],
  list: ({ client, flags: { outcome } }, id) => client.bulkOperations.items(id, { outcome }),
  none: "No runs match.",
  table: itemTable,
});

const cancel = showing("bulk cancel", {
  about:
    "Stop a bulk operation. A retry finishes up to 25 runs first. What it has done stays done, and it leaves the other " +
    "runs alone. An operation that has ended stays as it is.",
  arguments: [OPERATION],
  examples: [`action-runs bulk cancel ${ID}`],
  ask: ({ client }, id) => client.bulkOperations.cancel(id),
  text: operationText,
});

const wait = calling("bulk wait", {
  about:
    "Follow a bulk operation until it ends, and show it. The exit code is that of the `cancel` or `retry` that started " +
    "it, or 7 after --wait-timeout. Ctrl-C stops waiting, and the operation goes on.",
  arguments: [OPERATION],
  options: [WAIT_TIMEOUT],
  examples: [`action-runs bulk wait ${ID} --wait-timeout 600`],
  run: async ({ client, output, flags }, id) =>
    followBulk(client, await client.bulkOperations.get(id), output, { isOwn: false, seconds: flags.waitTimeout }),
});

export const bulkCommand = group("bulk", {
  about:
    "Show, follow and stop bulk operations. A bulk operation cancels or retries many runs. To start one, give `cancel` " +
    "or `retry` several runs or a filter. The service keeps an operation for 30 days after its end.",
  examples: ["action-runs bulk list", `action-runs bulk wait ${ID}`],
  commands: [list, get, items, cancel, wait],
});
