/** What the tests ask the service with: the same requests that its users send. */

import { env, exports } from "cloudflare:workers";
import type { components } from "../../src/client/openapi.ts";
import { expectDescribed, expectPointed } from "./api/conformance.ts";

export const ROOT = "a-root-token-for-tests-of-32-characters";

/** What the OpenAPI document says of each request and response. */
export type Schemas = components["schemas"];
export type ActionRun = Schemas["ActionRun"];
export type CreatedRun = ActionRun & Pick<Schemas["CreatedActionRun"], "callback">;
/** What a heartbeat is answered with. */
export type Beaten = Schemas["HeartbeatAnswer"];

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Ask {
  readonly token?: string | null;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: BodyInit;
  /** An empty Content-Type is none. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where requests come from that name no address. */
let address = "";

/**
 * Call it before each file. An address may send only some unknown tokens a minute, and the limit outlives a file that
 * used them up.
 */
export function useNewAddress(): void {
  const [a, b, c] = crypto.getRandomValues(new Uint16Array(3));
  address = `2001:${a?.toString(16)}:${b?.toString(16)}:${c?.toString(16)}::1`;
}

const inFlight = new Set<Promise<unknown>>();

/** Notes `request` until it has been answered or has failed. */
export async function noted<T>(request: Promise<T>): Promise<T> {
  inFlight.add(request);
  try {
    return await request;
  } finally {
    inFlight.delete(request);
  }
}

/** Throws if a test has left a request behind. When it ends, its line is in another test's log. */
export function requireNoRequestLeft(): void {
  const left = inFlight.size;
  inFlight.clear();
  if (left > 0) throw new Error(`After this test, ${left} requests are not over. Let the test wait for them.`);
}

export function ask<T = ActionRun>(method: string, path: string, options: Ask = {}): Promise<Answer<T>> {
  return noted(send<T>(method, path, options));
}

async function send<T>(method: string, path: string, options: Ask): Promise<Answer<T>> {
  const { token = ROOT, body, raw, headers } = options;
  const sent = new Headers({ "CF-Connecting-IP": address, ...headers });
  const init: RequestInit = { method, headers: sent, redirect: "manual" };
  if (token !== null) (init.headers as Headers).set("Authorization", `Bearer ${token}`);
  if (body !== undefined || raw !== undefined) {
    if (headers?.["Content-Type"] === undefined) (init.headers as Headers).set("Content-Type", "application/json");
    if (headers?.["Content-Type"] === "") (init.headers as Headers).delete("Content-Type");
    init.body = raw ?? JSON.stringify(body);
  }
  const url = path.startsWith("http") ? path : `https://runs.example${path}`;
  const response = await exports.default.fetch(url, init);
  const text = await response.text();
  expectDescribed(method, url, response, text);
  const answer = parse<T>(response, text);
  if (raw === undefined || typeof raw === "string") expectPointed(url, raw ?? body ?? {}, answer);
  return { status: response.status, headers: response.headers, body: answer };
}

/** With this Idempotency-Key. */
export function keyed(key: string): Ask {
  return { headers: { "Idempotency-Key": key } };
}

/** "true" if the answer is that of an earlier request with the same key; otherwise null. */
export function replayed({ headers }: Pick<Answer<unknown>, "headers">): string | null {
  return headers.get("Idempotent-Replayed");
}

/** The URL of the next page, if there is one. */
export function nextOf(headers: Headers): string | undefined {
  return /<([^>]*)>; rel="next"/.exec(headers.get("Link") ?? "")?.[1];
}

/** All pages of a list, from the one of `path` on. */
export async function pagesOf<T>(path: string): Promise<T[][]> {
  const pages: T[][] = [];
  for (let next: string | undefined = path; next !== undefined; ) {
    const { status, headers, body }: Answer<T[]> = await ask<T[]>("GET", next);
    if (status !== 200) throw new Error(`${next} answered ${status}`);
    if (pages.push(body) > 100) throw new Error(`${path} has pages without end`);
    next = nextOf(headers);
  }
  return pages;
}

/** JSON as what it says; null where there is nothing, and the text of anything else. */
export function parse<T>(response: Response, text: string): T {
  if (text === "") return null as T;
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  return isJson ? JSON.parse(text) : (text as T);
}

let environments = 0;

/** The runs of an environment that no other test uses. */
export function newRunsPath(): string {
  return `/acme/shop/envs/e${++environments}-${crypto.randomUUID().slice(0, 8)}/action-runs`;
}

export function scopeOfPath(path: string): string {
  const [, o, p, , envName] = path.split("/");
  return `${o}/${p}/${envName}`;
}

export async function createRun(
  path: string,
  body: Record<string, unknown> = { actionName: "deploy" },
  options: Ask = {},
): Promise<CreatedRun> {
  const answer = await ask<CreatedRun>("POST", path, { body, ...options });
  if (answer.status !== 201) throw new Error(`create answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** A new run in an environment of its own. */
export async function givenRun(body?: Record<string, unknown>, options?: Ask) {
  const path = newRunsPath();
  const run = await createRun(path, body, options);
  return { path, run, runPath: `${path}/${run.id}` };
}

export function report(run: CreatedRun, body: unknown, options: Ask = {}): Promise<Answer<ActionRun>> {
  return ask("POST", run.callback.url, { token: run.callback.token, body, ...options });
}

export async function rowOf(id: string): Promise<{ version: number; status: string; body: string } | null> {
  return env.DB.prepare("SELECT version, status, body FROM runs WHERE id = ?").bind(id).first();
}
