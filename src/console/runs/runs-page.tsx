/** The page "Runs": the list with its search, the strip and the table, and the run that the address names. */
import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { counted, countText, STATUSES } from "../../words/statuses.ts";
import { SelectionBar } from "../bulk/bulk-dialog.tsx";
import { OperationsLink } from "../bulk/operations.tsx";
import { type Selecting, useSelection } from "../bulk/use-selection.tsx";
import { useKeys } from "../keys.tsx";
import { atCursor, hrefOf, Link, useRoute, useRouter } from "../router.tsx";
import { RunPanel } from "../run/run-panel.tsx";
import { useSession } from "../session/session.tsx";
import { currentLink, Pager, rowLinks, StaleNote, useRowKeys } from "../ui/list-page.tsx";
import { ErrorView, useOnChange } from "../ui/load.tsx";
import { Button, CopyButton, Empty, Icon, Skeleton, StatusIcon, useNotices } from "../ui/parts.tsx";
import { Command, cli, curl, sending } from "../ui/shell-commands.tsx";
import { RelativeTime, useZone } from "../ui/time.tsx";
import {
  type Chip,
  chipName,
  chipText,
  chipValue,
  isFiltered,
  isNewest,
  type Refusal,
  refusalOf,
  useFilters,
  withInstants,
  withoutChip,
  withoutFilters,
  withStatusToggled,
} from "./filters.ts";
import { type RunList, rowIn, shownIn } from "./run-list.ts";
import { type ShownRuns, useRunList } from "./run-source.ts";
import { RunTable, Strip } from "./run-table.tsx";
import { SearchBox } from "./search-box.tsx";

export function RunsPage({ runId }: { readonly runId: string | null }) {
  const { scope, may } = useSession();
  const { search } = useRoute();
  const router = useRouter();
  const panels = useRef<HTMLDivElement>(null);
  const room = useRef<HTMLDivElement>(null);
  const close = useCallback(() => router.navigate(hrefOf({ name: "runs", ...scope }, search)), [router, scope, search]);
  useRowKeys("Runs", "run", panels);
  const focusRun = useCallback(() => room.current?.focus(), []);
  // If the list stays beside the run, the run's link keeps the focus, so that `j` and Enter go from run to run. If the
  // run replaces the list, the run gets the focus, and the list gets it back.
  useOnChange(runId, (closedId) => {
    const links = rowLinks(panels.current);
    if (runId === null) links.find(({ dataset }) => dataset.run === closedId)?.focus();
    // A link that is not shown has no boxes.
    else if (links.every((link) => link.getClientRects().length === 0)) room.current?.focus();
  });
  const shown = useRunList(runId);
  const selecting = useSelection(shown);
  const maySelect = may("data:write");
  const toggle = (isRange: boolean) => () => {
    const id = currentLink(panels.current)?.dataset.run;
    if (id !== undefined) selecting.toggle(id, isRange);
  };
  const leave = runId !== null ? close : selecting.isNothing ? undefined : selecting.clear;
  useKeys("Runs", [
    { keys: "Escape", label: "Back to the list, or select nothing", run: leave },
    ...(maySelect
      ? [
          { keys: "x", label: "Select the run", run: toggle(false) },
          { keys: "X", label: "Select the runs up to this one", run: toggle(true) },
        ]
      : []),
  ]);
  const { listed, take } = shown;
  // The open run follows its events, and the list follows the feed or is polled. Its row shows the newer of both,
  // before the page is painted.
  const [openRun, setOpenRun] = useState<Schemas["DetailedActionRun"] | null>(null);
  useLayoutEffect(() => {
    if (openRun !== null && listed !== null) take(openRun);
  }, [openRun, listed, take]);
  const row = runId === null || listed === null ? undefined : rowIn(listed.list, runId);
  return (
    <div ref={panels} class={runId === null ? "panels stack gap-0" : "panels stack gap-0 has-run"}>
      <ListPanel runId={runId} shown={shown} selecting={maySelect ? selecting : null} onOpenAgain={focusRun} />
      {runId === null ? null : (
        <div ref={room} class="run-room" tabIndex={-1}>
          {/* Shown only where the list, which has the page's heading, is not beside the run. */}
          <h1 class="run-page-title only-heard">Run</h1>
          <RunPanel
            key={runId}
            id={runId}
            onClose={close}
            onRead={setOpenRun}
            listed={row?.status}
            isOtherSelected={!selecting.isNothing}
          />
        </div>
      )}
      {maySelect ? <SelectionBar selecting={selecting} list={listed?.list ?? null} /> : null}
    </div>
  );
}

