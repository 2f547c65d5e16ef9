/** `suggest`: prints values for the completion of a shell. Hidden, because only completion scripts call it. */

import { Argument } from "commander";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting, SUGGESTED, type Suggested, withConnection } from "../options.ts";
import { Output } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { suggestionsFor } from "../suggestions.ts";

export function suggestCommand(): CliCommand {
  const command = new CliCommand("suggest")
    .description("Print the values that begin with a text, for completion. Prints nothing if there is a problem.")
    .addArgument(new Argument("<what>", "what to suggest").choices(SUGGESTED))
    .argument("<begin>", "how the value begins")
    .addHelpText("after", examples("action-runs suggest 'action names' de"))
    .action(
      exiting(async (what: Suggested, begin: string, flags: ConnectionFlags) => {
        const output = new Output({ json: false });
        try {
          const values = await suggestionsFor(await connect(flags), what, begin);
          if (values.length > 0) await output.line(values.join("\n"));
        } catch {
          // A message would appear in the middle of the line that the user types.
        }
        return EXIT.succeeded;
      }),
    );
  return withConnection(command);
}
