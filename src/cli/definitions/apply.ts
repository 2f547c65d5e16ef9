/**
 * `apply`: compares the definitions in files with the stored ones, and changes what differs. It overwrites and deletes
 * only versions that it has compared. A second call goes on where the first one was killed.
 */

import { ActionRunsError, type Client } from "../../client/index.ts";
import { type DiffLine, diffLines, withGaps } from "../../words/line-diff.ts";
import { leftOverWarning } from "../../words/typed-json.ts";
import { type ApiCall, calling, inTurns } from "../command.ts";
import { CommandFailed, EXIT, errorSentence, exitCodeOf, explained, UsageError, withFlagNames } from "../exit.ts";
import { requireTerminal, requireYes } from "../input.ts";
import { type FlagsOf, option } from "../options.ts";
import { complain, type Output, people, plain, plainLines, readableJson, toJson } from "../output.ts";
import {
  type Definition,
  type DefinitionFile,
  FILES,
  isSame,
  KINDS,
  type Kind,
  madeSecretOf,
  ordered,
  readDefinitions,
  resolveSecrets,
  SCHEDULES,
  type StoredDefinition,
  secretsIn,
} from "./files.ts";

const APPLY = [
  option("-f, --files <folder>", "the folder", { isMandatory: true }),
  option("--dry-run", "only show what differs; the exit code is then 2, or 0 if nothing does"),
  option("-y, --yes", "change the definitions without a question"),
  option("--secrets", "also send the secrets that are stored already"),
  option("--prune", "also delete definitions without a file that this token changed last"),
] as const;

export const applyCommand = calling("apply", {
  about:
    "Store the actions, schedules and webhook endpoints of a folder. The command compares the files with what is " +
    `stored, shows what differs, and asks. A file is ${FILES}, ` +
    "with what `action get --json` and its like print. `export --definitions` writes such files. If one file is wrong, nothing is " +
    "changed. If somebody changes a definition meanwhile, their change stands and the exit code is 5. Requires a token " +
    "with the role owner or admin.",
  options: APPLY,
  help: `
In the place of a secret, write "$env:ACTION_RUNS_SECRET_NAME". The command reads the
variable, and sends its value only if no secret is stored there, or with --secrets.
Nobody can compare a secret with a stored one, so use --secrets after you changed one.
null keeps the stored secret.

--prune deletes nothing of a kind that has no file at all, and nothing that another
token changed last. So use one token for each folder.

The exit code is 2 only if --dry-run finds a difference. Wrong files and settings are 1.
An option that does not exist is 2, as for all commands.
`,
  examples: [
    "action-runs apply -f definitions",
    "action-runs apply -f definitions --dry-run",
    "action-runs apply -f definitions --yes --prune",
  ],
  // 2 must mean a difference.
  isUsageFailure: true,
  run: apply,
});

/** What differs. `stored` null: there is no such definition. `wanted` null: it is deleted. */
interface Change {
  readonly kind: Kind;
  readonly name: string;
  readonly stored: StoredDefinition | null;
  /** As it will be stored. */
  readonly wanted: Definition | null;
  readonly body: Definition;
  /** The paths of the secrets that are sent. */
  readonly secrets: readonly string[];
}

const NOTHING = "Nothing was changed.";

async function apply({ client, output, flags }: ApiCall<typeof APPLY>): Promise<number> {
  const { dryRun, yes } = flags;
  if (!dryRun && !yes) requireTerminal("apply", "--yes to apply without a question, or --dry-run");
  const { files, problems } = readDefinitions(flags.files);
  if (files.length === 0 && problems.length === 0) {
    throw new UsageError(`${flags.files} has no definition. Each is a file, ${FILES}.`);
  }
  const compared = await compare(client, files, flags);
  problems.push(...compared.problems);
  for (const problem of problems) complain(problem);
  if (problems.length > 0) throw new CommandFailed(`${NOTHING} Correct the files first.`);
  const { changes, unchanged, kept } = compared;
  const shown = output.isJson ? people() : output;
  for (const change of changes) await shown.line(changeText(change, shown));
  await shown.line(countText(changes, unchanged));
  if (kept > 0) complain(`Secrets that are stored already, and were not compared: ${kept}. --secrets sends them.`);
  if (dryRun || changes.length === 0) {
    if (output.isJson) await output.line(toJson(resultOf(changes, unchanged, () => "planned")));
    return dryRun && changes.length > 0 ? EXIT.differs : EXIT.succeeded;
  }
  if (!yes) await requireYes(`Make these changes in ${client.scope}?`, NOTHING);
  const refused = await makeChanges(client, changes);
  const result = resultOf(changes, unchanged, (change) => (refused.has(change) ? "refused" : "done"));
  await output.show(result, () => `Made ${changes.length - refused.size} of ${changes.length} changes.`);
  return refused.size > 0 ? EXIT.conflict : EXIT.succeeded;
}

