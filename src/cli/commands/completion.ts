/** `completion`: prints a shell's completion script. */

import { Argument } from "commander";
import { CliCommand } from "../command.ts";
import { completionScript, SHELLS, type Shell } from "../completion.ts";
import { EXIT } from "../exit.ts";
import { examples, exiting } from "../options.ts";
import { Output } from "../output.ts";

export function completionCommand(program: CliCommand): CliCommand {
  return new CliCommand("completion")
    .summary("print a completion script for bash or zsh")
    .description("Print a completion script for bash or zsh.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText(
      "after",
      examples("source <(action-runs completion bash)", "action-runs completion zsh > ~/.zfunc/_action-runs"),
    )
    .action(
      exiting(async (shell: Shell) => {
        await new Output({ json: false }).line(completionScript(shell, program));
        return EXIT.succeeded;
      }),
    );
}
