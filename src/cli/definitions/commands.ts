/**
 * The commands that every kind of definition has: `put`, `get`, `list`, `versions` and `delete`, and the rotation of the
 * secret that the service makes for a definition. Every text from the service passes through `plain`.
 */

import { type Command, Option } from "commander";
import type { Client, RotateSecretOptions } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import { calling, type Flags, type ListFlags, listing } from "../call.ts";
import {
  CliCommand,
  examples,
  limitOption,
  OfferingArgument,
  readName,
  type Suggested,
  take,
  textOption,
  wholeNumberFrom,
} from "../command.ts";
import { fields, instantText, objectText } from "../fields.ts";
import { readObject } from "../input.ts";
import { complain, type Output, plain, wrap } from "../output.ts";
import { readGracePeriod } from "../times.ts";
import {
  type Definition,
  type Kind,
  type MadeSecret,
  madeSecretOf,
  mapTexts,
  type StoredDefinition,
  type Version,
} from "./files.ts";

/** The condition of a put or a delete. */
interface ConditionFlags extends Flags {
  readonly ifVersion?: number;
}

export interface PutFlags extends ConditionFlags {
  readonly body?: string;
  readonly ifNew?: boolean;
}

/** What the commands of a kind say. `L`: an entry of its list. */
export interface Told<L> {
  readonly kind: Kind;
  /** Behind "the". */
  readonly noun: string;
  /** A name for examples. */
  readonly example: string;
  readonly suggested: Suggested;
  /** What each command does, besides what all kinds have. */
  readonly about: Readonly<Record<"put" | "get" | "list" | "delete", string>>;
  readonly putExamples: readonly string[];
  readonly getExample: string;
  readonly bodyHelp: string;
  readonly table: (listed: readonly L[], output: Output) => string;
  /** What can't happen if a text of an example is left in a definition. */
  readonly orElse: string;
  /** Adds what else can give a definition. Then --body may be missing. */
  readonly withMembers?: (command: CliCommand) => CliCommand;
  /** The definition that the options give. Default: --body. */
  readonly read?: (flags: PutFlags, command: Command) => Promise<Definition>;
}

/** `put`, `get`, `list`, `versions` and `delete`. */
export function definitionCommands<L>(told: Told<L>): readonly CliCommand[] {
  return [putCommand(told), getCommand(told), listCommand(told), versionsCommand(told), deleteCommand(told)];
}

export function nameArgument({ noun, suggested }: Pick<Told<never>, "noun" | "suggested">): OfferingArgument {
  const argument = new OfferingArgument("<name>", `the ${noun}'s name`, suggested);
  argument.argParser(readName);
  return argument;
}

const aOrAn = (noun: string) => `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;

function putCommand<L>(told: Told<L>): CliCommand {
  const { kind, noun, example, about, withMembers, read = readBody } = told;
  const { command: group } = kind;
  const command = new CliCommand(`${group} put`)
    .summary(`store ${aOrAn(kind.noun)}`)
    .description(`Create or replace ${aOrAn(kind.noun)}. A change takes effect within 30 seconds. ${about.put}`)
    .addArgument(nameArgument(told))
    .addOption(
      textOption("--body <json>", "the definition, as a JSON object").makeOptionMandatory(withMembers === undefined),
    );
  withMembers?.(command);
  return command
    .addOption(ifVersionOption(noun))
    .addOption(new Option("--if-new", `only if there is no such ${noun}`).conflicts("ifVersion"))
    .addHelpText(
      "after",
      told.bodyHelp +
        examples(
          ...told.putExamples,
          `action-runs ${group} get ${example} --json > ${example}.json    (to change it)`,
          `action-runs ${group} put ${example} --if-version 1795612908373 --body @${example}.json`,
        ),
    )
    .action(
      calling<PutFlags, [string]>(async ({ client, output, flags, command }, name) => {
        const definition = await read(flags, command);
        const ifVersion = flags.ifNew ? null : flags.ifVersion;
        const put = await kind.of(client).put(name, definition, { ifVersion });
        await show(told, put, madeSecretOf(put), output);
        const warning = leftOverWarning(definition, `or ${told.orElse}`);
        if (warning !== null) complain(`The ${noun} is stored, but ${warning}`);
      }),
    );
}

function readBody({ body = "" }: PutFlags): Promise<Definition> {
  return readObject(body, "--body");
}

function getCommand<L>(told: Told<L>): CliCommand {
  const { kind, example, about } = told;
  return new CliCommand(`${kind.command} get`)
    .summary(`show ${aOrAn(kind.noun)}`)
    .description(
      `Show ${aOrAn(kind.noun)}${about.get}. With --json it is the definition alone, which \`${kind.command} put\` ` +
        `accepts again. \`${kind.command} list --json\` has the version.`,
    )
    .addArgument(nameArgument(told))
    .addHelpText("after", examples(`action-runs ${kind.command} get ${example}`, told.getExample))
    .action(
      calling<Flags, [string]>(async ({ client, output }, name) => {
        await show(told, await kind.of(client).get(name), null, output);
      }),
    );
}

