/**
 * Requests to the real server, whose responses are checked against the OpenAPI document, and callers that create and end
 * runs as fast as they can, and remember every response.
 */

import { randomUUID } from "node:crypto";

interface Conformance {
  expectDescribed(method: string, url: string, response: Response, text: string): void;
}

// Otherwise the routes would have no descriptions (src/http/operation.ts).
Object.assign(globalThis, { DESCRIBE: true });
// Imported by URL, so that the compiler does not follow it: the document's sources have the types of Workers, and this
// folder those of Node.
const { expectDescribed } = (await import(
  new URL("../support/api/conformance.ts", import.meta.url).href
)) as Conformance;

export interface ActionRun {
  readonly id: string;
  readonly status: string;
}

export interface CreatedRun extends ActionRun {
  readonly callback: { readonly url: string; readonly token: string; readonly expiresAt: string };
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Ask {
  readonly token: string;
  readonly body?: unknown;
  readonly key?: string;
}

/** What a caller knows about a run. */
export interface Known {
  readonly createBody: { readonly actionName: string; readonly parameters: { readonly n: number } };
  readonly createKey: string;
  readonly callback: CreatedRun["callback"];
  /** The run as last acknowledged. */
  run: ActionRun;
  /** The report, if the caller sent one. */
  report?: { readonly body: unknown; readonly key: string };
  /** A change got no response, so it may or may not have happened. */
  unanswered: boolean;
}

export interface Load {
  readonly known: readonly Known[];
  /** Responses that should not happen. */
  readonly surprises: readonly string[];
  /** The number of requests that were under way when the server was killed. */
  unanswered(): number;
  /** Resolves when every caller has noticed that the server is gone. */
  readonly over: Promise<unknown>;
}

export async function ask<T>(method: string, url: string, { token, body, key }: Ask): Promise<Answer<T>> {
  const headers = new Headers({ Authorization: `Bearer ${token}`, "Content-Type": "application/json" });
  if (key !== undefined) headers.set("Idempotency-Key", key);
  const answer = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await answer.text();
  expectDescribed(method, url, answer, text);
  return { status: answer.status, headers: answer.headers, body: JSON.parse(text) as T };
}

/** Creates a token of the project at this URL. `token`: the operator's. */
export async function createToken(project: string, token: string, body: { name: string; role: string }) {
  return (await ask<{ readonly token: string }>("POST", `${project}/tokens`, { token, body })).body.token;
}

export function startLoad(runsUrl: string, token: string, callers: number): Load {
  const known: Known[] = [];
  const surprises: string[] = [];
  let unanswered = 0;

  /** The body of an expected response; null if there is none because the server is gone. */
  async function told<T>(status: number, method: string, url: string, asked: Ask): Promise<T | null> {
    const answer = await ask<T>(method, url, asked).catch((error: unknown) => {
      if (/describe/.test(String(error))) surprises.push(String(error));
      return null;
    });
    if (answer === null) unanswered++;
    else if (answer.status !== status) {
      surprises.push(`${method} ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer?.body ?? null;
  }

  async function createOne(n: number): Promise<Known | null> {
    const createBody = { actionName: "deploy", parameters: { n } };
    const createKey = randomUUID();
    const created = await told<CreatedRun>(201, "POST", runsUrl, { token, body: createBody, key: createKey });
    if (created === null) return null;
    const { callback, ...run } = created;
    const one: Known = { createBody, createKey, callback, run, unanswered: false };
    known.push(one);
    return one;
  }

  /** Of every four runs, two are reported, one is cancelled and one stays open. */
  async function endOne(one: Known, n: number): Promise<boolean> {
    let changed: ActionRun | null;
    if (n % 4 === 3) return true;
    if (n % 4 === 2) {
      changed = await told<ActionRun>(200, "DELETE", `${runsUrl}/${one.run.id}`, { token });
    } else {
      const body = n % 4 === 0 ? { status: "succeeded", output: { n } } : { status: "failed", error: `exit code ${n}` };
      one.report = { body, key: randomUUID() };
      const { url } = one.callback;
      changed = await told<ActionRun>(200, "POST", url, { token: one.callback.token, ...one.report });
    }
    if (changed === null) one.unanswered = true;
    else one.run = changed;
    return changed !== null;
  }

  async function caller(): Promise<void> {
    for (let n = 0; surprises.length === 0; n++) {
      const one = await createOne(n);
      if (one === null || !(await endOne(one, n))) return;
    }
  }

  const over = Promise.all(Array.from({ length: callers }, caller));
  return { known, surprises, unanswered: () => unanswered, over };
}

/** Runs `work` for all items, 16 at a time. */
export async function forEachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}

export { expectDescribed };
