/**
 * The settings that differ between files, and what they can reach. test/webhooks/ is like development, where webhooks
 * may go to loopback, and a receiver there behaves as receivers do, badly included. Everything else is like a deployed
 * service.
 */

import type { Env } from "../../src/settings/env.ts";

const DEVELOPMENT = { PUBLIC_URL: "", ALLOW_INSECURE_WEBHOOKS: "true" };

/** The folders whose tests have several databases, and those that have an archive. Most deployments have neither. */
const WITH_DATABASES = /\/test\/(databases|property)\//;
const WITH_ARCHIVE = /\/test\/archive\//;
export const MORE_DATABASES = ["DB_1", "DB_2", "DB_3"] as const;

/** One for the isolate, shared by the Worker, its objects and the tests. */
let isDevelopment = false;
let hasDatabases = false;
let hasArchive = false;

/** Settings and bindings that a test has changed. Undefined: the binding is missing. Reset before each file. */
export const changed: Partial<Record<keyof Env, unknown>> = {};

/** Call it before each file. `path`: the file's. */
export function useSettingsOf(path: string): void {
  isDevelopment = path.includes("/test/webhooks/");
  hasDatabases = WITH_DATABASES.test(path);
  hasArchive = WITH_ARCHIVE.test(path);
  for (const name of Object.keys(changed)) delete changed[name as keyof Env];
}

/** The databases besides `DB` that the tests of this file have. */
export function moreDatabases(): readonly (typeof MORE_DATABASES)[number][] {
  return hasDatabases ? MORE_DATABASES : [];
}

export function withSettings<T extends Env>(env: T): T {
  const { ARCHIVE, DB_1, DB_2, DB_3, ...others } = env;
  return {
    ...others,
    ...(hasDatabases && { DB_1, DB_2, DB_3 }),
    ...(hasArchive && { ARCHIVE }),
    ...(isDevelopment && DEVELOPMENT),
    ...changed,
  } as unknown as T;
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;
const network = globalThis.fetch;

/** No request may leave the machine. Another host is as one whose proxy has no network. */
export function stayOnThisMachine(): void {
  globalThis.fetch = (input, init) => {
    const { hostname } = new URL(input instanceof Request ? input.url : String(input));
    if (isDevelopment && LOOPBACK.test(hostname)) return network(input, init);
    return Promise.resolve(new Response("no network", { status: 503 }));
  };
}
