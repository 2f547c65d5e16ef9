/**
 * The settings and bindings of the service under test. They are those of a deployed service with one database and no
 * archive (test/archive/environment.ts adds one), unless a file asks for others (use-settings.ts).
 */

import type { Env } from "../../src/settings/env.ts";

const DEVELOPMENT = { PUBLIC_URL: "", ALLOW_INSECURE_WEBHOOKS: "true" };
export const MORE_DATABASES = ["DB_1", "DB_2", "DB_3"] as const;

/**
 * `development`: webhooks may go to loopback, where a receiver behaves as receivers do, badly included. `databases`:
 * four of them.
 */
export type Setting = "development" | "databases";

/** One for the isolate, shared by the Worker, its objects and the tests. */
let used: readonly Setting[] = [];

/** Settings and bindings that a test has changed, until it ends. Undefined: the binding is missing. */
export const changed: Partial<Record<keyof Env, unknown>> = {};

/** The settings of a deployed service, and these. */
export function set(...settings: readonly Setting[]): void {
  used = settings;
}

/** Until the test ends, or `resetChanged` is called. */
export function bindOneDatabase(): void {
  for (const name of MORE_DATABASES) changed[name] = undefined;
}

export function resetChanged(): void {
  for (const name of Object.keys(changed)) delete changed[name as keyof Env];
}

/** The databases besides `DB` that the tests of this file have. */
export function moreDatabases(): readonly (typeof MORE_DATABASES)[number][] {
  return used.includes("databases") ? MORE_DATABASES : [];
}

export function withSettings<T extends Env>(env: T): T {
  const { ARCHIVE: _, DB_1, DB_2, DB_3, ...others } = env;
  return {
    ...others,
    ...(used.includes("databases") && { DB_1, DB_2, DB_3 }),
    ...(used.includes("development") && DEVELOPMENT),
    ...changed,
  } as unknown as T;
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;
const network = globalThis.fetch;

/** No request may leave the machine. Another host is as one whose proxy has no network. */
export function stayOnThisMachine(): void {
  globalThis.fetch = (input, init) => {
    const { hostname } = new URL(input instanceof Request ? input.url : String(input));
    if (used.includes("development") && LOOPBACK.test(hostname)) return network(input, init);
    return Promise.resolve(new Response("no network", { status: 503 }));
  };
}
