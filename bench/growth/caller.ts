/** Callers of a standing place: each keeps one connection, and times an answer until its last byte. */

import { Client } from "undici";
import type { Standing } from "./place.ts";

const WITHIN_MS = 30_000;

export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly token: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Timed {
  readonly status: number;
  readonly body: string;
  readonly ms: number;
}

export type Call = (ask: Ask) => Promise<Timed>;

/** A caller, and what closes its connection. */
export function startCaller({ origin }: Pick<Standing, "origin">): { call: Call; close(): Promise<void> } {
  const client = new Client(origin, {
    keepAliveTimeout: 60_000,
    headersTimeout: WITHIN_MS,
    bodyTimeout: WITHIN_MS,
  });
  const call = async ({ method, path, token, headers, body }: Ask): Promise<Timed> => {
    const json: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
    const all = { Authorization: `Bearer ${token}`, ...json, ...headers };
    const askedAt = performance.now();
    try {
      const answer = await client.request({ method, path, headers: all, body: body ?? null });
      const text = await answer.body.text();
      return { status: answer.statusCode, body: text, ms: performance.now() - askedAt };
    } catch (error) {
      return { status: 0, body: String(error), ms: performance.now() - askedAt };
    }
  };
  return { call, close: () => client.close() };
}

/** Throws where an answer is not the right one. */
export function expectAnswer(ask: Ask, answer: Timed, isRight: boolean): void {
  if (isRight) return;
  throw new Error(`${ask.method} ${ask.path}: ${answer.status} ${answer.body.slice(0, 300)}`);
}
