/**
 * A real HTTP server with scripted answers, one per request; the last one repeats. It plays the API and the proxies in
 * front of it, and knows the rules of neither.
 */

import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { type Client, type ClientSettings, createClient } from "../../src/client/index.ts";
import { RUN } from "../support/api/api-objects.ts";
import { serve } from "../support/node-server.ts";

export { RUN };

export const TOKEN = "terr_a-token-that-nobody-may-see";

export interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

export type Answer = (response: ServerResponse, asked: Asked) => void | Promise<void>;

export interface Stub {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** A client of this server, with short backoffs. */
  client(settings?: Partial<ClientSettings>): Client;
  /** The number of unfinished responses. */
  open(): number;
}

export async function stub(...answers: readonly Answer[]): Promise<Stub> {
  const asked: Asked[] = [];
  let open = 0;
  const { url, close } = await serve(async (request, response) => {
    open++;
    response.on("close", () => open--);
    const { method, url, headers } = request;
    const body = await text(request).catch(() => "");
    const one = { method, url, headers, body, at: performance.now() };
    asked.push(one);
    await answers[Math.min(asked.length, answers.length) - 1]?.(response, one);
  });
  onTestFinished(close);
  return {
    url,
    asked,
    client: (settings) =>
      createClient({
        baseUrl: url,
        token: TOKEN,
        org: "acme",
        project: "shop",
        env: "prod",
        retryDelayMs: 1,
        timeoutMs: 5000,
        ...settings,
      }),
    open: () => open,
  };
}

export const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(JSON.stringify(body));
  };

export const refusal = (status: number, code: string, headers?: Record<string, string>): Answer =>
  json(status, { error: `Sentence of ${code}.`, code }, { "X-Request-Id": `id-of-${code}`, ...headers });

export const page =
  (status: number, body = `<html><h1>${status} from a proxy</h1>`, headers = {}): Answer =>
  (response) => {
    response.writeHead(status, { "Content-Type": "text/html", ...headers }).end(body);
  };

/** Closes the connection without a response. */
export const reset: Answer = (response) => {
  response.socket?.resetAndDestroy();
};

export const hang: Answer = () => {};

/** Sends headers and half a body. Then it closes the connection, or keeps it open. */
export const half =
  (body: unknown, end: "cut" | "hang" = "cut"): Answer =>
  async (response) => {
    const whole = JSON.stringify(body);
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": whole.length });
    response.write(whole.slice(0, whole.length / 2));
    await delay(20);
    if (end === "cut") response.destroy();
  };

/** Sends these bytes as an event stream, and then ends it, cuts it or keeps it open. */
export const stream =
  (chunks: string | readonly (string | Uint8Array)[], end: "end" | "cut" | "hang" = "end"): Answer =>
  async (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" }).flushHeaders();
    for (const chunk of typeof chunks === "string" ? [chunks] : chunks) {
      response.write(chunk);
      await delay(1);
    }
    await delay(10);
    if (end === "end") response.end();
    if (end === "cut") response.destroy();
  };

export const nothing: Answer = (response) => {
  response.writeHead(204).end();
};

export const CREATED = {
  ...RUN,
  callback: { url: "https://runs.example.com/x/callback", token: "t", expiresAt: "2026-01-31T13:00:00.000Z" },
};

/** A client of an API that is a function of the test. */
export function clientOf(answer: (url: URL) => Response): Client {
  const scope = { org: "acme", project: "shop", env: "prod" };
  const fetch = async (request: unknown) => answer(new URL((request as Request).url));
  return createClient({ baseUrl: "http://127.0.0.1:8787", token: TOKEN, ...scope, retries: 0, fetch });
}

/** The error of a promise that must reject. */
export async function thrown(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("value" in outcome) throw new Error(`expected a refusal, got ${JSON.stringify(outcome.value)}`);
  return outcome.error;
}

export async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}
