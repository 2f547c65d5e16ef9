/**
 * Counts the rows that a run writes, and how often a coordinator writes to D1, in the build of the service that counts
 * its statements. Nothing here is timed.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "./clock.ts";
import { countFlights, FLIGHT_CALLERS, type Flights } from "./flights.ts";
import type { Count } from "./growth/count.ts";
import { makePurgeable } from "./growth/fill.ts";
import { type Expected, landed } from "./landed.ts";
import { withReceiver } from "./receiving.ts";
import { asker, putEndpoint, times } from "./seeds.ts";
import { makeSecrets, open, type Site, type SiteOptions } from "./site.ts";
import { markdown } from "./table.ts";
import { whenTold } from "./told.ts";

/**
 * The coordinators of a project's `environments` get `runs` runs in all, after `warmUp` runs that create their tables.
 * `isTold`: each environment has a webhook endpoint that hears of every end.
 */
interface Place {
  readonly name: string;
  /** Short, because a count has only short values. */
  readonly project: string;
  readonly environments: number;
  readonly runs: number;
  readonly warmUp: number;
  readonly isTold: boolean;
}

const TOLD = { isTold: true } as const;
const BUSY = { name: "busy", project: "busy", environments: 1, runs: 1000, warmUp: 100, isTold: false };
const BUSY_TOLD = { ...BUSY, ...TOLD, name: "busy, one endpoint", project: "busy1", runs: 400 };
const BUSY_REST_MS = 1500;
/** The part of a busy coordinator's runs that a trial makes: still enough that most share a flight and an alarm. */
const TRIAL_SHARE = 0.1;
/** Fewer might leave a coordinator of a busy environment without tables. */
const TRIAL_WARM_UP = 40;
/** Each coordinator rests before and after each change, until the alarm has rung that checks what has landed. */
const ALONE = { name: "alone", project: "alone", environments: 4, runs: 4, warmUp: 128, isTold: false };
const ALONE_TOLD = { ...ALONE, ...TOLD, name: "alone, one endpoint", project: "alone1" };
const ALONE_REST_MS = 6000;
/** Targets for one run of a busy coordinator without endpoints, from its create to its purge. */
const TARGETS = { object: 10, D1: 8 } as const;

/** Rows written for one run, by their cause. */
interface Rows {
  readonly place: string;
  readonly parts: Readonly<Record<"create" | "callback" | "telling" | "landing" | "purge", number>>;
  /** The part of them that the platform charges for setting alarms, without those of a purge. */
  readonly alarms: number;
  readonly all: number;
  readonly target: number | null;
}

/** What was counted while runs were created, and while they were reported and told. */
interface Changes {
  readonly creates: readonly Count[];
  readonly callbacks: readonly Count[];
}

export interface Writes {
  readonly rows: readonly Rows[];
  readonly flights: Flights;
}

/** `forMs`: how long flights are counted. `isTrial`: with fewer runs, for a try of the bench itself. */
export async function measureWrites(
  forMs: number,
  isTrial: boolean,
  onProgress: (text: string) => void,
): Promise<Writes> {
  const kept = { folder: mkdtempSync(join(tmpdir(), "action-runs-rows-")), secrets: makeSecrets() };
  const sized = (place: Place) =>
    isTrial ? { ...place, runs: place.runs * TRIAL_SHARE, warmUp: TRIAL_WARM_UP } : place;
  const [busy, busyTold] = [sized(BUSY), sized(BUSY_TOLD)];
  const places = [busy, ALONE, busyTold, ALONE_TOLD];
  try {
    onProgress("rows written for a run");
    const changed = await withReceiver((receiver) =>
      withSite(kept, async (site) => {
        await prepare(site, places, receiver);
        // Those that are alone go first: they rest until no alarm is left to ring while the busy ones are counted.
        const alone = await change(site, [ALONE, ALONE_TOLD], receiver, ALONE_REST_MS);
        const untold = await change(site, [busy], receiver, BUSY_REST_MS);
        const told = await change(site, [busyTold], receiver, BUSY_REST_MS);
        return [
          { place: busy, ...untold },
          { place: ALONE, ...alone },
          { place: busyTold, ...told },
          { place: ALONE_TOLD, ...alone },
        ];
      }),
    );
    makePurgeable(kept.folder, busy.runs);
    return await withSite(kept, async (site) => {
      const purged = await purge(site, places);
      const rows = changed.flatMap(({ place, ...changes }) => rowsOf(place, changes, purged));
      onProgress("flights");
      return { rows, flights: await countFlights(site, forMs) };
    });
  } finally {
    rmSync(kept.folder, { recursive: true, force: true });
  }
}

