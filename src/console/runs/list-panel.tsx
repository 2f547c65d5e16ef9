/** The panel of the list: its search, the strip, the table, and the way to older runs. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { counted, countText, STATUSES } from "../../words/statuses.ts";
import { OperationsLink } from "../bulk/operation-list.tsx";
import type { Selecting } from "../bulk/use-selection.tsx";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRoute } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Pager, StaleNote } from "../ui/list-page.tsx";
import { ErrorView, useOnChange } from "../ui/load.tsx";
import { Button, CopyButton, Empty, Icon, Skeleton, StatusIcon, useNotices } from "../ui/parts.tsx";
import { Command, cli, curl, sending } from "../ui/shell-commands.tsx";
import { RelativeTime, useZone } from "../ui/time.tsx";
import {
  atCursor,
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
import { type RunList, shownIn } from "./run-list.ts";
import { RunTable } from "./run-table.tsx";
import { SearchBox } from "./search-box.tsx";
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

interface FilterChipsProps {
  /** The refusal names some of them. */
  readonly chips: readonly Chip[];
  readonly refusal: Refusal | null;
}

function FilterChips({ chips, refusal }: FilterChipsProps) {
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

interface NoRunsProps {
  /** The cursor of the next page. An empty page can have one, because a page looks at a bounded number of runs. */
  readonly next: string | null;
  readonly searchedTo: string | null;
}

function NoRuns({ next, searchedTo }: NoRunsProps) {
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
