/**
 * What is measured: how each operation asks, and what answer it takes for right. Plain data and functions of the load
 * process; nothing here knows how fast anything is.
 */

import type { WorkerName } from "./site.ts";

/** A run that can still be reported on, or an instance that waits for its event. */
export interface Open {
  readonly path: string;
  /** Of the callback; null where none is asked for. */
  readonly token: string | null;
}

/** Where the limit makes runs as a naive service would. */
export const NAIVE_CREATE = "/object-upsert";
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
  /** Open runs where `runs` are made, in all coordinators. */
  readonly madeRuns: readonly Reading[];
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
  /** The same, of the coordinator that is polled. */
  readonly polled: Open[];
  /** The highest id that was made where the measured list looks. */
  newest: string;
}

export function newState(seeds: Seeds): State {
  return { seeds, open: [], polled: [], newest: "" };
}

export interface Operation {
  readonly worker: WorkerName;
  /** The `n`th request, and what its answer must satisfy; null when there is nothing left to ask for. */
  next(state: State, n?: number): { readonly ask: Ask; readonly accepts: Accepts } | null;
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

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

function post(path: string, body: string, token: string | null): Ask {
  return {
    method: "POST",
    path,
    headers: token === null ? JSON_TYPE : { ...JSON_TYPE, ...bearer(token) },
    body,
  };
}

/** Any of `list`, each in its turn. */
export function turn<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length];
  if (item === undefined) throw new Error("nothing was made beforehand");
  return item;
}