interface ListPanelProps {
  readonly runId: string | null;
  readonly shown: ShownRuns;
  /** Null: this token may change no run. */
  readonly selecting: Selecting | null;
  /** The link of the open run was followed once more. */
  readonly onOpenAgain: () => void;
}

function ListPanel({ runId, shown, selecting, onOpenAgain }: ListPanelProps) {
  const { announce } = useNotices();
  const { query, chips } = useFilters();
  const { listed, isStale, failure, reload, showFresh } = shown;
  const list = listed?.list ?? null;
  const { rows, next, fresh } = list ?? NOTHING_YET;
  const searchedTo = listed?.searchedTo ?? null;
  const input = useRef<HTMLInputElement>(null);
  useKeys("Runs", [{ keys: "/", label: "Search", run: () => input.current?.focus() }]);
  const panel = useRef<HTMLDivElement>(null);
  // Another page of the list begins at its top, and the focus with it.
  useOnChange(query.get("cursor"), () => {
    for (const scrolled of [panel.current, window]) scrolled?.scrollTo(0, 0);
    panel.current?.querySelector("h1")?.focus();
  });
  // Says how many runs another filter or page shows. The first list needs no such message.
  useOnChange(isStale && list !== null, (wasStale) => {
    if (wasStale && list !== null) announce(`${counted(rows.length, "run")}${next === null ? "" : " on this page"}`);
  });
  const known = useMemo(() => (list === null ? [] : shownIn(list)), [list]);
  const refusal = failure === null ? null : refusalOf(failure.error, chips);
  const hasFailed = failure !== null && (list === null || isStale);
  return (
    <div class="runs" ref={panel}>
      <div class="runs-head page-head row">
        <h1 tabIndex={-1}>Runs</h1>
        <StatusFilters counts={listed?.counts ?? null} />
        <Fresh count={fresh.length} onShow={showFresh} />
        <OperationsLink />
      </div>
      <SearchBox input={input} rows={known} />
      <FilterChips chips={chips} refusal={refusal} />
      {hasFailed && refusal === null ? <ErrorView failure={failure} onRetry={reload} /> : null}
      {hasFailed ? null : rows.length === 0 && !isStale ? (
        <NoRuns next={next} searchedTo={searchedTo} />
      ) : (
        <>
          <Strip rows={known} selectedId={runId} isNewest={isNewest(query)} />
          <RunTable rows={rows} selectedId={runId} isStale={isStale} selecting={selecting} onOpenAgain={onOpenAgain} />
          {rows.length === 0 ? <Skeleton /> : null}
          {searchedTo === null ? null : (
            <p class="hint">
              Searched back to <RelativeTime at={searchedTo} />.
            </p>
          )}
          <Pager of="runs" next={next} first="Newest runs" more={searchedTo === null ? "Older runs" : "Look further"} />
        </>
      )}
      {hasFailed ? null : <ErrorView failure={failure} onRetry={reload} isBanner />}
      {listed?.isBehind && failure === null ? <StaleNote /> : null}
    </div>
  );
}

const NOTHING_YET: RunList = { rows: [], older: [], fresh: [], next: null };

/** New runs wait behind a button, so that no row moves while somebody points at it. */
function Fresh({ count, onShow }: { readonly count: number; readonly onShow: () => void }) {
  const { announce } = useNotices();
  useOnChange(count > 0, (wereThere) => !wereThere && announce("There are new runs."));
  if (count === 0) return null;
  return (
    <Button kind="primary" onClick={onShow}>
      {count} new
    </Button>
  );
}

