/** `token`: creates, lists, rotates and revokes API tokens of a project, and exchanges a job's proof for an access token. */

import { Option } from "commander";
import { present } from "../../client/api.ts";
import type { Schemas } from "../../client/index.ts";
import { type Call, calling, type Flags, type ListFlags, listing, showing, withCommands } from "../call.ts";
import { CliCommand, examples, exiting, limitOption, readId, readPerson, textOption } from "../command.ts";
import { fields, flagsText, instantText } from "../fields.ts";
import { readObject } from "../input.ts";
import { type Column, Output, plain } from "../output.ts";
import { exchangeProof } from "../settings.ts";
import { readGracePeriod, readLater } from "../times.ts";

type ApiToken = Schemas["ApiToken"];
type Trust = NonNullable<Schemas["NewApiToken"]["trust"]>;

interface CreateFlags extends Flags {
  readonly role: ApiToken["role"];
  readonly envName?: string;
  readonly expiresAt?: string;
  readonly person?: string | false;
  readonly mayApprove?: true;
  readonly mayActForOthers?: true;
  readonly trust?: string;
}

interface RotateFlags extends Flags {
  readonly overlap?: number;
}

/** All roles: TypeScript reports a missing one. */
const ROLES = Object.keys({ owner: true, admin: true, member: true, viewer: true } satisfies Record<
  ApiToken["role"],
  true
>);
/** Tokens belong to a project, not to an environment. */
const OF_PROJECT = { needsEnv: false };

export function tokenCommand(): CliCommand {
  const token = new CliCommand("token")
    .summary("create, list, rotate, revoke and exchange API tokens")
    .description(
      "Create, list, rotate and revoke API tokens of a project. Requires a token with the role owner or admin. Every " +
        "token can rotate itself. A CI job can exchange its proof for an access token.",
    )
    .addHelpText("after", examples("action-runs token create ci --role member", "action-runs token list"));
  const commands = [createCommand(), listCommand(), rotateCommand(), revokeCommand(), exchangeCommand()];
  return withCommands(token, commands, OF_PROJECT);
}

function createCommand(): CliCommand {
  return new CliCommand("token create")
    .summary("create a token")
    .description("Create a token. Only this response shows it; with --json it is the member `token`.")
    .argument("<name>", "the token's name, which runs show as their creator")
    .addOption(new Option("--role <role>", "what the token may do").choices(ROLES).makeOptionMandatory())
    .addOption(new Option("--env-name <name>", "the only environment that it may use (default: all)"))
    .addOption(
      new Option(
        "--expires-at <time>",
        "when it expires: 90d, a date or a time (default: with your own token)",
      ).argParser(readLater),
    )
    .addOption(
      new Option("--person <name>", "the person for whom it acts (default: your own token's)").argParser(readPerson),
    )
    .addOption(new Option("--no-person", "let it act for nobody, as a machine does; only owners can"))
    .addOption(new Option("--may-approve", "let it approve and reject runs; only owners can"))
    .addOption(new Option("--may-act-for-others", "let it name a person with --on-behalf-of"))
    .addOption(
      textOption("--trust <json>", "which proofs open it, which then has no secret: JSON, @file or @- for stdin"),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs token create ci --role member --env-name production",
        "action-runs token create dashboard --role viewer --expires-at 2027-01-31",
        "action-runs token create ada --role member --person ada@example.com --may-approve",
        "action-runs token create portal --role member --may-act-for-others",
        "action-runs token create ci --role member --json | jq -r .token",
        "action-runs token create github --role member --trust @trust.json",
      ),
    )
    .action(
      calling<CreateFlags, [string]>(async ({ client, output, flags }, name) => {
        const { role, envName, expiresAt, person, mayApprove, mayActForOthers } = flags;
        const forWhom = person === false ? null : person;
        // The service says what is wrong with it.
        const trust = flags.trust === undefined ? undefined : ((await readObject(flags.trust, "--trust")) as Trust);
        const wanted = present({ envName, expiresAt, mayApprove, mayActForOthers, person: forWhom, trust });
        const created = await client.tokens.create({ name, role, ...wanted });
        const rows = [
          ["id", plain(created.id)],
          ["name", plain(created.name)],
          ["role", plain(created.role)],
          ["environment", plain(created.envName ?? "all")],
          ["person", created.person && plain(created.person)],
          ["may also", flagsText(created)],
          ["expires", created.expiresAt === null ? "never" : instantText(created.expiresAt)],
          ["opened by", created.trust && `${created.trust.for} of ${plain(created.trust.issuer)}`],
          ["token", created.token && `${plain(created.token)} (shown only here)`],
        ];
        await output.show(created, () => fields(rows, output));
      }),
    );
}

interface TokenListFlags extends ListFlags {
  readonly createdBy?: string;
}

function listCommand(): CliCommand {
  return new CliCommand("token list")
    .summary("list tokens")
    .description("List the project's tokens, without their secrets.")
    .option("--created-by <name>", "only those that this token or person minted")
    .addOption(limitOption())
    .addHelpText("after", examples("action-runs token list", "action-runs token list --json | jq -r '.[].name'"))
    .action(
      listing(
        ({ client, flags: { createdBy } }: Call<TokenListFlags>) => client.tokens.list({ createdBy }),
        "There are no tokens.",
        tokenTable,
      ),
    );
}

