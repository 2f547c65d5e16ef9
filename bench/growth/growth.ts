/**
 * `npm run bench -- --growth`: what a million runs change. The same requests go to sites of different sizes. The first
 * time, the service counts the rows that each statement reads. A statement that reads more rows on a larger site is a
 * failure. The second time, the deployed build gets the requests and their times are printed. With `--databases 4`, an
 * environment in each of four databases has a quarter of the runs, and the requests go to the one in DB_3.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client } from "undici";
import { onStop } from "../../src/dev/children.ts";
import { OPERATIONS } from "../load/operations.ts";
import { type Ask, bearer, newState, parsed, type Reading, read, type State, turn } from "../load/requests.ts";
import { quantile } from "../rates/series.ts";
import { markdown } from "../report/table.ts";
import { replicatedUpTo } from "../servers/replicated.ts";
import { open, type Site } from "../servers/site.ts";
import type { Count } from "./count.ts";
import * as fill from "./fill.ts";

const PAGE = 50;
/** Requests of a kind whose rows are counted, and between two looks at what a purge has left. */
const EACH = 12;
/** Runs that a bulk operation collects. */
const COLLECTED = 1000;
const PURGED_WITHIN_MS = 120_000;
/** A time is marked from this factor on. A statement may read this many times the rows, and a few more. */
const FLAT = 1.3;
const FEW_ROWS = 20;

export interface Plan {
  /** Runs that the service makes, for SQL to copy. */
  readonly originals: number;
  /** In this order. Of a time that several openings measure, the last counts. */
  readonly openings: readonly Opening[];
  /** Rounds of each kind of request in an opening that does not count. */
  readonly rounds: number;
  /** Requests in a round. */
  readonly each: number;
  /** The part of the smallest site's runs that is purged at each site. */
  readonly purgedShare: number;
  /** In how many databases the runs are. */
  readonly databases: number;
}

/** What happens between opening all sites and closing them. `counted`: in the build that counts rows. */
interface Opening {
  readonly counted: boolean;
  /** Whether every kind of request is sent. */
  readonly asks: boolean;
  /** Whether runs are due for the purge. The first create rings the alarm that deletes them. */
  readonly purges: boolean;
}

const ALL_COUNTED: Opening = { counted: true, asks: true, purges: true };
/** No time is that of the build that counts, and none but the purge's has a purge beside it. */
const TIMED: readonly Opening[] = [
  { counted: false, asks: true, purges: false },
  { counted: false, asks: false, purges: true },
];

export const WHOLE: Plan = {
  originals: 500,
  openings: [ALL_COUNTED, ...TIMED],
  rounds: 9,
  each: EACH,
  purgedShare: 0.2,
  databases: 1,
};
/** For a try of the bench itself. Nobody looks at its times, so they are those of the build that counts. */
export const TRIAL: Plan = {
  originals: 100,
  openings: [ALL_COUNTED],
  rounds: 1,
  each: EACH / 4,
  purgedShare: 0.02,
  databases: 1,
};

/** An open site, with its right responses. */
interface Standing {
  readonly site: Site;
  readonly client: Client;
  readonly lists: readonly (Reading & { readonly name: string })[];
  readonly dryRun: DryRun;
  readonly state: State;
}

/** A bulk operation on COLLECTED runs that says only how many runs match. */
interface DryRun {
  readonly ask: Ask;
  readonly matched: number;
}

interface Step {
  readonly name: string;
  /** The `n`th request to this site. */
  request(standing: Standing, n: number): ReturnType<typeof OPERATIONS.create.next>;
}

interface Time {
  readonly name: string;
  /** For each site, the median of each round. */
  readonly ms: readonly (readonly number[])[];
}

export interface Growth {
  readonly sizes: readonly number[];
  readonly times: readonly Time[];
  /** For each site, the most rows that the statement read at once. */
  readonly statements: readonly { readonly sql: string; readonly rowsRead: readonly number[] }[];
  readonly bytes: { readonly d1: number; readonly object: number };
}

