/**
 * Two runs side by side, the older one first: what they were about, how long they took, their parameters and outputs, the
 * versions of their action, and their errors.
 */
import { ActionRunsError, type Schemas } from "../../client/index.ts";
import { formatDuration, lengthOf, ranOf, tookOf, waitedOf } from "../../words/durations.ts";
import { isSchema, stepOf } from "../actions/schema-form.ts";
import { DefinitionDiff } from "../definitions/versions.tsx";
import { hrefOf, Link, useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Section, StatusMark } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { ErrorText } from "./values.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

const VALUE_MAX = 2000;

interface ComparisonProps {
  readonly run: DetailedActionRun;
  /** The id of the other run. */
  readonly otherId: string;
}

export function Comparison({ run, otherId }: ComparisonProps) {
  const { reader, scope } = useSession();
  const { search } = useRoute();
  const {
    data: other,
    failure,
    reload,
  } = useRead((signal) => reader.runs.get(otherId, { include: "details", signal }), [reader, otherId]);
  const isUnknown = failure?.error instanceof ActionRunsError && failure.error.status === 404;
  return (
    <>
      <div class="row is-apart">
        <h3>Comparison</h3>
        <Link class="button is-plain" href={hrefOf({ name: "run", ...scope, id: run.id }, search)}>
          Back to the run
        </Link>
      </div>
      {isUnknown ? (
        <p>The service does not keep the other run.</p>
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner={other !== undefined} />
      )}
      {other === undefined ? null : <Compared run={run} other={other} />}
    </>
  );
}

function Compared({ run, other }: { readonly run: DetailedActionRun; readonly other: DetailedActionRun }) {
  const [before, after] = other.id < run.id ? [other, run] : [run, other];
  const { changed, same } = differencesOf(before.parameters, after.parameters);
  const outputs = differencesOf(before.output ?? {}, after.output ?? {});
  const hasErrors = before.error !== null || after.error !== null;
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
          {FACTS.map(([name, textOf]) => (
            <FactRow key={name} name={name} before={textOf(before)} after={textOf(after)} />
          ))}
          {changed.map(({ pointer, ...texts }) => (
            <TextRow key={pointer} {...texts} />
          ))}
          {outputs.changed.map(({ pointer, name, ...texts }) => (
            <TextRow key={`output${pointer}`} name={`output ${name}`} {...texts} />
          ))}
        </tbody>
      </table>
      <p class="hint">
        {changed.length === 0
          ? "All parameters are the same."
          : `${same} other ${same === 1 ? "parameter is" : "parameters are"} the same.`}
      </p>
      <VersionsOf before={before} after={after} />
      {hasErrors && before.error === after.error && after.error !== null ? (
        <Section title="Error of both runs">
          <ErrorText name="error" error={after.error} />
        </Section>
      ) : hasErrors ? (
        <>
          <ErrorOf word="before" error={before.error} />
          <ErrorOf word="after" error={after.error} />
        </>
      ) : null}
    </>
  );
}

interface ColumnHeadProps {
  readonly word: string;
  readonly run: DetailedActionRun;
  readonly isThis: boolean;
}

function ColumnHead({ word, run: { id, createdAt }, isThis }: ColumnHeadProps) {
  const { scope } = useSession();
  const { search } = useRoute();
  return (
    <th scope="col">
      {word}: {isThis ? "this run" : <Link href={hrefOf({ name: "run", ...scope, id }, search)}>the other run</Link>}{" "}
      <RelativeTime at={createdAt} />
    </th>
  );
}

function TextRow({ name, before, after }: Omit<Difference, "pointer">) {
  return (
    <tr class={before === after ? undefined : "is-different"}>
      <th scope="row">
        <bdi>{name}</bdi>
      </th>
      {[before, after].map((text, index) => (
        <td key={index}>
          {text === null ? (
            <span class="muted">missing</span>
          ) : (
            <bdi>{text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text}</bdi>
          )}
        </td>
      ))}
    </tr>
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

function FactRow({ name, before, after }: Omit<Difference, "pointer">) {
  return before === null && after === null ? null : <TextRow name={name} before={before} after={after} />;
}

function durationText(ms: number | null): string | null {
  return ms === null ? null : formatDuration(ms);
}

function actionOf({ actionName, details }: DetailedActionRun): string {
  const version = details?.action?.version;
  return version === undefined ? actionName : `${actionName}, version ${version}`;
}

interface VersionsOfProps {
  readonly before: DetailedActionRun;
  readonly after: DetailedActionRun;
}

/** What changed in the action between the two runs, for those who may see its versions. */
function VersionsOf({ before, after }: VersionsOfProps) {
  const { reader, may } = useSession();
  const [old, now] = [before.details?.action, after.details?.action];
  const isChanged = old != null && now != null && old.name === now.name && old.version !== now.version;
  const name = isChanged && may("actions:manage") ? old.name : null;
  const [from, to] = [old?.version ?? 0, now?.version ?? 0];
  const { data, failure, reload } = useRead(
    async (signal) => {
      if (name === null) return null;
      const read = (version: number) => reader.actions.getVersion(name, version, { signal });
      return Promise.all([read(from), read(to)]);
    },
    [reader, name, from, to],
  );
  if (name === null) return null;
  const isGone = failure?.error instanceof ActionRunsError && failure.error.status === 404;
  return (
    <Section title="What changed in the action">
      {isGone ? (
        <p class="muted">The service no longer keeps one of the versions.</p>
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner />
      )}
      {data == null ? null : <DefinitionDiff before={data[0]} after={data[1]} />}
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

interface Differences {
  readonly changed: readonly Difference[];
  /** How many values are the same. */
  readonly same: number;
}

/** Objects are compared member by member, everything else as a whole. Sorted as in `after`, then what is missing there. */
export function differencesOf(before: object, after: object): Differences {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const changed: Difference[] = [];
  let same = 0;
  for (const pointer of new Set([...now.keys(), ...old.keys()])) {
    const [a, b] = [old.get(pointer), now.get(pointer)];
    if (a?.json === b?.json) {
      same++;
      continue;
    }
    const isAlike = a !== undefined && b !== undefined && textOf(a) === textOf(b);
    const shown = (leaf: Leaf | undefined) => (leaf === undefined ? null : isAlike ? leaf.json : textOf(leaf));
    changed.push({ pointer, name: (b ?? a)?.name ?? "", before: shown(a), after: shown(b) });
  }
  return { changed, same };
}

interface Leaf {
  readonly name: string;
  readonly value: unknown;
  readonly json: string;
}

function leavesOf(parameters: object): ReadonlyMap<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  function walk(value: unknown, pointer: string, name: string): void {
    const members = isSchema(value) ? Object.entries(value) : [];
    if (members.length === 0 && pointer !== "") {
      leaves.set(pointer, { name, value, json: JSON.stringify(value) });
    }
    for (const [key, member] of members) {
      walk(member, pointer + stepOf(key), name === "" ? key : `${name}.${key}`);
    }
  }
  walk(parameters, "", "");
  return leaves;
}

/** A text as it is, everything else as JSON. */
function textOf({ value, json }: Leaf): string {
  return typeof value === "string" && value !== "" ? value : json;
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