async function compare(client: Client, files: readonly DefinitionFile[], { secrets, prune }: FlagsOf<typeof APPLY>) {
  const changes: Change[] = [];
  const deletions: Change[] = [];
  const problems: string[] = [];
  let kept = 0;
  for (const kind of KINDS) {
    const own = files.filter((file) => file.kind === kind);
    if (own.length === 0) {
      if (prune) complain(`No file is in ${kind.folder}/, so no ${kind.noun} is deleted.`);
      continue;
    }
    const stored = new Map((await Array.fromAsync(kind.of(client).list())).map((one) => [one.name, one]));
    const found = await inTurns(own, async (file) => {
      const before = stored.get(file.name) ?? null;
      const resolved = resolveSecrets(file, before?.definition ?? null, secrets === true);
      kept += resolved.kept;
      problems.push(...resolved.problems);
      return resolved.problems.length > 0 ? null : changeOf(client, file, before, resolved, changes, problems);
    });
    changes.push(...found.filter((change) => change !== null));
    const names = new Set(own.map(({ name }) => name));
    const others = [...stored.values()].filter(({ name }) => !names.has(name));
    if (prune) deletions.unshift(...(await deletable(client, kind, others)));
    else if (others.length > 0)
      complain(`Without a file: ${others.map(({ name }) => `${kind.noun} ${name}`).join(", ")}.`);
  }
  return { changes: [...changes, ...deletions], problems, kept, unchanged: files.length - changes.length };
}

