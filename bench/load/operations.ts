/** What is measured: the operations by name, with their requests and which responses are right. */

import type { ServerName } from "../servers/server.ts";
import {
  bearer,
  NEW_RUN,
  type Open,
  type Operation,
  post,
  REPORT,
  read,
  report,
  type Seeds,
  type State,
  turn,
  write,
} from "./requests.ts";

/** The path of the naive create. */
export const NAIVE_CREATE = "/object-upsert";
/** The number of runs on a page without `limit`. */
export const LIST_LIMIT = 50;

/**
 * A page of an environment in which runs are being made. It must show every run that was acknowledged before the
 * request.
 */
function growingPage(server: ServerName, pathOf: (seeds: Seeds) => string): Operation {
  return {
    server,
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

/**
 * `keptIn`: where new runs are noted for reports; it may be a throwaway array. `environmentOf`: where the `n`th run is
 * made.
 */
function create(keptIn: (state: State) => Open[], environmentOf: (n: number) => string = () => "made"): Operation {
  const ask = ({ seeds: { runs, token } }: State, n: number) =>
    post(runs.replace("/made/", `/${environmentOf(n)}/`), NEW_RUN, token);
  return write("service", 201, ask, ({ id, status, callback }, state, runs) => {
    const { url, token } = (callback ?? {}) as { url?: string; token?: string };
    if (status !== "pending" || !url || !token) return false;
    const path = new URL(url).pathname;
    keptIn(state).push({ path, token });
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

function callback(runsOf: (state: State) => Open[]): Operation {
  const ask = (state: State) => report(runsOf(state).pop());
  return write("service", 200, ask, ({ id, status }, _, path) => {
    return status === "succeeded" && path.includes(String(id));
  });
}

/** A report with a forged token, to the path that `to` returns. */
function forged(server: ServerName, to: (path: string, id: string) => string): Operation {
  const ask = ({ seeds }: State, n: number) => {
    const { path } = turn(seeds.openRuns, n);
    const id = path.slice(path.lastIndexOf("/") + 1);
    return post(to(path, id), REPORT, `${id}:1999999999999:${"0".repeat(64)}`);
  };
  return write(server, 401, ask, ({ code }) => code === "token_invalid");
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
  "list by text": read("service", ({ searched }) => (searched === undefined ? [] : [searched.text])),
  "list by no text": read("service", ({ searched }) => (searched === undefined ? [] : [searched.plain])),
  "D1 page of 50": read("limits", ({ list }) => [list], "/page"),
  "list while creates": growingPage("service", ({ runs }) => runs),
  "D1 page while naive creates": growingPage("limits", () => "/page/limits/limits/envs/limits/action-runs"),
  create: create(({ open }) => open),
  "create, 20 environments": create(
    () => [],
    (n) => (n % 20 === 0 ? "made" : `made-${n % 20}`),
  ),
  "create, routed": { ...create(() => []), server: "routed" },
  callback: callback(({ open }) => open),
  "create for callbacks": create(({ open }) => open),
  "callback, not polled": callback(({ open }) => open),
  "callback, polled": callback(({ open }) => open),
  poll: read("service", ({ madeRuns }) => madeRuns),
  "create, one endpoint": create(
    ({ notified }) => notified,
    () => "notified",
  ),
  "callback, one endpoint": { ...callback(({ notified }) => notified), isNotified: true },
  "create, one chat": create(
    ({ chat }) => chat,
    () => "chat",
  ),
  "callback, one chat": { ...callback(({ chat }) => chat), isNotified: true },
  "create, no endpoint": create(
    ({ quiet }) => quiet,
    () => "quiet",
  ),
  "callback, no endpoint": callback(({ quiet }) => quiet),
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
    "workflows",
    201,
    () => post("/create", NEW_RUN, null),
    ({ id }, { open }) => typeof id === "string" && open.push({ path: `/send/${id}`, token: null }) > 0,
  ),
  "Workflows sendEvent": write(
    "workflows",
    200,
    ({ open }) => report(open.pop()),
    ({ sent }) => sent === true,
  ),
  "object write": limitWrite("/object"),
  "D1 upsert": limitWrite("/upsert"),
  "object write + D1 upsert": limitWrite(NAIVE_CREATE),
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;
