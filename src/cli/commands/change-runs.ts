/** `cancel` and `erase`, and how a command changes many runs: a cancel or a retry of several is a bulk operation. */

import { present } from "../../client/api.ts";
import { ActionRunsError, type BulkChange, type Client, type Schemas } from "../../client/index.ts";
import { changeable } from "../../words/bulk.ts";
import { calling, showing } from "../command.ts";
import { CommandFailed, EXIT, exitCodeOf, UsageError } from "../exit.ts";
import { INTERRUPTED, withSignals } from "../follow.ts";
import { requireTerminal, requireYes } from "../input.ts";
import { argument, type FlagsOf, grouped, option, readId, repeated, wholeNumberFrom } from "../options.ts";
import { complain, instantText, type Output, people, plain } from "../output.ts";
import { FILTERS, filterOf, RUN, STATUS, wholeRunIdForChange } from "../run-selection.ts";
import { runText } from "../run-text.ts";
import { followBulk, operationText, previewText } from "./bulk.ts";

/** The bound on a terminal, where people see how many runs match. More needs another permission. */
const MAX_DEFAULT = 500;
const MAX_MOST = 10_000;

export const BULK_HELP = `
Several runs, or options such as --status and --label, make a bulk operation. On a
terminal, the command shows how many runs match, and asks. In a script, use --yes,
and with a filter also --max. The operation goes on without the command. Ctrl-C
asks whether to stop it, and a second Ctrl-C leaves it. In a script, SIGINT and
SIGTERM leave it. If you leave it, the exit code is 130 or 143. \`bulk wait\` follows
it, and \`bulk cancel\` stops it.

The exit code of a bulk operation is 5 if too many runs match or all were skipped,
1 if the service could not decide about a run or somebody stopped the operation,
3 if its token was revoked or has expired meanwhile, and otherwise 0.
`;

export const RUNS = argument("[runs...]", "the run's id, or its last 6 or more characters; or several", {
  read: (text, before) => repeated(readId(text), before),
});

export const MANY_RUNS = grouped("Many runs:", [
  STATUS,
  ...FILTERS,
  option(
    "--max <count>",
    `change nothing if more runs match; above ${MAX_DEFAULT} your role must be owner or admin (default: ${MAX_DEFAULT} on a terminal and with --dry-run)`,
    { read: wholeNumberFrom(1, MAX_MOST) },
  ),
  option("-y, --yes", "change the runs without a question"),
  option("--dry-run", "only show how many runs match"),
  option("--no-wait", "start the bulk operation, and don't wait for its end"),
]);
type BulkFlags = FlagsOf<typeof MANY_RUNS> & { readonly idempotencyKey: string | undefined };

/** Whether the command is about many runs. Throws UsageError if it is about none, or about both. */
export function isAboutMany(runs: readonly string[], flags: BulkFlags): boolean {
  const isFiltered = Object.keys(filterOf(flags)).length > 0;
  if (runs.length > 0 && isFiltered) {
    throw new UsageError("Name the runs, or use a filter such as --status, and not both.");
  }
  if (runs.length === 0 && !isFiltered) {
    throw new UsageError("Name a run, or several, or use a filter such as --status or --label.");
  }
  return isFiltered || runs.length > 1 || flags.dryRun === true;
}

/** Throws UsageError if one of these options is given, because it works only with one run. */
function refuseForMany(flags: Readonly<Record<string, unknown>>): void {
  const [first] = Object.entries(flags).find(([, value]) => value !== undefined && value !== false) ?? [];
  if (first === undefined) return;
  throw new UsageError(`${first} works only with one run. Leave it out, or name one run.`);
}

/** Throws UsageError if a script has not said what people say on a terminal. */
function checkConsent({ yes, max, dryRun }: BulkFlags, runs: readonly string[]): void {
  if (max !== undefined && runs.length > max) {
    throw new UsageError(`--max ${max}: these are ${runs.length} runs. Name fewer, or use a higher --max.`);
  }
  if (dryRun || (process.stdin.isTTY && process.stderr.isTTY)) return;
  if (yes && (max !== undefined || runs.length > 0)) return;
  throw new UsageError(
    "There is no terminal on which the command could ask. In a script, use --yes to change the runs without a " +
      "question, and with a filter also --max with the most runs that may match.",
  );
}

async function manyRuns(client: Client, runs: readonly string[], flags: BulkFlags) {
  if (runs.length > 0) {
    const runIds: string[] = [];
    for (const run of runs) runIds.push(await wholeRunIdForChange(client, run));
    return { runIds };
  }
  const { label: labels, ...others } = filterOf(flags);
  return { filter: { ...others, ...present({ labels }) }, maxRuns: flags.max ?? MAX_DEFAULT };
}

const NOTHING = "Nothing was changed.";
const MAY_HAVE_BEGUN = "The bulk operation may have begun. To see it: action-runs bulk list";

