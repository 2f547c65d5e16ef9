/** The page "Bulk operations": what cancels or retries many runs now, and what did so in the last 30 days. */

import { useState } from "preact/hooks";
import type { BulkOperation } from "../../client/index.ts";
import { hrefOf, Link } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Empty } from "../ui/empty.tsx";
import { ListPage, useListPage } from "../ui/list-page.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { isStopping, isUnderWay, titleOf } from "./bulk-words.ts";
import { FilterWords } from "./filter-words.tsx";
import { Progress } from "./progress.tsx";
import { StopDialog } from "./stop-dialog.tsx";

const COLUMNS: readonly Column[] = [
  ["Operation"],
  ["Progress", "col-progress"],
  ["Asked by", "is-wide col-env"],
  ["Created", "is-wide col-short"],
  ["Stop", "is-end col-stop", true],
];

const WORKING_MS = 2000;
const IDLE_MS = 15_000;

export function OperationsPage() {
  const { reader } = useSession();
  const loaded = useListPage(reader.bulkOperations, { everyMs: paceOfPage });
  const [stopped, setStopped] = useState<BulkOperation | null>(null);
  function close() {
    setStopped(null);
    loaded.reload();
  }
  return (
    <>
      <ListPage title="Bulk operations" of="operations" loaded={loaded}>
        {({ operations }) =>
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

function paceOfPage({ operations }: { readonly operations: readonly BulkOperation[] }): number {
  return operations.some(isUnderWay) ? WORKING_MS : IDLE_MS;
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
            <Link class="row-name" href={hrefOf({ name: "operation", ...scope, id: operation.id })}>
              {titleOf(operation)}
            </Link>
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
