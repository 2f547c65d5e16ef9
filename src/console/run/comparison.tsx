/**
 * Two runs side by side, the older one first: what they were about, how long they took, their parameters and outputs, the
 * versions of their action, and their errors.
 */
import type { Schemas } from "../../client/index.ts";
import { formatDuration, lengthOf, ranOf, tookOf, waitedOf } from "../../words/durations.ts";
import { isSchema, stepOf } from "../actions/schema-form.ts";
import { DefinitionDiff } from "../definitions/versions.tsx";
import { Link } from "../router.tsx";
import { useRunHref } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { ErrorView, isNotFound, useRead } from "../ui/load.tsx";
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

function Compared({ run, other }: { readonly run: DetailedActionRun; readonly other: DetailedActionRun }) {
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
          {rows.map((row, index) => (
            <TextRow key={index} {...row} />
          ))}
        </tbody>
      </table>
      <p class="hint">
        {changed.length === 0
          ? "All parameters are the same."
          : `${same} other ${same === 1 ? "parameter is" : "parameters are"} the same.`}
      </p>
      <VersionsOf before={before} after={after} />
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
