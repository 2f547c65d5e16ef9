/**
 * Reads `deploy.toml`: what the operator decides about each deployment. Refuses unknown members, values that the
 * service would ignore, and members that contradict each other, before anything is asked of Cloudflare.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import * as z from "zod/mini";
import { nearest } from "../../base/near-names.ts";
import { DATABASE_MAX, ROOT } from "../wrangler.ts";

export const OPERATOR_FILE = "deploy.toml";
const EXAMPLE = "deploy.example.toml";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const text = (pattern: RegExp, error: string) => z.string({ error }).check(z.regex(pattern, { error }));
const whole = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}.`;
  return z.int({ error }).check(z.minimum(min, { error }), z.maximum(max, { error }));
};
const bool = z.boolean({ error: "must be true or false." });

const name = text(new RegExp(`^${LABEL}$`), "must be 1 to 63 lower-case letters, digits and hyphens.");
const databaseName = text(/^[a-z0-9][a-z0-9_-]{0,63}$/, "must be 1 to 64 lower-case letters, digits, _ and -.");
const BUCKET = "must be a bucket's name of 3 to 63 lower-case letters, digits and hyphens, or false.";
const listed = z.union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))], {
  error: "must be a text, a number, or a list of them.",
});

const settings = z.strictObject({
  CORS_ORIGINS: z.optional(listed),
  RETENTION_DAYS: z.optional(listed),
  AUDIT_RETENTION_DAYS: z.optional(listed),
  NEW_ENVIRONMENTS: z.optional(listed),
  WEBHOOK_PORTS: z.optional(listed),
  WEBHOOK_HOSTS: z.optional(listed),
  OIDC_ISSUERS: z.optional(text(/^\s*\[/, "must be a text that is a JSON list.")),
});
const limits = z.strictObject({
  cpu_ms: z.optional(whole(10, 300_000)),
  unknown_tokens_per_minute: z.optional(whole(1, 1_000_000)),
});

const logs = z.strictObject({ stored: z.optional(bool), logpush: z.optional(bool), tail_worker: z.optional(name) });

const deployment = {
  name,
  account_id: z.optional(text(/^[0-9a-f]{32}$/, "must be the account's id: 32 hexadecimal digits.")),
  domain: z.optional(
    text(
      new RegExp(`^(?:${LABEL}\\.)+${LABEL}$`),
      "must be a name like runs.example.com, without https:// and without a path.",
    ),
  ),
  workers_dev: z._default(bool, false),
  databases: z.record(z.string(), databaseName, {
    error: 'must have a line for each database, such as 0 = "action-runs".',
  }),
  archive: z.optional(
    z.union([text(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, BUCKET), z.literal(false)], { error: BUCKET }),
  ),
  jurisdiction: z.optional(z.literal("eu", { error: 'must be "eu". Without it, Cloudflare chooses where data is.' })),
  root_token: z._default(bool, true),
  // That of wrangler.toml.
  ratelimit_namespace: z._default(whole(1, 2_147_483_647), 7401),
  settings: z._default(settings, {}),
  limits: z._default(limits, {}),
  logs: z._default(logs, {}),
};
const environment = z.strictObject(deployment);
const file = z.strictObject({ ...deployment, environments: z._default(z.record(z.string(), environment), {}) });

/** One deployment: a Worker with its own databases and secrets. Its members are those of the file. */
export type Deployment = z.infer<typeof environment>;
type File = z.infer<typeof file>;

/** Members that people look for here, and where they are. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  PUBLIC_URL: "It follows from domain.",
  CALLBACK_SIGNING_KEYS: "It is a secret: never write it into a file of the project.",
  ROOT_TOKEN: "It is a secret: never write it into a file of the project.",
  JURISDICTION: "Use the member jurisdiction.",
  ALLOW_INSECURE_WEBHOOKS: "It is for development on your machine.",
  SIGN_IN_CODES: "It is for development on your machine.",
  env: "Environments are named environments.<name>.",
  vars: "Variables are members of settings.",
};

/** An environment has the account and the jurisdiction of the top. Null means the top itself. Throws a sentence. */
export function readDeployment(environmentName: string | null, folder = ROOT): Deployment {
  const { environments, ...top } = checked(parsed(folder));
  if (environmentName === null) return top;
  const { account_id, jurisdiction } = top;
  const names = Object.keys(environments);
  const members = names.includes(environmentName) ? environments[environmentName] : undefined;
  if (members !== undefined) return { account_id, jurisdiction, ...members };
  const known = names.length === 0 ? "It names no environment." : `It names: ${names.join(", ")}.`;
  throw new Error(`${OPERATOR_FILE} has no [environments.${environmentName}]. ${known}`);
}

