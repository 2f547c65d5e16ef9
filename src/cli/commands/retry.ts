/** `retry`: runs a run that has ended again, as a new run. */

import { CliCommand } from "../command.ts";
import { type CreatingFlags, showCreated, withCreating } from "../created.ts";
import { examples, exiting, given, readId, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { JSON_HELP, type ParameterFlags, readParameterFlags, withParameters } from "../run-inputs.ts";
import { type ConnectionFlags, connect } from "../settings.ts";

interface Flags extends ConnectionFlags, OutputFlags, ParameterFlags, CreatingFlags {}

export function retryCommand(): CliCommand {
  const command = new CliCommand("retry")
    .summary("run an ended run again")
    .description(
      "Create a new run with the name, inputs, labels and timeouts of a run that has ended. If you give parameters, " +
        "they replace all parameters of that run. A run of a stored action goes through the action as it is now. A run " +
        "with a trigger of its own can't be retried (exit code 5), because the service does not keep triggers: store " +
        "the trigger as an action. --wait works as for `create`.",
    )
    .argument("<run>", "the id of the ended run", readId);
  withParameters(command)
    .addHelpText(
      "after",
      JSON_HELP +
        examples(
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 --wait",
          "action-runs retry 01a212de-9b55-8003-a8a9-dd2c148ea617 -p version=1.4.3",
        ),
    )
    .action(exiting(retry));
  return withOutput(withConnection(withCreating(command)));
}

async function retry(id: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const parameters = await readParameterFlags(flags);
  const client = await connect(flags);
  const { idempotencyKey } = flags;
  const created = await client.runs.retry(id, given({ parameters, idempotencyKey }));
  return showCreated(client, created, flags, output);
}