/** Throws if a response is wrong. `sizes`: numbers of runs, the smallest first. Takes 4 KB of the disk for each run. */
export async function measureGrowth(
  sizes: readonly number[],
  plan: Plan,
  onProgress: (text: string) => void,
): Promise<Growth> {
  const parent = mkdtempSync(join(tmpdir(), "action-runs-growth-"));
  process.once("exit", () => rmSync(parent, { recursive: true, force: true }));
  onStop(() => process.exit(1));
  const stored: fill.StoredSite[] = [];
  onProgress("making runs to copy");
  const { databases } = plan;
  const originals = await fill.makeOriginals(parent, plan.originals * databases, databases);
  for (const runs of sizes) {
    onProgress(`filling ${runs} runs`);
    stored.push(fill.makeCopy(parent, originals, runs, Math.min(...sizes)));
  }
  const [smallest, largest] = [turn(stored, 0), turn(stored, stored.length - 1)];
  const bytesIn = (store: "D1" | "object") => fill.bytesOfARun(store, smallest, largest);
  const bytes = { d1: bytesIn("D1"), object: bytesIn("object") };
  const purged = Math.floor((smallest.runs * plan.purgedShare) / databases);
  const times = new Map<string, Time>();
  const note = (time: Time) => times.set(time.name, time);
  const counts: (readonly Count[])[] = [];
  for (const opening of plan.openings) {
    const { counted, asks, purges } = opening;
    const due = purges ? stored.map((kept) => fill.makePurgeable(kept.folder, purged, fill.SCOPE)) : [];
    await withStandings(stored, counted, async (standings) => {
      for (const step of asks ? steps(turn(standings, 0)) : []) {
        onProgress(counted ? `rows read: ${step.name}` : step.name);
        note(await time(step, standings, counted ? { ...plan, rounds: 1 } : plan));
      }
      if (counted) for (const { site } of standings) await site.cron();
      if (purges) onProgress("purge");
      for (const each of purges ? await purge(standings, due) : []) note(each);
      if (counted) for (const { site } of standings) counts.push(await site.counts());
    });
  }
  return { sizes, times: [...times.values()], statements: mostRead(counts), bytes };
}

/** The requests to each site, reads first, because a write changes which responses to reads are right. */
function steps({ lists }: Standing): Step[] {
  return [
    ...lists.map(({ name }, i) => ({
      name,
      request: ({ lists, state }: Standing) => read("service", () => [turn(lists, i)]).next(state),
    })),
    {
      name: `dry run of a bulk operation, ${COLLECTED} of actionName match`,
      request: ({ dryRun: { ask, matched } }) => ({
        ask,
        accepts: (status, text) => status === 200 && parsed(text).matched === matched,
      }),
    },
    // Each run only once, because an isolate remembers runs that have ended.
    { name: "get, ended run", request: ({ state }, n) => OPERATIONS["get, ended run"].next(state, n) },
    { name: "get, open run", request: ({ state }, n) => OPERATIONS["get, open run"].next(state, n) },
    { name: "create", request: ({ state }) => OPERATIONS.create.next(state) },
    { name: "callback", request: ({ state }) => OPERATIONS.callback.next(state) },
    {
      name: "cancel, old run",
      request: ({ state: { seeds } }, n) => {
        const { path } = turn(seeds.openRuns, n);
        return {
          ask: { method: "DELETE", path, headers: bearer(seeds.token) },
          accepts: (status, text) => status === 200 && parsed(text).status === "cancelled",
        };
      },
    },
  ];
}

/** Opens all sites at once, and closes them even if the work fails. A log line of the level error is a failure. */
async function withStandings(
  stored: readonly fill.StoredSite[],
  counted: boolean,
  work: (standings: readonly Standing[]) => Promise<void>,
): Promise<void> {
  const standings: Standing[] = [];
  const errors: string[] = [];
  try {
    for (const kept of stored) {
      const facts = factsOf(kept);
      const onLog = (line: string) => void (line.includes('"level":"error"') && errors.push(line));
      const site = await open({ counted, onLog, kept, databases: kept.databases });
      standings.push({ site, client: new Client(site.origin), ...facts });
    }
    await work(standings);
    for (const standing of standings) await untilReplicated(standing);
    if (errors.length > 0) throw new Error(`the service logged: ${errors[0]}`);
  } finally {
    for (const { client } of standings) await client.destroy();
    for (const { site } of standings) await site.stop();
  }
}

/**
 * Waits until D1 has every change of this phase. The next phase takes the right responses from it, and nothing must be
 * replicated while that one measures.
 */
async function untilReplicated({ client, site, state }: Standing): Promise<void> {
  const { runs, token } = state.seeds;
  const headers = { ...bearer(token), "Content-Type": "application/json" };
  const last = { method: "POST", path: runs, headers, body: JSON.stringify(fill.LAST) } as const;
  const { statusCode, body } = await client.request(last);
  const text = await body.text();
  if (statusCode !== 201) throw new Error(`the last create: ${statusCode} ${text.slice(0, 300)}`);
  await replicatedUpTo(site, String(parsed(text).id));
}

