/**
 * Counts the rows that a run writes, and how often a coordinator writes to D1, in the build of the service that counts
 * its statements. Nothing here is timed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "./clock.ts";
import type { Count } from "./growth/count.ts";
import { makePurgeable } from "./growth/fill.ts";
import { withGenerator } from "./load/generator.ts";
import { reportAsHeard, triggerFor } from "./load/heard-runs.ts";
import { whenNotified, withReceiver } from "./load/receiving.ts";
import { markdown } from "./report/table.ts";
import { type Expected, replicated } from "./servers/replicated.ts";
import { asker, chooseDatabase, putEndpoint, times } from "./servers/seeds.ts";
import { makeSecrets, open, type Site, type SiteOptions } from "./servers/site.ts";

/**
 * The coordinators of a project's `environments` get `runs` runs in all, after `warmUp` runs that create their tables.
 * `isNotified`: each environment has a webhook endpoint that hears of every end. `action`: the gates of a stored action
 * with a webhook, which makes the runs; null if they are created without a webhook.
 */
interface Workload {
  readonly name: string;
  /** Short, because a count has only short values. */
  readonly project: string;
  readonly environments: number;
  readonly runs: number;
  readonly warmUp: number;
  readonly isNotified: boolean;
  readonly action: { readonly approval?: object; readonly concurrency?: object } | null;
}

const NOTIFIED = { isNotified: true } as const;
const BUSY = {
  name: "busy",
  project: "busy",
  environments: 1,
  runs: 1000,
  warmUp: 100,
  isNotified: false,
  action: null,
};
const BUSY_NOTIFIED = { ...BUSY, ...NOTIFIED, name: "busy, one endpoint", project: "busy1", runs: 400 };
const BUSY_REST_MS = 1500;
const POLL_MS = 100;
/** So many concurrency queues are used at once. */
const QUEUES = 16;
const CONCURRENCY = { group: "deploys", key: "{{ parameters.queue }}" };
/** The same webhook without a gate, and with each gate. */
const HOOKED: readonly Workload[] = [
  { ...BUSY, name: "busy, webhook", project: "hook", runs: 200, action: {} },
  { ...BUSY, name: "busy, webhook, group", project: "group", runs: 200, action: { concurrency: CONCURRENCY } },
  { ...BUSY, name: "busy, webhook, approval", project: "appr", runs: 200, action: { approval: { allowSelf: true } } },
];
/** The part of a busy coordinator's runs that a trial makes: still enough that most share a batch and an alarm. */
const TRIAL_SHARE = 0.1;
const TRIAL_WARM_UP = 10;
/** Each coordinator rests before and after each change, until the alarm has rung that checks what is replicated. */
const ALONE = { ...BUSY, name: "alone", project: "alone", environments: 4, runs: 4, warmUp: 16 };
const ALONE_NOTIFIED = { ...ALONE, ...NOTIFIED, name: "alone, one endpoint", project: "alone1" };
const ALONE_REST_MS = 62_000;
/** Targets for one run of a busy coordinator without endpoints, from its create to its purge. */
const TARGETS = { object: 10, D1: 8 } as const;

/** Rows written for one run, by their cause. */
export interface Rows {
  readonly name: string;
  readonly parts: Readonly<Record<"create" | "approval" | "callback" | "fanOut" | "replication" | "purge", number>>;
  /** The part of them that the platform charges for setting alarms, without those of a purge. */
  readonly alarms: number;
  readonly all: number;
  readonly target: number | null;
}

/** What was counted while runs were created, while they were approved, and while they were reported and notified. */
interface Changes {
  readonly creates: readonly Count[];
  readonly approvals: readonly Count[];
  readonly callbacks: readonly Count[];
}

export interface Writes {
  readonly rows: readonly Rows[];
  readonly batches: Batches;
}