function listCommand<L>({ kind, about, table }: Told<L>): CliCommand {
  const { command: group, noun } = kind;
  return new CliCommand(`${group} list`)
    .summary(`list ${noun}s`)
    .description(`List the ${noun}s of the environment by name${about.list}`)
    .addOption(limitOption())
    .addHelpText("after", examples(`action-runs ${group} list`, `action-runs ${group} list --json | jq -r '.[].name'`))
    .action(
      listing<ListFlags, StoredDefinition, []>(
        ({ client }) => kind.of(client).list(),
        `There are no ${noun}s.`,
        (listed, output) => table(listed as unknown as readonly L[], output),
      ),
    );
}

interface VersionsFlags extends Flags {
  readonly limit: number;
}

function versionsCommand<L>(told: Told<L>): CliCommand {
  const { kind, example } = told;
  const { command: group } = kind;
  const secrets =
    kind.secret !== null ? " A secret never shows, so a version with only a new secret shows no difference." : "";
  return new CliCommand(`${group} versions`)
    .summary(`list the versions of ${aOrAn(kind.noun)}`)
    .description(
      `List the versions of ${aOrAn(kind.noun)}, newest first: who stored each, when, and what differs from the version ` +
        `before.${secrets} With --json each version has its definition. The token needs the role owner or admin.`,
    )
    .addArgument(nameArgument(told))
    .addOption(limitOption(20))
    .addHelpText(
      "after",
      examples(
        `action-runs ${group} versions ${example}`,
        `action-runs ${group} versions ${example} --json | jq '.[1].definition' > before.json`,
      ),
    )
    .action(
      calling<VersionsFlags, [string]>(async ({ client, output, flags: { limit } }, name) => {
        // For people, one more than is shown, which the last one is compared with.
        const versions = take(kind.of(client).versions(name), output.isJson ? limit : limit + 1);
        await output.list(versions, "There are no versions.", (all) => versionTable(all, limit, output));
      }),
    );
}

function deleteCommand<L>(told: Told<L>): CliCommand {
  const { kind, noun, example, about } = told;
  return new CliCommand(`${kind.command} delete`)
    .summary(`delete ${aOrAn(kind.noun)}`)
    .description(`Delete ${aOrAn(kind.noun)}${about.delete}`)
    .addArgument(nameArgument(told))
    .addOption(ifVersionOption(noun))
    .addHelpText("after", examples(`action-runs ${kind.command} delete ${example}`))
    .action(
      calling<ConditionFlags, [string]>(async ({ client, output, flags: { ifVersion } }, name) => {
        await kind.of(client).delete(name, { ifVersion });
        await output.show({ deleted: name }, () => `Deleted ${plain(name)}.`);
      }),
    );
}

/** `of`: what has the version, such as "action". */
function ifVersionOption(of: string): Option {
  const option = new Option("--if-version <version>", `only if the ${of} has this version`);
  return option.argParser(wholeNumberFrom(1, 2 ** 53 - 1));
}

