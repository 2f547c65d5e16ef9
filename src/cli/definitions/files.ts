/**
 * The kinds of definitions, and definitions as files of one folder: `actions/NAME.json`, `schedules/NAME.json` and
 * `webhook-endpoints/NAME.json`. A file has the definition alone, as a PUT takes it. It may have
 * `$env:ACTION_RUNS_SECRET_…` in the place of a secret.
 *
 * The threat is a change that somebody proposes for the folder, and that a CI job then applies. So no symbolic link is
 * followed, and no variable is read whose name does not say that it is for these files.
 */

import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, DeleteOptions, List, PutOptions, Schemas, Stored } from "../../client/index.ts";
import { parseExact } from "../../words/typed-json.ts";
import { CommandFailed, UsageError } from "../exit.ts";
import { isObject } from "../input.ts";

export type Definition = Readonly<Record<string, unknown>>;

export type StoredDefinition = Stored<Definition>;

/** With the secret that the service made for it. */
interface PutDefinition extends StoredDefinition {
  readonly signingSecret?: string | null;
  readonly inboundSecret?: string | null;
}

export const madeSecretOf = ({ signingSecret, inboundSecret }: PutDefinition) => signingSecret ?? inboundSecret ?? null;

export interface Version extends Omit<Schemas["ListedVersion"], "definition"> {
  readonly definition: Definition;
}

interface Definitions {
  list(): AsyncIterable<StoredDefinition>;
  get(name: string): Promise<StoredDefinition>;
  check(name: string, definition: Definition): Promise<StoredDefinition>;
  put(name: string, definition: Definition, options: PutOptions): Promise<PutDefinition>;
  delete(name: string, options: DeleteOptions): Promise<void>;
  versions(name: string, query?: { readonly limit: number }): List<Version>;
}

/** A secret that the service makes for a definition without one. */
export interface MadeSecret {
  readonly noun: string;
  readonly path: string;
  /** The command that makes another one. */
  readonly rotate: string;
  readonly advice: string;
  /** Whether the service makes a new one in place of the stored one. */
  readonly isRenewed?: (stored: Definition, wanted: Definition) => boolean;
}

export interface Kind {
  readonly folder: "actions" | "schedules" | "webhook-endpoints";
  readonly command: "action" | "schedule" | "webhook";
  readonly noun: string;
  /** The paths of texts that are secrets. The values of some headers are none, so that is not the whole rule. */
  readonly secret: RegExp | null;
  readonly made: MadeSecret | null;
  readonly of: (client: Client) => Definitions;
}

const verifyOf = ({ inbound }: Definition) => (isObject(inbound) ? inbound.verify : undefined);

export const ACTIONS: Kind = {
  folder: "actions",
  command: "action",
  noun: "action",
  secret: /^(?:trigger\.(?:signingSecret$|secrets\.|(?:cancel\.)?headers\.)|inbound\.secret$)/,
  made: {
    noun: "event secret",
    path: "inbound.secret",
    rotate: "action rotate-secret",
    advice: "Give the secret to the product that sends the events now. `action-runs action inbound` shows where.",
    isRenewed: (stored, wanted) => verifyOf(stored) !== verifyOf(wanted),
  },
  of: ({ actions }) => actions as Definitions,
};

export const SCHEDULES: Kind = {
  folder: "schedules",
  command: "schedule",
  noun: "schedule",
  secret: null,
  made: null,
  of: ({ schedules }) => schedules as unknown as Definitions,
};

export const ENDPOINTS: Kind = {
  folder: "webhook-endpoints",
  command: "webhook",
  noun: "webhook endpoint",
  secret: /^(?:url$|signingSecret$|secrets\.|headers\.)/,
  made: {
    noun: "signing secret",
    path: "signingSecret",
    rotate: "webhook rotate-secret",
    advice: "Give the signing secret to your receiver now. It verifies each message with it.",
  },
  of: ({ webhookEndpoints }) => webhookEndpoints as Definitions,
};

/** What a kind needs is stored before it, and deleted after it. */
export const KINDS = [ACTIONS, SCHEDULES, ENDPOINTS] as const;

export const FILES = "actions/NAME.json, schedules/NAME.json or webhook-endpoints/NAME.json";

export interface DefinitionFile {
  readonly kind: Kind;
  readonly name: string;
  readonly path: string;
  readonly definition: Definition;
}

const FILE = /^([A-Za-z0-9][A-Za-z0-9._-]{0,62})\.json$/;
export const isName = (name: string) => FILE.test(`${name}.json`);
/** More than the service accepts. */
const MAX_BYTES = 4 * 1024 * 1024;

/** All definitions, and a sentence for each file that has no definition. Throws UsageError if the folder can't be read. */
export function readDefinitions(folder: string) {
  const files: DefinitionFile[] = [];
  const problems: string[] = [];
  for (const kind of KINDS) {
    for (const entry of entriesOf(folder, kind)) {
      const path = `${kind.folder}/${entry}`;
      const [, name] = FILE.exec(entry) ?? [];
      try {
        if (name === undefined) {
          throw new CommandFailed(
            "the file's name must be that of the definition and .json. A name has 1 to 63 letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.",
          );
        }
        files.push({ kind, name, path, definition: readDefinition(join(folder, path)) });
      } catch (fault) {
        problems.push(`${path}: ${fault instanceof CommandFailed ? fault.message : "this file can't be read."}`);
      }
    }
  }
  return { files, problems };
}