/** Shows people what the change would do, asks, and follows it. `ofOneRun`: options that must not be given. */
export async function changeMany(
  { client, output, flags }: { readonly client: Client; readonly output: Output; readonly flags: BulkFlags },
  runs: readonly string[],
  wanted: Omit<BulkChange, "runIds" | "filter" | "maxRuns">,
  ofOneRun: Readonly<Record<string, unknown>>,
): Promise<number> {
  refuseForMany(ofOneRun);
  checkConsent(flags, runs);
  const change: BulkChange = { ...wanted, ...(await manyRuns(client, runs, flags)) };
  if (flags.dryRun) {
    const preview = await client.bulkOperations.preview(change);
    await output.show(preview, () => previewText(preview, change.operation, output));
    return EXIT.succeeded;
  }
  // A repeat with the same key must find its operation, although the runs no longer match.
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
 * Without --max, at most what the user has seen. Null if no run matches. Throws CommandFailed unless the user agrees.
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
  const shown = people();
  await shown.line(`${previewText(preview, operation, shown)}\n`);
  const count = changeable(preview, operation);
  const isExact = typeof matched === "number";
  if (count === 0 && isExact) {
    const done = operation === "cancel" ? "cancelled" : "retried";
    throw new CommandFailed(`None of these runs can be ${done}. ${NOTHING}`, EXIT.conflict);
  }
  const runs = `${count}${isExact ? "" : " or more"} ${count === 1 && isExact ? "run" : "runs"}`;
  const question = `${operation === "cancel" ? "Cancel" : "Retry"} ${runs}?`;
  await requireYes(question, NOTHING);
  return max === undefined && change.filter !== undefined && isExact ? { ...change, maxRuns: matched } : change;
}

async function started(client: Client, change: BulkChange, flags: BulkFlags): Promise<Schemas["BulkOperation"]> {
  const { idempotencyKey } = flags;
  try {
    return await withSignals(
      (signal) => client.bulkOperations.create(change, { signal, idempotencyKey }),
      (name, leave) => leave(new CommandFailed(MAY_HAVE_BEGUN, INTERRUPTED[name])),
    );
  } catch (thrown) {
    if (thrown instanceof ActionRunsError && exitCodeOf(thrown) === EXIT.unreachable) complain(MAY_HAVE_BEGUN);
    throw thrown;
  }
}

export const eraseCommand = showing("erase", {
  about:
    "Erase the texts of a run: inputs, output, error, title, subject, labels, entity, link, reasons and messages. An open run is cancelled first. Status, times, action, and who acted stay. You can't undo this. " +
    "The token needs the role owner, and you can't erase a run that you created. On a terminal, the command asks " +
    "first. In a script, use --yes. If a database still has texts, the command says so: repeat it later.",
  arguments: [RUN],
  options: [
    option("--reason <text>", "why, in one line; the audit keeps it", { isMandatory: true }),
    option("-y, --yes", "erase without a question"),
  ],
  examples: ["action-runs erase 148ea617 --reason 'the customer asked, ticket 4711'"],
  async ask({ client, flags: { yes, reason } }, text) {
    if (!yes) requireTerminal("erase", "--yes to erase without a question");
    const id = await wholeRunIdForChange(client, text);
    if (!yes) {
      const asking = people();
      await asking.line(`${runText(await client.runs.get(id, { include: "details" }), asking)}\n`);
      await requireYes("Erase the texts of this run for ever?", "Nothing was erased.");
    }
    return client.runs.erase(id, reason);
  },
  text: erasureText,
});

function erasureText(erasure: Schemas["RunErasure"], output: Output): string {
  const archived = erasure.archived.map(({ id, prefix }) => `${id} from ${prefix} on`);
  return output.fields([
    ["run", erasure.id],
    ["erased", instantText(erasure.erasedAt)],
    ["complete", erasure.complete ? "yes" : "no: something still has texts. Repeat the command later"],
    ["shown elsewhere", `until ${instantText(erasure.forgottenAt)} at the latest`],
    ["same inputs", plain(erasure.retries.join(", "))],
    ["in the archive", plain(archived.join(", "))],
  ]);
}

export const cancelCommand = calling("cancel", {
  about:
    "Cancel a run, or many. A pending run is cancelled at once. The job of a running run is asked to stop: the responses to " +
    "its heartbeats say so. If the run's trigger has a stop request, the service sends that too. The run stays " +
    "open for at most --grace seconds, and then ends as cancelled. If the job reports success in time, the run " +
    "succeeds. To wait for the end, use `get --wait`. If the run already ended, that is a conflict (exit code 5).",
  arguments: [RUNS],
  options: [
    option("--reason <text>", "why, in one line; the job and all readers of the run see it"),
    option("--grace <seconds>", "how long the job may still work; 0 ends the run at once (default: 60)", {
      read: wholeNumberFrom(0, 3600),
    }),
    option("--pending-only", "leave a running run alone (exit code 5); allowed for every role", {
      conflicts: ["reason", "grace"],
    }),
    option("--idempotency-key <key>", "a repeated cancel with the same key succeeds again"),
    ...MANY_RUNS,
  ],
  help: BULK_HELP,
  examples: [
    "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617",
    "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617 --reason 'wrong branch' --grace 30",
    "action-runs cancel --status pending --status running --label nightly",
    "action-runs cancel --status running --action-name deploy --yes --max 50 --reason 'bad release'",
  ],
  async run(call, runs) {
    const { client, output, flags } = call;
    const { reason, grace: graceSeconds, pendingOnly, idempotencyKey } = flags;
    if (isAboutMany(runs, flags)) {
      const change = { operation: "cancel", ...present({ reason, graceSeconds }) } as const;
      return changeMany(call, runs, change, { "--pending-only": pendingOnly });
    }
    const id = await wholeRunIdForChange(client, runs[0] ?? "");
    // The details have the time at which a running run ends at the latest.
    const run = pendingOnly
      ? await client.runs.cancelPending(id, { idempotencyKey })
      : await client.runs.cancel(id, { include: "details", reason, graceSeconds, idempotencyKey });
    await output.show(run, () => runText(run, output));
  },
});
