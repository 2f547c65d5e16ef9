/** A run and those before and after it: the last success, the neighbors, and two runs side by side. */
import type { Client, RunFilter, Schemas } from "../../client/index.ts";
import { formatDuration, lengthOf, ranOf, tookOf, waitedOf } from "../../words/durations.ts";
import { type Count, counted, isOpen, least } from "../../words/statuses.ts";
import { isSchema, stepOf } from "../actions/schema-form.ts";
import { DefinitionDiff } from "../definitions/versions.tsx";
import { comparing, Link, useRoute } from "../router.tsx";
import { useRunHref } from "../runs/run-link.tsx";
import { isByHand } from "../runs/run-list.ts";
import { useSession } from "../session/session.tsx";
import { ErrorView, isNotFound, useOnChange, useRead } from "../ui/load.tsx";
import { Icon, Section, StatusMark } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { ErrorText } from "./values.tsx";

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

function CompareLink({ run, other, text }: TwoRuns & { readonly text: string }) {
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
  /** The first run of a list that `isFound` takes. Null: there is none, or it is too far away. */
  async function first(filter: RunFilter, isFound: typeof isAlike): Promise<DetailedActionRun | null> {
    const list = reader.runs.list({ ...alike, ...filter, include: "details", limit: PAGE_RUNS }, { signal });
    let cursor: string | undefined;
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const { entries, next } = await list.page(cursor);
      const found = entries.find(isFound);
      if (found !== undefined || next === null) return found ?? null;
      cursor = next;
    }
    return null;
  }
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

/* SECTION: Two runs side by side, the older one first. */

const VALUE_MAX = 2000;

export function Comparison({ run, otherId }: { readonly run: DetailedActionRun; readonly otherId: string }) {
  const { reader } = useSession();
  const hrefOfRun = useRunHref();
  const loaded = useRead((signal) => reader.runs.get(otherId, { include: "details", signal }), [reader, otherId]);
  const { data: other, failure, reload } = loaded;
  return (
    <>
      <div class="row is-apart">
        <h3>Comparison</h3>
        <Link class="button is-plain" href={hrefOfRun(run.id)}>
          Back to the run
        </Link>
      </div>
      {isNotFound(failure?.error) ? (
        <p>The service does not keep the other run.</p>
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner={other !== undefined} />
      )}
      {other === undefined ? null : <Compared run={run} other={other} />}
    </>
  );
}

interface TwoRuns {
  readonly run: DetailedActionRun;
  readonly other: DetailedActionRun;
}