function StatusFilters({ counts }: { readonly counts: Schemas["ActionRunSummary"] | null }) {
  const { query, change } = useFilters();
  return (
    <fieldset class="status-filters row gap-6" aria-label="Status">
      {STATUSES.map((status) => (
        <button
          key={status}
          type="button"
          class={`status-filter is-${status}`}
          aria-pressed={query.has("status", status)}
          onClick={() => change(withStatusToggled(query, status))}
        >
          <StatusIcon status={status} />
          {status} <span class="number muted">{counts === null ? "" : countText(counts[status])}</span>
        </button>
      ))}
    </fieldset>
  );
}

function FilterChips({ chips, refusal }: { readonly chips: readonly Chip[]; readonly refusal: Refusal | null }) {
  const { query, change } = useFilters();
  const { minute, zone } = useZone();
  if (chips.length === 0) return null;
  // It shows the same runs tomorrow.
  const link = () => `${location.origin}${location.pathname}?${withInstants(query, new Date(), zone)}`;
  return (
    <div class="chosen row gap-6 small">
      <ul aria-label="Filters" class="row gap-4">
        {chips.map((chip) => {
          const isRefused = refusal?.chips.has(chip) === true;
          return (
            <li key={`${chip.name} ${chip.value}`} class={isRefused ? "chip is-failed" : "chip"}>
              {isRefused ? <Icon name="warning" /> : null}
              <span class="cut">
                <span class="muted">{chipName(chip)}</span> <bdi>{chipValue(chip, minute)}</bdi>
              </span>
              <Button
                kind="quiet"
                aria-label={`Remove ${chipText(chip, minute)}`}
                aria-describedby={isRefused ? "refused-filter" : undefined}
                onClick={() => change(withoutChip(query, chip))}
              >
                <Icon name="cross" />
              </Button>
            </li>
          );
        })}
      </ul>
      <span class="row gap-4">
        <CopyButton what="link" text={link} hasWord="Copy link" />
        <Button kind="quiet" onClick={() => change(withoutFilters(query))}>
          Clear the filters
        </Button>
      </span>
      {refusal === null ? null : (
        <p id="refused-filter" class="field-error" role="alert">
          <bdi>{refusal.sentence}</bdi> No runs are listed until you change the filter.
        </p>
      )}
    </div>
  );
}

/** An empty page can have a next one, because a page looks at a bounded number of runs. */
function NoRuns({ next, searchedTo }: { readonly next: string | null; readonly searchedTo: string | null }) {
  const { scope, target, may } = useSession();
  const { query } = useRoute();
  const to = (changed: URLSearchParams) => hrefOf({ name: "runs", ...scope }, changed);
  if (next !== null) {
    return (
      <Empty title="No match among the newest runs">
        <p>
          {searchedTo === null ? (
            "The service looked at 5000 runs, and none matches. "
          ) : (
            <>
              The service looked back to <RelativeTime at={searchedTo} />, and no run has the text.{" "}
            </>
          )}
          Press “Look further” for older runs.
        </p>
        <Link class="button is-plain" href={to(atCursor(query, next))}>
          Look further
        </Link>
      </Empty>
    );
  }
  if (isFiltered(query)) {
    return (
      <Empty title="No runs match the filters">
        <p>Each filter compares whole values, and only “text” finds a part. Change one, or clear them all.</p>
        <Link class="button is-plain" href={to(withoutFilters(query))}>
          Clear the filters
        </Link>
      </Empty>
    );
  }
  if (!isNewest(query)) {
    return (
      <Empty title="No older runs">
        <Link class="button is-plain" href={to(atCursor(query, null))}>
          Newest runs
        </Link>
      </Empty>
    );
  }
  return (
    <Empty title={`No runs in ${scope.envName} yet`}>
      {may("data:write") ? (
        <>
          <p>
            Put an API token into the variable <code>ACTION_RUNS_TOKEN</code>, or run <code>action-runs login</code> for
            the second command. Then paste one of these into a terminal. Or{" "}
            <Link href={hrefOf({ name: "actions", ...scope })}>run an action</Link>. The run appears here by itself.
          </p>
          <Command what="curl command" text={curl(target, "action-runs", sending("POST", '{"actionName":"deploy"}'))} />
          <Command what="command" text={cli(target, ["create", "deploy"])} />
        </>
      ) : (
        <p>New runs appear here by themselves. Your token can't create runs.</p>
      )}
    </Empty>
  );
}
