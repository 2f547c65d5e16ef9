/** One request to the service, bounded in time. Connections are kept; a killed service costs only those that it had. */

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
export async function ask({ method, url, token, body, key, person, hangUpAfterMs }: Ask): Promise<Answer | null> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
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
