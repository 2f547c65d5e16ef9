/** `audit`: lists who changed a project: its tokens, sessions, stored actions and webhook endpoints, and resyncs. */

import { Option } from "commander";
import type { AuditFilter, Schemas } from "../../client/index.ts";
import {
  CliCommand,
  examples,
  exiting,
  given,
  limitOption,
  readPerson,
  take,
  withConnection,
  withOutput,
} from "../command.ts";
import { EXIT } from "../exit.ts";
import { auditTable } from "../fields.ts";
import { Output, type OutputFlags } from "../output.ts";
import { type ConnectionFlags, connect } from "../settings.ts";
import { readWhen } from "../times.ts";

interface Flags extends ConnectionFlags, OutputFlags, Omit<AuditFilter, "limit"> {
  readonly limit: number;
}

export function auditCommand(): CliCommand {
  const command = new CliCommand("audit")
    .summary("list who changed tokens, sessions, actions and webhook endpoints, and who decided about runs")
    .description(
      "List who created, rotated or revoked tokens, ended sessions, stored or deleted actions and webhook endpoints, " +
        "tested an endpoint or repeated its messages, approved, rejected, released or cancelled a run, paused runs, began a bulk " +
        "operation, moved an environment, or asked for a resync, newest first. It does not list runs: `list` does. " +
        "Requires a token with the role owner or admin.",
    )
    .addOption(limitOption(50))
    .addOption(new Option("--actor <id>", "only what this token did, `root` or `service`"))
    .addOption(new Option("--person <name>", "only what was done for this person").argParser(readPerson))
    .addOption(new Option("--action <name>", "only this, such as run_approved"))
    .addOption(
      new Option("--since <when>", "only what was done since then: 24h, 7d, today, a date or a time").argParser(
        readWhen,
      ),
    )
    .addOption(new Option("--until <when>", "only what was done before then").argParser(readWhen))
    .addHelpText(
      "after",
      examples(
        "action-runs audit --since 7d --person ada@example.com",
        "action-runs audit --action run_approved --limit 500 --json",
      ),
    )
    .action(
      exiting(async (flags: Flags) => {
        const output = new Output(flags);
        const client = await connect(flags, { needsEnv: false });
        const { limit, actor, person, action, since, until } = flags;
        const entries = take(client.audit.list(given({ actor, person, action, since, until })), limit);
        if (output.isJson) {
          await output.array(entries);
          return EXIT.succeeded;
        }
        const shown: Schemas["AuditEntry"][] = [];
        for await (const entry of entries) shown.push(entry);
        await output.line(shown.length === 0 ? "There are no entries." : auditTable(shown, output));
        return EXIT.succeeded;
      }),
    );
  return withOutput(withConnection(command, { env: false }));
}