/** `forMs`: how long batches are counted. `isTrial`: with fewer runs, for a try of the bench itself. */
export async function measureWrites(
  forMs: number,
  isTrial: boolean,
  onProgress: (text: string) => void,
): Promise<Writes> {
  const kept = { folder: mkdtempSync(join(tmpdir(), "action-runs-rows-")), secrets: makeSecrets() };
  const sized = (workload: Workload) =>
    isTrial ? { ...workload, runs: workload.runs * TRIAL_SHARE, warmUp: TRIAL_WARM_UP } : workload;
  const [busy, busyNotified, hooked] = [sized(BUSY), sized(BUSY_NOTIFIED), HOOKED.map(sized)];
  const workloads = [busy, ALONE, busyNotified, ALONE_NOTIFIED, ...hooked];
  try {
    onProgress("rows written for a run");
    const changed = await withReceiver((receiver) =>
      withSite(kept, async (site) => {
        // A trial has no time for it.
        const restMs = isTrial ? BUSY_REST_MS : ALONE_REST_MS;
        await prepare(site, workloads, receiver, restMs);
        // Those that are alone go first: they rest until no alarm is left to ring while the busy ones are counted.
        const alone = await change(site, [ALONE, ALONE_NOTIFIED], receiver, restMs);
        const quiet = await change(site, [busy], receiver, BUSY_REST_MS);
        const notified = await change(site, [busyNotified], receiver, BUSY_REST_MS);
        const called = await change(site, hooked, receiver, BUSY_REST_MS);
        return [
          { workload: busy, ...quiet },
          { workload: ALONE, ...alone },
          { workload: busyNotified, ...notified },
          { workload: ALONE_NOTIFIED, ...alone },
          ...hooked.map((workload) => ({ workload, ...called })),
        ];
      }),
    );
    makePurgeable(kept.folder, busy.runs);
    return await withSite(kept, async (site) => {
      const purged = await purge(site, workloads);
      const rows = changed.flatMap(({ workload, ...changes }) => rowsOf(workload, changes, purged));
      onProgress("batches");
      return { rows, batches: await countBatches(site, forMs) };
    });
  } finally {
    rmSync(kept.folder, { recursive: true, force: true });
  }
}

/** The rows of a run in the control database, and in another one. `isTrial`: with fewer runs. */
export async function measureDatabaseWrites(
  isTrial: boolean,
  onProgress: (text: string) => void,
): Promise<readonly Rows[]> {
  const kept = { folder: mkdtempSync(join(tmpdir(), "action-runs-rows-")), secrets: makeSecrets() };
  const runs = isTrial ? BUSY.runs * TRIAL_SHARE : BUSY.runs;
  const near: Workload = { ...BUSY, name: "in DB", project: "near", runs };
  const away: Workload = { ...BUSY, name: "in DB_3", project: "away", runs };
  const workloads = [near, away];
  try {
    onProgress("rows written for a run");
    const changes = await withSite(
      kept,
      async (site) => {
        await chooseDatabase(site, 3, "/bench/away/envs/env-0");
        await prepare(site, workloads, "", BUSY_REST_MS);
        const inNear = await change(site, [near], "", BUSY_REST_MS);
        return [inNear, await change(site, [away], "", BUSY_REST_MS)] as const;
      },
      4,
    );
    makePurgeable(kept.folder, runs);
    const purged = await withSite(kept, (site) => purge(site, workloads), 4);
    return [...rowsOf(near, changes[0], purged), ...rowsOf(away, changes[1], purged)];
  } finally {
    rmSync(kept.folder, { recursive: true, force: true });
  }
}

export function writesTable({ rows, batches: { perSecond, worst, target } }: Writes): string {
  return `${rowsTable(rows)}

${BATCH_CALLERS} callers create: ${perSecond.toFixed(1)} batches a second, of target ${verdict(perSecond, target)}; ${worst} in the worst second.`;
}

export function rowsTable(rows: readonly Rows[]): string {
  const head = "rows written for a run|create|approval|callback|fan-out|replication|purge|all|target|of these setAlarm";
  const lines = rows.map(({ name, parts, alarms, all, target }) => [
    name,
    ...[parts.create, parts.approval, parts.callback, parts.fanOut, parts.replication, parts.purge, all].map((n) =>
      n.toFixed(2),
    ),
    target === null ? "" : verdict(Math.round(all), target),
    alarms.toFixed(2),
  ]);
  return markdown([head.split("|"), ...lines]);
}

function verdict(n: number, target: number): string {
  return `${target} ${n <= target ? "met" : "missed"}`;
}

/** The environments of a project, as paths. */
function environmentsOf({ project, environments }: Workload): string[] {
  return Array.from({ length: environments }, (_, i) => `/bench/${project}/envs/env-${i}`);
}

/** A new run. `callback`: if the workload has an action, only the receiver gets it. */
interface Created {
  readonly id: string;
  readonly callback?: { readonly url: string; readonly token: string };
}

