/** The list of runs, and beside it or instead of it the run that the address names. */
import type { RefObject } from "preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { SelectionBar } from "../bulk/bulk-dialog.tsx";
import { useSelection } from "../bulk/use-selection.tsx";
import { useKeys } from "../keys.tsx";
import { hrefOf, useRoute, useRouter } from "../router.tsx";
import { RunPanel } from "../run/run-panel.tsx";
import { useSession } from "../session/session.tsx";
import { currentLink, rowLinks, useRowKeys } from "../ui/list-page.tsx";
import { ListPanel } from "./list-panel.tsx";
import { rowIn } from "./run-list.ts";
import { useRunList } from "./use-run-list.ts";

export function RunsPage({ runId }: { readonly runId: string | null }) {
  const { scope, may } = useSession();
  const { search } = useRoute();
  const router = useRouter();
  const panels = useRef<HTMLDivElement>(null);
  const room = useRef<HTMLDivElement>(null);
  const close = useCallback(() => router.navigate(hrefOf({ name: "runs", ...scope }, search)), [router, scope, search]);
  useRowKeys("Runs", "run", panels);
  const focusRun = useCallback(() => room.current?.focus(), []);
  useRunFocus(runId, panels, room);
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

/**
 * If the list stays beside the run, the run's link keeps the focus, so that `j` and Enter go from run to run. If the
 * run replaces the list, the run gets the focus, and the list gets it back.
 */
function useRunFocus(
  runId: string | null,
  panels: RefObject<HTMLElement | null>,
  room: RefObject<HTMLElement | null>,
): void {
  const before = useRef(runId);
  useEffect(() => {
    const closedId = before.current;
    before.current = runId;
    if (closedId === runId) return;
    const links = rowLinks(panels.current);
    if (runId === null) links.find(({ dataset }) => dataset.run === closedId)?.focus();
    // A link that is not shown has no boxes.
    else if (links.every((link) => link.getClientRects().length === 0)) room.current?.focus();
  }, [runId, panels, room]);
}
