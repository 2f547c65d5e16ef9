/**
 * The settings that differ between files, and what they can reach. test/webhooks/ is like development, where webhooks
 * may go to loopback, and a receiver there behaves as receivers do, badly included. Everything else is like a deployed
 * service.
 */

import type { Env } from "../../src/settings/env.ts";

const DEVELOPMENT = { PUBLIC_URL: "", ALLOW_INSECURE_WEBHOOKS: "true" };

/** One for the isolate, shared by the Worker, its objects and the tests. */
let isDevelopment = false;

/** Call it before each file. `path`: the file's. */
export function useSettingsOf(path: string): void {
  isDevelopment = path.includes("/test/webhooks/");
}

export function withSettings<T extends Env>(env: T): T {
  return isDevelopment ? { ...env, ...DEVELOPMENT } : env;
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
