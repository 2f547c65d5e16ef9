/** `audit`: lists who changed a project: its tokens, sessions, stored actions and webhook endpoints, and resyncs. */

import { present } from "../../client/api.ts";
import type { AuditFilter, Schemas } from "../../client/index.ts";
import { listing } from "../command.ts";
import { limitOption, option, readPerson, readSince, readUntil } from "../options.ts";
import { instantText, type Output, words } from "../output.ts";
import { agentText } from "../run-text.ts";

export const auditCommand = listing("audit", {
  about:
    "List who changed a project or decided about its runs, newest first. That is about tokens, sessions, actions, webhook " +
    "endpoints and their messages, approvals, rejections, releases, cancels, pauses, bulk operations, moves and resyncs. " +
    "It does not list runs: `list` does. Requires a token with the role owner or admin.",
  subject: "project",
  options: [
    limitOption(50),
    option("--actor <id>", "only what this token did, `root` or `service`"),
    option("--person <name>", "only what was done for this person", { read: readPerson }),
    option("--action <name>", "only this, such as run_approved"),
    option("--since <when>", "only what was done since then: 24h, 7d, today, a date or a time", { read: readSince }),
    option("--until <when>", "only what was done until then, the day that you name included", { read: readUntil }),
  ],
  examples: [
    "action-runs audit --since 7d --person ada@example.com",
    "action-runs audit --action run_approved --limit 500 --json",
  ],
  list({ client, flags: { actor, person, since, until, ...flags } }) {
    // The service checks it.
    const action = flags.action as AuditFilter["action"];
    return client.audit.list(present({ actor, person, action, since, until }));
  },
  none: "There are no entries.",
  table: auditTable,
});

export function auditTable(entries: readonly Schemas["AuditEntry"][], output: Output): string {
  return output.table(entries, [
    ["AT", ({ at }) => instantText(at), { dispensable: 1 }],
    ["ACTION", ({ action, gates }) => (gates === null ? action : `${action} (gates ${gates})`)],
    ["TARGET", ({ targetName }) => targetName, { least: 20 }],
    [
      "BY",
      ({ actorName, person, agent }) => words(person && `${person} via`, actorName, agentText(agent)),
      { least: 8, dispensable: 2 },
    ],
    ["SCOPE", ({ scope }) => scope, { least: 20, dispensable: 3 }],
    // The id of a token or of a session.
    ["TARGET ID", ({ target, targetName }) => (target === targetName ? "" : target), { dispensable: 5 }],
    ["BY ID", ({ actor }) => actor, { dispensable: 4 }],
    ["REASON", ({ reason }) => reason, { least: 12, dispensable: 6 }],
  ]);
}
