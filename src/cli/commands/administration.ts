/** `token`: the API tokens of a project, and access tokens for the proofs of jobs. `audit`: who changed the project. */

import { present } from "../../client/api.ts";
import type { AuditFilter, Schemas } from "../../client/index.ts";
import { command, group, listing, showing } from "../command.ts";
import { readObject } from "../input.ts";
import {
  allOf,
  argument,
  CONNECTION,
  limitOption,
  OUTPUT,
  option,
  readGracePeriod,
  readId,
  readLater,
  readPerson,
  readSince,
  readUntil,
  textOption,
  withoutEnv,
} from "../options.ts";
import { instantText, type Output, plain, words } from "../output.ts";
import { agentText } from "../run-text.ts";
import { exchangeProof } from "../settings.ts";

type ApiToken = Schemas["ApiToken"];
type Trust = NonNullable<Schemas["NewApiToken"]["trust"]>;

const ROLES = allOf<ApiToken["role"]>({ owner: true, admin: true, member: true, viewer: true });
const TOKEN_ID = argument("<token-id>", "the token's id, not the token itself", { read: readId });

const create = showing("token create", {
  about: "Create a token. Only this response shows it; with --json it is the member `token`.",
  subject: "project",
  arguments: [argument("<name>", "the token's name, which runs show as their creator")],
  options: [
    option("--role <role>", "what the token may do", { choices: ROLES, isMandatory: true }),
    option("--env-name <name>", "the only environment that it may use (default: all)"),
    option("--expires-at <time>", "when it expires: 90d, a date or a time (default: with your own token)", {
      read: readLater,
    }),
    option("--person <name>", "the person for whom it acts (default: your own token's)", { read: readPerson }),
    option("--no-person", "let it act for nobody, as a machine does; only owners can"),
    option("--may-approve", "let it approve and reject runs; only owners can"),
    option("--may-act-for-others", "let it name a person with --on-behalf-of"),
    textOption("--trust <json>", "which proofs open it, which then has no secret: JSON, @file or @- for stdin"),
  ],
  examples: [
    "action-runs token create ci --role member --env-name production",
    "action-runs token create dashboard --role viewer --expires-at 2027-01-31",
    "action-runs token create ada --role member --person ada@example.com --may-approve",
    "action-runs token create portal --role member --may-act-for-others",
    "action-runs token create ci --role member --json | jq -r .token",
    "action-runs token create github --role member --trust @trust.json",
  ],
  async ask({ client, flags }, name) {
    const { role, envName, expiresAt, mayApprove, mayActForOthers } = flags;
    const person = flags.person === false ? null : (flags.person as string | undefined);
    // The service says what is wrong with it.
    const trust = flags.trust === undefined ? undefined : ((await readObject(flags.trust, "--trust")) as Trust);
    const wanted = present({ envName, expiresAt, mayApprove, mayActForOthers, person, trust });
    return client.tokens.create({ name, role, ...wanted });
  },
  text: (created: Schemas["CreatedApiToken"], output) =>
    output.fields([
      ["id", plain(created.id)],
      ["name", plain(created.name)],
      ["role", plain(created.role)],
      ["environment", plain(created.envName ?? "all")],
      ["person", created.person && plain(created.person)],
      ["may also", flagsText(created)],
      ["expires", created.expiresAt === null ? "never" : instantText(created.expiresAt)],
      ["opened by", created.trust && `${created.trust.for} of ${plain(created.trust.issuer)}`],
      ["token", created.token && `${plain(created.token)} (shown only here)`],
    ]),
});

const list = listing("token list", {
  about: "List the project's tokens, without their secrets.",
  subject: "project",
  options: [option("--created-by <name>", "only those that this token or person minted"), limitOption()],
  examples: ["action-runs token list", "action-runs token list --json | jq -r '.[].name'"],
  list: ({ client, flags: { createdBy } }) => client.tokens.list({ createdBy }),
  none: "There are no tokens.",
  table: tokenTable,
});

const rotate = showing("token rotate", {
  about:
    "Give a token a new secret. Only this response shows it; with --json it is the member `token`. The token's id, " +
    "its name and the tokens that it created stay. The old secret works for --overlap more, but only to read, " +
    "and to create, report, cancel and retry runs. You can rotate your own token (`whoami` shows its id) and the " +
    "tokens below it. A profile keeps the old secret, so run `login` again with the new one.",
  subject: "project",
  arguments: [TOKEN_ID],
  options: [
    option(
      "--overlap <time>",
      "how long the old secret still works, such as 30m, 12h or 7d; 0 ends it at once (default: 1d)",
      { read: readGracePeriod },
    ),
  ],
  examples: [
    "action-runs token rotate 019ab3de-9b55-7003-a8a9-dd2c148ea617 --overlap 1h",
    "action-runs token rotate 019ab3de-9b55-7003-a8a9-dd2c148ea617 --json | jq -r .token",
  ],
  ask: ({ client, flags }, id) => client.tokens.rotate(id, { overlapSeconds: flags.overlap }),
  text(rotated, output) {
    const { oldSecretExpiresAt: oldEnds, children, moreChildren } = rotated;
    return output.fields([
      ["id", plain(rotated.id)],
      ["name", plain(rotated.name)],
      ["old secret", oldEnds === null ? "has ended" : `works until ${instantText(oldEnds)}`],
      ...children.map((child) => ["created", `${plain(child.id)} ${plain(child.name)}`]),
      ["created", moreChildren ? "and more: see `token list`" : ""],
      ...leftRows(rotated),
      ["token", `${plain(rotated.token)} (shown only here)`],
    ]);
  },
});

