/** What changed since the last success, and the ways to the runs before and after this one. */
import type { Client, RunFilter, Schemas } from "../../client/index.ts";
import { counted, isOpen } from "../../words/statuses.ts";
import { comparing, hrefOf, Link, useRoute } from "../router.tsx";
import { isByHand } from "../runs/run-list.ts";
import { useSession } from "../session/session.tsx";
import { ErrorView, type Loaded, useOnChange, useRead } from "../ui/load.tsx";
import { Icon } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { differencesOf, wordsOf } from "./comparison.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

/** It is read when the run is opened, and again when the run ends. */
export function useHistory(run: DetailedActionRun): Loaded<RunHistory> {
  const { reader } = useSession();
  const { id, status } = run;
  // The read needs only members that never change.
  const loaded = useRead((signal) => readHistory(reader, run, signal), [reader, id]);
  useOnChange(isOpen(status), (wasOpen) => wasOpen && loaded.reload());
  return loaded;
}

interface HistorySectionProps {
  readonly run: DetailedActionRun;
  readonly loaded: Loaded<RunHistory>;
}

export function HistorySection({ run, loaded: { data, failure, reload } }: HistorySectionProps) {
  return (
    <div class="history row is-apart">
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? (
        <p class="muted">{failure === null && "Looking for earlier runs …"}</p>
      ) : (
        <>
          <LastSuccess run={run} history={data} />
          {data.previous === null && data.next === null ? null : <Neighbors history={data} />}
        </>
      )}
    </div>
  );
}

interface HistoryProps {
  readonly run: DetailedActionRun;
  readonly history: RunHistory;
}

function LastSuccess({ run, history }: HistoryProps) {
  const to = useRunHref();
  const { previous, next, lastSuccess } = history;
  if (previous === null) {
    return <p>The service keeps no earlier run of {alikeText(run)}.</p>;
  }
  const failures = failuresIn(run, history);
  if (lastSuccess === null) {
    return (
      <p>
        No earlier run succeeded{failures && `: ${failures}`}. Compare with{" "}
        <CompareLink run={run} other={previous} text="the previous run" />.
      </p>
    );
  }
  const { changed } = differencesOf(lastSuccess.parameters, run.parameters);
  return (
    <p>
      <Link href={to(lastSuccess.id)}>
        {run.status === "succeeded" || next !== null ? "Last success before this run" : "Last success"}
      </Link>{" "}
      <RelativeTime at={lastSuccess.createdAt} />
      <bdi>{wordsOf(changed)}</bdi>
      {failures && `, ${failures} since`}. {changed.length > 1 ? `${changed.length} parameters differ. ` : ""}
      <VersionChange from={lastSuccess} to={run} />
      Compare with <CompareLink run={run} other={lastSuccess} text="the last success" />
      {previous.id === lastSuccess.id ? null : (
        <>
          {" or "}
          <CompareLink run={run} other={previous} text="the previous run" />
        </>
      )}
      .
    </p>
  );
}

/** What the runs of one history have in common. */
function alikeText({ entityId, details }: DetailedActionRun): string {
  const shared = [entityId !== null && "entity", details?.subject != null && "subject"].filter(Boolean);
  return ["this action", ...shared].join(" and ");
}

/** `3 failures`, this run's own included; empty if there are none. */
function failuresIn({ status }: DetailedActionRun, { failures }: RunHistory): string {
  const before = typeof failures === "number" ? failures : failures.atLeast;
  const count = before + (status === "failed" ? 1 : 0);
  if (count === 0) return "";
  return `${before === failures ? "" : "at least "}${counted(count, "failure")}`;
}

function VersionChange({ from, to }: { readonly from: DetailedActionRun; readonly to: DetailedActionRun }) {
  const [old, now] = [from, to].map(({ details }) => details?.action?.version);
  return old === undefined || now === undefined || old === now ? null : (
    <>
      Action version {old} → {now}.{" "}
    </>
  );
}

