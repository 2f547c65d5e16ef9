/** `cancel`: cancels a pending run. */

import { Option } from "commander";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting, given, readId, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { runText } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly idempotencyKey?: string;
}

export function cancelCommand(): CliCommand {
  const command = new CliCommand("cancel")
    .summary("cancel a pending run")
    .description(
      "Cancel a pending run. If the run already started or ended, that is a conflict (exit code 5).",
    )
    .argument("<run>", "the run's id", readId)
    .addOption(new Option("--idempotency-key <key>", "a repeated cancel with the same key succeeds again"))
    .addHelpText("after", examples("action-runs cancel 01a212de-9b55-8003-a8a9-dd2c148ea617"))
    .action(exiting(cancel));
  return withOutput(withConnection(command));
}

async function cancel(id: string, flags: Flags): Promise<number> {
  const output = new Output(flags);
  const client = await connect(flags);
  const { idempotencyKey } = flags;
  const run = await client.runs.cancel(id, given({ idempotencyKey }));
  await output.show(run, () => runText(run, output));
  return EXIT.succeeded;
}