/** The names of the files of a kind; none if its folder is missing. Hidden ones, such as .gitkeep, don't count. */
export function entriesOf(folder: string, { folder: name }: Kind): readonly string[] {
  try {
    readdirSync(folder);
    const found = lstatSync(join(folder, name), { throwIfNoEntry: false });
    if (found === undefined) return [];
    if (!found.isDirectory()) throw new UsageError(`${join(folder, name)} must be a folder, and no symbolic link.`);
    return readdirSync(join(folder, name))
      .filter((entry) => !entry.startsWith("."))
      .sort();
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    throw new UsageError(`Can't read ${folder} (${(fault as NodeJS.ErrnoException).code}). Check the path.`);
  }
}

/** Throws CommandFailed with a sentence that quotes nothing of the file, because it may have secrets. */
export function readDefinition(path: string): Definition {
  const found = lstatSync(path);
  if (!found.isFile()) throw new CommandFailed("this is no file. Symbolic links are not followed.");
  if (found.size > MAX_BYTES) throw new CommandFailed("the file is too large for a definition.");
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    value = JSON.parse(text);
  } catch (fault) {
    const [at] = /line \d+ column \d+/.exec(String(fault)) ?? [];
    throw new CommandFailed(`the file is not JSON in UTF-8${at === undefined ? "" : `, see ${at}`}.`);
  }
  if (!isObject(value)) throw new CommandFailed("the file must have one JSON object.");
  const parsed = parseExact(text);
  if ("problem" in parsed) throw new CommandFailed(parsed.problem);
  return value;
}

/** A text, or null, at its dotted path. */
type Visit = (path: string, text: string | null) => unknown;

/** The definition with what `visit` returns in the place of each text and each null. */
export function mapTexts(definition: Definition, visit: Visit): Definition {
  const mapped = (value: unknown, path: string): unknown => {
    if (typeof value === "string" || value === null) return visit(path, value);
    if (Array.isArray(value)) return value.map((one, at) => mapped(one, `${path}.${at}`));
    return isObject(value) ? membersOf(value, `${path}.`) : value;
  };
  // Don't assign members, because a name `__proto__` would set the prototype.
  const membersOf = (value: Definition, before: string): Definition =>
    Object.fromEntries(Object.entries(value).map(([name, one]) => [name, mapped(one, before + name)]));
  return membersOf(definition, "");
}

/** The texts at the places of secrets. Null: the service keeps one there. */
export function secretsIn(kind: Kind, definition: Definition): ReadonlyMap<string, string | null> {
  const found = new Map<string, string | null>();
  mapTexts(definition, (path, text) => {
    if (kind.secret?.test(path)) found.set(path, text);
    return text;
  });
  return found;
}

const PREFIX = "ACTION_RUNS_SECRET_";
const REFERENCE = /^\$env:(ACTION_RUNS_SECRET_[A-Z0-9_]+)$/;
const ALONE = `Write "$env:${PREFIX}NAME" as the whole text, with a name of capital letters, digits and underscores.`;

/**
 * The file's definition with its secrets. A stored secret stays unless `sendsAll`, because nobody can compare it.
 * `body`: what a PUT takes, with null in the place of each secret that stays. `sent`: the paths of the others, and the
 * variable that each comes from. `kept`: how many texts of the file are not sent.
 */
export function resolveSecrets(
  { kind, path: file, definition }: DefinitionFile,
  stored: Definition | null,
  sendsAll: boolean,
) {
  const before = new Map(stored === null ? [] : secretsIn(kind, stored));
  const { made } = kind;
  if (made !== null && stored !== null && made.isRenewed?.(stored, definition)) before.delete(made.path);
  const sent = new Map<string, string | undefined>();
  const problems: string[] = [];
  let kept = 0;
  const body = mapTexts(definition, (path, text) => {
    const refuse = (sentence: string) => {
      problems.push(`${file}: ${path}: ${sentence}`);
      return text;
    };
    if (!kind.secret?.test(path)) {
      return text?.includes(`$env:${PREFIX}`)
        ? refuse("this text is not a secret, because everybody who reads the definition sees it.")
        : text;
    }
    const isStored = before.get(path) === null;
    if (text === null) {
      if (isStored || path === made?.path) return null;
      return refuse(`no secret is stored that null could keep. ${ALONE}`);
    }
    const [, variable] = REFERENCE.exec(text) ?? [];
    if (variable === undefined && text.includes("$env:")) {
      return refuse(`the name of the variable must begin with ${PREFIX}. ${ALONE}`);
    }
    if (isStored && !sendsAll) {
      kept++;
      return null;
    }
    const value = variable === undefined ? text : process.env[variable];
    if (value === undefined) return refuse(`the variable ${variable} is not set.`);
    // A header with a stored value that everybody may see is compared as any other member.
    if (variable !== undefined || typeof before.get(path) !== "string") sent.set(path, variable);
    return value;
  });
  return { body, sent, kept, problems };
}

/** The same value with the members of each object in one order, which means nothing in JSON. */
export function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, one]) => [name, ordered(one)]),
  );
}

export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
}
