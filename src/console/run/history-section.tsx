/** What changed since the last success, and the ways to the runs before and after this one. */
import type { Client, RunFilter, Schemas } from "../../client/index.ts";
import { type Count, counted, isOpen, least } from "../../words/statuses.ts";
import { comparing, Link, useRoute } from "../router.tsx";
import { useRunHref } from "../runs/run-link.tsx";
import { isByHand } from "../runs/run-list.ts";
import { useSession } from "../session/session.tsx";
import { ErrorView, useOnChange, useRead } from "../ui/load.tsx";
import { Icon } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { differencesOf, wordsOf } from "./comparison.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

/** It is read when the run is opened, and again when the run ends. */
export function HistorySection({ run }: { readonly run: DetailedActionRun }) {
  const { reader } = useSession();
  // The read needs only members that never change.
  const { data, failure, reload } = useRead((signal) => readHistory(reader, run, signal), [reader, run.id]);
  useOnChange(isOpen(run.status), (wasOpen) => wasOpen && reload());
  return (
    <div class="history row is-apart">
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? (
        <p class="muted">{failure === null && "Looking for earlier runs …"}</p>
      ) : (
        <>
          <p>
            <LastSuccess run={run} history={data} />
          </p>
          <Neighbors {...data} />
        </>
      )}
    </div>
  );
}

function LastSuccess({ run, history }: { readonly run: DetailedActionRun; readonly history: RunHistory }) {
  const hrefOfRun = useRunHref();
  const { previous, next, lastSuccess } = history;
  if (previous === null) return <>The service keeps no earlier run of {alikeText(run)}.</>;
  const failures = failuresIn(run, history);
  if (lastSuccess === null) {
    return (
      <>
        No earlier run succeeded{failures && `: ${failures}`}. Compare with{" "}
        <CompareLink run={run} other={previous} text="the previous run" />.
      </>
    );
  }
  const { changed } = differencesOf(lastSuccess.parameters, run.parameters);
  const [old, now] = [lastSuccess, run].map(({ details }) => details?.action?.version);
  return (
    <>
      <Link href={hrefOfRun(lastSuccess.id)}>
        {run.status === "succeeded" || next !== null ? "Last success before this run" : "Last success"}
      </Link>{" "}
      <RelativeTime at={lastSuccess.createdAt} />
      <bdi>{wordsOf(changed)}</bdi>
      {failures && `, ${failures} since`}. {changed.length > 1 ? `${changed.length} parameters differ. ` : ""}
      {old === undefined || now === undefined || old === now ? "" : `Action version ${old} → ${now}. `}
      Compare with <CompareLink run={run} other={lastSuccess} text="the last success" />
      {previous.id === lastSuccess.id ? null : (
        <>
          {" or "}
          <CompareLink run={run} other={previous} text="the previous run" />
        </>
      )}
      .
    </>
  );
}

/** What the runs of one history have in common. */
function alikeText({ entityId, details }: DetailedActionRun): string {
  const shared = [entityId !== null && "entity", details?.subject != null && "subject"].filter(Boolean);
  return ["this action", ...shared].join(" and ");
}

/** `3 failures`, this run's own included; empty if there are none. */
function failuresIn({ status }: DetailedActionRun, { failures }: RunHistory): string {
  const count = least(failures) + (status === "failed" ? 1 : 0);
  if (count === 0) return "";
  return `${typeof failures === "number" ? "" : "at least "}${counted(count, "failure")}`;
}

function Neighbors({ previous, next }: RunHistory) {
  const hrefOfRun = useRunHref();
  if (previous === null && next === null) return null;
  return (
    <nav class="neighbors row gap-14" aria-label="Runs of the same action">
      {previous === null ? null : (
        <Link class="button is-quiet" href={hrefOfRun(previous.id)}>
          <Icon name="previous" />
          Previous run
        </Link>
      )}
      {next === null ? null : (
        <Link class="button is-quiet" href={hrefOfRun(next.id)}>
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
  const { search } = useRoute();
  const href = useRunHref()(run.id, comparing(search, other.id));
  return (
    // Its name differs from that of the link to the other run itself.
    <Link href={href} aria-label={`Compare with ${text}`}>
      {text}
    </Link>
  );
}

interface RunHistory {
  readonly previous: DetailedActionRun | null;
  readonly next: DetailedActionRun | null;
  /** The last one before this run. Null: there is none among the runs that were looked at. */
  readonly lastSuccess: DetailedActionRun | null;
  /** Between that success and this run, without this one. */
  readonly failures: Count;
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
  const alike = { actionName, ...(entityId !== null && { entityId }), ...(subject !== null && { subject }) };
  const at = Date.parse(createdAt);
  const until = new Date(at + 1).toISOString();
  const isAlike = (other: DetailedActionRun) => isByHand(other) === isByHand(run);
  const isOlder = (other: DetailedActionRun) => other.id < id && isAlike(other);
  const isNewer = (other: DetailedActionRun) => other.id > id && isAlike(other);
  const first = (filter: RunFilter, isFound: typeof isAlike) =>
    firstOf(reader, { ...alike, ...filter }, isFound, signal);
  const [previous, next] = await Promise.all([
    first({ createdBefore: until }, isOlder),
    first({ createdAfter: new Date(at - 1).toISOString(), order: "oldest" }, isNewer),
  ]);
  if (previous === null || previous.status === "succeeded") {
    return { previous, next, lastSuccess: previous, failures: 0 };
  }
  const lastSuccess = await first({ status: ["succeeded"], createdBefore: until }, isOlder);
  const failed: RunFilter = {
    ...alike,
    status: ["failed"],
    createdBefore: createdAt,
    ...(lastSuccess !== null && { createdAfter: lastSuccess.createdAt }),
  };
  const listed = reader.runs.list({ ...failed, include: "details", limit: COUNTED_RUNS }, { signal });
  const { entries: runs, next: more } = await listed.page();
  // The summary counts those that somebody sent under the name, too.
  const failures = more === null ? runs.filter(isAlike).length : (await reader.runs.summary(failed, { signal })).failed;
  return { previous, next, lastSuccess, failures };
}

/** The first run of a list that `isFound` takes. Null: there is none, or it is too far away. */
async function firstOf(
  reader: Client,
  filter: RunFilter,
  isFound: (run: DetailedActionRun) => boolean,
  signal: AbortSignal,
): Promise<DetailedActionRun | null> {
  const list = reader.runs.list({ ...filter, include: "details", limit: PAGE_RUNS }, { signal });
  let cursor: string | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { entries, next } = await list.page(cursor);
    const found = entries.find(isFound);
    if (found !== undefined || next === null) return found ?? null;
    cursor = next;
  }
  return null;
}
