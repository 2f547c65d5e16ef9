/** `cancel`: cancels a run, and asks the job of a running run to stop. Several runs are a bulk operation. */

import { Option } from "commander";
import type { Client } from "../../client/index.ts";
import {
  BULK_HELP,
  type BulkFlags,
  checkConsent,
  isAboutMany,
  manyRuns,
  refuseForMany,
  runsArgument,
  withBulk,
} from "../bulk-inputs.ts";
import { changeMany } from "../bulk-start.ts";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting, given, wholeNumberFrom, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { wholeRunIdForChange } from "../run-id.ts";
import { runText } from "../run-text.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags, BulkFlags {
  readonly reason?: string;
  readonly grace?: number;
  readonly pendingOnly?: boolean;
}

export function cancelCommand(): CliCommand {
  const command = new CliCommand("cancel")
    .summary("cancel a run, or many")
    .description(
      "Cancel a run. A pending run is cancelled at once. The job of a running run is asked to stop: the responses to " +
        "its heartbeats say so. If the run's trigger has a stop request, the service sends that too. The run stays " +
        "open for at most --grace seconds, and then ends as cancelled. If the job reports success in time, the run " +
        "succeeds. To wait for the end, use `get --wait`. If the run already ended, that is a conflict (exit code 5).",
    )
    .addArgument(runsArgument())
    .addOption(new Option("--reason <text>", "why, in one line; the job and all readers of the run see it"))
    .addOption(
      new Option(
        "--grace <seconds>",
        "how long the job may still work; 0 ends the run at once (default: 60)",
      ).argParser(wholeNumberFrom(0, 3600)),
    )
    .addOption(
      new Option("--pending-only", "leave a running run alone (exit code 5); allowed for every role").conflicts([
        "reason",
        "grace",
      ]),
    )
    .addOption(new Option("--idempotency-key <key>", "a repeated cancel with the same key succeeds again"));
  withBulk(command)
    .addHelpText(
      "after",
      BULK_HELP +
        examples(
          "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617",
          "action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617 --reason 'wrong branch' --grace 30",
          "action-runs cancel --status pending --status running --label nightly",
          "action-runs cancel --status running --action-name deploy --yes --max 50 --reason 'bad release'",
        ),
    )
    .action(exiting(cancel));
  return withOutput(withConnection(command));
}

async function cancel(runs: readonly string[], flags: Flags): Promise<number> {
  const output = new Output(flags);
  if (isAboutMany(runs, flags)) {
    refuseForMany({ "--pending-only": flags.pendingOnly });
    checkConsent(flags, runs);
    const client = await connect(flags);
    const { reason, grace: graceSeconds } = flags;
    const those = await manyRuns(client, runs, flags);
    return changeMany(client, { operation: "cancel", ...given({ reason, graceSeconds }), ...those }, flags, output);
  }
  const [only = ""] = runs;
  const client = await connect(flags);
  const run = await cancelled(client, await wholeRunIdForChange(client, only), flags);
  await output.show(run, () => runText(run, output));
  return EXIT.succeeded;
}

function cancelled(client: Client, id: string, flags: Flags) {
  const { reason, grace: graceSeconds, idempotencyKey } = flags;
  if (flags.pendingOnly) return client.runs.cancelPending(id, given({ idempotencyKey }));
  // The details have the time at which a running run ends at the latest.
  return client.runs.cancel(id, { include: "details", ...given({ reason, graceSeconds, idempotencyKey }) });
}
