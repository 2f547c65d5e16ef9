/**
 * Counts the rows that a run writes, and how often a coordinator writes to D1, in the build of the service that counts
 * its statements. Nothing here is timed.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { withGenerator } from "./generator.ts";
import type { Count } from "./growth/count.ts";
import { makePurgeable } from "./growth/fill.ts";
import { asker, times } from "./seeds.ts";
import { makeSecrets, open, type Site, type SiteOptions } from "./site.ts";
import { markdown } from "./table.ts";

/** The coordinators of `environments` get `runs` runs in all, after `warmUp` runs that create their tables. */
const BUSY = { name: "busy", environments: 1, runs: 1000, warmUp: 100, restMs: 1500 };
/** The part of a busy coordinator's runs that a trial makes: still enough that most share a flight and an alarm. */
const TRIAL_SHARE = 0.2;
/** Each coordinator rests before and after each change, until the alarm has rung that checks what has landed. */
const ALONE = { name: "alone", environments: 4, runs: 4, warmUp: 128, restMs: 6000 };
/** Targets for one run of a busy coordinator, from its create to its purge. */
const TARGETS = { object: 10, D1: 8 } as const;
const FLIGHTS_TARGET = 20;
const FLIGHT_CALLERS = 64;
const LANDED_WITHIN_MS = 30_000;
const POLL_MS = 100;

/** Rows written for one run, by their cause. */
interface Rows {
  readonly place: string;
  readonly parts: Readonly<Record<"create" | "callback" | "landing" | "purge", number>>;
  /** The part of them that the platform charges for setting alarms, without those of a purge. */
  readonly alarms: number;
  readonly all: number;
  readonly target: number | null;
}

type Place = typeof BUSY;

interface Changes {
  readonly creates: readonly Count[];
  readonly callbacks: readonly Count[];
}

export interface Writes {
  readonly rows: readonly Rows[];
  /** Of the busiest coordinator: a second on average, and in its worst second. */
  readonly flights: { readonly perSecond: number; readonly worst: number; readonly target: number };
}

/** `forMs`: how long flights are counted. `isTrial`: with fewer runs, for a try of the bench itself. */
export async function measureWrites(
  forMs: number,
  isTrial: boolean,
  onProgress: (text: string) => void,
): Promise<Writes> {
  const kept = { folder: mkdtempSync(join(tmpdir(), "action-runs-rows-")), secrets: makeSecrets() };
  const busy = isTrial ? { ...BUSY, runs: BUSY.runs * TRIAL_SHARE } : BUSY;
  try {
    onProgress("rows written for a run");
    const changed = await withSite(kept, async (site) => {
      await Promise.all([warmUp(site, busy), warmUp(site, ALONE)]);
      // One after the other, because the counts are those of the whole site. Those that are alone go first: they rest
      // until no alarm is left to ring while the busy ones are counted.
      const alone = await change(site, ALONE);
      return { alone, busy: await change(site, busy) };
    });
    makePurgeable(kept.folder, busy.runs);
    return await withSite(kept, async (site) => {
      const rows = [
        ...rowsOf(busy, changed.busy, await purge(site, busy)),
        ...rowsOf(ALONE, changed.alone, await purge(site, ALONE)),
      ];
      onProgress("flights");
      return { rows, flights: await countFlights(site, forMs) };
    });
  } finally {
    rmSync(kept.folder, { recursive: true, force: true });
  }
}

export function writesTable({ rows, flights: { perSecond, worst, target } }: Writes): string {
  const head = "rows written for a run|create|callback|landing|purge|all|target|of these setAlarm".split("|");
  const lines = rows.map(({ place, parts: { create, callback, landing, purge }, alarms, all, target }) => [
    place,
    ...[create, callback, landing, purge, all].map((n) => n.toFixed(2)),
    target === null ? "" : verdict(Math.round(all), target),
    alarms.toFixed(2),
  ]);
  return `${markdown([head, ...lines])}

${FLIGHT_CALLERS} callers create: ${perSecond.toFixed(1)} flights a second by the busiest coordinator, of target ${verdict(perSecond, target)}; ${worst} in its worst second.`;
}

function verdict(n: number, target: number): string {
  return `${target} ${n <= target ? "met" : "missed"}`;
}

async function create(site: Site, place: Place, i: number): Promise<{ url: string; token: string }> {
  const body = { actionName: "deploy", entityId: crypto.randomUUID() };
  const path = `/bench/${place.name}/envs/env-${i % place.environments}/action-runs`;
  return JSON.parse(await asker(site)("POST", path, site.secrets.ROOT_TOKEN, body)).callback;
}

async function warmUp(site: Site, place: Place): Promise<void> {
  await times(place.warmUp, (i) => create(site, place, i));
  await landed(site, place.name, "pending", place.warmUp, place.restMs);
}

