/**
 * What is measured: the requests of each operation, and which responses are right. Plain data and functions for the
 * load process. Nothing here measures time.
 */

import type { WorkerName } from "./site.ts";

/** A run that can still be reported on, or an instance that waits for its event. */
export interface Open {
  readonly path: string;
  /** The callback's token; null if the endpoint requires no token. */
  readonly token: string | null;
}

/** The path of the naive create. */
export const NAIVE_CREATE = "/object-upsert";
/** The number of runs on a page without `limit`. */
export const LIST_LIMIT = 50;

/** Runs that were made beforehand for reads, with the exact bodies that are right. */
export interface Seeds {
  /** An API token of a member. */
  readonly token: string;
  /** The path where runs are made. */
  readonly runs: string;
  readonly openRuns: readonly Reading[];
  readonly endedRuns: readonly Reading[];
  /** Open runs at the path `runs`, in all coordinators. */
  readonly madeRuns: readonly Reading[];
  readonly list: Reading;
  /** The origin of the receiver that hears of the runs which end in the environment `told`. */
  readonly receiver: string;
  /** A list of an environment in the control database, and one in another database, if there are several. */
  readonly near?: Reading;
  readonly away?: Reading;
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
  /** Runs that creates of this worker made and that have no report yet. */
  readonly open: Open[];
  /** The same, only of the coordinator that is polled. */
  readonly polled: Open[];
  /** The same of the environments with a webhook endpoint, without and with a payload, and of another one without. */
  readonly told: Open[];
  readonly chat: Open[];
  readonly untold: Open[];
  /** The same of an environment in the control database, and of one in another database. */
  readonly near: Open[];
  readonly away: Open[];
  /** The highest id in the environment of the measured list. */
  newest: string;
}

export function newState(seeds: Seeds): State {
  return { seeds, open: [], polled: [], told: [], chat: [], untold: [], near: [], away: [], newest: "" };
}

export interface Operation {
  readonly worker: WorkerName;
  /** Whether the receiver must hear of each run that was reported. */
  readonly isTold?: boolean;
  /** The `n`th request, with a check of its response; null if there is nothing left to request. */
  next(state: State, n?: number): { readonly ask: Ask; readonly accepts: Accepts } | null;
}

/** Whether a response is right. The check of a create also notes the new run. */
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

/** The `n`th entry of `list`, again from the start after the last. */
export function turn<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length];
  if (item === undefined) throw new Error("nothing was made beforehand");
  return item;
}

/** Parses a body that should be an object. Returns an empty object for anything else. */
export function parsed(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Reads runs that were made beforehand. `prefix`: what a limit's path begins with. */
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

/**
 * A page of an environment in which runs are being made. It must show every run that was acknowledged before the
 * request.
 */
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

/** An operation whose response is an object. `isRight` also notes what was made. */
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

/**
 * `keptIn`: where new runs are noted for reports; it may be a throwaway array. `environmentOf`: where the `n`th run is
 * made.
 */
function create(
  keptIn: (state: State, path: string) => Open[],
  environmentOf: (n: number) => string = () => "made",
): Operation {
  const ask = ({ seeds: { runs, token } }: State, n: number) =>
    post(runs.replace("/made/", `/${environmentOf(n)}/`), NEW_RUN, token);
  return write("service", 201, ask, ({ id, status, callback }, state, runs) => {
    const { url, token } = (callback ?? {}) as { url?: string; token?: string };
    if (status !== "pending" || !url || !token) return false;
    const path = new URL(url).pathname;
    keptIn(state, path).push({ path, token });
    if (runs === state.seeds.runs) noteMade(state, id);
    return true;
  });
}

/** A write at a limit. The response is a run's JSON. */
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

/** A report on a run that a create made. */
function report(run: Open | undefined): Ask | null {
  return run === undefined ? null : post(run.path, REPORT, run.token);
}

function callback(runsOf: (state: State) => Open[]): Operation {
  const ask = (state: State) => report(runsOf(state).pop());
  return write("service", 200, ask, ({ id, status }, _, path) => {
    return status === "succeeded" && path.includes(String(id));
  });
}

/** A report with a forged token, to the path that `to` returns. */
function forged(worker: WorkerName, to: (path: string, id: string) => string): Operation {
  const ask = ({ seeds }: State, n: number) => {
    const { path } = turn(seeds.openRuns, n);
    const id = path.slice(path.lastIndexOf("/") + 1);
    return post(to(path, id), REPORT, `${id}:1999999999999:${"0".repeat(64)}`);
  };
  return write(worker, 401, ask, ({ code }) => code === "token_invalid");
}

/** The runs of one coordinator, which their ids name. */
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
  "create, 20 environments": create(
    () => [],
    (n) => (n % 20 === 0 ? "made" : `made-${n % 20}`),
  ),
  "create, routed": { ...create(() => []), worker: "routed" },
  callback: callback(({ open }) => open),
  "create for callbacks": create(({ polled }, path) => (path.includes("-8000-") ? polled : [])),
  "callback, not polled": callback(({ polled }) => polled),
  "callback, polled": callback(({ polled }) => polled),
  poll: read("service", ({ madeRuns }) => ofCoordinator(0, madeRuns)),
  "callback, others polled": callback(({ polled }) => polled),
  "poll others": read("service", ({ madeRuns }) => ofCoordinator(1, madeRuns)),
  "create, one endpoint": create(
    ({ told }) => told,
    () => "told",
  ),
  "callback, one endpoint": { ...callback(({ told }) => told), isTold: true },
  "create, one chat": create(
    ({ chat }) => chat,
    () => "chat",
  ),
  "callback, one chat": { ...callback(({ chat }) => chat), isTold: true },
  "create, no endpoint": create(
    ({ untold }) => untold,
    () => "untold",
  ),
  "callback, no endpoint": callback(({ untold }) => untold),
  "create, DB": create(
    ({ near }) => near,
    () => "near",
  ),
  "create, DB_3": create(
    ({ away }) => away,
    () => "away",
  ),
  "callback, DB": callback(({ near }) => near),
  "callback, DB_3": callback(({ away }) => away),
  "list of 50, DB": read("service", ({ near }) => (near === undefined ? [] : [near])),
  "list of 50, DB_3": read("service", ({ away }) => (away === undefined ? [] : [away])),
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