/** The right responses, from D1's file by plain SQL. */
function factsOf(kept: fill.StoredSite): Pick<Standing, "lists" | "dryRun" | "state"> {
  const db = new DatabaseSync(fill.measuredFile(kept));
  const select = (where: string, rest: string) =>
    db.prepare(`SELECT id, body FROM runs WHERE scope = ? AND (${where}) ORDER BY ${rest}`).all(fill.SCOPE);
  const cursor = String(select("1", `id LIMIT 1 OFFSET ${kept.runs / kept.databases / 2}`)[0]?.id);
  const { actionName, entityId, triggeredBy } = fill.COMMON;
  const asked: readonly (readonly [name: string, query: Record<string, string>, where: string])[] = [
    ["list", {}, "1"],
    ["list from the middle", { cursor: Buffer.from(cursor).toString("base64url") }, `id < '${cursor}'`],
    ["list by status", { status: "failed" }, "status = 'failed'"],
    ["list by actionName", { actionName }, `action_name = '${actionName}'`],
    ["list by entityId", { entityId }, `entity_id = '${entityId}'`],
    ["list by triggeredBy", { triggeredBy }, `triggered_by = '${triggeredBy}'`],
    // The service looks at 5000 rows at most.
    ["list by two filters, nothing passes", { actionName, triggeredBy: "nobody" }, "0"],
  ];
  const lists = asked.map(([name, query, where]) => {
    const bodies = select(where, `id DESC LIMIT ${PAGE}`).map(({ body }) => body);
    const path = `${fill.RUNS_PATH}?${new URLSearchParams({ limit: String(PAGE), ...query })}`;
    return { name, path, body: `[${bodies.join(",")}]` };
  });
  const ofAction = select(`action_name = '${actionName}'`, `id DESC LIMIT ${COLLECTED + 1}`);
  const createdAtOf = (body: unknown) => String(parsed(String(body)).createdAt);
  const createdAfter = createdAtOf(ofAction.at(-1)?.body);
  const filter = { actionName, createdAfter };
  const dryRun: DryRun = {
    ask: {
      method: "POST",
      path: fill.RUNS_PATH.replace("action-runs", "bulk-operations"),
      // More than 500 runs are not for members.
      headers: { ...bearer(kept.secrets.ROOT_TOKEN), "Content-Type": "application/json" },
      body: JSON.stringify({ operation: "retry", filter, maxRuns: COLLECTED, dryRun: true }),
    },
    matched: ofAction.filter(({ body }) => createdAtOf(body) > createdAfter).length,
  };
  const facets = {
    name: "facets of actionName",
    path: `${fill.RUNS_PATH}/facets?${new URLSearchParams({ field: "actionName", contains: actionName })}`,
    body: JSON.stringify({ values: [actionName], more: false }),
  };
  // The end of an id is random, so this order spreads the reads over the whole table.
  const spread = (where: string) =>
    select(where, "substr(id, -12), id LIMIT 1000").map(({ id, body }) => ({
      path: `${fill.RUNS_PATH}/${id}`,
      body: String(body),
    }));
  // The next run of a queue would start, with a request that only its original can send.
  const openRuns = spread("status = 'pending' AND waiting IS NULL AND concurrency_group IS NULL");
  // Reads already hide runs that are due for the purge.
  const endedRuns = spread(`status IN ('succeeded', 'failed') AND purge_at > ${Date.now()}`);
  db.close();
  const reads = { list: turn(lists, 0), openRuns, endedRuns, madeRuns: [], receiver: "" };
  return { lists: [...lists, facets], dryRun, state: newState({ token: kept.token, runs: fill.RUNS_PATH, ...reads }) };
}

/** How long the step's `n`th request takes at this site. */
async function ask({ name, request }: Step, standing: Standing, n: number): Promise<number> {
  const next = request(standing, n);
  if (next === null) throw new Error(`${name}: there is no run left to ask for`);
  const askedAt = performance.now();
  const { statusCode, body } = await standing.client.request(next.ask);
  const text = await body.text();
  const ms = performance.now() - askedAt;
  if (next.accepts(statusCode, text)) return ms;
  throw new Error(`${name}: ${next.ask.method} ${next.ask.path}: ${statusCode} ${text.slice(0, 300)}`);
}