function parsed(folder: string): unknown {
  let content: string;
  try {
    content = readFileSync(join(folder, OPERATOR_FILE), "utf8");
  } catch {
    throw new Error(
      `${OPERATOR_FILE} can't be read. Copy ${EXAMPLE} to ${OPERATOR_FILE}, and write your own values into it.`,
    );
  }
  try {
    return parse(content);
  } catch (error) {
    throw new Error(`${OPERATOR_FILE} is not valid TOML. ${error instanceof Error ? error.message.trim() : error}`);
  }
}

function checked(value: unknown): File {
  const read = file.safeParse(value, { reportInput: true });
  const faults = read.success ? contradictions(read.data) : read.error.issues.flatMap(sentencesOf);
  if (!read.success || faults.length > 0)
    throw new Error(faults.map((fault) => `${OPERATOR_FILE}: ${fault}`).join("\n"));
  return read.data;
}

function sentencesOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownMember(key, issue.path));
  const member = issue.path.join(".");
  if (issue.input === undefined) return [`${member} is missing. It ${issue.message}`];
  return [`${member} ${issue.message.startsWith("must") ? issue.message : "has the wrong type."}`];
}

function unknownMember(key: string, path: readonly PropertyKey[]): string {
  const where = String(path.at(-1) ?? "");
  const inTable = { settings: settings.def.shape, limits: limits.def.shape, logs: logs.def.shape }[where];
  const shape = inTable ?? (path.length === 0 ? file.def.shape : environment.def.shape);
  const near = nearest(key, Object.keys(shape));
  const hint = ELSEWHERE[key] ?? (near === undefined ? `See ${EXAMPLE}.` : `Did you mean ${near}?`);
  return `${[...path, key].join(".")} is not known. ${hint}`;
}

/** Sentences about members that are valid one by one, but not together. */
function contradictions(read: File): readonly string[] {
  const all: readonly (readonly [name: string, members: Deployment])[] = [
    ["", read],
    ...Object.entries(read.environments),
  ];
  const shared = (what: string, of: (members: Deployment) => readonly (string | number)[]) => {
    const owners = new Map<string | number, string>();
    return all.flatMap(([name, members]) =>
      of(members).flatMap((value) => {
        const owner = owners.get(value);
        owners.set(value, name);
        const who = (one: string) => (one === "" ? "the top of the file" : `environments.${one}`);
        if (owner === undefined) return [];
        return [`${who(owner)} and ${who(name)} both have ${what} ${value}. Each deployment needs its own.`];
      }),
    );
  };
  return [
    ...all.flatMap(([name, members]) => alone(members, name === "" ? "" : `environments.${name}.`)),
    ...shared("the name", ({ name }) => [name]),
    ...shared("the domain", ({ domain }) => (domain === undefined ? [] : [domain])),
    ...shared("the database", ({ databases }) => Object.values(databases)),
    ...shared("the archive", ({ archive }) => (typeof archive === "string" ? [archive] : [])),
    ...shared("the ratelimit_namespace", ({ ratelimit_namespace }) => [ratelimit_namespace]),
  ];
}

function alone(members: Deployment, at: string): readonly string[] {
  const { domain, workers_dev, databases } = members;
  const numbers = Object.keys(databases);
  const wrong = numbers.filter((key) => !/^(?:0|[1-9]\d?)$/.test(key) || Number(key) > DATABASE_MAX);
  return [
    domain !== undefined && workers_dev
      ? `${at}domain and ${at}workers_dev contradict each other, because callback URLs start with one of them. Remove one.`
      : null,
    domain === undefined && !workers_dev
      ? `${at}domain is missing. Name the domain, or write workers_dev = true.`
      : null,
    ...wrong.map((key) => `${at}databases.${key} must have a number from 0 to ${DATABASE_MAX} as its name.`),
    numbers.includes("0") ? null : `${at}databases.0 is missing. Number 0 is the control database.`,
  ].filter((fault) => fault !== null);
}
