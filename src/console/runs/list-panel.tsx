/** The panel of the list: its filters, the strip, the table, and the way to older runs. */

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, Link, useRoute, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { Icon } from "../ui/icons.tsx";
import { useNotices } from "../ui/notices.tsx";
import { ClearFilters, FieldFilters, LabelFilters, StatusFilters } from "./filter-bar.tsx";
import { atCursor, isNewest, withLabel } from "./filters.ts";
import { NoRuns } from "./no-runs.tsx";
import type { RunList } from "./run-list.ts";
import { RunTable } from "./run-table.tsx";
import { Strip } from "./strip.tsx";
import { useRunList } from "./use-run-list.ts";

interface ListPanelProps {
  /** The run that is open beside the list. */
  readonly runId: string | null;
  /** The link of the open run was followed once more. */
  readonly onOpenAgain: () => void;
}

export function ListPanel({ runId, onOpenAgain }: ListPanelProps) {
  const { place } = useSession();
  const { query, search } = useRoute();
  const router = useRouter();
  const { list, isStale, counts, failure, reload, showFresh } = useRunList();
  const fields = useRef<HTMLDivElement>(null);
  const [areFieldsOpen, setFieldsOpen] = useState(false);
  const changeQuery = useCallback(
    (changed: URLSearchParams) => router.navigate(hrefOf({ name: "runs", ...place }, changed)),
    [router, place],
  );
  const addLabel = useCallback((label: string) => changeQuery(withLabel(query, label)), [changeQuery, query]);
  useKeys("Runs", [
    {
      keys: "/",
      label: "Search",
      run() {
        setFieldsOpen(true);
        // After the fields are shown.
        requestAnimationFrame(() => fields.current?.querySelector("input")?.focus());
      },
    },
  ]);
  const filters = { query, onChange: changeQuery };
  const hasFailed = failure !== null && (list === null || isStale);
  return (
    <section class="runs" aria-labelledby="runs-title">
      <div class="runs-head">
        <h1 id="runs-title">Runs</h1>
        <StatusFilters {...filters} counts={counts} />
        <div class="runs-head-end">
          <ClearFilters {...filters} />
          <Fresh count={list?.fresh.length ?? 0} onShow={showFresh} />
          <span class="fields-toggle">
            <Button kind="quiet" aria-expanded={areFieldsOpen} onClick={() => setFieldsOpen(!areFieldsOpen)}>
              Filters
            </Button>
          </span>
        </div>
      </div>
      <FieldFilters {...filters} rows={list?.rows ?? []} fields={fields} areOpen={areFieldsOpen} />
      <LabelFilters {...filters} />
      {failure === null ? null : <ErrorView failure={failure} onRetry={reload} isBanner={!hasFailed} />}
      {hasFailed || list === null ? null : (
        <Listed {...{ list, isStale, runId, onOpenAgain }} onLabel={addLabel} search={search} query={query} />
      )}
    </section>
  );
}

interface ListedProps extends ListPanelProps {
  readonly list: RunList;
  readonly isStale: boolean;
  readonly query: URLSearchParams;
  readonly search: string;
  readonly onLabel: (label: string) => void;
}

function Listed({ list, isStale, runId, onOpenAgain, query, search, onLabel }: ListedProps) {
  const { place } = useSession();
  const { rows, older, next } = list;
  const bars = useMemo(() => [...rows, ...older], [rows, older]);
  const shared = { place, search, selectedId: runId };
  if (rows.length === 0 && !isStale) return <NoRuns query={query} next={next} />;
  return (
    <>
      <Strip {...shared} rows={bars} />
      <div class="run-table-room">
        <RunTable {...shared} {...{ rows, isStale, onLabel, onOpenAgain }} />
      </div>
      <nav class="pages" aria-label="Pages">
        {isNewest(query) ? null : (
          <Link class="button is-plain" href={hrefOf({ name: "runs", ...place }, atCursor(query, null))}>
            <Icon name="previous" />
            Newest runs
          </Link>
        )}
        {next === null ? null : (
          <Link class="button is-plain" href={hrefOf({ name: "runs", ...place }, atCursor(query, next))}>
            Older runs
            <Icon name="next" />
          </Link>
        )}
      </nav>
    </>
  );
}

/** New runs wait behind a button, so that no row moves while somebody points at it. */
function Fresh({ count, onShow }: { readonly count: number; readonly onShow: () => void }) {
  const { announce } = useNotices();
  const isThere = count > 0;
  useEffect(() => {
    if (isThere) announce("There are new runs.");
  }, [isThere, announce]);
  if (!isThere) return null;
  return (
    <Button kind="primary" onClick={onShow}>
      {count} new
    </Button>
  );
}
