/** The panel of the list: its search, the strip, the table, and the way to older runs. */

import type { RefObject } from "preact";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import { OperationsLink } from "../bulk/operations-link.tsx";
import type { Selecting } from "../bulk/use-selection.ts";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, Link, useRoute, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { Icon } from "../ui/icons.tsx";
import { StaleNote } from "../ui/list-page.tsx";
import { useNotices } from "../ui/notices.tsx";
import { FilterChips } from "./filter-chips.tsx";
import { atCursor, chipsOf, isNewest, withChip } from "./filters.ts";
import { NoRuns } from "./no-runs.tsx";
import { refusalOf } from "./refusal.ts";
import type { RunList } from "./run-list.ts";
import { RunTable } from "./run-table.tsx";
import { SearchBox } from "./search-box.tsx";
import { StatusFilters } from "./status-filters.tsx";
import { Strip } from "./strip.tsx";
import type { ShownRuns } from "./use-run-list.ts";

interface ListPanelProps {
  /** The run that is open beside the list. */
  readonly runId: string | null;
  readonly shown: ShownRuns;
  /** Null: this token may change no run. */
  readonly selecting: Selecting | null;
  /** The link of the open run was followed once more. */
  readonly onOpenAgain: () => void;
}

export function ListPanel({ runId, shown, selecting, onOpenAgain }: ListPanelProps) {
  const { scope } = useSession();
  const { query, search } = useRoute();
  const router = useRouter();
  const { listed, isStale, failure, reload, showFresh } = shown;
  const list = listed?.list ?? null;
  const input = useRef<HTMLInputElement>(null);
  const hrefWith = useCallback(
    // A run that is open stays open.
    (changed: URLSearchParams) =>
      hrefOf(runId === null ? { name: "runs", ...scope } : { name: "run", ...scope, id: runId }, changed),
    [scope, runId],
  );
  const changeQuery = useCallback((changed: URLSearchParams) => router.navigate(hrefWith(changed)), [router, hrefWith]);
  const openRun = useCallback(
    (id: string, changed: URLSearchParams) => router.navigate(hrefOf({ name: "run", ...scope, id }, changed)),
    [router, scope],
  );
  const addLabel = useCallback(
    (label: string) => changeQuery(withChip(query, { name: "label", value: label })),
    [changeQuery, query],
  );
  useKeys("Runs", [{ keys: "/", label: "Search", run: () => input.current?.focus() }]);
  const panel = useRef<HTMLDivElement>(null);
  useTopOfPage(panel, query.get("cursor"));
  useAnnouncement(list, isStale);
  const known = useMemo(() => (list === null ? [] : [...list.rows, ...list.older]), [list]);
  const chips = useMemo(() => chipsOf(query), [query]);
  const filters = { query, onChange: changeQuery };
  const refusal = failure === null ? null : refusalOf(failure.error, chips);
  const hasFailed = failure !== null && (list === null || isStale);
  return (
    <div class="runs" ref={panel}>
      <div class="runs-head">
        <h1 tabIndex={-1}>Runs</h1>
        <StatusFilters {...filters} counts={listed?.counts ?? null} />
        <div class="runs-head-end">
          <OperationsLink />
          <Fresh count={list?.fresh.length ?? 0} onShow={showFresh} />
        </div>
      </div>
      <SearchBox {...filters} input={input} rows={known} onOpen={openRun} />
      <FilterChips {...filters} chips={chips} refusal={refusal} />
      {hasFailed && refusal === null ? <ErrorView failure={failure} onRetry={reload} /> : null}
      {hasFailed || list === null ? null : (
        <Listed
          list={list}
          isStale={isStale}
          runId={runId}
          selecting={selecting}
          onOpenAgain={onOpenAgain}
          onLabel={addLabel}
          search={search}
          query={query}
          hrefWith={hrefWith}
        />
      )}
      {hasFailed ? null : <ErrorView failure={failure} onRetry={reload} isBanner />}
      {listed?.isBehind && failure === null ? <StaleNote /> : null}
    </div>
  );
}

interface ListedProps extends Omit<ListPanelProps, "shown"> {
  readonly list: RunList;
  readonly isStale: boolean;
  readonly query: URLSearchParams;
  readonly search: string;
  readonly onLabel: (label: string) => void;
  readonly hrefWith: (query: URLSearchParams) => string;
}

function Listed({ list, isStale, runId, query, search, hrefWith, ...table }: ListedProps) {
  const { scope } = useSession();
  const { rows, older, next } = list;
  const bars = useMemo(() => [...rows, ...older], [rows, older]);
  const shared = { scope, search, selectedId: runId };
  if (rows.length === 0 && !isStale) return <NoRuns query={query} next={next} />;
  return (
    <>
      <Strip {...shared} rows={bars} isNewest={isNewest(query)} />
      <RunTable {...shared} {...table} rows={rows} isStale={isStale} />
      <nav class="pages" aria-label="Pages">
        {isNewest(query) ? null : (
          <Link class="button is-plain" href={hrefWith(atCursor(query, null))}>
            <Icon name="previous" />
            Newest runs
          </Link>
        )}
        {next === null ? null : (
          <Link class="button is-plain" href={hrefWith(atCursor(query, next))}>
            Older runs
            <Icon name="next" />
          </Link>
        )}
      </nav>
    </>
  );
}

/** Another page of the list begins at its top, and the focus with it. */
function useTopOfPage(panel: RefObject<HTMLElement | null>, cursor: string | null): void {
  const before = useRef(cursor);
  useEffect(() => {
    if (before.current === cursor) return;
    before.current = cursor;
    for (const scrolled of [panel.current, window]) scrolled?.scrollTo(0, 0);
    panel.current?.querySelector("h1")?.focus();
  }, [panel, cursor]);
}

/** Says how many runs another filter or page shows. The first list needs no such message. */
function useAnnouncement(list: RunList | null, isStale: boolean): void {
  const { announce } = useNotices();
  const wasStale = useRef(false);
  useEffect(() => {
    if (wasStale.current && !isStale && list !== null) {
      announce(
        `${list.rows.length} ${list.rows.length === 1 ? "run" : "runs"}${list.next === null ? "" : " on this page"}`,
      );
    }
    wasStale.current = isStale && list !== null;
  }, [announce, list, isStale]);
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
