/** The page "Bulk operations": what cancels or retries many runs now, and what did so in the last 30 days. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { type Column, ListPage, Table, useListPage } from "../ui/list-page.tsx";
import { useRead } from "../ui/load.tsx";
import { Button, Empty } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { FilterWords, isStopping, isUnderWay, Progress, titleOf, WORKING_MS } from "./bulk-words.tsx";
import { StopDialog } from "./operation-page.tsx";

type BulkOperation = Schemas["BulkOperation"];

const COLUMNS: readonly Column[] = [
  { text: "Operation" },
  { text: "Progress", width: "34%" },
  { text: "Asked by", class: "is-wide", width: "16%" },
  { text: "Created", class: "is-wide", width: "104px" },
  { text: "Stop", class: "is-end", width: "64px", isHeard: true },
];

const IDLE_MS = 15_000;

export function OperationsPage() {
  const { reader } = useSession();
  const loaded = useListPage(reader.bulkOperations.list, { everyMs: paceOfPage });
  const [stopped, setStopped] = useState<BulkOperation | null>(null);
  function close() {
    setStopped(null);
    loaded.reload();
  }
  return (
    <>
      <ListPage title="Bulk operations" of="operations" loaded={loaded}>
        {(operations) =>
          operations.length === 0 ? (
            <Empty title={loaded.isFirst ? "No bulk operations yet" : "There are no more operations"}>
              <p>Select runs in the list to cancel or retry many at once. What you begin is shown here to everybody.</p>
            </Empty>
          ) : (
            <OperationTable operations={operations} onStop={setStopped} />
          )
        }
      </ListPage>
      {stopped === null ? null : <StopDialog operation={stopped} onClose={close} onStopped={close} />}
    </>
  );
}

function paceOfPage({ entries }: { readonly entries: readonly BulkOperation[] }): number {
  return entries.some(isUnderWay) ? WORKING_MS : IDLE_MS;
}

interface OperationTableProps {
  readonly operations: readonly BulkOperation[];
  readonly onStop: (operation: BulkOperation) => void;
}

function OperationTable({ operations, onStop }: OperationTableProps) {
  const { scope, may } = useSession();
  return (
    <Table label="Bulk operations" columns={COLUMNS}>
      {operations.map((operation) => (
        <tr key={operation.id}>
          <td>
            <Link href={hrefOf({ name: "operation", ...scope, id: operation.id })}>{titleOf(operation)}</Link>
            <p>
              <FilterWords filter={operation.filter} />
            </p>
            <p class="is-narrow muted">
              <bdi>{operation.by}</bdi>, <RelativeTime at={operation.createdAt} />
            </p>
          </td>
          <td>
            <Progress operation={operation} />
          </td>
          <td class="is-wide">
            <bdi>{operation.by}</bdi>
          </td>
          <td class="is-wide">
            <RelativeTime at={operation.createdAt} />
          </td>
          <td class="is-end">
            {may("data:write") && isUnderWay(operation) && !isStopping(operation) ? (
              <Button
                kind="quiet"
                aria-label={`Stop the ${titleOf(operation).toLowerCase()}`}
                onClick={() => onStop(operation)}
              >
                Stop
              </Button>
            ) : null}
          </td>
        </tr>
      ))}
    </Table>
  );
}

const POLL_MS = 15_000;
/** Those under way are among the newest: at most 5 run at a time, and each runs for minutes at most. */
const READ = 20;

/** Leads from the list to the bulk operations, and tells everybody how many are under way. */
export function OperationsLink() {
  const { reader, scope } = useSession();
  const { data } = useRead((signal) => reader.bulkOperations.list({ limit: READ }, { signal }).page(), [reader], {
    everyMs: POLL_MS,
  });
  const count = data?.entries.filter(isUnderWay).length ?? 0;
  return (
    <Link class="button is-quiet to-end" href={hrefOf({ name: "operations", ...scope })}>
      Bulk operations
      {count === 0 ? null : (
        <span class="nav-count small">
          {count}
          <span class="only-heard"> under way</span>
        </span>
      )}
    </Link>
  );
}
