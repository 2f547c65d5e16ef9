/** The app itself with an environment of the test's choosing: other secrets, or bindings that nobody may use. */

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createApp } from "../../src/app.ts";
import type { CoordinatorObject } from "../../src/runs/protocol.ts";
import type { Env } from "../../src/settings/env.ts";
import { expectDescribed, expectPointed } from "./api/conformance.ts";
import { type Answer, type Ask, noted, parse } from "./requests.ts";
import { withSettings } from "./settings.ts";

const app = createApp();

/** `METHOD /pattern` of each route of the app, with the names of its parameters alone. */
export const ROUTES: readonly string[] = [
  ...new Set(
    app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/(:\w+)\{.*?\}(?=\/|$)/g, "$1")}`),
  ),
].sort();

/** The test's environment with these bindings in place of its own. */
export function envWith(bindings: Partial<Env>): Env {
  return { ...withSettings(env), ...bindings };
}

export interface Untouchable<T> {
  readonly binding: T;
  /** What was tried with it, in order. */
  readonly uses: readonly string[];
}

/** A binding that notes whatever is done with it, and throws. */
export function untouchable<T extends object>(name: string): Untouchable<T> {
  const uses: string[] = [];
  const used = (_target: T, property?: string | symbol): never => {
    uses.push(`${name}.${String(property)}`);
    throw new Error(`${name} was used`);
  };
  const binding = new Proxy({} as T, { get: used, has: used, set: used, getOwnPropertyDescriptor: used });
  return { binding, uses };
}

/** The test's environment whose D1, coordinators and rate limit are untouchable, but for these bindings. */
export function untouchableEnv(bindings: Partial<Env> = {}): { environment: Env; uses: () => readonly string[] } {
  const DB = untouchable<D1Database>("DB");
  const COORDINATORS = untouchable<typeof env.COORDINATORS>("COORDINATORS");
  const UNKNOWN_TOKEN_LIMIT = untouchable<RateLimit>("UNKNOWN_TOKEN_LIMIT");
  const all = { DB: DB.binding, COORDINATORS: COORDINATORS.binding, UNKNOWN_TOKEN_LIMIT: UNKNOWN_TOKEN_LIMIT.binding };
  const uses = () => [DB, COORDINATORS, UNKNOWN_TOKEN_LIMIT].flatMap((one) => one.uses);
  return { environment: envWith({ ...all, ...bindings }), uses };
}

/** What happens around a call of a coordinator, such as `runs.create`. `go` makes the call. */
type Around = (name: string, go: () => Promise<unknown>) => Promise<unknown>;

/** The coordinators, with this around each call that the Worker makes. */
export function calledThrough(around: Around): Pick<Env, "COORDINATORS"> {
  const getByName = (scope: string) => {
    const call: CoordinatorObject["call"] = (subject, name, args) => {
      const stub: unknown = env.COORDINATORS.getByName(scope);
      return around(`${subject}.${name}`, () => (stub as CoordinatorObject).call(subject, name, args));
    };
    return { call };
  };
  return { COORDINATORS: { getByName } as unknown as typeof env.COORDINATORS };
}

/** Like `ask`, of the app with `environment`. `token: null` leaves Authorization to `headers`. */
export function askWith<T>(environment: Env, method: string, path: string, options: Ask = {}): Promise<Answer<T>> {
  return noted(sendWith<T>(environment, method, path, options));
}

async function sendWith<T>(environment: Env, method: string, path: string, options: Ask): Promise<Answer<T>> {
  const { token = environment.ROOT_TOKEN ?? null, body, headers } = options;
  const sent = new Headers(headers);
  if (token !== null) sent.set("Authorization", `Bearer ${token}`);
  const init: RequestInit = { method, headers: sent };
  if (body !== undefined) {
    sent.set("Content-Type", "application/json");
    init.body = JSON.stringify(body);
  }
  const url = path.startsWith("http") ? path : `https://runs.example${path}`;
  const response = await app.fetch(new Request(url, init), environment, createExecutionContext());
  const text = await response.text();
  expectDescribed(method, url, response, text);
  const answer = parse<T>(response, text);
  expectPointed(url, body ?? {}, answer);
  return { status: response.status, headers: response.headers, body: answer };
}