/** Null if the file says what is stored. `earlier`: changes that come before. Adds to `problems` what the service refuses. */
async function changeOf(
  client: Client,
  { kind, name, path, definition }: DefinitionFile,
  stored: StoredDefinition | null,
  { body, sent }: ReturnType<typeof resolveSecrets>,
  earlier: readonly Change[],
  problems: string[],
): Promise<Change | null> {
  if (stored !== null && sent.size === 0 && isSame(body, stored.definition)) return null;
  let wanted: Definition;
  try {
    wanted = await checked(client, kind, name, body, earlier);
  } catch (fault) {
    if (!(fault instanceof ActionRunsError) || fault.status === null) throw fault;
    if (exitCodeOf(fault) !== EXIT.usage && fault.code !== "action_not_found") throw fault;
    const advice = fault.code === "secret_required" ? " With --secrets, the values of the files are sent." : "";
    const sentence = explained(withFlagNames(fault, []) as ActionRunsError);
    // The service quotes placeholders, and this one can be a part of a secret.
    const isQuoted = [...sent.values()].some((variable = "") => process.env[variable]?.includes("{{"));
    const unquoted = sentence.replace(/(?:A )?\{\{.*$/s, "A secret has a placeholder that is wrong.");
    problems.push(`${path}: ${isQuoted ? unquoted : sentence}${advice}`);
    return null;
  }
  const shown = secretsIn(kind, wanted);
  const secrets = [...sent.keys()].filter((member) => shown.get(member) === null);
  for (const [member, variable] of sent) {
    if (variable === undefined || shown.get(member) === null) continue;
    problems.push(`${path}: ${member}: everybody sees this value, so it can't come from ${variable}.`);
  }
  if (stored !== null && secrets.length === 0 && isSame(wanted, stored.definition)) return null;
  // Not of the body, because the warning quotes it, and it has the values of the variables.
  const warning = leftOverWarning(definition, "or no webhook can arrive");
  if (warning !== null) complain(`${path}: ${warning}`);
  return { kind, name, stored, wanted, body, secrets };
}

/** A schedule whose action changes before it can't be checked with that action, so it is checked as disabled. */
async function checked(client: Client, kind: Kind, name: string, body: Definition, earlier: readonly Change[]) {
  const waits = kind === SCHEDULES && earlier.some((change) => change.name === body.action);
  const { definition } = await kind.of(client).check(name, waits ? { ...body, disabled: true } : body);
  return waits ? { ...definition, disabled: body.disabled ?? false } : definition;
}

/** Those of the definitions that this token changed last. It tells people about the others. */
async function deletable(client: Client, kind: Kind, others: readonly StoredDefinition[]): Promise<readonly Change[]> {
  if (others.length === 0) return [];
  const self = (await client.whoami()).id ?? "root";
  const found = await inTurns(others, async ({ name, definition }): Promise<readonly Change[]> => {
    const [last] = (await kind.of(client).versions(name, { limit: 1 }).page()).entries;
    if (last === undefined) return [];
    if (last.actor === self) {
      const stored = { name, version: last.version, definition };
      return [{ kind, name, stored, wanted: null, body: {}, secrets: [] }];
    }
    complain(`The ${kind.noun} ${name} stays, because ${last.actorName} changed it last.`);
    return [];
  });
  return found.flat();
}

async function makeChanges(client: Client, changes: readonly Change[]): Promise<ReadonlySet<Change>> {
  const refused = new Set<Change>();
  for (const [made, change] of changes.entries()) {
    const { kind, name } = change;
    try {
      await makeChange(client, change);
    } catch (fault) {
      const code = exitCodeOf(fault);
      if (code !== EXIT.conflict && code !== EXIT.notFound) {
        complain(`Made ${made - refused.size} of ${changes.length} changes. To make the others, repeat the command.`);
        throw fault;
      }
      refused.add(change);
      const isTheirs = change.wanted === null || (fault as ActionRunsError).code === "precondition_failed";
      complain(
        isTheirs
          ? `Somebody changed the ${kind.noun} ${name} meanwhile, and their change stands. To see what differs now, repeat the command.`
          : `The ${kind.noun} ${name} was not stored. ${errorSentence(fault)}`,
      );
    }
  }
  return refused;
}

async function makeChange(client: Client, { kind, name, stored, wanted, body }: Change): Promise<void> {
  const definitions = kind.of(client);
  if (wanted === null) return definitions.delete(name, { ifVersion: stored?.version ?? 0 });
  const made = madeSecretOf(await definitions.put(name, body, { ifVersion: stored?.version ?? null }));
  // A log must not have it.
  if (made === null || kind.made === null) return;
  complain(`The service made the ${kind.made.noun} of ${name}. To see one: action-runs ${kind.made.rotate} ${name}`);
}

const changeKind = ({ stored, wanted }: Change) =>
  wanted === null ? "delete" : stored === null ? "create" : "replace";
const SIGNS = { create: "+", replace: "~", delete: "-" } as const;
const COLOURS = { added: "green", removed: "red", same: "dim" } as const;
const MARKS = { added: "+", removed: "-", same: " " } as const;

/** What differs, as lines of JSON. It has null in the place of each secret. */
function changeText(change: Change, output: Output): string {
  const { kind, name, stored, wanted, secrets } = change;
  const heading = output.paint("bold", `${SIGNS[changeKind(change)]} ${kind.noun} ${plain(name)}`);
  if (wanted === null) return heading;
  const lines = withGaps(linesOf(stored?.definition ?? null, wanted)).map((line) =>
    line.kind === "gap" ? "    …" : output.paint(COLOURS[line.kind], `  ${MARKS[line.kind]} ${plainLines(line.text)}`),
  );
  const sent = secrets.length === 0 ? [] : [`  secrets that are sent: ${plain(secrets.join(", "))}`];
  return [heading, ...lines, ...sent].join("\n");
}

function linesOf(before: Definition | null, after: Definition): readonly DiffLine[] {
  const readable = readableJson(ordered(after));
  if (before === null) return readable.split("\n").map((text) => ({ kind: "added", text }));
  const lines = diffLines(readableJson(ordered(before)), readable);
  // Blocks of lines don't show how the last line ends.
  const exact = (definition: Definition) => JSON.stringify(ordered(definition), null, 2);
  return lines.every(({ kind }) => kind === "same") ? diffLines(exact(before), exact(after)) : lines;
}

function countText(changes: readonly Change[], unchanged: number): string {
  const count = (kind: keyof typeof SIGNS) => changes.filter((change) => changeKind(change) === kind).length;
  return `${count("create")} to create, ${count("replace")} to replace, ${count("delete")} to delete, ${unchanged} the same.`;
}

function resultOf(changes: readonly Change[], unchanged: number, outcomeOf: (change: Change) => string) {
  return {
    changes: changes.map((change) => {
      const { kind, name, stored, wanted, secrets } = change;
      const what = { kind: kind.noun.replace(" ", "_"), name, change: changeKind(change), outcome: outcomeOf(change) };
      return { ...what, before: stored?.definition ?? null, after: wanted, secrets };
    }),
    unchanged,
  };
}
