/** The operator's settings, read from the environment and checked. A setting that can't be used says so at /readyz. */

import { webhookPolicy } from "./dispatch/webhook-policy.ts";
import type { Env } from "./env.ts";
import { weaknessOf } from "./secret-strength.ts";

export const RETENTION_DEFAULT_DAYS = 30;

/** Whole days that a finished run is kept, at least 1. A value that makes no sense keeps the default. */
export function retentionDays(env: Pick<Env, "RETENTION_DAYS">): number {
  const days = Number(env.RETENTION_DAYS ?? RETENTION_DEFAULT_DAYS);
  return Number.isInteger(days) && days >= 1 && days <= 36_500 ? days : RETENTION_DEFAULT_DAYS;
}

/** The operator's token, or null if it is unset or can be guessed. */
export function rootToken(env: Pick<Env, "ROOT_TOKEN">): string | null {
  const token = env.ROOT_TOKEN ?? "";
  return weaknessOf(new TextEncoder().encode(token)) === null ? token : null;
}

export function corsOrigins(env: Pick<Env, "CORS_ORIGINS">): readonly string[] {
  return (env.CORS_ORIGINS ?? "")
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
}

/** What URLs in answers start with: PUBLIC_URL, or the origin that the request came to. No slash at the end. */
export function baseUrl(env: Pick<Env, "PUBLIC_URL">, requestUrl: string): string {
  return (env.PUBLIC_URL || new URL(requestUrl).origin).replace(/\/+$/, "");
}

/** Sentences on what is wrong with the settings; none when all is well. The signing keys are checked by the ring. `origin`: of the request that asks. */
export function settingFaults(env: Env, origin: string): string[] {
  const faults: string[] = [];
  const rootWeakness = env.ROOT_TOKEN ? weaknessOf(new TextEncoder().encode(env.ROOT_TOKEN)) : null;
  if (rootWeakness !== null) {
    faults.push(
      `ROOT_TOKEN ${rootWeakness} Make one with \`openssl rand -hex 32\` and set it with \`wrangler secret put ROOT_TOKEN\`.`,
    );
  }
  const policy = webhookPolicy(env, origin);
  if (!policy.ok) faults.push(policy.error);
  if (env.RETENTION_DAYS !== undefined && String(retentionDays(env)) !== env.RETENTION_DAYS.trim()) {
    faults.push("RETENTION_DAYS must be a whole number of days, at least 1.");
  }
  if (env.PUBLIC_URL && !/^https?:$/.test(URL.parse(env.PUBLIC_URL)?.protocol ?? "")) {
    faults.push("PUBLIC_URL must be an http or https URL.");
  }
  return faults;
}
