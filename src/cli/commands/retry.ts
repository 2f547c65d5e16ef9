/** `retry`: runs a run that has ended again, as a new run. */

import { Option } from "commander";
import { parseExact } from "../../client/exact-json.ts";
import type { ActionRun, Client } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { type CreatingFlags, creatingOptions, showCreated, withCreating } from "../created.ts";
import { UsageError } from "../exit.ts";
import { type GateFlags, gatesOf, withGates } from "../gate-inputs.ts";
import { examples, exiting, given, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { runArgument, wholeRunIdForChange } from "../run-id.ts";
import { JSON_HELP, type ParameterFlags, readParameterFlags, withParameters } from "../run-inputs.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

type Json = Record<string, unknown>;

interface Flags extends ConnectionFlags, OutputFlags, ParameterFlags, GateFlags, CreatingFlags {
  readonly replaceParameters?: boolean;
}

export function retryCommand(): CliCommand {
  const command = new CliCommand("retry")
    .summary("run an ended run again")
    .description(
      "Create a new run with the name, inputs, labels and timeouts of a run that has ended. -p and -f change single " +
        "parameters, and all others stay as they were. With --replace-parameters the run gets only the parameters that " +
        "you give. A run of a stored action goes through the action as it is now. A run with a trigger of its own " +
        "can't be retried (exit code 5), because the service does not keep triggers: store the trigger as an action. " +
        "--wait works as for `create`.",
    )
    .addArgument(runArgument());
  withGates(withParameters(command, "parameters to change, as a JSON object"))
    .addOption(
      new Option("--replace-parameters", "drop the run's parameters, and use only those of -p and -f"),
    )
    .addHelpText(
      "after",
      JSON_HELP +
        examples(
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait",
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 -p version=1.4.3",
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --replace-parameters -f @parameters.json",
        ),
    )
    .action(exiting(retry));
  return withOutput(withConnection(withCreating(command)));
}

async function retry(text: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const changes = await readParameterFlags(flags);
  if (flags.replaceParameters && changes === undefined) {
    throw new UsageError(
      "--replace-parameters: give the new parameters with -p or -f. For a run without parameters, use -f '{}'.",
    );
  }
  const client = await connect(flags);
  const id = await wholeRunIdForChange(client, text);
  const isWhole = flags.replaceParameters || changes === undefined;
  const parameters = isWhole ? changes : { ...(await parametersOf(client, id)), ...changes };
  const options = { ...creatingOptions(flags), ...gatesOf(flags), ...given({ parameters }) };
  const created = await client.runs.retry(id, options);
  return showCreated(client, created, flags, output, { hasTrigger: created.callback === undefined });
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