export function writesTable({ rows, flights: { perSecond, worst, target } }: Writes): string {
  const head = "rows written for a run|create|callback|telling|landing|purge|all|target|of these setAlarm";
  const lines = rows.map(({ place, parts, alarms, all, target }) => [
    place,
    ...[parts.create, parts.callback, parts.telling, parts.landing, parts.purge, all].map((n) =>
      n.toFixed(2),
    ),
    target === null ? "" : verdict(Math.round(all), target),
    alarms.toFixed(2),
  ]);
  return `${markdown([head.split("|"), ...lines])}

${FLIGHT_CALLERS} callers create: ${perSecond.toFixed(1)} flights a second by the busiest coordinator, of target ${verdict(perSecond, target)}; ${worst} in its worst second.`;
}

function verdict(n: number, target: number): string {
  return `${target} ${n <= target ? "met" : "missed"}`;
}

/** The environments of a project, as paths. */
function environmentsOf({ project, environments }: Place): string[] {
  return Array.from({ length: environments }, (_, i) => `/bench/${project}/envs/env-${i}`);
}

/** The callback of the `i`th run that is created. */
async function create(site: Site, place: Place, i: number): Promise<{ url: string; token: string }> {
  const body = { actionName: "deploy", entityId: crypto.randomUUID() };
  const path = `${environmentsOf(place)[i % place.environments]}/action-runs`;
  return JSON.parse(await asker(site)("POST", path, site.secrets.ROOT_TOKEN, body)).callback;
}

async function prepare(site: Site, places: readonly Place[], receiver: string): Promise<void> {
  await each(places, async (place) => {
    for (const path of place.isTold ? environmentsOf(place) : []) await putEndpoint(site, path, receiver);
    await times(place.warmUp, (i) => create(site, place, i));
  });
  await landed(
    site,
    places.map(({ project, warmUp: runs }) => ({ project, status: "pending", runs })),
  );
  await delay(ALONE_REST_MS);
  await site.counts();
}

/** The runs of these places are created, and then reported. The coordinators rest after each. */
async function change(
  site: Site,
  places: readonly Place[],
  receiver: string,
  restMs: number,
): Promise<Changes> {
  const settled = async (status: Expected["status"], runsOf: (place: Place) => number) => {
    await landed(
      site,
      places.map((place) => ({ project: place.project, status, runs: runsOf(place) })),
    );
    await delay(restMs);
    return site.counts();
  };
  const made = await each(places, (place) => times(place.runs, (i) => create(site, place, i)));
  const creates = await settled("pending", ({ warmUp, runs }) => warmUp + runs);
  await each(places, async ({ isTold }, i) => {
    const callbacks = made[i] ?? [];
    const reports = new Map<string, number>();
    await times(callbacks.length, async (n) => {
      const { url = "", token = "" } = callbacks[n] ?? {};
      await asker(site)("POST", new URL(url).pathname, token, { status: "succeeded" });
      reports.set(url.split("/").at(-2) ?? "", monotonicMs());
    });
    // Another place may be told meanwhile.
    if (!isTold) return;
    const { untold } = await whenTold(receiver, reports);
    if (untold.length > 0) throw new Error(`the end of run ${untold[0]} was not told`);
  });
  return { creates, callbacks: await settled("succeeded", ({ runs }) => runs) };
}

/** Runs that are due go when a create rings the alarm of their coordinator. */
async function purge(site: Site, places: readonly Place[]): Promise<Count[]> {
  for (const place of places) {
    const ring = () => times(place.environments, (i) => create(site, place, i));
    await landed(site, [{ project: place.project, status: "succeeded", runs: 0 }], ring);
  }
  await delay(BUSY_REST_MS);
  return site.counts();
}

function rowsOf({ name, project, runs }: Place, changes: Changes, purged: readonly Count[]): Rows[] {
  const isHere = ({ values }: Count) => values.some((value) => value.startsWith(`bench/${project}/`));
  const [creates, callbacks] = [changes.creates.filter(isHere), changes.callbacks.filter(isHere)];
  return (["object", "D1"] as const).map((store) => {
    const each = (counts: readonly Count[], isIt: (count: Count) => boolean) =>
      counts.reduce((sum, c) => sum + (c.sql.startsWith(store) && isIt(c) ? c.rowsWritten : 0), 0) / runs;
    const isOwn = (count: Count) => !isLanding(count) && !isTelling(count);
    const isPurge = ({ sql }: Count) => /: DELETE FROM (runs|events|deliveries|messages)/.test(sql);
    const parts = {
      create: each(creates, isOwn),
      callback: each(callbacks, isOwn),
      telling: each(callbacks, isTelling),
      landing: each(creates, isLanding) + each(callbacks, isLanding),
      purge: each(purged.filter(isHere), isPurge),
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

/** Whether the statement notes which ends were told, or how far a message got. */
function isTelling({ sql, values }: Count): boolean {
  return /^object: .*(messages|endpoint_health)/s.test(sql) || values.includes("told_seq");
}

function each<T>(places: readonly Place[], work: (place: Place, i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(places.map(work));
}

async function withSite<T>(kept: SiteOptions["kept"], work: (site: Site) => Promise<T>): Promise<T> {
  const site = await open({ counted: true, alone: true, kept });
  return work(site).finally(() => site.stop());
}
