/** What is asked of every place, size by size, and which answer is right. */

import { type Ask, type Call, expectAnswer } from "./caller.ts";
import type { Facts, Reportable } from "./facts.ts";
import { MEASURED, MEASURED_SCOPE, PROJECT, type Standing } from "./place.ts";

/** A place that is open, what is right there, and what its callers have made so far. */
export interface Site {
  readonly standing: Standing;
  readonly token: string;
  readonly facts: Facts;
  /** Runs that were there, open, and can be reported on. */
  readonly reportable: Reportable[];
  /** Runs that creates made and no callback has ended yet. */
  readonly made: Reportable[];
  readonly call: Call;
  readonly more: readonly Call[];
  /** How often each operation was asked for here. */
  readonly counts: Map<string, number>;
}

export interface Operation {
  readonly name: string;
  /** Asks once, the `n`th time at this site; how long it took. Throws where the answer is wrong. */
  ask(site: Site, n: number, call: Call): Promise<number>;
  /** Measured in rounds of so many. */
  readonly each: number;
  /** Measured with many callers as well. */
  readonly crowded?: boolean;
  /** Makes a site ready for it, and as it was before. */
  before?(site: Site): Promise<void>;
  after?(site: Site): Promise<void>;
}

export const RUNS_PATH = `/${PROJECT}/envs/${MEASURED}/action-runs`;
const OVERDUE = 100;
/** Longer than any run may take. */
const LONG_MS = 60 * 86_400_000;
const NEW_RUN = JSON.stringify({
  actionName: "deploy",
  parameters: { service: "checkout", version: "1.4.2", region: "eu-central" },
});
export const REPORT = JSON.stringify({
  status: "succeeded",
  output: { url: "https://ci.example.com/jobs/4711", tests: "312 passed" },
});

function turn<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length];
  if (item === undefined) throw new Error("there is nothing to ask for");
  return item;
}

async function read(path: string, body: string, token: string, call: Call): Promise<number> {
  const ask: Ask = { method: "GET", path, token };
  const answer = await call(ask);
  expectAnswer(ask, answer, answer.status === 200 && answer.body === body);
  return answer.ms;
}

/** Reports a success; the answer must be of that run. */
export async function reportOn({ path, token }: Reportable, call: Call): Promise<number> {
  const ask: Ask = { method: "POST", path, token, body: REPORT };
  const answer = await call(ask);
  const id = path.split("/").at(-2) ?? "";
  const isRight = answer.status === 200 && answer.body.startsWith(`{"id":"${id}"`);
  expectAnswer(ask, answer, isRight && answer.body.includes('"status":"succeeded"'));
  return answer.ms;
}

async function create(site: Site, call: Call): Promise<number> {
  const ask: Ask = { method: "POST", path: RUNS_PATH, token: site.token, body: NEW_RUN };
  const answer = await call(ask);
  expectAnswer(ask, answer, answer.status === 201);
  const { status, callback } = JSON.parse(answer.body) as {
    status: string;
    callback: { url: string; token: string };
  };
  expectAnswer(ask, answer, status === "pending");
  site.made.push({ path: new URL(callback.url).pathname, token: callback.token });
  return answer.ms;
}

async function reportNext(list: Reportable[], call: Call): Promise<number> {
  const run = list.pop();
  if (run === undefined) throw new Error("there is no run left to report on");
  return reportOn(run, call);
}

/** These change nothing; what is right for them changes with the first write. */
export function reads(listNames: readonly string[]): Operation[] {
  const lists = listNames.map(
    (name): Operation => ({
      name,
      each: 20,
      crowded: name === "list",
      ask: ({ facts, token }, _, call) => {
        const { path, body } = facts.lists[name] ?? { path: "", body: "" };
        return read(path, body, token, call);
      },
    }),
  );
  const get = (which: "ended" | "open"): Operation => ({
    name: `get, ${which} run`,
    each: 20,
    // An ended run is remembered: there are enough to ask for each only once, but not for many callers.
    crowded: which === "open",
    ask: ({ facts, token }, n, call) => {
      const { path, body } = turn(facts[which], n);
      return read(path, body, token, call);
    },
  });
  return [...lists, get("ended"), get("open"), ...CRONS];
}

async function cron({ standing }: Site): Promise<number> {
  const askedAt = performance.now();
  await standing.cron();
  return performance.now() - askedAt;
}

/** Of runs that only D1 shows as overdue: their coordinators are woken, and find nothing to do. */
async function moveDeadlines({ facts, standing }: Site, byMs: number): Promise<void> {
  const ids = facts.open.slice(0, OVERDUE).map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  await standing.db
    .prepare(
      `UPDATE runs SET deadline_at = deadline_at + ?
       WHERE scope = ? AND id IN (SELECT value FROM json_each(?))`,
    )
    .bind(byMs, MEASURED_SCOPE, JSON.stringify(ids))
    .run();
}

const CRONS: readonly Operation[] = [
  { name: "cron, nothing to do", each: 10, ask: cron },
  {
    name: `cron, ${OVERDUE} overdue runs in D1`,
    each: 6,
    before: (site) => moveDeadlines(site, -LONG_MS),
    ask: cron,
    after: (site) => moveDeadlines(site, LONG_MS),
  },
];

export const WRITES: readonly Operation[] = [
  { name: "create", each: 16, crowded: true, ask: (site, _, call) => create(site, call) },
  { name: "callback", each: 16, crowded: true, ask: ({ made }, _, call) => reportNext(made, call) },
  { name: "callback, old run", each: 5, ask: ({ reportable }, _, call) => reportNext(reportable, call) },
];
