/** The operator's settings, from the environment. GET /readyz reports those that are not valid. */

import { newEnvironmentsFault } from "./databases.ts";
import type { Env } from "./env.ts";
import { weaknessOf } from "./secret-strength.ts";
import { webhookPolicy } from "./webhook-policy.ts";

const DEFAULT_DAYS = { RETENTION_DAYS: 30, AUDIT_RETENTION_DAYS: 400 } as const;
type DaysName = keyof typeof DEFAULT_DAYS;
type Days = Pick<Env, DaysName>;

/** Whole days, at least 1. A value that is not valid counts as the default. */
function daysOf(env: Days, name: DaysName): number {
  const days = Number(env[name] ?? DEFAULT_DAYS[name]);
  return Number.isInteger(days) && days >= 1 && days <= 36_500 ? days : DEFAULT_DAYS[name];
}

/** How long a finished run is kept. */
export function retentionDays(env: Days): number {
  return daysOf(env, "RETENTION_DAYS");
}

/** How long an audit entry is kept. */
export function auditRetentionDays(env: Days): number {
  return daysOf(env, "AUDIT_RETENTION_DAYS");
}

/** The operator's token, or null if it is missing or easy to guess. */
export function rootToken(env: Pick<Env, "ROOT_TOKEN">): string | null {
  const token = env.ROOT_TOKEN ?? "";
  return weaknessOf(token) === null ? token : null;
}

export function corsOrigins(env: Pick<Env, "CORS_ORIGINS">): string[] {
  return (env.CORS_ORIGINS ?? "")
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
}

/** One sentence for each setting that is not valid, except the signing keys. `origin` is the origin of the request. */
export function settingFaults(env: Env, origin: string): string[] {
  const faults: string[] = [];
  const rootWeakness = env.ROOT_TOKEN ? weaknessOf(env.ROOT_TOKEN) : null;
  if (rootWeakness !== null) {
    faults.push(
      `ROOT_TOKEN ${rootWeakness} Make one with \`openssl rand -hex 32\` and set it with \`wrangler secret put ROOT_TOKEN\`.`,
    );
  }
  const policy = webhookPolicy(env, origin);
  if (!policy.ok) faults.push(policy.error);
  for (const name of Object.keys(DEFAULT_DAYS) as DaysName[]) {
    const set = env[name];
    if (set !== undefined && String(daysOf(env, name)) !== set.trim())
      faults.push(`${name} must be a whole number of days, at least 1.`);
  }
  const placing = newEnvironmentsFault(env);
  if (placing !== null) faults.push(placing);
  return faults;
}