/** Parses an answer that should be an object; one that is none is an empty one. */
export function parsed(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Asks for what was made beforehand. `prefix`: of the path, at a limit. */
export function read(worker: WorkerName, of: (seeds: Seeds) => readonly Reading[], prefix = ""): Operation {
  return {
    worker,
    next: ({ seeds }, n = 0) => {
      const { path, body } = turn(of(seeds), n);
      const ask = { method: "GET", path: prefix + path, headers: bearer(seeds.token) } as const;
      return { ask, accepts: (status, text) => status === 200 && text === body };
    },
  };
}

/** A page where runs are being made. It must show every run that was acknowledged before the page was asked for. */
function growingPage(worker: WorkerName, pathOf: (seeds: Seeds) => string): Operation {
  return {
    worker,
    next: ({ newest, seeds }) => ({
      ask: { method: "GET", path: pathOf(seeds), headers: bearer(seeds.token) },
      accepts: (status, text) => {
        const ids = text.startsWith("[") ? (JSON.parse(text) as { id: string }[]).map(({ id }) => id) : [];
        const isInOrder = ids.every((id, i) => i === 0 || id < (ids[i - 1] ?? ""));
        return status === 200 && ids.length === LIST_LIMIT && isInOrder && (ids[0] ?? "") >= newest;
      },
    }),
  };
}

/** One whose answer is an object. `isRight` also notes what was made. */
function write(
  worker: WorkerName,
  status: number,
  ask: (state: State, n: number) => Ask | null,
  isRight: (answer: Readonly<Record<string, unknown>>, state: State, path: string) => boolean,
): Operation {
  return {
    worker,
    next: (state, n = 0) => {
      const asked = ask(state, n);
      if (asked === null) return null;
      return { ask: asked, accepts: (s, text) => s === status && isRight(parsed(text), state, asked.path) };
    },
  };
}

/** `keptIn`: the runs to report on, or an array that is thrown away. `environments`: the creates are spread over so many. */
function create(keptIn: (state: State, path: string) => Open[], environments = 1): Operation {
  const ask = ({ seeds: { runs, token } }: State, n: number) =>
    post(
      n % environments === 0 ? runs : runs.replace("/made/", `/made-${n % environments}/`),
      NEW_RUN,
      token,
    );
  return write("service", 201, ask, ({ id, status, callback }, state, runs) => {
    const { url, token } = (callback ?? {}) as { url?: string; token?: string };
    if (status !== "pending" || !url || !token) return false;
    const path = new URL(url).pathname;
    keptIn(state, path).push({ path, token });
    if (runs === state.seeds.runs) noteMade(state, id);
    return true;
  });
}

/** One that asks a limit that writes: a run's JSON comes back. */
function limitWrite(path: string): Operation {
  const ask = () => post(path, NEW_RUN, null);
  return write("limits", 201, ask, ({ id, status }, state) => {
    if (path === NAIVE_CREATE) noteMade(state, id);
    return status === "pending";
  });
}

function noteMade(state: State, id: unknown): void {
  if (String(id) > state.newest) state.newest = String(id);
}

/** A report on what a create has made. */
function report(run: Open | undefined): Ask | null {
  return run === undefined ? null : post(run.path, REPORT, run.token);
}

function callback(runsOf: (state: State) => Open[]): Operation {
  const ask = (state: State) => report(runsOf(state).pop());
  return write("service", 200, ask, ({ id, status }, _, path) => {
    return status === "succeeded" && path.includes(String(id));
  });
}

/** A report with a token that was made up, where `to` says. */
function forged(worker: WorkerName, to: (path: string, id: string) => string): Operation {
  const ask = ({ seeds }: State, n: number) => {
    const { path } = turn(seeds.openRuns, n);
    const id = path.slice(path.lastIndexOf("/") + 1);
    return post(to(path, id), REPORT, `${id}:1999999999999:${"0".repeat(64)}`);
  };
  return write(worker, 401, ask, ({ code }) => code === "token_invalid");
}

/** Those of one coordinator, which a run's id names. */
function ofCoordinator(n: number, runs: readonly Reading[]): readonly Reading[] {
  return runs.filter(({ path }) => path.includes(`-800${n}-`));
}

export const OPERATIONS = {
  "refused callback": forged("service", (path) => `${path}/callback`),
  "refused callback, routed": forged("routed", (path) => `${path}/callback`),
  "verify HMAC": forged("limits", (_path, id) => `/hmac/${id}`),
  "get, ended run": read("service", ({ endedRuns }) => endedRuns),
  hello: read("limits", () => [{ path: "/hello", body: "hello" }]),
  "get, open run": read("service", ({ openRuns }) => openRuns),
  "D1 select": read("limits", ({ openRuns }) => openRuns, "/select"),
  "get while creates": read("service", ({ madeRuns }) => madeRuns),
  "D1 select while naive creates": read("limits", ({ madeRuns }) => madeRuns, "/select"),
  "list of 50": read("service", ({ list }) => [list]),
  "D1 page of 50": read("limits", ({ list }) => [list], "/page"),
  "list while creates": growingPage("service", ({ runs }) => runs),
  "D1 page while naive creates": growingPage("limits", () => "/page/limits/limits/envs/limits/action-runs"),
  create: create(({ open }) => open),
  "create, 20 environments": create(() => [], 20),
  "create, routed": { ...create(() => []), worker: "routed" },
  callback: callback(({ open }) => open),
  "create for callbacks": create(({ polled }, path) => (path.includes("-8000-") ? polled : [])),
  "callback, not polled": callback(({ polled }) => polled),
  "callback, polled": callback(({ polled }) => polled),
  poll: read("service", ({ madeRuns }) => ofCoordinator(0, madeRuns)),
  "callback, others polled": callback(({ polled }) => polled),
  "poll others": read("service", ({ madeRuns }) => ofCoordinator(1, madeRuns)),
  "Workflows create": write(
    "peer",
    201,
    () => post("/create", NEW_RUN, null),
    ({ id }, { open }) => typeof id === "string" && open.push({ path: `/send/${id}`, token: null }) > 0,
  ),
  "Workflows sendEvent": write(
    "peer",
    200,
    ({ open }) => report(open.pop()),
    ({ sent }) => sent === true,
  ),
  "object write": limitWrite("/object"),
  "D1 upsert": limitWrite("/upsert"),
  "object write + D1 upsert": limitWrite(NAIVE_CREATE),
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;
