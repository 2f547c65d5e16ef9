/** `audit`: lists who changed a project: its tokens, sessions, stored actions and webhook endpoints, and resyncs. */

import { Option } from "commander";
import { present } from "../../client/api.ts";
import type { AuditFilter, Schemas } from "../../client/index.ts";
import { type Call, type ListFlags, listing, withCall } from "../call.ts";
import { CliCommand, examples, limitOption, readPerson } from "../command.ts";
import { agentText, instantText, words } from "../fields.ts";
import type { Column, Output } from "../output.ts";
import { readSince, readUntil } from "../times.ts";

interface AuditFlags extends ListFlags, Omit<AuditFilter, "limit"> {}

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
        readSince,
      ),
    )
    .addOption(
      new Option("--until <when>", "only what was done until then, the day that you name included").argParser(
        readUntil,
      ),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs audit --since 7d --person ada@example.com",
        "action-runs audit --action run_approved --limit 500 --json",
      ),
    )
    .action(
      listing(
        ({ client, flags }: Call<AuditFlags>) => {
          const { actor, person, action, since, until } = flags;
          return client.audit.list(present({ actor, person, action, since, until }));
        },
        "There are no entries.",
        auditTable,
      ),
    );
  return withCall(command, { needsEnv: false });
}

const AUDIT_COLUMNS: readonly Column[] = [
  { heading: "AT", dispensable: 1 },
  { heading: "ACTION" },
  { heading: "TARGET", least: 20 },
  { heading: "BY", least: 8, dispensable: 2 },
  { heading: "SCOPE", least: 20, dispensable: 3 },
  { heading: "TARGET ID", dispensable: 5 },
  { heading: "BY ID", dispensable: 4 },
  { heading: "REASON", least: 12, dispensable: 6 },
];
export function auditTable(entries: readonly Schemas["AuditEntry"][], output: Output): string {
  const rows = entries.map(
    ({ at, actor, actorName, person, agent, action, target, targetName, scope, gates, reason }) => [
      instantText(at),
      gates === null ? action : `${action} (gates ${gates})`,
      targetName,
      words(person && `${person} via`, actorName, agentText(agent)),
      scope,
      // The id of a token or of a session.
      target === targetName ? "" : target,
      actor,
      reason ?? "",
    ],
  );
  return output.table(AUDIT_COLUMNS, rows);
}
