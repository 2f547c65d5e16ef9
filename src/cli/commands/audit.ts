/** `audit`: lists who changed a project: its tokens, sessions, stored actions and webhook endpoints, and resyncs. */

import type { AuditEntry } from "../../client/index.ts";
import { CliCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { limitOption, take } from "../limits.ts";
import { examples, exiting, withConnection, withOutput } from "../options.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { auditTable } from "../telling.ts";

interface Flags extends ConnectionFlags, OutputFlags {
  readonly limit: number;
}

export function auditCommand(): CliCommand {
  const command = new CliCommand("audit")
    .summary("list who changed tokens, sessions, actions and webhook endpoints, and who decided about runs")
    .description(
      "List who created, rotated or revoked tokens, ended sessions, stored or deleted actions and webhook endpoints, " +
        "tested an endpoint or repeated its messages, approved, rejected or released a run, paused runs, began a bulk " +
        "operation, moved an environment, or asked for a resync, newest first. It does not list runs: `list` does. " +
        "Requires a token with the role owner or admin.",
    )
    .addOption(limitOption(50))
    .addHelpText("after", examples("action-runs audit", "action-runs audit --limit 500 --json"))
    .action(
      exiting(async (flags: Flags) => {
        const output = new Output(flags);
        const client = await connect(flags, { needsEnv: false });
        const entries = take(client.audit.list(), flags.limit);
        if (output.isJson) {
          await output.array(entries);
          return EXIT.succeeded;
        }
        const shown: AuditEntry[] = [];
        for await (const entry of entries) shown.push(entry);
        await output.line(shown.length === 0 ? "There are no entries." : auditTable(shown, output));
        return EXIT.succeeded;
      }),
    );
  return withOutput(withConnection(command, { env: false }));
}
