/**
 * GET …/metrics: the environment's metrics in Prometheus's text format 0.0.4. Names follow OpenTelemetry's
 * `cicd.pipeline.run.*` where it has one. Every series is there from the first scrape on, with 0, so that `rate()` sees the
 * first increase.
 */

import { Hono } from "hono";
import { requires } from "../../auth/authentication.ts";
import { BoundedMap } from "../../base/bounded-map.ts";
import { msSinceOrLongAgo, Timeout, within } from "../../base/time.ts";
import { readD1 } from "../../database/read-d1.ts";
import { ApiError, toApiError } from "../../http/errors.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { isRegistered } from "../d1/control-database.ts";
import { ENDED_STATUSES, OPEN_STATUSES } from "../run.ts";
import { BUCKETS_SECONDS, ENDS, type Histogram, NO_RUNS, type RunCounts } from "../run-counts.ts";
import { ask, environmentOf, type RunEnvironment } from "./run-request.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** Less than Prometheus waits. A coordinator that has more to count has got further when it is asked again. */
const COUNT_MAX_MS = 8000;
const UNREACHED = "The runs can't be counted now. Scrape again in a few seconds.";

export const metricsRoutes = new Hono<AppEnv>().get(
  "/",
  requires(
    "data:read",
    DESCRIBE && {
      operationId: "getMetrics",
      tag: "Service",
      summary: "Get the metrics of an environment",
      description:
        "Returns counts and durations of the environment's runs in Prometheus's text format. The response can be " +
        "10 seconds old. If a part of the runs can't be counted, the response is 503, so that no counter falls.",
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
    },
  ),
  async (c) => {
    const environment = environmentOf(c);
    const text = await texts.get(environment.scope, () => readMetrics(environment));
    return c.body(text, 200, { "Content-Type": CONTENT_TYPE });
  },
);

/**
 * Asks the coordinator only if D1 lists it, because asking would make it. Throws if it does not answer: counts of 0 would
 * be a fall, and `rate()` would take that for a restart.
 */
async function readMetrics(environment: RunEnvironment): Promise<string> {
  const { env, hops, scope } = environment;
  const isThere = await readD1(hops, () => isRegistered(env.DB, scope));
  return metricsText(isThere ? await countsOf(environment) : NO_RUNS, Date.now());
}

async function countsOf(environment: RunEnvironment): Promise<RunCounts> {
  try {
    return await within(
      COUNT_MAX_MS,
      ask(environment, (coordinator) => coordinator.upkeep.counts()),
    );
  } catch (error) {
    const cause = error instanceof Timeout ? error : (error as ApiError).cause;
    throw new ApiError("coordinator_unavailable", UNREACHED, { cause });
  }
}

type Labels = Readonly<Record<string, string>>;

/** `now`: when the counts were asked for, in ms. The only labels are status, cause and le: their values are ours, so none needs an escape. */
function metricsText({ open, ended }: RunCounts, now: number): string {
  return [
    ...family("cicd_pipeline_run_active", "gauge", "Runs that are open, by status."),
    ...OPEN_STATUSES.map((status) => sample("cicd_pipeline_run_active", { status }, open[status].runs)),
    ...family(
      "action_runs_oldest_open_age_seconds",
      "gauge",
      "Time since the oldest open run was created, by status. 0 if there is none.",
    ),
    ...OPEN_STATUSES.map((status) => {
      const { oldestAt } = open[status];
      const ageMs = oldestAt === null ? 0 : Math.max(0, now - oldestAt);
      return sample("action_runs_oldest_open_age_seconds", { status }, ageMs / 1000);
    }),
    ...family("action_runs_ended_total", "counter", "Runs that have ended, by status and by what ended them."),
    ...ENDS.map(([status, cause]) =>
      sample("action_runs_ended_total", { status, cause }, ended.ended[`${status}/${cause}`] ?? 0),
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
    "",
  ].join("\n");
}

function family(name: string, type: "gauge" | "counter" | "histogram", help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `${name}{${pairs.join(",")}} ${value}`;
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
  return [...family(name, "histogram", help), ...series];
}

/**
 * Counted from the beginning of the read. So of two requests that are further apart, the later one never gets an older
 * text, even if two isolates answer them.
 */
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

/**
 * Shares one read among the requests of an isolate: those that wait for it, and those of the next 10 s. Only requests
 * that waited share a failure. A waiting request polls plain data and does not await the other request's promise,
 * because that promise never settles if the other request is cancelled.
 */
class SharedReads {
  readonly #reads = new BoundedMap<Read>(MAX_KEYS);

  /** What `read` returns, or another request's read has returned. Throws an ApiError. */
  async get(key: string, read: () => Promise<string>): Promise<string> {
    const last = this.#reads.get(key);
    const maxMs = last?.result === null ? READ_MAX_MS : SHARED_MS;
    if (last === undefined || msSinceOrLongAgo(last.at, Date.now()) >= maxMs) return this.#read(key, read);
    while (last.result === null) {
      await scheduler.wait(POLL_MS);
      if (last.result === null && msSinceOrLongAgo(last.at, Date.now()) >= READ_MAX_MS) return this.get(key, read);
    }
    if (typeof last.result === "string") return last.result;
    // Without the cause, so that the log has it once.
    throw new ApiError(last.result.code, last.result.message);
  }

  async #read(key: string, read: () => Promise<string>): Promise<string> {
    const now = Date.now();
    const entry: Read = { at: now, result: null };
    this.#reads.set(key, entry);
    // The oldest come first.
    this.#reads.evictWhile(({ at }) => msSinceOrLongAgo(at, now) >= READ_MAX_MS);
    try {
      const text = await read();
      entry.result = text;
      return text;
    } catch (thrown) {
      const error = toApiError(thrown);
      entry.result = error;
      // Later requests read again.
      if (this.#reads.get(key) === entry) this.#reads.delete(key);
      throw error;
    }
  }
}

/** Per isolate, by scope. Whoever reads from here must have authorized the request. */
const texts = new SharedReads();