/** Creates the `i`th run. `isPlain`: without the action of the workload. */
async function create(site: Site, workload: Workload, i: number, isPlain = false): Promise<Created> {
  const path = environmentsOf(workload)[i % workload.environments];
  const entityId = crypto.randomUUID();
  const [to, body] =
    isPlain || workload.action === null
      ? ["action-runs", { actionName: "deploy", entityId }]
      : ["actions/deploy/runs", { entityId, parameters: { queue: String(i % QUEUES) } }];
  return JSON.parse(await asker(site)("POST", `${path}/${to}`, site.secrets.ROOT_TOKEN, body));
}

/** Any runs, which have no gate. */
function createPlain(site: Site, workload: Workload, runs: number): Promise<unknown> {
  return times(runs, (i) => create(site, workload, i, true));
}

function putAction(site: Site, { action }: Workload, path: string, receiver: string): Promise<string> {
  return asker(site)("PUT", `${path}/actions/deploy`, site.secrets.ROOT_TOKEN, {
    trigger: triggerFor(receiver),
    ...action,
  });
}

async function prepare(site: Site, workloads: readonly Workload[], receiver: string, restMs: number): Promise<void> {
  await each(workloads, async (workload) => {
    for (const path of environmentsOf(workload)) {
      if (workload.isNotified) await putEndpoint(site, path, receiver);
      if (workload.action !== null) await putAction(site, workload, path, receiver);
    }
    await createPlain(site, workload, workload.warmUp);
  });
  await replicated(
    site,
    workloads.map(({ project, warmUp: runs }) => ({ project, status: "pending", runs })),
  );
  await delay(restMs);
  await site.counts();
}

/** The runs of these workloads are created, approved and reported. The coordinators rest after each. */
async function change(site: Site, workloads: readonly Workload[], receiver: string, restMs: number): Promise<Changes> {
  const settled = async (status: Expected["status"], runsOf: (workload: Workload) => number) => {
    await replicated(
      site,
      workloads.map((workload) => ({ project: workload.project, status, runs: runsOf(workload) })),
    );
    await delay(restMs);
    return site.counts();
  };
  const made = await each(workloads, (workload) => times(workload.runs, (i) => create(site, workload, i)));
  const creates = await settled("pending", ({ warmUp, runs }) => warmUp + runs);
  const nothing = Promise.resolve();
  const isApproved = ({ action }: Workload) => action?.approval !== undefined;
  await each(workloads, (workload, i) => (isApproved(workload) ? approve(site, workload, made[i] ?? []) : nothing));
  const approvals = workloads.some(isApproved) ? await settled("pending", ({ warmUp, runs }) => warmUp + runs) : [];
  // One receiver hears of all of them.
  const called = workloads.flatMap(({ action }, i) => (action === null ? [] : (made[i] ?? [])));
  if (called.length > 0) {
    const ids = called.map(({ id }) => id);
    await reportAsHeard(site, receiver, ids);
  }
  await each(workloads, (workload, i) =>
    workload.action === null ? report(site, workload, receiver, made[i] ?? []) : nothing,
  );
  return { creates, approvals, callbacks: await settled("succeeded", ({ runs }) => runs) };
}

async function approve(site: Site, workload: Workload, runs: readonly Created[]): Promise<void> {
  const [path] = environmentsOf(workload);
  await times(runs.length, (n) =>
    asker(site)("POST", `${path}/action-runs/${runs[n]?.id}/approve`, site.secrets.ROOT_TOKEN, {}),
  );
}

async function report(site: Site, { isNotified }: Workload, receiver: string, runs: readonly Created[]): Promise<void> {
  const reports = new Map<string, number>();
  await times(runs.length, async (n) => {
    const { id = "", callback: { url, token } = { url: "", token: "" } } = runs[n] ?? {};
    await asker(site)("POST", new URL(url).pathname, token, { status: "succeeded" });
    reports.set(id, monotonicMs());
  });
  // Another workload may be notified meanwhile.
  if (!isNotified) return;
  const { missing } = await whenNotified(receiver, reports, 0);
  if (missing.length > 0) throw new Error(`no delivery of the end of run ${missing[0]} arrived`);
}

/** Runs that are due go when a create rings the alarm of their coordinator. */
async function purge(site: Site, workloads: readonly Workload[]): Promise<Count[]> {
  for (const workload of workloads) {
    const ring = () => createPlain(site, workload, workload.environments).then(() => delay(POLL_MS));
    await replicated(site, [{ project: workload.project, status: "succeeded", runs: 0 }], ring);
  }
  await delay(BUSY_REST_MS);
  return site.counts();
}

