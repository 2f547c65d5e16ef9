/** The commands of every kind of definition: `put`, `get`, `list`, `versions`, `delete` and the secret's rotation. */

import type { Client, RotateSecretOptions, Schemas } from "../../client/index.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import { type Build, type CliCommand, calling, listing, showing, take } from "../command.ts";
import { isObject, readObject } from "../input.ts";
import {
  argument,
  limitOption,
  type Options,
  option,
  readGracePeriod,
  readName,
  type Suggested,
  wholeNumberFrom,
} from "../options.ts";
import { complain, instantText, type Output, objectText, plain, wrap } from "../output.ts";
import {
  type Definition,
  type Kind,
  type MadeSecret,
  madeSecretOf,
  mapTexts,
  type StoredDefinition,
  type Version,
} from "./files.ts";

export interface Told {
  readonly kind: Kind;
  readonly noun: string;
  readonly example: string;
  readonly suggested: Suggested;
  readonly about: Readonly<Record<"put" | "get" | "list" | "delete", string>>;
  readonly putExamples: readonly string[];
  readonly getExample: string;
  readonly bodyHelp: string;
  readonly table: (listed: readonly never[], output: Output) => string;
  /** What can't happen if a text of an example is left in a definition. */
  readonly orElse: string;
  /** What else can give a definition. Then --body may be missing. */
  readonly members?: Options;
  /** The definition that the options give. Default: --body. */
  readonly read?: (flags: { readonly body?: string | undefined }, command: CliCommand) => Promise<Definition>;
}

export function nameArgument({ noun, suggested }: Pick<Told, "noun" | "suggested">) {
  return argument("<name>", `the ${noun}'s name`, { offers: suggested, read: readName });
}

const aOrAn = (noun: string) => `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;

export function definitionCommands(told: Told): readonly Build[] {
  const { kind, noun, example, about, members = [] } = told;
  const { command: group } = kind;
  const one = aOrAn(kind.noun);
  const name = nameArgument(told);
  const ifVersion = option("--if-version <version>", `only if the ${noun} has this version`, {
    read: wholeNumberFrom(1, 2 ** 53 - 1),
  });
  const secrets =
    kind.secret !== null ? " A secret never shows, so a version with only a new secret shows no difference." : "";
  return [
    calling(`${group} put`, {
      about: `Store or replace ${one}. A change takes effect within 30 seconds. ${about.put}`,
      arguments: [name],
      options: [
        option("--body <json>", "the definition, as a JSON object", {
          offers: "files after @",
          isMandatory: told.members === undefined,
        }),
        ...members,
        ifVersion,
        option("--if-new", `only if there is no such ${noun}`, { conflicts: ["ifVersion"] }),
      ],
      help: told.bodyHelp,
      examples: [
        ...told.putExamples,
        `action-runs ${group} get ${example} --json > ${example}.json    (to change it)`,
        `action-runs ${group} put ${example} --if-version 1795612908373 --body @${example}.json`,
      ],
      async run({ client, output, flags, command }, name) {
        const definition = await (told.read?.(flags, command) ?? readObject(flags.body ?? "", "--body"));
        const put = await kind.of(client).put(name, definition, { ifVersion: flags.ifNew ? null : flags.ifVersion });
        await show(told, put, madeSecretOf(put), output);
        const warning = leftOverWarning(definition, `or ${told.orElse}`);
        if (warning !== null) complain(`The ${noun} is stored, but ${warning}`);
      },
    }),
    calling(`${group} get`, {
      about:
        `Show ${one}${about.get}. With --json it is the definition alone, which \`${group} put\` accepts again. ` +
        `\`${group} list --json\` has the version.`,
      arguments: [name],
      examples: [`action-runs ${group} get ${example}`, told.getExample],
      async run({ client, output }, name) {
        await show(told, await kind.of(client).get(name), null, output);
      },
    }),
    listing(`${group} list`, {
      about: `List the ${kind.noun}s of the environment by name${about.list}`,
      options: [limitOption()],
      examples: [`action-runs ${group} list`, `action-runs ${group} list --json | jq -r '.[].name'`],
      list: ({ client }) => kind.of(client).list(),
      none: `There are no ${kind.noun}s.`,
      table: (listed, output) => told.table(listed as readonly never[], output),
    }),
    calling(`${group} versions`, {
      about:
        `List the versions of ${one}, newest first. Each says who stored it, when, and what differs from the version ` +
        `before.${secrets} With --json each version has its definition. The token needs the role owner or admin.`,
      arguments: [name],
      options: [limitOption(20)],
      examples: [
        `action-runs ${group} versions ${example}`,
        `action-runs ${group} versions ${example} --json | jq '.[1].definition' > before.json`,
      ],
      async run({ client, output, flags: { limit } }, name) {
        // For people, one more than is shown, which the last one is compared with.
        const versions = take(kind.of(client).versions(name), output.isJson ? limit : limit + 1);
        await output.list(versions, "There are no versions.", (all) => versionTable(all, limit, output));
      },
    }),
    showing(`${group} delete`, {
      about: `Delete ${one}${about.delete}`,
      arguments: [name],
      options: [ifVersion],
      examples: [`action-runs ${group} delete ${example}`],
      async ask({ client, flags: { ifVersion } }, name) {
        await kind.of(client).delete(name, { ifVersion });
        return { deleted: name };
      },
      text: ({ deleted }) => `Deleted ${plain(deleted)}.`,
    }),
  ];
}

