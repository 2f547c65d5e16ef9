/** Stored actions, as the tests store and run them. */

import { env } from "cloudflare:workers";
import type { Env } from "../../src/settings/env.ts";
import { askWith } from "../support/bindings.ts";
import { type ActionRun, type Answer, type Ask, ask } from "../support/requests.ts";
import { newProject, type Refusal } from "../support/tokens.ts";

export const ORIGIN_A = "https://ci.example.com";
export const ORIGIN_B = "https://evil.example.net";
export const SIGNING_SECRET = `whsec_${btoa("a-signing-key-of-the-caller-32-b")}`;

export interface Definition {
  readonly description?: string;
  readonly trigger?: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string | null>>;
    readonly signingSecret?: string | null;
    readonly secrets?: Readonly<Record<string, string | null>>;
    readonly cancel?: { readonly url: string; readonly headers: Readonly<Record<string, string | null>> };
  };
  readonly [member: string]: unknown;
}

/** Of a GET or a PUT, or of a refusal. */
export type ActionOnWire = Definition & Partial<Refusal>;

export interface Listed {
  readonly name: string;
  readonly version: number;
  readonly changedAt: string;
  readonly definition: Definition;
}

/** `/{o}/{p}/envs/{envName}/actions` that no other test uses. */
export function newActionsPath(): string {
  return `${newProject()}/envs/production/actions`;
}

export function runsOf(actionsPath: string): string {
  return actionsPath.replace(/actions$/, "action-runs");
}

export function scopeOf(actionsPath: string): string {
  const [, o, p, , envName] = actionsPath.split("/");
  return `${o}/${p}/${envName}`;
}

export function put(path: string, body: unknown, options: Ask = {}): Promise<Answer<ActionOnWire>> {
  return ask("PUT", path, { body, ...options });
}

/** The version that a PUT has stored. */
export function versionOf({ headers }: Answer<unknown>): number {
  return Number(headers.get("ETag")?.slice(1, -1));
}

export function get(path: string, options: Ask = {}): Promise<Answer<ActionOnWire>> {
  return ask("GET", path, options);
}

export function run(
  path: string,
  body: unknown = {},
  options: Ask = {},
): Promise<Answer<ActionRun & Partial<Refusal> & { callback?: unknown }>> {
  return ask("POST", `${path}/runs`, { body, ...options });
}

export function runWith(
  environment: Env,
  path: string,
): Promise<Answer<ActionRun & Partial<Refusal> & { callback?: unknown }>> {
  return askWith(environment, "POST", `${path}/runs`, { body: {} });
}

/** A trigger with a secret in each place, unless `more` says otherwise. */
export function triggerAt(url: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    type: "webhook",
    url,
    headers: { Authorization: "Bearer the-header-secret-7731", "X-Api-Key": "the-api-key-secret-5521" },
    signingSecret: SIGNING_SECRET,
    secrets: { token: "the-named-secret-8842" },
    ...more,
  };
}

interface Row {
  readonly version: number;
  readonly keyId: string | null;
  readonly secrets: string | null;
}

/** The row of an action, with its sealed secrets in hex. */
export async function rowOfAction(path: string): Promise<Row | null> {
  return env.DB.prepare(
    "SELECT version, key_id AS keyId, hex(secrets) AS secrets FROM definitions WHERE scope = ? AND name = ?",
  )
    .bind(scopeOf(path), path.split("/").at(-1))
    .first();
}

const LARGE = { type: "webhook", url: ORIGIN_A, method: "POST", headers: {}, startOn: "heartbeat" };

/** Writes actions into D1 directly. `bytes`: of each definition, 2 for `{}`. */
export async function insertActions(actionsPath: string, names: readonly string[], bytes = 2): Promise<void> {
  const sized = (payload: string) => JSON.stringify({ trigger: { ...LARGE, payload } });
  const definition = bytes === 2 ? "{}" : sized("x".repeat(bytes - sized("").length));
  await env.DB.prepare(
    `INSERT INTO definitions (scope, kind, name, version, created_version, change_id, created_by, created_by_name,
                              changed_at, changed_by, changed_by_name, changed_lineage, bytes, definition)
     SELECT ?1, 'action', value, 1, 1, 'none', 'root', 'root', 0, 'root', 'root', '/root/', ?3, ?4 FROM json_each(?2)`,
  )
    .bind(scopeOf(actionsPath), JSON.stringify(names), bytes, definition)
    .run();
}