function rotateCommand(): CliCommand {
  return new CliCommand("token rotate")
    .summary("give a token a new secret")
    .description(
      "Give a token a new secret. Only this response shows it; with --json it is the member `token`. The token's id, " +
        "its name and the tokens that it created stay. The old secret works for --overlap more, but only to read, " +
        "and to create, report, cancel and retry runs. You can rotate your own token (`whoami` shows its id) and the tokens below it. A " +
        "profile keeps the old secret, so run `login` again with the new one.",
    )
    .argument("<token-id>", "the token's id, not the token itself", readId)
    .addOption(
      new Option(
        "--overlap <time>",
        "how long the old secret still works, such as 30m, 12h or 7d; 0 ends it at once (default: 1d)",
      ).argParser(readGracePeriod),
    )
    .addHelpText(
      "after",
      examples(
        "action-runs token rotate 019ab3de-9b55-7003-a8a9-dd2c148ea617 --overlap 1h",
        "action-runs token rotate 019ab3de-9b55-7003-a8a9-dd2c148ea617 --json | jq -r .token",
      ),
    )
    .action(
      calling<RotateFlags, [string]>(async ({ client, output, flags }, id) => {
        const rotated = await client.tokens.rotate(id, { overlapSeconds: flags.overlap });
        const { oldSecretExpiresAt: oldEnds, children, moreChildren } = rotated;
        const rows = [
          ["id", plain(rotated.id)],
          ["name", plain(rotated.name)],
          ["old secret", oldEnds === null ? "has ended" : `works until ${instantText(oldEnds)}`],
          ...children.map((child) => ["created", `${plain(child.id)} ${plain(child.name)}`]),
          ["created", moreChildren ? "and more: see `token list`" : ""],
          ...leftRows(rotated),
          ["token", `${plain(rotated.token)} (shown only here)`],
        ];
        await output.show(rotated, () => fields(rows, output));
      }),
    );
}

function revokeCommand(): CliCommand {
  return new CliCommand("token revoke")
    .summary("revoke a token")
    .description(
      "Revoke a token, and every token that it created. They stop working within 30 seconds. Shows the webhook endpoints, " +
        "actions and schedules that they stored last, because those stay. What they stored starts no run by itself.",
    )
    .argument("<token-id>", "the token's id, not the token itself", readId)
    .addHelpText("after", examples("action-runs token revoke 019ab3de-9b55-7003-a8a9-dd2c148ea617"))
    .action(showing(({ tokens }, id) => tokens.revoke(id), revokedText));
}

function exchangeCommand(): CliCommand {
  return new CliCommand("token exchange")
    .summary("exchange the proof of a CI job for an access token")
    .description(
      "Exchange the proof of this CI job for an access token, and print it. It lasts 15 minutes. On GitHub, the job's log " +
        "hides it from then on. Commands with --token-id exchange by themselves, so only scripts need this.",
    )
    .addHelpText(
      "after",
      examples("TOKEN=$(action-runs token exchange --token-id 019ab3de-9b55-7003-a8a9-dd2c148ea617 --no-json)"),
    )
    .action(
      exiting(async (flags: Flags) => {
        const output = new Output(flags);
        const access = await exchangeProof(flags);
        // The runner reads stderr too, and stdout is for the script.
        if (process.env.GITHUB_ACTIONS === "true") process.stderr.write(`::add-mask::${plain(access.accessToken)}\n`);
        await output.show(access, () => plain(access.accessToken));
        return undefined;
      }),
    );
}

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

/** What the token, or one below it, stored last. */
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

export function tokenTable(tokens: readonly ApiToken[], output: Output): string {
  const rows = tokens.map((token) => [
    token.id,
    token.role,
    token.envName ?? "all",
    token.expiresAt === null ? "never" : instantText(token.expiresAt),
    token.lastUsedAt === null ? "never" : hourText(token.lastUsedAt),
    token.createdBy,
    token.person ?? "",
    flagsText(token) ?? "",
    token.name,
  ]);
  return output.table(tokenColumns(tokens), rows);
}

function tokenColumns(tokens: readonly ApiToken[]): readonly Column[] {
  const hasPersons = tokens.some(({ person }) => person !== null);
  const hasFlags = tokens.some(({ mayApprove, mayActForOthers }) => mayApprove || mayActForOthers);
  return [
    { heading: "TOKEN" },
    { heading: "ROLE" },
    { heading: "ENVIRONMENT", least: 11, dispensable: 1 },
    { heading: "EXPIRES", dispensable: 2 },
    { heading: "LAST USED", dispensable: 5 },
    { heading: "MADE BY", least: 8, dispensable: 6 },
    { heading: hasPersons ? "PERSON" : "", least: 8, dispensable: 3 },
    { heading: hasFlags ? "MAY" : "", least: 7, dispensable: 4 },
    { heading: "NAME", least: 20 },
  ];
}

/** An hour in UTC. */
function hourText(iso: string): string {
  return plain(iso.replace(/:\d\d:\d\d(\.\d+)?Z$/, "Z"));
}