function Neighbors({ history: { previous, next } }: Pick<HistoryProps, "history">) {
  const to = useRunHref();
  return (
    <nav class="neighbors row gap-14" aria-label="Runs of the same action">
      {previous === null ? null : (
        <Link class="button is-quiet" href={to(previous.id)}>
          <Icon name="previous" />
          Previous run
        </Link>
      )}
      {next === null ? null : (
        <Link class="button is-quiet" href={to(next.id)}>
          Next run
          <Icon name="next" />
        </Link>
      )}
    </nav>
  );
}

interface CompareLinkProps {
  readonly run: DetailedActionRun;
  readonly other: DetailedActionRun;
  readonly text: string;
}

function CompareLink({ run, other, text }: CompareLinkProps) {
  const { scope } = useSession();
  const { search } = useRoute();
  return (
    // Its name differs from that of the link to the other run itself.
    <Link
      href={hrefOf({ name: "run", ...scope, id: run.id }, comparing(search, other.id))}
      aria-label={`Compare with ${text}`}
    >
      {text}
    </Link>
  );
}

/** The address of another run, beside the same list. */
function useRunHref(): (id: string) => string {
  const { scope } = useSession();
  const { search } = useRoute();
  return (id) => hrefOf({ name: "run", ...scope, id }, search);
}

interface RunHistory {
  readonly previous: DetailedActionRun | null;
  readonly next: DetailedActionRun | null;
  /** The last one before this run. Null: there is none among the runs that were looked at. */
  readonly lastSuccess: DetailedActionRun | null;
  /** Between that success and this run, without this one. */
  readonly failures: Schemas["ActionRunSummary"]["failed"];
}

/** A run and a neighbor, because runs of one millisecond can't be told apart by time. */
const PAGE_RUNS = 2;
/** Each page looks at 5000 runs at most. */
const PAGES_MAX = 3;
/** So many failures are counted in a list, because a summary can lack the last seconds. */
const COUNTED_RUNS = 20;

/**
 * Takes two requests, and two more if the previous run did not succeed, or three after many failures. Runs of stored
 * actions have a history of their own, because anybody who may write can send a run of any name and report its success.
 */
export async function readHistory(reader: Client, run: DetailedActionRun, signal: AbortSignal): Promise<RunHistory> {
  const { id, actionName, entityId, createdAt } = run;
  const subject = run.details?.subject ?? null;
  const alike: RunFilter = {
    actionName,
    ...(entityId === null ? {} : { entityId }),
    ...(subject === null ? {} : { subject }),
  };
  const until = instant(createdAt, 1);
  const isAlike = (other: DetailedActionRun) => isByHand(other) === isByHand(run);
  const isOlder = (other: DetailedActionRun) => other.id < id && isAlike(other);
  const [previous, next] = await Promise.all([
    first(reader, { ...alike, createdBefore: until }, isOlder, signal),
    first(
      reader,
      { ...alike, createdAfter: instant(createdAt, -1), order: "oldest" },
      (other) => other.id > id && isAlike(other),
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
  const listed = reader.runs.list({ ...counted, include: "details", limit: COUNTED_RUNS }, { signal });
  const { entries: runs, next: more } = await listed.page();
  // The summary counts those that somebody sent under the name, too.
  const failures =
    more === null ? runs.filter(isAlike).length : (await reader.runs.summary(counted, { signal })).failed;
  return { previous, next, lastSuccess, failures };
}

/** The first run of a list that is beyond. Null: there is none, or it is too far away. */
async function first(
  reader: Client,
  filter: RunFilter,
  isBeyond: (run: DetailedActionRun) => boolean,
  signal: AbortSignal,
): Promise<DetailedActionRun | null> {
  const list = reader.runs.list({ ...filter, include: "details", limit: PAGE_RUNS }, { signal });
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { entries, next } = await list.page(cursor);
    const found = entries.find(isBeyond);
    if (found !== undefined || next === null) return found ?? null;
    cursor = next;
  }
  return null;
}

function instant(iso: string, laterMs: number): string {
  return new Date(Date.parse(iso) + laterMs).toISOString();
}