const revoke = showing("token revoke", {
  about:
    "Revoke a token, and every token that it created. They stop working within 30 seconds. Shows the webhook endpoints, " +
    "actions and schedules that they stored last, because those stay. What they stored starts no run by itself.",
  subject: "project",
  arguments: [TOKEN_ID],
  examples: ["action-runs token revoke 019ab3de-9b55-7003-a8a9-dd2c148ea617"],
  ask: ({ client }, id) => client.tokens.revoke(id),
  text: revokedText,
});

const exchange = command("token exchange", {
  about:
    "Exchange the proof of this CI job for an access token, and print it. It lasts 15 minutes. On GitHub, the job's log " +
    "hides it from then on. Commands with --token-id exchange by themselves, so only scripts need this.",
  options: [...withoutEnv(CONNECTION), ...OUTPUT],
  examples: ["TOKEN=$(action-runs token exchange --token-id 019ab3de-9b55-7003-a8a9-dd2c148ea617 --no-json)"],
  async run({ flags, output }) {
    const access = await exchangeProof(flags);
    // The runner reads stderr too, and stdout is for the script.
    if (process.env.GITHUB_ACTIONS === "true") process.stderr.write(`::add-mask::${plain(access.accessToken)}\n`);
    await output.show(access, () => plain(access.accessToken));
  },
});

export const tokenCommand = group("token", {
  about:
    "Create, list, rotate and revoke API tokens of a project. Requires a token with the role owner or admin. Every " +
    "token can rotate itself. A CI job can exchange its proof for an access token.",
  examples: ["action-runs token create ci --role member", "action-runs token list"],
  commands: [create, list, rotate, revoke, exchange],
});

function revokedText(result: Schemas["RevokedApiTokens"]): string {
  const left = leftRows(result).map(([kind, which]) => `  ${kind}: ${which}`);
  const { approvedRuns, moreApprovedRuns } = result;
  const approved = approvedRuns.map(({ envName, id }) => `  ${plain(envName)}/${plain(id)}`);
  if (moreApprovedRuns) approved.push("  perhaps more: see `list --waiting any`");
  return [
    ...result.revoked.map((one) => `Revoked ${plain(one)}.`),
    ...(left.length === 0 ? [] : ["What was stored with it stays. Check what you don't know:", ...left]),
    ...(approved.length === 0 ? [] : ["Waiting runs that it approved need another approval:", ...approved]),
  ].join("\n");
}

function leftRows(
  result: Omit<Schemas["RevokedApiTokens"], "revoked" | "waitingRuns" | "approvedRuns" | "moreApprovedRuns">,
): [string, string][] {
  const { webhookEndpoints, moreWebhookEndpoints, actions, moreActions, schedules, moreSchedules } = result;
  const rows = (kind: string, left: typeof actions, hasMore: boolean, list: string) => [
    ...left.map(({ envName, name }): [string, string] => [kind, `${plain(envName)}/${plain(name)}`]),
    ...(hasMore ? [[kind, `perhaps more: see \`${list}\``] as [string, string]] : []),
  ];
  return [
    ...rows("webhook endpoint", webhookEndpoints, moreWebhookEndpoints, "webhook list"),
    ...rows("action", actions, moreActions, "action list"),
    ...rows("schedule", schedules, moreSchedules, "schedule list"),
  ];
}

/** What a token may do that its role does not say; null if there is nothing. */
export function flagsText({
  mayApprove,
  mayActForOthers,
}: Pick<Schemas["ApiToken"], "mayApprove" | "mayActForOthers">): string | null {
  return [mayApprove && "approve", mayActForOthers && "act for others"].filter(Boolean).join(", ") || null;
}

export function tokenTable(tokens: readonly ApiToken[], output: Output): string {
  return output.table(tokens, [
    ["TOKEN", ({ id }) => id],
    ["ROLE", ({ role }) => role],
    ["ENVIRONMENT", ({ envName }) => envName ?? "all", { least: 11, dispensable: 1 }],
    ["EXPIRES", ({ expiresAt }) => (expiresAt === null ? "never" : instantText(expiresAt)), { dispensable: 2 }],
    ["LAST USED", ({ lastUsedAt }) => (lastUsedAt === null ? "never" : hourText(lastUsedAt)), { dispensable: 5 }],
    ["MADE BY", ({ createdBy }) => createdBy, { least: 8, dispensable: 6 }],
    ["PERSON", ({ person }) => person, { least: 8, dispensable: 3, isOptional: true }],
    ["MAY", flagsText, { least: 7, dispensable: 4, isOptional: true }],
    ["NAME", ({ name }) => name, { least: 20 }],
  ]);
}

function hourText(iso: string): string {
  return plain(iso.replace(/:\d\d:\d\d(\.\d+)?Z$/, "Z"));
}

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
