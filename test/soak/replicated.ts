/**
 * The end of a soak. D1 is well and nobody sends a request: every acknowledged version must be replicated by itself.
 * Then each row of D1 must equal what a get of that run shows.
 */
import { setTimeout as delay } from "node:timers/promises";
import { BULK_ENVIRONMENT } from "./bulk/bulk-plans.ts";
import { readLabels, readRows } from "./d1-files.ts";
import { ask, type Random, urlOf } from "./requests.ts";
import { type ActionRun, type Details, stepOf } from "./run-model.ts";
import type { Stage } from "./stage.ts";
import { STARTED_ENVIRONMENT } from "./starts/started-runs.ts";

/** A refused row waits 5 s until it is tried again. */
const REPLICATED_WITHIN_MS = 20_000;
/** How long gets are sent. A long soak has more rows than can be asked for in this time. */
const COMPARED_WITHIN_MS = 20_000;
/** How long a run may differ from its row because its deadline has just passed. */
const CAUGHT_UP_WITHIN_MS = 10_000;
const POLL_MS = 500;
const READERS = 32;

/** The runs of an environment as D1 has them, by id. */
export function runsInD1(state: string, environment: string): ReadonlyMap<string, string> {
  const rows = [...readRows(state).values()].filter(({ scope }) => scope === environment);
  return new Map(rows.map(({ id, body }) => [id, body]));
}

/** An ended run as D1 has it. Instants in ms. */
export interface EndedRow {
  readonly id: string;
  readonly status: string;
  readonly actionName: string;
  readonly createdAt: number;
  readonly completedAt: number;
  readonly isTimeout: boolean;
  readonly isStored: boolean;
  readonly labels: readonly string[];
  /** The run with its details. */
  readonly text: string;
}

/** The runs of an environment that bulk retries made, as D1 has them. */
export function bulkRetriesInD1(state: string, environment: string): readonly BulkRetry[] {
  const rows = [...readRows(state).values()].filter(({ scope }) => scope === environment);
  return rows.flatMap(({ id, details }) => {
    const { bulkOperationId, retryOf } = JSON.parse(details) as Details;
    return bulkOperationId === null ? [] : [{ id, bulkOperationId, retryOf }];
  });
}

interface BulkRetry extends Pick<Details, "retryOf"> {
  readonly id: string;
  readonly bulkOperationId: string;
}

/** The ended runs of an environment. */
export function endedRowsInD1(state: string, environment: string): readonly EndedRow[] {
  const rows = [...readRows(state).values()].filter(({ scope }) => scope === environment);
  return rows.flatMap(({ id, body, details }) => {
    const { status, actionName, createdAt, completedAt, error } = JSON.parse(body) as EndedBody;
    if (completedAt === null) return [];
    const { source, labels } = JSON.parse(details) as Details & { readonly source: string };
    return {
      id,
      status,
      actionName,
      labels,
      text: `${body} ${details}`,
      createdAt: Date.parse(createdAt),
      completedAt: Date.parse(completedAt),
      isTimeout: error?.startsWith("[timeout] ") === true,
      isStored: source === "action",
    };
  });
}

interface EndedBody extends ActionRun {
  readonly actionName: string;
  readonly createdAt: string;
  readonly completedAt: string | null;
}

/** Returns how long the last row took to be replicated; null if some never did. */
export async function checkReplication(stage: Stage): Promise<number | null> {
  const { runs, record, site } = stage;
  const quietSince = Date.now();
  /** Each with the row that one look at D1 found. */
  const missing = () => {
    const rows = readRows(site.state);
    return [...runs.values()]
      .map((run) => ({ ...run, row: rows.get(run.model.id)?.body ?? null }))
      .filter(({ model, row }) => row === null || stepOf((JSON.parse(row) as ActionRun).status) < model.step);
  };
  let left = missing();
  while (left.length > 0 && Date.now() - quietSince < REPLICATED_WITHIN_MS) {
    await delay(POLL_MS);
    left = missing();
  }
  const tookMs = Date.now() - quietSince;
  for (const { model, story, row } of left)
    record.violation(`NOT REPLICATED: D1 has ${row ?? "no row"}, step ${model.step} was known`, story, quietSince);
  return left.length > 0 ? null : tookMs;
}

export interface Compared {
  /** How many runs D1 has. */
  readonly rows: number;
  /** How many of them were compared with a get. */
  readonly compared: number;
}

/** Asks for the runs that D1 has, in one isolate or the other and in a random order, as many as there is time for. */
export async function compareWithGets({ runs, record, site }: Stage, random: Random): Promise<Compared> {
  let rows = readRows(site.state);
  const found = readLabels(site.state);
  const creates = new Map<string, string>();
  for (const { scope, id, body, details } of rows.values()) {
    const labels = JSON.stringify(found.get(id) ?? []);
    if (JSON.stringify((JSON.parse(details) as Details).labels) !== labels)
      record.violation(`LABELS LOST: ${id} has ${labels}, and not those of ${details}`, [], Date.now());
    // A retry that sends no parameters has those of its source.
    if (scope === BULK_ENVIRONMENT || scope === STARTED_ENVIRONMENT) continue;
    const { parameters } = JSON.parse(body) as { readonly parameters: { readonly create: string } };
    const other = creates.get(parameters.create);
    if (other !== undefined)
      record.violation(`TWO RUNS: one create made ${other} and ${id}`, runs.get(id)?.story ?? [], Date.now());
    creates.set(parameters.create, id);
  }
  const since = Date.now();
  const different = new Map<string, string>();
  const places = new Map([...rows.keys()].map((id) => [id, random()]));
  // All readers take from this one, and one that stops leaves the rest to the others.
  const queue = [...places].sort(([, one], [, other]) => one - other).values();
  let compared = 0;
  let n = 0;
  const compare = async (id: string) => {
    const { scope, body, details } = rows.get(id) ?? { scope: "", body: "", details: "" };
    const url = urlOf(site.origins[n++ % site.origins.length] ?? "", scope, `action-runs/${id}?include=details`);
    const answer = await ask({ method: "GET", url, token: site.rootToken });
    if (answer?.status !== 200) {
      different.set(id, `D1 has ${body}, a get was answered with ${answer?.status}`);
      return;
    }
    const { details: got, ...run } = answer.body as ActionRun & { readonly details: Details };
    const shown = `${JSON.stringify(run)} ${JSON.stringify({ ...got, heartbeat: null })}`;
    if (shown === `${body} ${details}`) different.delete(id);
    else different.set(id, `D1 has ${body} ${details}, a get shows ${shown}`);
    const known = runs.get(id);
    if (known === undefined) return;
    const { model, story } = known;
    for (const verdict of [model.shown(run, model.step, Date.now()), model.detailed(got, model.wasAsked)])
      if (verdict !== null) record.violation(verdict, story, since);
  };
  await Promise.all(
    Array.from({ length: READERS }, async () => {
      for (const [id] of queue) {
        await compare(id);
        compared++;
        if (Date.now() - since >= COMPARED_WITHIN_MS) break;
      }
    }),
  );
  // A run's deadline may have passed between the row and the get. Its end must be replicated as well.
  const comparedAt = Date.now();
  while (different.size > 0 && Date.now() - comparedAt < CAUGHT_UP_WITHIN_MS) {
    await delay(POLL_MS);
    rows = readRows(site.state);
    for (const id of [...different.keys()]) await compare(id);
  }
  for (const [id, sentence] of different) record.violation(`D1 DIFFERS: ${sentence}`, runs.get(id)?.story ?? [], since);
  return { rows: rows.size, compared };
}