async function change(site: Site, place: Place): Promise<Changes> {
  const { name, runs, warmUp, restMs } = place;
  const made = await times(runs, (i) => create(site, place, i));
  const creates = await landed(site, name, "pending", warmUp + runs, restMs);
  const report = ({ url, token }: { url: string; token: string }) =>
    asker(site)("POST", new URL(url).pathname, token, { status: "succeeded" });
  await times(runs, async () => report(made.pop() ?? { url: "", token: "" }));
  return { creates, callbacks: await landed(site, name, "succeeded", runs, restMs) };
}

/** Runs that are due go when a create rings the alarm of their coordinator. */
function purge(site: Site, place: Place): Promise<Count[]> {
  const ring = () => times(place.environments, (i) => create(site, place, i));
  return landed(site, place.name, "succeeded", 0, BUSY.restMs, ring);
}

function rowsOf({ name, runs }: Place, { creates, callbacks }: Changes, purged: readonly Count[]): Rows[] {
  return (["object", "D1"] as const).map((store) => {
    const each = (counts: readonly Count[], isIt: (count: Count) => boolean) =>
      counts.reduce((sum, c) => sum + (c.sql.startsWith(store) && isIt(c) ? c.rowsWritten : 0), 0) / runs;
    const parts = {
      create: each(creates, (count) => !isLanding(count)),
      callback: each(callbacks, (count) => !isLanding(count)),
      landing: each(creates, isLanding) + each(callbacks, isLanding),
      purge: each(purged, ({ sql }) => /: DELETE FROM (runs|events|deliveries)/.test(sql)),
    };
    const isAlarm = ({ sql }: Count) => sql.endsWith("setAlarm");
    const all = Object.values(parts).reduce((sum, rows) => sum + rows);
    const target = name === BUSY.name ? TARGETS[store] : null;
    const alarms = each(creates, isAlarm) + each(callbacks, isAlarm);
    return { place: `${name}, ${store}`, parts, alarms, all, target };
  });
}

/** Whether the statement writes to D1, or notes in the journal what has landed and when to check again. */
function isLanding({ sql, values }: Count): boolean {
  if (/^D1|UPDATE runs SET landed|runs_aside/.test(sql)) return true;
  return values.some((value) => /^(landed|repair)_/.test(value));
}

/** The counts until D1 shows `count` runs of this project with this status, and the coordinators rest. */
async function landed(
  { db, counts }: Site,
  project: string,
  status: string,
  runs: number,
  restMs: number,
  meanwhile: () => Promise<unknown> = () => delay(POLL_MS),
): Promise<Count[]> {
  const count = db
    .prepare("SELECT count(*) AS n FROM runs WHERE scope GLOB ? AND status = ?")
    .bind(`bench/${project}/*`, status);
  const until = performance.now() + LANDED_WITHIN_MS;
  while ((await count.first<{ n: number }>())?.n !== runs) {
    if (performance.now() > until) throw new Error(`D1 does not show ${runs} runs that are ${status}`);
    await meanwhile();
  }
  await delay(restMs);
  return counts();
}

function countFlights(site: Site, forMs: number): Promise<Writes["flights"]> {
  const job = { operation: "create", callers: FLIGHT_CALLERS, forMs } as const;
  const [project, nothing] = ["flights", { path: "", body: "" }];
  const runs = `/bench/${project}/envs/made/action-runs`;
  const seeds = { token: site.secrets.ROOT_TOKEN, runs, list: nothing };
  return withGenerator(site, { ...seeds, openRuns: [], endedRuns: [], madeRuns: [] }, async (generator) => {
    const before = await generator.run(job);
    await site.counts();
    const startedAt = performance.now();
    const { answers, failures, firstFailure } = await generator.run(job);
    if (failures > 0) throw new Error(`${failures} answers were wrong. The first: ${firstFailure}`);
    // Until the last run has landed, so that a short job has a flight.
    const counts = await landed(site, project, "pending", before.answers + answers, 0);
    const seconds = (performance.now() - startedAt) / 1000;
    const flights = counts.filter(({ sql }) => /^D1:\s+INSERT INTO runs/.test(sql));
    const firstAt = Math.min(...flights.map(({ at }) => at));
    const most = (keyOf: (flight: Count) => string) =>
      Math.max(...[...Map.groupBy(flights, keyOf).values()].map(({ length }) => length));
    const coordinator = ({ values }: Count) => values.find((value) => value.startsWith("-8")) ?? "";
    const worst = most((flight) => `${coordinator(flight)} ${Math.floor((flight.at - firstAt) / 1000)}`);
    return { perSecond: most(coordinator) / seconds, worst, target: FLIGHTS_TARGET };
  });
}

async function withSite<T>(kept: SiteOptions["kept"], work: (site: Site) => Promise<T>): Promise<T> {
  const site = await open({ counted: true, alone: true, kept });
  return work(site).finally(() => site.stop());
}
