/**
 * The parts that operations are made of: what their callers share, and requests with a check of the response. Plain data
 * and functions for the load process. Nothing here measures time.
 */

import type { ServerName } from "../servers/server.ts";

/** A run that can still be reported on, or an instance that waits for its event. */
export interface Open {
  readonly path: string;
  /** The callback's token; null if the endpoint requires no token. */
  readonly token: string | null;
}

/** Runs that were made beforehand for reads, with the exact bodies that are right. */
export interface Seeds {
  /** An API token of a member. */
  readonly token: string;
  /** The path where runs are made. */
  readonly runs: string;
  readonly openRuns: readonly Reading[];
  readonly endedRuns: readonly Reading[];
  /** Open runs at the path `runs`. */
  readonly madeRuns: readonly Reading[];
  readonly list: Reading;
  /** A list of an environment with many runs, and one by a text that none of them has. */
  readonly searched?: { readonly plain: Reading; readonly text: Reading };
  /** The origin of the receiver that hears of the runs which end in the environment `notified`. */
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
  /** Runs that creates at this server made and that have no report yet. */
  readonly open: Open[];
  /** The same of the environments with a webhook endpoint, without and with a payload, and of another one without. */
  readonly notified: Open[];
  readonly chat: Open[];
  readonly quiet: Open[];
  /** The same of an environment in the control database, and of one in another database. */
  readonly near: Open[];
  readonly away: Open[];
  /** The highest id in the environment of the measured list. */
  newest: string;
}

export function newState(seeds: Seeds): State {
  return { seeds, open: [], notified: [], chat: [], quiet: [], near: [], away: [], newest: "" };
}

export interface Operation {
  readonly server: ServerName;
  /** Whether the receiver must hear of each run that was reported. */
  readonly isNotified?: boolean;
  /** The `n`th request, with a check of its response; null if there is nothing left to request. */
  next(state: State, n?: number): { readonly ask: Ask; readonly accepts: Accepts } | null;
}

/** Whether a response is right. The check of a create also notes the new run. */
export type Accepts = (status: number, body: string) => boolean;

const JSON_TYPE = { "Content-Type": "application/json" };
export const NEW_RUN = JSON.stringify({
  actionName: "deploy",
  parameters: { service: "checkout", version: "1.4.2", region: "eu-central" },
});
export const REPORT = JSON.stringify({
  status: "succeeded",
  output: { url: "https://ci.example.com/jobs/4711", tests: "312 passed" },
});

export function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

/** A POST of JSON. `token`: null if the endpoint requires none. */
export function post(path: string, body: string, token: string | null): Ask {
  return { method: "POST", path, headers: token === null ? JSON_TYPE : { ...JSON_TYPE, ...bearer(token) }, body };
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
export function read(server: ServerName, of: (seeds: Seeds) => readonly Reading[], prefix = ""): Operation {
  return {
    server,
    next: ({ seeds }, n = 0) => {
      const { path, body } = turn(of(seeds), n);
      const ask = { method: "GET", path: prefix + path, headers: bearer(seeds.token) } as const;
      return { ask, accepts: (status, text) => status === 200 && text === body };
    },
  };
}

/** An operation whose response is an object. `isRight` also notes what was made. */
export function write(
  server: ServerName,
  status: number,
  ask: (state: State, n: number) => Ask | null,
  isRight: (answer: Readonly<Record<string, unknown>>, state: State, path: string) => boolean,
): Operation {
  return {
    server,
    next: (state, n = 0) => {
      const asked = ask(state, n);
      if (asked === null) return null;
      return { ask: asked, accepts: (s, text) => s === status && isRight(parsed(text), state, asked.path) };
    },
  };
}

/** A report on a run that a create made. */
export function report(run: Open | undefined): Ask | null {
  return run === undefined ? null : post(run.path, REPORT, run.token);
}
