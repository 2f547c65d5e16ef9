/** One bulk operation: how far it is, who asked for it, why it ended, and what became of each run. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { BulkOperation } from "../../client/index.ts";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, Link, useRouter } from "../routes/router.tsx";
import { Fact } from "../run/facts.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { Icon } from "../ui/icons.tsx";
import { useLoad } from "../ui/load.ts";
import { useNotices } from "../ui/notices.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { countsText, endedText, isStopping, isUnderWay, paceOf, titleOf, whyAborted } from "./bulk-words.ts";
import { FilterWords } from "./filter-words.tsx";
import { ItemsPart } from "./items-part.tsx";
import { Progress } from "./progress.tsx";
import { StopDialog } from "./stop-dialog.tsx";

export function OperationPage({ id }: { readonly id: string }) {
  const { reader } = useSession();
  const read = useCallback((signal: AbortSignal) => reader.bulkOperations.get(id, { signal }), [reader, id]);
  const { data: operation, failure, reload } = useLoad(read, { everyMs: paceOf });
  return (
    <div class="page">
      <ErrorView failure={failure} onRetry={reload} isBanner={operation !== undefined} />
      {operation === undefined ? null : <OneOperation operation={operation} reload={reload} />}
    </div>
  );
}

interface OneOperationProps {
  readonly operation: BulkOperation;
  readonly reload: () => void;
}

function OneOperation({ operation, reload }: OneOperationProps) {
  const { scope, may } = useSession();
  const router = useRouter();
  const list = hrefOf({ name: "operations", ...scope });
  const [isAsked, setAsked] = useState(false);
  const { by, createdAt, completedAt, filter, counts } = operation;
  const isOpen = isUnderWay(operation);
  useEndAnnouncement(operation);
  useKeys("This operation", [
    { keys: "Escape", label: "Back to the bulk operations", run: () => router.navigate(list) },
  ]);
  function close() {
    setAsked(false);
    reload();
  }
  const why = whyAborted(operation);
  const ended = endedText(operation.ended);
  return (
    <div class="operation">
      <div class="page-head">
        <div class="action-title">
          <Link class="crumb" href={list}>
            <Icon name="previous" />
            All bulk operations
          </Link>
          <h1>{titleOf(operation)}</h1>
        </div>
        {may("data:write") && isOpen && !isStopping(operation) ? (
          <Button kind="danger" onClick={() => setAsked(true)}>
            Stop
          </Button>
        ) : null}
      </div>
      <Progress operation={operation} />
      {why === null ? null : <p class="warning-box">{why}</p>}
      <dl class="facts">
        <Fact name="Asked by">
          <bdi>{by}</bdi>{" "}
          <span class="muted">
            <RelativeTime at={createdAt} />
          </span>
        </Fact>
        <Fact name="Runs">
          <FilterWords filter={filter} />
        </Fact>
        {isOpen ? <Fact name="So far">{countsText(counts)}</Fact> : null}
        {ended === null ? null : <Fact name="Ended">{ended}</Fact>}
        {completedAt === null ? null : (
          <Fact name="Completed">
            <RelativeTime at={completedAt} />
          </Fact>
        )}
      </dl>
      <ItemsPart operation={operation} />
      {isAsked ? <StopDialog operation={operation} onClose={close} onStopped={close} /> : null}
    </div>
  );
}

/** Says once that it has ended. The counts change too often to be read out. */
function useEndAnnouncement(operation: BulkOperation): void {
  const { announce } = useNotices();
  const isOpen = isUnderWay(operation);
  const wasOpen = useRef(isOpen);
  const text = countsText(operation.counts);
  useEffect(() => {
    if (wasOpen.current && !isOpen) announce(`The operation has ended: ${text}.`);
    wasOpen.current = isOpen;
  }, [announce, isOpen, text]);
}