/** Shows a definition. As JSON it is the definition alone, because `put` accepts that. `secret`: made just now. */
async function show(
  { kind: { made }, noun }: Told,
  { name, version, definition }: StoredDefinition,
  secret: string | null,
  output: Output,
): Promise<void> {
  const rows = [
    [noun, plain(name)],
    ["version", plain(String(version))],
    ["definition", objectText(definition)],
  ];
  if (secret === null || made === null) return output.show(definition, () => output.fields(rows));
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
  return `${output.fields(all)}\n\n${wrap(advice, output.columns)}`;
}

function versionTable(versions: readonly Version[], shown: number, output: Output): string {
  const pairs = versions.slice(0, shown).map((version, i) => [version, versions[i + 1]] as const);
  return output.table(pairs, [
    ["VERSION", ([{ version }]) => version],
    ["CHANGED", ([{ changedAt }]) => instantText(changedAt), { dispensable: 2 }],
    ["BY", ([{ actorName }]) => actorName, { least: 8, dispensable: 1 }],
    [
      "DIFFERS IN",
      ([{ definition }, before]) => before && (changedMembers(before.definition, definition).join(", ") || "nothing"),
      { least: 12 },
    ],
  ]);
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

type Rotated = Schemas["RotatedInboundSecret"] | Schemas["RotatedSigningSecret"];

/** A command that gives a definition another secret of those that the service makes. */
export function rotatingCommand(
  told: Told,
  about: string,
  rotate: (client: Client, name: string, options: RotateSecretOptions) => Promise<Rotated>,
): Build {
  const { kind, noun, example } = told;
  const { made } = kind;
  if (made === null) throw new Error(`no secret is made for ${aOrAn(kind.noun)}`);
  return calling(made.rotate, {
    about,
    arguments: [nameArgument(told)],
    options: [
      option(
        "--grace-period <time>",
        "how long the old secret still counts, such as 30m, 12h or 7d; 0 ends it at once (default: 1d)",
        { read: readGracePeriod },
      ),
    ],
    examples: [`action-runs ${made.rotate} ${example} --grace-period 1h`],
    async run({ client, output, flags }, name) {
      const rotated = await rotate(client, name, { gracePeriodSeconds: flags.gracePeriod });
      const secret = "signingSecret" in rotated ? rotated.signingSecret : rotated.secret;
      const { graceEndsAt } = rotated;
      const rows = [
        [noun, plain(name)],
        ["old secret", graceEndsAt === null ? "has ended" : `counts until ${instantText(graceEndsAt)}`],
      ];
      await output.show(rotated, () =>
        secret === null
          ? output.fields([...rows, [made.noun, "made, but the response that had it got lost; rotate again"]])
          : withSecret(rows, made, secret, output),
      );
      return undefined;
    },
  });
}
