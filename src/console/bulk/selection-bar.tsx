/** What may be done with the selected runs. Below the list, and also below a run that stands in its place. */

import { useState } from "preact/hooks";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, useRoute, useRouter } from "../routes/router.tsx";
import { isFiltered, isNewest } from "../runs/filters.ts";
import type { RunList } from "../runs/run-list.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { useNotices } from "../ui/notices.tsx";
import { BulkDialog } from "./bulk-dialog.tsx";
import { runsText, selectionText } from "./selection.ts";
import type { Operation } from "./target.ts";
import type { Selecting } from "./use-selection.ts";

interface SelectionBarProps {
  readonly selecting: Selecting;
  /** Null until it is there. */
  readonly list: RunList | null;
}

/** Whether the rows are all runs that match. */
function isWhole(list: RunList | null, query: URLSearchParams): boolean {
  return list !== null && list.next === null && list.fresh.length === 0 && isNewest(query);
}

export function SelectionBar({ selecting, list }: SelectionBarProps) {
  const { scope } = useSession();
  const { query } = useRoute();
  const router = useRouter();
  const { note } = useNotices();
  const { selection, isNothing, matched, clear } = selecting;
  const [open, setOpen] = useState<Operation | null>(null);
  useKeys("Runs", [
    { keys: "c", label: "Cancel the selected runs", run: isNothing ? undefined : () => setOpen("cancel") },
    { keys: "r", label: "Retry the selected runs", run: isNothing ? undefined : () => setOpen("retry") },
  ]);
  if (isNothing) return null;
  // The service refuses an operation without a filter.
  const canSelectMore = selection.kind === "runs" && isFiltered(query) && matched !== null && !isWhole(list, query);
  return (
    <>
      <section class="selection-bar" aria-label="Selection">
        <p class="number">{selectionText(selection, matched)}</p>
        {canSelectMore ? (
          <Button kind="quiet" onClick={selecting.selectMatching}>
            Select all {runsText(matched)} that match
          </Button>
        ) : null}
        <div class="selection-buttons">
          <Button title="Retry the selected runs (r)" onClick={() => setOpen("retry")}>
            Retry runs
          </Button>
          <Button kind="danger" title="Cancel the selected runs (c)" onClick={() => setOpen("cancel")}>
            Cancel runs
          </Button>
          <Button kind="quiet" aria-label="Clear the selection" title="Clear the selection (Esc)" onClick={clear}>
            <Icon name="cross" />
          </Button>
        </div>
      </section>
      {open === null ? null : (
        <BulkDialog
          operation={open}
          selection={selection}
          onClose={() => setOpen(null)}
          onStarted={({ id }) => {
            router.navigate(hrefOf({ name: "operation", ...scope, id }));
            note("The operation has begun. It goes on if you leave this page.");
          }}
        />
      )}
    </>
  );
}
