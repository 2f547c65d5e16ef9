/**
 * GET …/metrics, in Prometheus's text format 0.0.4. Names follow OpenTelemetry's `cicd.pipeline.run.*` if it has one.
 * Every series is there from the first scrape on, with 0, so that `rate()` sees the first increase.
 */

import { Hono } from "hono";
import { requires } from "../../auth/authentication.ts";
import { BoundedMap } from "../../base/bounded-map.ts";
import { msSinceOrLongAgo, Timeout, within } from "../../base/time.ts";
import { readReport, SELECT_REPORT, STORAGE_BYTES } from "../../database/database-state.ts";
import { readD1 } from "../../database/read-d1.ts";
import { ApiError, toApiError } from "../../http/errors.ts";
import type { Described } from "../../http/operation.ts";
import { type AppEnv, type Environment, environmentOf } from "../../http/request-context.ts";
import { hasSeveralDatabases } from "../../settings/databases.ts";
import { selectRegistered } from "../d1/control-database.ts";
import { ENDED_STATUSES, OPEN_STATUSES, WAITING_FOR } from "../run.ts";
import {
  BUCKETS_SECONDS,
  ENDS,
  type EnvironmentCounts,
  type Histogram,
  NOTHING,
  OUTCOMES,
  type RunCount,
} from "../run-counts.ts";
import { ask } from "./run-request.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** Less than Prometheus waits. A coordinator that has more to count has got further when it is asked again. */
const COUNT_MAX_MS = 8000;
const UNREACHED = "The runs can't be counted now. Scrape again in a few seconds.";

const GET_METRICS: Described = DESCRIBE && {
  operationId: "getMetrics",
  summary: "Get the metrics of an environment",
  description:
    "Returns counts and durations of the environment's runs, its deliveries and its storage in Prometheus's text " +
    "format. The response can be 10 seconds old. If a part of the runs can't be counted, the response is 503, so " +
    "that no counter falls.",
  responses: {
    200: {
      description: "The metrics",
      text: {
        "text/plain":
          "# HELP cicd_pipeline_run_active Runs that are open, by status.\n" +
          "# TYPE cicd_pipeline_run_active gauge\n" +
          'cicd_pipeline_run_active{status="pending"} 2\n',
      },
    },
  },
  errors: ["coordinator_unavailable"],
};

export const metricsRoutes = new Hono<AppEnv>().get("/", requires("data:read", GET_METRICS), async (c) => {
  const environment = environmentOf(c);
  const text = await shared(environment.scope, () => readMetrics(environment));
  return c.body(text, 200, { "Content-Type": CONTENT_TYPE });
});

/** Asks the coordinator only if D1 lists it, because asking would make it. Throws if it does not answer. */
async function readMetrics(environment: Environment): Promise<string> {
  const { env, hops, scope } = environment;
  const session = env.DB.withSession("first-primary");
  const [registered, reported] = await readD1(hops, () =>
    session.batch([
      selectRegistered(session, scope),
      ...(hasSeveralDatabases(env) ? [session.prepare(SELECT_REPORT)] : []),
    ]),
  );
  const counts = registered?.results.length === 0 ? NOTHING : await countsOf(environment);
  const noted = readReport(reported)?.databases.find(({ number }) => number === counts.database)?.sizeBytes ?? null;
  const databaseBytes = counts.database === 0 ? (registered?.meta.size_after ?? null) : noted;
  return metricsText(counts, databaseBytes, Date.now());
}

