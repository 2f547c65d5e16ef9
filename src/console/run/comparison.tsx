/** Two runs side by side, the older one first: their parameters, the version of their action, and their errors. */

import { useCallback } from "preact/hooks";
import { ActionRunsError, type DetailedActionRun } from "../../client/index.ts";
import { hrefOf, Link, useRoute } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { useLoad } from "../ui/load.ts";
import { StatusMark } from "../ui/status.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { type Difference, differencesOf } from "./differences.ts";
import { ErrorText } from "./error-text.tsx";
import { Section } from "./values.tsx";

const VALUE_MAX = 2000;

interface ComparisonProps {
  readonly run: DetailedActionRun;
  /** The id of the other run. */
  readonly otherId: string;
}

export function Comparison({ run, otherId }: ComparisonProps) {
  const { reader, scope } = useSession();
  const { search } = useRoute();
  const read = useCallback(
    (signal: AbortSignal) => reader.runs.get(otherId, { include: "details", signal }),
    [reader, otherId],
  );
  const { data: other, failure, reload } = useLoad(read);
  const isUnknown = failure?.error instanceof ActionRunsError && failure.error.status === 404;
  return (
    <>
      <div class="compare-head">
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
          <TextRow name="Action" before={actionOf(before)} after={actionOf(after)} />
          {changed.map(({ pointer, ...texts }) => (
            <TextRow key={pointer} {...texts} />
          ))}
        </tbody>
      </table>
      <p class="hint">
        {changed.length === 0
          ? "All parameters are the same."
          : `${same} other ${same === 1 ? "parameter is" : "parameters are"} the same.`}
      </p>
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

function actionOf({ actionName, details }: DetailedActionRun): string {
  const version = details?.action?.version;
  return version === undefined ? actionName : `${actionName}, version ${version}`;
}

function ErrorOf({ word, error }: { readonly word: string; readonly error: string | null }) {
  return (
    <Section title={`Error ${word}`} aside={error === null ? "none" : undefined}>
      {error === null ? null : <ErrorText name={`error-${word}`} error={error} />}
    </Section>
  );
}