async function time(step: Step, standings: readonly Standing[], { rounds, each }: Plan): Promise<Time> {
  const medians = standings.map(() => [] as number[]);
  // The first round warms up, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (let k = 0; k < standings.length; k++) {
      // Rotated by one each round, so that no site always comes first.
      const at = (k + round) % standings.length;
      const ms: number[] = [];
      for (let n = 0; n < each; n++) ms.push(await ask(step, turn(standings, at), round * each + n));
      if (round > 0) medians[at]?.push(quantile(ms, 0.5));
    }
  }
  return { name: step.name, ms: medians };
}

async function purge(standings: readonly Standing[], due: readonly (readonly string[])[]): Promise<Time[]> {
  const purges = [];
  for (const [at, ids] of due.entries()) purges.push(await purgeOf(turn(standings, at), ids));
  return [
    { name: `purge of ${turn(due, 0).length} runs`, ms: purges.map(({ tookMs }) => [tookMs]) },
    { name: "slowest create meanwhile", ms: purges.map(({ slowestMs }) => [slowestMs]) },
  ];
}

/** From the first create, which rings the alarm of its coordinator, until none of the due runs is left in D1. */
async function purgeOf(standing: Standing, ids: readonly string[]) {
  const create = { name: "create", request: ({ state }: Standing) => OPERATIONS.create.next(state) };
  const { databases } = standing.site;
  const left = turn(databases, databases.length - 1)
    .prepare("SELECT count(*) AS n FROM runs WHERE scope = ? AND id IN (SELECT value FROM json_each(?))")
    .bind(fill.SCOPE, JSON.stringify(ids));
  const startedAt = performance.now();
  let slowestMs = 0;
  do {
    if (performance.now() - startedAt > PURGED_WITHIN_MS) throw new Error("runs that are due are still kept");
    for (let n = 0; n < EACH; n++) slowestMs = Math.max(slowestMs, await ask(create, standing, n));
  } while ((await left.first<{ n: number }>())?.n !== 0);
  return { tookMs: performance.now() - startedAt, slowestMs };
}

/** For each statement the most rows that it read at once for each item of a batch, at each site. */
function mostRead(counts: readonly (readonly Count[])[]): Growth["statements"] {
  const most = new Map<string, number[]>();
  for (const [at, counted] of counts.entries()) {
    for (const { sql, rowsRead, items } of counted) {
      const rows = most.get(sql) ?? [];
      most.set(sql, rows);
      rows[at] = Math.max(rows[at] ?? 0, Math.ceil(rowsRead / items));
    }
  }
  // A statement that did not run at every site can't be compared.
  return [...most]
    .filter(([, rows]) => counts.every((_, at) => rows[at] !== undefined))
    .map(([sql, rowsRead]) => ({ sql: sql.replaceAll(/\s+/g, " "), rowsRead }));
}

/** The statements that read more rows at larger sites. */
export function growingStatements({ statements }: Growth): string[] {
  return statements
    .filter(({ rowsRead }) => turn(rowsRead, rowsRead.length - 1) > turn(rowsRead, 0) * FLAT + FEW_ROWS)
    .map(({ sql, rowsRead }) => `${rowsRead.join(", then ")} rows: ${sql}`);
}

export function growthTables({ sizes, times, statements, bytes }: Growth): string {
  const runs = sizes.map((size) => size.toLocaleString("en"));
  const timed = times.map(({ name, ms }) => {
    const each = turn(ms, ms.length - 1).map((large, round) => large / turn(turn(ms, 0), round));
    const ratio = quantile(each, 0.5);
    const middle = `(${quantile(each, 0.25).toFixed(2)} to ${quantile(each, 0.75).toFixed(2)})`;
    const medians = ms.map((rounds) => quantile(rounds, 0.5).toFixed(2));
    return [name, ...medians, `${ratio.toFixed(2)} ${middle}`, ratio > FLAT ? "slower" : ""];
  });
  const dearest = statements.toSorted((a, b) => turn(b.rowsRead, 0) - turn(a.rowsRead, 0)).slice(0, 12);
  const rows = dearest.map(({ sql, rowsRead }) => [sql.slice(0, 90), ...rowsRead.map(String)]);
  return [
    markdown([["p50 ms", ...runs, "ratio", ""], ...timed]),
    markdown([[`most rows read, of ${statements.length} statements`, ...runs], ...rows]),
    `Bytes of a run: ${Math.round(bytes.d1)} in D1, ${Math.round(bytes.object)} in its coordinator.`,
  ].join("\n\n");
}
