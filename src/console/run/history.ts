/** The runs around a run: those of the same action and entity, or of the same action if the run has no entity. */

import type { ActionRun, ActionRunSummary, Client, DetailedActionRun, RunFilter } from "../../client/index.ts";

export interface RunHistory {
  readonly previous: DetailedActionRun | null;
  readonly next: DetailedActionRun | null;
  /** The last one before this run. Null: there is none among the runs that were looked at. */
  readonly lastSuccess: DetailedActionRun | null;
  /** Between that success and this run, without this one. */
  readonly failures: ActionRunSummary["failed"];
}

/** A run and a neighbor, because runs of one millisecond can't be told apart by time. */
const PAGE_RUNS = 2;
/** Each page looks at 5000 runs at most. */
const PAGES_MAX = 3;
/** So many failures are counted in a list, because a summary can lack the last seconds. */
const COUNTED_RUNS = 20;

/** Takes two requests, and two more if the previous run did not succeed, or three after many failures. */
export async function readHistory(reader: Client, run: ActionRun, signal: AbortSignal): Promise<RunHistory> {
  const { id, actionName, entityId, createdAt } = run;
  const alike: RunFilter = { actionName, ...(entityId === null ? {} : { entityId }) };
  const until = instant(createdAt, 1);
  const isOlder = (other: ActionRun) => other.id < id;
  const [previous, next] = await Promise.all([
    first(reader, { ...alike, createdBefore: until }, isOlder, signal),
    first(
      reader,
      { ...alike, createdAfter: instant(createdAt, -1), order: "oldest" },
      ({ id: other }) => other > id,
      signal,
    ),
  ]);
  if (previous === null || previous.status === "succeeded") {
    return { previous, next, lastSuccess: previous, failures: 0 };
  }
  const succeeded: RunFilter = { ...alike, status: ["succeeded"], createdBefore: until };
  const lastSuccess = await first(reader, succeeded, isOlder, signal);
  const since = lastSuccess === null ? {} : { createdAfter: lastSuccess.createdAt };
  const counted = { ...alike, status: ["failed" as const], createdBefore: createdAt, ...since };
  const { runs, next: more } = await reader.runs.page({ ...counted, limit: COUNTED_RUNS }, { signal });
  const failures = more === null ? runs.length : (await reader.runs.summary(counted, { signal })).failed;
  return { previous, next, lastSuccess, failures };
}

/** The first run of a list that is beyond. Null: there is none, or it is too far away. */
async function first(
  reader: Client,
  filter: RunFilter,
  isBeyond: (run: ActionRun) => boolean,
  signal: AbortSignal,
): Promise<DetailedActionRun | null> {
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const query = { ...filter, ...(cursor && { cursor }), include: "details" as const, limit: PAGE_RUNS };
    const { runs, next } = await reader.runs.page(query, { signal });
    const found = runs.find(isBeyond);
    if (found !== undefined || next === null) return found ?? null;
    cursor = next;
  }
  return null;
}

function instant(iso: string, laterMs: number): string {
  return new Date(Date.parse(iso) + laterMs).toISOString();
}