/** Shows a definition. As JSON it is the definition alone, because `put` accepts that. `secret`: made just now. */
async function show<L>(
  { kind, noun }: Told<L>,
  { name, version, definition }: StoredDefinition,
  secret: string | null,
  output: Output,
): Promise<void> {
  const { made } = kind;
  const rows = [
    [noun, plain(name)],
    ["version", plain(String(version))],
    ["definition", objectText(definition)],
  ];
  if (secret === null || made === null) return output.show(definition, () => fields(rows, output));
  const shown = mapTexts(definition, (path, text) => (path === made.path ? secret : text));
  await output.show(shown, () => withSecret(rows, made, secret, output));
}

/** Rows for people, and a new secret, which nothing shows again. */
function withSecret(
  rows: readonly (readonly (string | null)[])[],
  { noun, advice }: MadeSecret,
  secret: string,
  output: Output,
): string {
  const all = [...rows, [noun, `${plain(secret)} (shown only here)`]];
  return `${fields(all, output)}\n\n${wrap(advice, output.columns)}`;
}

function versionTable(versions: readonly Version[], shown: number, output: Output): string {
  const rows = versions.slice(0, shown).map(({ version, changedAt, actorName, definition }, i) => {
    const before = versions[i + 1];
    const members = before === undefined ? [] : changedMembers(before.definition, definition);
    return [
      String(version),
      instantText(changedAt),
      actorName,
      before && members.length === 0 ? "nothing" : members.join(", "),
    ];
  });
  const columns = [
    { heading: "VERSION" },
    { heading: "CHANGED", dispensable: 2 },
    { heading: "BY", least: 8, dispensable: 1 },
    { heading: "DIFFERS IN", least: 12 },
  ];
  return output.table(columns, rows);
}

/** The paths of the members in which two definitions differ. A list counts as a whole. */
function changedMembers(before: unknown, after: unknown, path = ""): readonly string[] {
  if (!isObject(before) || !isObject(after)) return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => {
    const below = path === "" ? name : `${path}.${name}`;
    return changedMembers(before[name], after[name], below);
  });
}

function isObject(value: unknown): value is Definition {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface RotateFlags extends Flags {
  readonly gracePeriod?: number;
}

/** What a rotation answers. The API has the secret in a member that depends on the kind. */
interface Rotated {
  readonly secret?: string | null;
  readonly signingSecret?: string | null;
  readonly graceEndsAt: string | null;
}

/** A command that gives a definition another secret of those that the service makes. */
export function rotatingCommand<L>(
  told: Told<L>,
  about: string,
  rotate: (client: Client, name: string, options: RotateSecretOptions) => Promise<Rotated>,
): CliCommand {
  const { kind, noun, example } = told;
  const { made } = kind;
  if (made === null) throw new Error(`no secret is made for ${aOrAn(kind.noun)}`);
  return new CliCommand(made.rotate)
    .summary(`give ${aOrAn(kind.noun)} a new ${made.noun}`)
    .description(about)
    .addArgument(nameArgument(told))
    .addOption(
      new Option(
        "--grace-period <time>",
        "how long the old secret still counts, such as 30m, 12h or 7d; 0 ends it at once (default: 1d)",
      ).argParser(readGracePeriod),
    )
    .addHelpText("after", examples(`action-runs ${made.rotate} ${example} --grace-period 1h`))
    .action(
      calling<RotateFlags, [string]>(async ({ client, output, flags }, name) => {
        const rotated = await rotate(client, name, { gracePeriodSeconds: flags.gracePeriod });
        const { secret = rotated.signingSecret ?? null, graceEndsAt } = rotated;
        const rows = [
          [noun, plain(name)],
          ["old secret", graceEndsAt === null ? "has ended" : `counts until ${instantText(graceEndsAt)}`],
        ];
        await output.show(rotated, () =>
          secret === null
            ? fields([...rows, [made.noun, "made, but the response that had it got lost; rotate again"]], output)
            : withSecret(rows, made, secret, output),
        );
      }),
    );
}