function Compared({ run, other }: TwoRuns) {
  const [before, after] = other.id < run.id ? [other, run] : [run, other];
  const { changed, same } = differencesOf(before.parameters, after.parameters);
  const outputs = differencesOf(before.output ?? {}, after.output ?? {});
  const facts = FACTS.map(([name, textOf]) => ({ name, before: textOf(before), after: textOf(after) }));
  const rows = [
    ...facts.filter((fact) => fact.before !== null || fact.after !== null),
    ...changed,
    ...outputs.changed.map((output) => ({ ...output, name: `output ${output.name}` })),
  ];
  return (
    <>
      <table class="table compare-table" aria-label="Comparison">
        <thead>
          <tr>
            <td />
            <ColumnHead word="Before" run={before} isThis={before === run} />
            <ColumnHead word="After" run={after} isThis={after === run} />
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Status</th>
            <td>
              <StatusMark status={before.status} />
            </td>
            <td>
              <StatusMark status={after.status} />
            </td>
          </tr>
          {rows.map(({ name, before, after }, index) => (
            <tr key={index} class={before === after ? undefined : "is-different"}>
              <th scope="row">
                <bdi>{name}</bdi>
              </th>
              <TextCell text={before} />
              <TextCell text={after} />
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">
        {changed.length === 0
          ? "All parameters are the same."
          : `${same} other ${same === 1 ? "parameter is" : "parameters are"} the same.`}
      </p>
      <VersionsOf run={after} other={before} />
      {before.error !== after.error ? (
        <>
          <ErrorOf word="before" error={before.error} />
          <ErrorOf word="after" error={after.error} />
        </>
      ) : after.error === null ? null : (
        <Section title="Error of both runs">
          <ErrorText name="error" error={after.error} />
        </Section>
      )}
    </>
  );
}

interface ColumnHeadProps {
  readonly word: string;
  readonly run: DetailedActionRun;
  readonly isThis: boolean;
}

function ColumnHead({ word, run: { id, createdAt }, isThis }: ColumnHeadProps) {
  const hrefOfRun = useRunHref();
  return (
    <th scope="col">
      {word}: {isThis ? "this run" : <Link href={hrefOfRun(id)}>the other run</Link>} <RelativeTime at={createdAt} />
    </th>
  );
}

function TextCell({ text }: { readonly text: string | null }) {
  if (text === null) return <td class="muted">missing</td>;
  return (
    <td>
      <bdi>{text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text}</bdi>
    </td>
  );
}

/** Null: the run has none. A row that both runs lack is left out. */
const FACTS: readonly (readonly [name: string, of: (run: DetailedActionRun) => string | null])[] = [
  ["Title", ({ details }) => details?.title ?? null],
  ["Subject", ({ details }) => details?.subject ?? null],
  ["Action", actionOf],
  ["Labels", ({ details }) => details?.labels.join(", ") || null],
  ["Waited", (run) => durationText(lengthOf(waitedOf(run)))],
  ["Ran", (run) => durationText(lengthOf(ranOf(run)))],
  ["Took", (run) => durationText(lengthOf(tookOf(run)))],
];

function durationText(ms: number | null): string | null {
  return ms === null ? null : formatDuration(ms);
}

function actionOf({ actionName, details }: DetailedActionRun): string {
  const version = details?.action?.version;
  return version === undefined ? actionName : `${actionName}, version ${version}`;
}

/** What changed in the action between the two runs, for those who may see its versions. */
function VersionsOf({ run: after, other: before }: TwoRuns) {
  const { reader, may } = useSession();
  const [old, now] = [before.details?.action, after.details?.action];
  const isChanged = old != null && now != null && old.name === now.name && old.version !== now.version;
  const name = isChanged && may("actions:manage") ? old.name : null;
  const [from, to] = [old?.version ?? 0, now?.version ?? 0];
  const { data, failure, reload } = useRead(
    async (signal) => {
      if (name === null) return null;
      return Promise.all([from, to].map((version) => reader.actions.getVersion(name, version, { signal })));
    },
    [reader, name, from, to],
  );
  if (name === null) return null;
  const [first, second] = data ?? [];
  return (
    <Section title="What changed in the action">
      {isNotFound(failure?.error) ? (
        <p class="muted">The service no longer keeps one of the versions.</p>
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner />
      )}
      {first === undefined || second === undefined ? null : <DefinitionDiff before={first} after={second} />}
    </Section>
  );
}

function ErrorOf({ word, error }: { readonly word: string; readonly error: string | null }) {
  return (
    <Section title={`Error ${word}`} aside={error === null ? "none" : undefined}>
      {error === null ? null : <ErrorText name={`error-${word}`} error={error} />}
    </Section>
  );
}

interface Difference {
  readonly pointer: string;
  /** With the names of the objects around it: `notify.channel`. */
  readonly name: string;
  /** As people read it; null if it is missing. */
  readonly before: string | null;
  readonly after: string | null;
}

/**
 * Objects are compared member by member, everything else as a whole. `changed`: sorted as in `after`, then what is missing
 * there. `same`: how many values are the same.
 */
export function differencesOf(before: object, after: object) {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const changed: Difference[] = [];
  let same = 0;
  for (const pointer of new Set([...now.keys(), ...old.keys()])) {
    const [a, b] = [old.get(pointer), now.get(pointer)];
    if (a?.json === b?.json) {
      same++;
      continue;
    }
    const shown = a?.text === b?.text ? "json" : "text";
    changed.push({ pointer, name: (b ?? a)?.name ?? "", before: a?.[shown] ?? null, after: b?.[shown] ?? null });
  }
  return { changed, same };
}

function leavesOf(parameters: object) {
  /** By pointer. `text`: a text as it is, everything else as JSON. */
  const leaves = new Map<string, { readonly name: string; readonly text: string; readonly json: string }>();
  function walk(value: unknown, pointer: string, name: string): void {
    const members = isSchema(value) ? Object.entries(value) : [];
    if (members.length === 0 && pointer !== "") {
      const json = JSON.stringify(value);
      leaves.set(pointer, { name, text: typeof value === "string" && value !== "" ? value : json, json });
    }
    for (const [key, member] of members) {
      walk(member, pointer + stepOf(key), name === "" ? key : `${name}.${key}`);
    }
  }
  walk(parameters, "", "");
  return leaves;
}

const LONGEST_WORD = 40;

/** What a run had and another has not, in words: ` with 1.4.357`. Empty if there is too much to name it. */
export function wordsOf(changed: readonly Difference[]): string {
  const [only, ...more] = changed;
  if (only === undefined) return " with the same parameters";
  if (more.length > 0) return "";
  const { name, before } = only;
  if (before === null) return ` without ${name}`;
  if (before.length > LONGEST_WORD || /\s/.test(before)) return ` with another ${name}`;
  // A version or a branch says what it is. `true` and `3` do not.
  return /^\d+$|^[a-z]+$|^\W/i.test(before) ? ` with ${name} ${before}` : ` with ${before}`;
}