async function countsOf(environment: Environment): Promise<EnvironmentCounts> {
  const counting = ask(environment, ({ upkeep }) => upkeep.counts());
  try {
    return await within(COUNT_MAX_MS, counting);
  } catch (error) {
    const cause = error instanceof Timeout ? error : (error as ApiError).cause;
    throw new ApiError("coordinator_unavailable", UNREACHED, { cause });
  }
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** `databaseBytes`: of the database where the environment lives; null if unknown. `now`: in ms. */
function metricsText(counts: EnvironmentCounts, databaseBytes: number | null, now: number): string {
  const { open, waiting, ended, endpoints, unreplicated } = counts;
  const age = (at: number | null) => (at === null ? 0 : Math.max(0, now - at) / 1000);
  const ageOf = ({ oldestAt }: RunCount) => age(oldestAt);
  const stores: readonly Sample[] = [
    [{ store: "object" }, counts.bytes],
    ...(databaseBytes === null ? [] : [[{ store: "database" }, databaseBytes] as const]),
  ];
  return [
    ...gauge(
      "cicd_pipeline_run_active",
      "Runs that are open, by status.",
      OPEN_STATUSES.map((status) => [{ status }, open[status].runs]),
    ),
    ...gauge(
      "action_runs_oldest_open_age_seconds",
      "Time since the oldest open run that does not wait was created or released, by status. 0 if there is none.",
      OPEN_STATUSES.map((status) => [{ status }, ageOf(open[status])]),
    ),
    ...gauge(
      "action_runs_waiting",
      "Pending runs that wait, by gate.",
      WAITING_FOR.map((gate) => [{ gate }, waiting[gate].runs]),
    ),
    ...gauge(
      "action_runs_oldest_waiting_age_seconds",
      "For how long the oldest of them has waited, by gate.",
      WAITING_FOR.map((gate) => [{ gate }, ageOf(waiting[gate])]),
    ),
    ...counter(
      "action_runs_ended_total",
      "Runs that have ended, by status and by what ended them.",
      ENDS.map(([status, cause]) => [{ status, cause }, ended.ended[`${status}/${cause}`] ?? 0]),
    ),
    ...counter(
      "action_runs_ended_by_action_total",
      "Runs of stored actions that have ended, by action and by status.",
      Object.entries(ended.byAction).flatMap(([action, runs]) =>
        ENDED_STATUSES.map((status) => [{ action, status }, runs[status] ?? 0] as const),
      ),
    ),
    ...counter(
      "action_runs_inbound_refused_total",
      "Genuine events that started no run because the service refused them, by action.",
      Object.entries(ended.refusedEvents).map(([action, events]) => [{ action }, events]),
    ),
    ...histogram(
      "action_runs_waited_seconds",
      "Time from the creation of an ended run to its start, or to its end if it never started.",
      ended.waited,
    ),
    ...histogram(
      "cicd_pipeline_run_duration_seconds",
      "Time from the start of an ended run to its end. Runs that never started are left out.",
      ended.ran,
    ),
    ...counter(
      "action_runs_deliveries_total",
      "Deliveries that are over, by endpoint and by outcome.",
      endpoints.flatMap(({ name: endpoint, ...of }) =>
        OUTCOMES.map((outcome) => [{ endpoint, outcome }, of[outcome]] as const),
      ),
    ),
    ...gauge(
      "action_runs_endpoint_failing_seconds",
      "Time since an endpoint's first failure after its last success, or 0.",
      endpoints.map(({ name, failingSince }) => [{ endpoint: name }, age(failingSince)]),
    ),
    ...gauge(
      "action_runs_endpoint_disabled",
      "1 if the service has disabled the endpoint.",
      endpoints.map(({ name, isDisabled }) => [{ endpoint: name }, Number(isDisabled)]),
    ),
    ...gauge("action_runs_storage_bytes", "What the environment's object and its database store.", stores),
    ...gauge(
      "action_runs_storage_ratio",
      "The same as a share of 10 GB.",
      stores.map(([labels, bytes]) => [labels, bytes / STORAGE_BYTES]),
    ),
    ...gauge("action_runs_unreplicated", "Runs with changes that D1 lacks.", [[{}, unreplicated.runs]]),
    ...gauge("action_runs_oldest_unreplicated_age_seconds", "Time since the oldest of these changes.", [
      [{}, ageOf(unreplicated)],
    ]),
    "",
  ].join("\n");
}

function gauge(name: string, help: string, samples: readonly Sample[], type = "gauge"): string[] {
  if (samples.length === 0) return [];
  return [...head(name, type, help), ...samples.map(([labels, value]) => sample(name, labels, value))];
}

function counter(name: string, help: string, samples: readonly Sample[]): string[] {
  return gauge(name, help, samples, "counter");
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

/** Names can't have a character that needs an escape. They are escaped anyway, in case that changes. */
function sample(name: string, labels: Labels, value: number): string {
  const escaped = (text: string) => text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return pairs.length === 0 ? `${name} ${value}` : `${name}{${pairs.join(",")}} ${value}`;
}

function histogram(name: string, help: string, byStatus: Readonly<Record<string, Histogram>>): string[] {
  const series = ENDED_STATUSES.flatMap((status) => {
    const { buckets = [], sumMs = 0 } = byStatus[status] ?? {};
    let runs = 0;
    const bounds = [...BUCKETS_SECONDS.map(String), "+Inf"];
    const cumulative = bounds.map((le, i) => {
      runs += buckets[i] ?? 0;
      return sample(`${name}_bucket`, { status, le }, runs);
    });
    return [...cumulative, sample(`${name}_sum`, { status }, sumMs / 1000), sample(`${name}_count`, { status }, runs)];
  });
  return [...head(name, "histogram", help), ...series];
}

/** From the beginning of the read, so that a later request never gets an older text, even from another isolate. */
const SHARED_MS = 10_000;
/** When a read that is not over counts as cancelled. */
const READ_MAX_MS = 20_000;
const POLL_MS = 50;
const MAX_KEYS = 500;

/** `result` is null while the read is under way. */
interface Read {
  readonly at: number;
  result: string | ApiError | null;
}

/** By scope. Whoever reads from here must have authorized the request. */
const reads = new BoundedMap<Read>(MAX_KEYS);

/**
 * Requests share a read of the last 10 s, and a failure only if they waited for it. A waiting request polls plain data,
 * because the promise of another request never settles if that request is cancelled.
 */
async function shared(key: string, read: () => Promise<string>): Promise<string> {
  const last = reads.get(key);
  const maxMs = last?.result === null ? READ_MAX_MS : SHARED_MS;
  if (last === undefined || msSinceOrLongAgo(last.at, Date.now()) >= maxMs) return begun(key, read);
  while (last.result === null) {
    await scheduler.wait(POLL_MS);
    if (last.result === null && msSinceOrLongAgo(last.at, Date.now()) >= READ_MAX_MS) return shared(key, read);
  }
  if (typeof last.result === "string") return last.result;
  // Without the cause, so that the log has it once.
  throw new ApiError(last.result.code, last.result.message);
}

async function begun(key: string, read: () => Promise<string>): Promise<string> {
  const now = Date.now();
  const entry: Read = { at: now, result: null };
  reads.set(key, entry);
  // The oldest come first.
  reads.evictWhile(({ at }) => msSinceOrLongAgo(at, now) >= READ_MAX_MS);
  try {
    const text = await read();
    entry.result = text;
    return text;
  } catch (thrown) {
    const error = toApiError(thrown);
    entry.result = error;
    // Later requests read again.
    if (reads.get(key) === entry) reads.delete(key);
    throw error;
  }
}
