/**
 * What is measured: how each operation asks, and what answer it takes for right. Plain data and functions of the load
 * process; nothing here knows how fast anything is.
 */

import type { WorkerName } from "./site.ts";

/** A run that can still be reported on, or an instance that waits for its event. */
export interface Open {
  readonly path: string;
  readonly token: string;
}

/** How many runs a page has that asks for none in particular. */
export const LIST_LIMIT = 50;

/** What was made beforehand for reading; the exact answers that are right. */
export interface Seeds {
  /** An API token of a member. */
  readonly token: string;
  /** Where runs are made. */
  readonly runs: string;
  readonly openRuns: readonly Reading[];
  readonly endedRuns: readonly Reading[];
  readonly list: Reading;
}

export interface Reading {
  readonly path: string;
  readonly body: string;
}

export interface Ask {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What the callers of one measurement share. */
export interface State {
  readonly seeds: Seeds;
  /** Made by creates of this worker, and not reported on yet. */
  readonly open: Open[];
}

export interface Operation {
  readonly worker: WorkerName;
  /** The `n`th request, and what its answer must satisfy; null when there is nothing left to ask for. */
  next(state: State, n: number): { readonly ask: Ask; readonly accepts: Accepts } | null;
}

/** Whether an answer is right. A create notes what it made. */
export type Accepts = (status: number, body: string) => boolean;

const JSON_TYPE = { "Content-Type": "application/json" };
const NEW_RUN = JSON.stringify({
  actionName: "deploy",
  parameters: { service: "checkout", version: "1.4.2", region: "eu-central" },
});
const REPORT = JSON.stringify({
  status: "succeeded",
  output: { url: "https://ci.example.com/jobs/4711", tests: "312 passed" },
});

function exactly(status: number, body: string): Accepts {
  return (s, b) => s === status && b === body;
}

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

/** Any of `list`, each in its turn. */
export function turn<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length];
  if (item === undefined) throw new Error("nothing was made beforehand");
  return item;
}

const FORGED = "0".repeat(64);

/** Parses an answer that should be an object; one that is none is an empty one. */
export function parsed(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** One that asks a limit that writes: a run's JSON comes back. */
function limitWrite(path: string): Operation {
  return {
    worker: "limits",
    next: () => ({
      ask: { method: "POST", path, headers: JSON_TYPE, body: NEW_RUN },
      accepts: (status, body) => status === 201 && parsed(body).status === "pending",
    }),
  };
}

/** A report with a token that was made up, where `to` says. */
function forged(worker: WorkerName, to: (path: string, id: string) => string): Operation {
  return {
    worker,
    next: ({ seeds }, n) => {
      const { path } = turn(seeds.openRuns, n);
      const id = path.slice(path.lastIndexOf("/") + 1);
      const headers = { ...JSON_TYPE, ...bearer(`${id}:1999999999999:${FORGED}`) };
      return {
        ask: { method: "POST", path: to(path, id), headers, body: REPORT },
        accepts: (status, body) => status === 401 && parsed(body).code === "token_invalid",
      };
    },
  };
}

export const OPERATIONS = {
  "refused callback": forged("service", (path) => `${path}/callback`),
  "verify HMAC": forged("limits", (_path, id) => `/hmac/${id}`),
  "get, ended run": {
    worker: "service",
    next: ({ seeds }, n) => {
      const { path, body } = turn(seeds.endedRuns, n);
      return { ask: { method: "GET", path, headers: bearer(seeds.token) }, accepts: exactly(200, body) };
    },
  },
  hello: {
    worker: "limits",
    next: ({ seeds }) => ({
      ask: { method: "GET", path: "/hello", headers: bearer(seeds.token) },
      accepts: exactly(200, "hello"),
    }),
  },
  "get, open run": {
    worker: "service",
    next: ({ seeds }, n) => {
      const { path, body } = turn(seeds.openRuns, n);
      return { ask: { method: "GET", path, headers: bearer(seeds.token) }, accepts: exactly(200, body) };
    },
  },
  "D1 select": {
    worker: "limits",
    next: ({ seeds }, n) => {
      const { path, body } = turn(seeds.openRuns, n);
      const [, o, p, , env, , id] = path.split("/");
      const ask: Ask = {
        method: "GET",
        path: `/select/${o}/${p}/${env}/${id}`,
        headers: bearer(seeds.token),
      };
      return { ask, accepts: exactly(200, body) };
    },
  },
  "list of 50": {
    worker: "service",
    next: ({ seeds: { list, token } }) => ({
      ask: { method: "GET", path: list.path, headers: bearer(token) },
      accepts: exactly(200, list.body),
    }),
  },
  "D1 page of 50": {
    worker: "limits",
    next: ({ seeds: { list, token } }) => {
      const [, o, p, , env] = list.path.split("/");
      return {
        ask: { method: "GET", path: `/page/${o}/${p}/${env}`, headers: bearer(token) },
        accepts: exactly(200, list.body),
      };
    },
  },
  create: {
    worker: "service",
    next: ({ seeds, open }) => ({
      ask: {
        method: "POST",
        path: seeds.runs,
        headers: { ...JSON_TYPE, ...bearer(seeds.token) },
        body: NEW_RUN,
      },
      accepts: (status, text) => {
        const body = parsed(text);
        const callback = body.callback as { url?: string; token?: string } | undefined;
        if (status !== 201 || body.status !== "pending" || !callback?.url || !callback.token) return false;
        open.push({ path: new URL(callback.url).pathname, token: callback.token });
        return true;
      },
    }),
  },
  callback: {
    worker: "service",
    next: ({ open }) => {
      const run = open.pop();
      if (run === undefined) return null;
      return {
        ask: {
          method: "POST",
          path: run.path,
          headers: { ...JSON_TYPE, ...bearer(run.token) },
          body: REPORT,
        },
        accepts: (status, text) => {
          const { id, status: ended } = parsed(text);
          return status === 200 && ended === "succeeded" && run.path.includes(String(id));
        },
      };
    },
  },
  "Workflows create": {
    worker: "peer",
    next: ({ open }) => ({
      ask: { method: "POST", path: "/create", headers: JSON_TYPE, body: NEW_RUN },
      accepts: (status, body) => {
        const { id } = parsed(body);
        if (status !== 201 || typeof id !== "string") return false;
        open.push({ path: `/send/${id}`, token: "" });
        return true;
      },
    }),
  },
  "Workflows sendEvent": {
    worker: "peer",
    next: ({ open }) => {
      const instance = open.pop();
      if (instance === undefined) return null;
      return {
        ask: { method: "POST", path: instance.path, headers: JSON_TYPE, body: REPORT },
        accepts: (status, body) => status === 200 && parsed(body).sent === true,
      };
    },
  },
  "object write": limitWrite("/object"),
  "D1 upsert": limitWrite("/upsert"),
  "object write + D1 upsert": limitWrite("/object-upsert"),
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;
