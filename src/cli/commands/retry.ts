/** `retry`: runs a run that has ended again, as a new run. Several runs are a bulk operation. */

import { Option } from "commander";
import { parseExact } from "../../client/exact-json.ts";
import type { ActionRun, Client } from "../../client/index.ts";
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
import { type CreatingFlags, creatingOptions, showCreated, withCreating } from "../created.ts";
import { UsageError } from "../exit.ts";
import { type GateFlags, gatesOf, withGates } from "../gate-inputs.ts";
import { examples, exiting, given, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { wholeRunIdForChange } from "../run-id.ts";
import { JSON_HELP, type ParameterFlags, readParameterFlags, withParameters } from "../run-inputs.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

type Json = Record<string, unknown>;

interface Flags
  extends ConnectionFlags,
    OutputFlags,
    ParameterFlags,
    GateFlags,
    CreatingFlags,
    Omit<BulkFlags, keyof CreatingFlags> {
  readonly replaceParameters?: boolean;
  readonly includeRetried?: boolean;
}

export function retryCommand(): CliCommand {
  const command = new CliCommand("retry")
    .summary("run an ended run again, or many")
    .description(
      "Create a new run with the name, inputs, labels and timeouts of a run that has ended. -p and -f change single " +
        "parameters, and all others stay as they were. With --replace-parameters the run gets only the parameters that " +
        "you give. A run of a stored action goes through the action as it is now. A run with a trigger of its own " +
        "can't be retried (exit code 5), because the service does not keep triggers: store the trigger as an action. " +
        "--wait works as for `create`.",
    )
    .addArgument(runsArgument());
  withGates(withParameters(command, "parameters to change, as a JSON object")).addOption(
    new Option("--replace-parameters", "drop the run's parameters, and use only those of -p and -f"),
  );
  withBulk(withCreating(command))
    .addOption(
      new Option("--include-retried", "also those that were retried since they ended; otherwise they are skipped"),
    )
    .addHelpText(
      "after",
      JSON_HELP +
        BULK_HELP +
        examples(
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait",
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 -p version=1.4.3",
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --replace-parameters -f @parameters.json",
          "action-runs retry --status failed --since yesterday",
          "action-runs retry --status failed --label nightly --yes --max 100 --json | jq .counts",
        ),
    )
    .action(exiting(retry));
  return withOutput(withConnection(command));
}

async function retry(runs: readonly string[], flags: Flags): Promise<number> {
  const output = new Output(flags);
  if (isAboutMany(runs, flags)) return retryMany(runs, flags, output);
  const [only = ""] = runs;
  const changes = await readParameterFlags(flags);
  if (flags.replaceParameters && changes === undefined) {
    throw new UsageError(
      "--replace-parameters: give the new parameters with -p or -f. For a run without parameters, use -f '{}'.",
    );
  }
  const client = await connect(flags);
  const id = await wholeRunIdForChange(client, only);
  const isWhole = flags.replaceParameters || changes === undefined;
  const parameters = isWhole ? changes : { ...(await parametersOf(client, id)), ...changes };
  const options = { ...creatingOptions(flags), ...gatesOf(flags), ...given({ parameters }) };
  const created = await client.runs.retry(id, options);
  return showCreated(client, created, flags, output, { hasTrigger: created.callback === undefined });
}

async function retryMany(runs: readonly string[], flags: Flags, output: Output): Promise<number> {
  refuseForMany({
    "--param": flags.param,
    "--parameters": flags.parameters,
    "--replace-parameters": flags.replaceParameters,
    "--not-before": flags.notBefore,
    "--gate-timeout": flags.gateTimeout,
    // It would wait for the bulk operation, which ends before the new runs do.
    "--wait": flags.wait,
    "--wait-timeout": flags.waitTimeout,
  });
  checkConsent(flags, runs);
  const client = await connect(flags);
  const { includeRetried } = flags;
  const those = await manyRuns(client, runs, flags);
  return changeMany(client, { operation: "retry", ...given({ includeRetried }), ...those }, flags, output);
}

/** The run's own parameters, which never change. Throws UsageError if a number in them would change on its way. */
async function parametersOf(client: Client, id: string): Promise<Json> {
  const text = await client.runs.getText(id);
  const parsed = parseExact(text);
  if ("value" in parsed) return (parsed.value as ActionRun).parameters as Json;
  throw new UsageError(
    `The run's own parameters can't be sent again. ${parsed.problem} ` +
      "Or use --replace-parameters, and give all parameters.",
  );
}