function rowsOf({ name, project, runs }: Workload, changes: Changes, purged: readonly Count[]): Rows[] {
  const isHere = ({ values }: Count) => values.some((value) => value.startsWith(`bench/${project}/`));
  const creates = changes.creates.filter(isHere);
  const approvals = changes.approvals.filter(isHere);
  const callbacks = changes.callbacks.filter(isHere);
  const changed = [...creates, ...approvals, ...callbacks];
  return (["object", "D1"] as const).map((store) => {
    const each = (counts: readonly Count[], isIt: (count: Count) => boolean) =>
      counts.reduce((sum, c) => sum + (c.sql.startsWith(store) && isIt(c) ? c.rowsWritten : 0), 0) / runs;
    const isOwn = (count: Count) => !isReplication(count) && !isFanOut(count);
    const isPurge = ({ sql }: Count) =>
      /: DELETE FROM (runs|events|dispatches|deliveries|accepted_changes|previews)/.test(sql);
    const parts = {
      create: each(creates, isOwn),
      approval: each(approvals, isOwn),
      callback: each(callbacks, isOwn),
      fanOut: each(callbacks, isFanOut),
      replication: each(changed, isReplication),
      purge: each(purged.filter(isHere), isPurge),
    };
    const isAlarm = ({ sql }: Count) => sql.endsWith("setAlarm");
    const all = Object.values(parts).reduce((sum, rows) => sum + rows);
    const target = name === BUSY.name ? TARGETS[store] : null;
    const alarms = each(changed, isAlarm);
    return { name: `${name}, ${store}`, parts, alarms, all, target };
  });
}

/** Whether the statement writes to D1, or notes in the journal what is replicated and when to check again. */
function isReplication({ sql, values }: Count): boolean {
  if (/^D1|quarantined_runs/.test(sql)) return true;
  return values.some((value) => /^(replica:|replication_retry_at)/.test(value));
}

/** Whether the statement writes a delivery, how far it got, or what deliveries need to know. */
function isFanOut({ sql, values }: Count): boolean {
  return /^object: .*(deliveries|endpoint_health|outcomes)/s.test(sql) || values.includes("fan_out_after");
}

function each<T>(workloads: readonly Workload[], work: (workload: Workload, i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(workloads.map(work));
}

async function withSite<T>(kept: SiteOptions["kept"], work: (site: Site) => Promise<T>, databases = 1): Promise<T> {
  const site = await open({ counted: true, kept, databases });
  return work(site).finally(() => site.stop());
}

/** A second on average, and in the worst second. */
export interface Batches {
  readonly perSecond: number;
  readonly worst: number;
  readonly target: number;
}

const TARGET = 1.5;
export const BATCH_CALLERS = 64;

/** `forMs`: how long callers create. The site must be one that counts. */
export function countBatches(site: Site, forMs: number): Promise<Batches> {
  const job = { operation: "create", callers: BATCH_CALLERS, forMs } as const;
  const [project, nothing] = ["batches", { path: "", body: "" }];
  const runs = `/bench/${project}/envs/made/action-runs`;
  const empty = { openRuns: [], endedRuns: [], madeRuns: [], list: nothing, receiver: "" };
  const seeds = { token: site.secrets.ROOT_TOKEN, runs, ...empty };
  return withGenerator([site], seeds, async (generator) => {
    const before = await generator.run(job);
    await site.counts();
    const startedAt = performance.now();
    const { answers, failures, firstFailure } = await generator.run(job);
    if (failures > 0) throw new Error(`${failures} answers were wrong. The first: ${firstFailure}`);
    // Until the last run is replicated, so that a short job has a batch.
    await replicated(site, [{ project, status: "pending", runs: before.answers + answers }]);
    const counts = await site.counts();
    const seconds = (performance.now() - startedAt) / 1000;
    const batches = counts.filter(({ sql }) => /^D1:\s+INSERT INTO runs/.test(sql));
    const firstAt = Math.min(...batches.map(({ at }) => at));
    const bySecond = Map.groupBy(batches, ({ at }) => Math.floor((at - firstAt) / 1000));
    const worst = Math.max(...[...bySecond.values()].map(({ length }) => length));
    return { perSecond: batches.length / seconds, worst, target: TARGET };
  });
}
