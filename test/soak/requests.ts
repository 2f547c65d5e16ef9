/**
 * What callers of a soak are made of. One request is bounded in time; connections are kept, and a killed service costs
 * only those that it had. Random numbers come from a seed, so that a soak can be planned again: only the timing differs.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";

const ANSWER_WITHIN_MS = 30_000;

export interface Ask {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly url: string;
  readonly token: string;
  readonly body?: unknown;
  readonly key?: string | null;
  /** For whom the token acts. */
  readonly person?: string | null;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The caller hangs up after this. */
  readonly hangUpAfterMs?: number | null;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Whether it says that it may lack changes. */
  readonly isStale: boolean;
  /** The URL of the next page; null if there is none. */
  readonly next: string | null;
}

/** The URL of a path below an environment, which is `org/project/env`. */
export function urlOf(origin: string, environment: string, path: string): string {
  return `${origin}/${environment.replace(/[^/]+$/, "envs/$&")}/${path}`;
}

const agent = new Agent({ headersTimeout: ANSWER_WITHIN_MS, bodyTimeout: ANSWER_WITHIN_MS, pipelining: 1 });

/** Null if no answer came: the service was killed, the caller hung up, or it took too long. */
export async function ask(asked: Ask): Promise<Answer | null> {
  const { method, url, token, body, key, person, hangUpAfterMs } = asked;
  const headers: Record<string, string> = { ...asked.headers, authorization: `Bearer ${token}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (typeof key === "string") headers["idempotency-key"] = key;
  if (typeof person === "string") headers["on-behalf-of"] = person;
  const hungUp = new AbortController();
  const stopped = new AbortController();
  if (typeof hangUpAfterMs === "number") {
    void delay(hangUpAfterMs, null, { signal: stopped.signal }).then(
      () => hungUp.abort(),
      () => {},
    );
  }
  try {
    const answer = await request(url, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: hungUp.signal,
      dispatcher: agent,
    });
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      body: text === "" ? null : JSON.parse(text),
      next: /<([^>]+)>; rel="next"/.exec(String(answer.headers.link))?.[1] ?? null,
      isStale: answer.headers["action-runs-stale"] === "true",
    };
  } catch {
    return null;
  } finally {
    stopped.abort();
  }
}

/** At least 0 and less than 1. */
export type Random = () => number;

/** Mulberry32. Each `part` of the soak has its own sequence. */
export function randomFrom(seed: number, part: number): Random {
  let state = (seed * 0x9e3779b1 + part * 0x85ebca6b) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORKERS = 8;

/** Does the work for all items, eight at a time. */
export async function forAll<T, R>(items: Iterable<T>, work: (item: T) => Promise<R>): Promise<R[]> {
  const queue = [...items].entries();
  const done: R[] = [];
  await Promise.all(
    Array.from({ length: WORKERS }, async () => {
      for (const [n, item] of queue) done[n] = await work(item);
    }),
  );
  return done;
}
