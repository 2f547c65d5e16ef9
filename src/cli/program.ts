/** The tree of commands, and what holds for all of them. It runs nothing. */

import { readFileSync } from "node:fs";
import { CliCommand } from "./command.ts";
import { auditCommand } from "./commands/audit.ts";
import { cancelCommand } from "./commands/cancel.ts";
import { completionCommand } from "./commands/completion.ts";
import { createCommand } from "./commands/create.ts";
import { execCommand } from "./commands/exec.ts";
import { getCommand } from "./commands/get.ts";
import { listCommand } from "./commands/list.ts";
import { loginCommand } from "./commands/login.ts";
import { heartbeatCommand, reportCommand } from "./commands/report.ts";
import { tokenCommand } from "./commands/token.ts";
import { watchCommand } from "./commands/watch.ts";
import { EXIT_CODES } from "./exit.ts";

const SETTINGS = `
All times that are shown are in UTC, to the second: 2026-01-31T12:00:00Z. Options that take a time take this form.
Tables fit the terminal: a narrow one leaves out columns, and \`get\` or --json shows all.

Settings come from options, then from the environment, then from the profile that \`login\` keeps. Beside those named
above, every option with a value has a variable of the command's and its name: --timeout of create is
ACTION_RUNS_CREATE_TIMEOUT. Tokens are never options, for others can read a command line: they come from
ACTION_RUNS_TOKEN, from CALLBACK_TOKEN, from stdin with --token-stdin, or from the profile.
`;

/** A new tree each time: commander keeps what it parsed in it. */
export function createProgram(): CliCommand {
  const program = new CliCommand("")
    .description("Create, watch and report action runs.")
    .version(version(), "-V, --version", "print the version")
    .enablePositionalOptions()
    .addHelpText(
      "after",
      `
Examples:
  action-runs login
  action-runs create deploy -p version=1.4.2 --wait
  action-runs list --status running
  action-runs exec -- npm test        (inside CI, with CALLBACK_URL and CALLBACK_TOKEN)

${EXIT_CODES}${SETTINGS}`,
    );
  const commands = [
    createCommand(),
    getCommand(),
    listCommand(),
    watchCommand(),
    cancelCommand(),
    reportCommand(),
    heartbeatCommand(),
    execCommand(),
    tokenCommand(),
    auditCommand(),
    loginCommand(),
    completionCommand(program),
  ];
  for (const command of commands) program.addCommand(command);
  return program;
}

/** Of the package, which is two folders up, both from the source and from what is built of it. */
function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
