/** The tree of commands, and the help that applies to all of them. It runs nothing. */

import { readFileSync } from "node:fs";
import { CliCommand } from "./command.ts";
import { auditCommand, tokenCommand } from "./commands/administration.ts";
import { bulkCommand } from "./commands/bulk.ts";
import { cancelCommand, eraseCommand } from "./commands/change-runs.ts";
import { completionCommand, suggestCommand } from "./commands/completion.ts";
import {
  approveCommand,
  groupCommand,
  pauseCommand,
  rejectCommand,
  releaseCommand,
  resumeCommand,
} from "./commands/gates.ts";
import { loginCommand, logoutCommand, whoamiCommand } from "./commands/login.ts";
import { createCommand, retryCommand } from "./commands/new-run.ts";
import { opsCommand } from "./commands/ops.ts";
import { getCommand, listCommand, summaryCommand, watchCommand } from "./commands/read-runs.ts";
import { heartbeatCommand, reportCommand } from "./commands/report.ts";
import { actionCommand } from "./definitions/action.ts";
import { applyCommand } from "./definitions/apply.ts";
import { exportCommand } from "./definitions/export.ts";
import { scheduleCommand } from "./definitions/schedule.ts";
import { webhookCommand } from "./definitions/webhook.ts";
import { execCommand } from "./exec/exec.ts";
import { EXIT_CODES } from "./exit.ts";

const SETTINGS = `
Times are shown in UTC, to the second: 2026-01-31T12:00:00Z. All options for times
accept this format, and in the time zone of your machine 18:00, 2026-01-31,
"2026-01-31 18:00", today, yesterday, tomorrow, tuesday, "last tuesday",
"next tuesday" and "friday 18:00". 2h is two hours ago or ahead, as the option
means it: so are 30m, 7d and 2w, and "2h ago" and +2h are always the same. A
weekday or a time of day is the nearest one, and a day is its midnight. Of a
time that comes twice when the clocks change, the first one counts.

Waited is the time from a run's creation to its start, ran from its start to its
end, and took from its creation to its end.

A narrow terminal shows fewer columns of a table, and only the end of each run's
id; \`get\` and --json show everything. You can give the last 6 or more characters
of a run's id. The command looks for them among the newest 5000 runs. In a
script, a command that changes a run needs the whole id.

Settings come from options, then from environment variables, then from the
profile that \`login\` saves. If the help names no variable for an option, the
variable has the names of the command and the option: --timeout of create is
ACTION_RUNS_CREATE_TIMEOUT.

If TRACEPARENT is set (W3C Trace Context), the commands that make a run send it,
so that the job can continue your trace.

HTTPS_PROXY, HTTP_PROXY and NO_PROXY say how to reach the server. If its
certificate is from an authority of your own, set NODE_EXTRA_CA_CERTS to the
path of a file with the authority's certificate.

A token is never an option, because other users can read command lines. It comes
from ACTION_RUNS_TOKEN or CALLBACK_TOKEN, from stdin with --token-stdin, or from
the profile. A CI job that can prove what it is needs none: --token-id names a
token that trusts the job. The proof comes from GitHub if the job has
\`permissions: id-token: write\`, and elsewhere from ACTION_RUNS_ID_TOKEN.
`;

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
  action-runs action run deploy -p version=1.4.2 --wait
  action-runs list --status failed --since 24h
  action-runs exec -- npm test        (in a CI job)

${EXIT_CODES}${SETTINGS}`,
    );
  for (const build of COMMANDS) program.addCommand(build());
  program.addCommand(suggestCommand(), { hidden: true });
  return program;
}

const COMMANDS = [
  createCommand,
  getCommand,
  listCommand,
  summaryCommand,
  watchCommand,
  cancelCommand,
  retryCommand,
  eraseCommand,
  bulkCommand,
  approveCommand,
  rejectCommand,
  releaseCommand,
  actionCommand,
  scheduleCommand,
  groupCommand,
  pauseCommand,
  resumeCommand,
  webhookCommand,
  applyCommand,
  exportCommand,
  reportCommand,
  heartbeatCommand,
  execCommand,
  tokenCommand,
  auditCommand,
  opsCommand,
  loginCommand,
  logoutCommand,
  whoamiCommand,
  completionCommand,
];

/** The package's version. package.json is two folders up, from the source and from the build. */
function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
