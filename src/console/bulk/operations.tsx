/** The pages of bulk operations: what cancels or retries many runs now, what did so in the last 30 days, and each one. */
import type { Schemas } from "../../client/index.ts";
import { endedText } from "../../words/bulk.ts";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog, useDialog } from "../ui/forms.tsx";
import { type Column, DetailHead, ListPage, Pager, Table, useFilter, useListPage } from "../ui/list-page.tsx";
import { ErrorView, useOnChange, useRead } from "../ui/load.tsx";
import { Button, Empty, Fact, Mark, Skeleton, useNotices } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import {
  codeText,
  countsText,
  FilterWords,
  isStopping,
  isUnderWay,
  markOfItem,
  OUTCOMES,
  Progress,
  paceOf,
  titleOf,
  WORKING_MS,
  whyAborted,
} from "./bulk-words.tsx";

type BulkOperation = Schemas["BulkOperation"];

const OPERATIONS: readonly Column[] = [
  { text: "Operation" },
  { text: "Progress", width: "34%" },
  { text: "Asked by", class: "is-wide", width: "16%" },
  { text: "Created", class: "is-wide", width: "104px" },
  { text: "Stop", class: "is-end", width: "64px", isHeard: true },
];

const IDLE_MS = 15_000;

export function OperationsPage() {
  const { reader, scope, may } = useSession();
  const loaded = useListPage(reader.bulkOperations.list, { everyMs: paceOfPage });
  const [dialog, open] = useDialog(loaded.reload);
  const stop = (operation: BulkOperation) => open((close) => <StopDialog operation={operation} onClose={close} />);
  return (
    <ListPage
      title="Bulk operations"
      of="operations"
      loaded={loaded}
      dialog={dialog}
      empty={
        <Empty title="No bulk operations yet">
          <p>Select runs in the list to cancel or retry many at once. What you begin is shown here to everybody.</p>
        </Empty>
      }
    >
      {(operations) => (
        <Table label="Bulk operations" columns={OPERATIONS}>
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
                    onClick={() => stop(operation)}
                  >
                    Stop
                  </Button>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </ListPage>
  );
}

function paceOfPage({ entries }: { readonly entries: readonly BulkOperation[] }): number {
  return entries.some(isUnderWay) ? WORKING_MS : IDLE_MS;
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

/* SECTION: One operation: how far it is, who asked for it, why it ended, and what became of each run. */

export function OperationPage({ id }: { readonly id: string }) {
  const { reader } = useSession();
  const loaded = useRead((signal) => reader.bulkOperations.get(id, { signal }), [reader, id], { everyMs: paceOf });
  const { data: operation, failure, reload } = loaded;
  return (
    <div class="page">
      <ErrorView failure={failure} onRetry={reload} isBanner={operation !== undefined} />
      {operation !== undefined ? (
        <OneOperation operation={operation} reload={reload} />
      ) : failure === null ? (
        <Skeleton />
      ) : null}
    </div>
  );
}

function OneOperation({ operation, reload }: { readonly operation: BulkOperation; readonly reload: () => void }) {
  const { scope, may } = useSession();
  const { announce } = useNotices();
  const router = useRouter();
  const list = hrefOf({ name: "operations", ...scope });
  const [dialog, open] = useDialog(reload);
  const { by, createdAt, completedAt, filter, counts } = operation;
  const isOpen = isUnderWay(operation);
  // The counts change too often to be read out.
  useOnChange(isOpen, (wasOpen) => wasOpen && announce(`The operation has ended: ${countsText(counts)}.`));
  useKeys("This operation", [
    { keys: "Escape", label: "Back to the bulk operations", run: () => router.navigate(list) },
  ]);
  const why = whyAborted(operation);
  const ended = endedText(operation);
  return (
    <div class="stack gap-14">
      <DetailHead list={list} all="All bulk operations" title={titleOf(operation)}>
        {may("data:write") && isOpen && !isStopping(operation) ? (
          <Button kind="danger" onClick={() => open((close) => <StopDialog operation={operation} onClose={close} />)}>
            Stop
          </Button>
        ) : null}
      </DetailHead>
      <Progress operation={operation} />
      {why === null ? null : <p class="note is-warning">{why}</p>}
      <dl class="facts stack gap-6">
        <Fact term="Asked by">
          <bdi>{by}</bdi>{" "}
          <span class="muted">
            <RelativeTime at={createdAt} />
          </span>
        </Fact>
        <Fact term="Runs">
          <FilterWords filter={filter} />
        </Fact>
        {isOpen ? <Fact term="So far">{countsText(counts)}</Fact> : null}
        {ended === null ? null : <Fact term="Ended">{ended}</Fact>}
        {completedAt === null ? null : (
          <Fact term="Completed">
            <RelativeTime at={completedAt} />
          </Fact>
        )}
      </dl>
      <ItemsPart operation={operation} />
      {dialog}
    </div>
  );
}

/** Of a run's id. */
const ID_END = 8;

const COLUMNS: readonly Column[] = [{ text: "Run" }, { text: "Outcome", width: "30%" }];

/** What became of each run of a bulk operation. The address holds the outcome and the cursor. */
function ItemsPart({ operation: { id, operation, counts } }: { readonly operation: BulkOperation }) {
  const { reader } = useSession();
  const { value: outcome, cursor, field } = useFilter("Outcome", "outcome", OUTCOMES);
  const { data, failure, reload } = useRead(
    (signal) => reader.bulkOperations.items(id, { outcome }, { signal }).page(cursor),
    [reader, id, outcome, cursor],
  );
  // The operation is polled. Its items change only together with its counts.
  useOnChange(countsText(counts), reload);
  return (
    <section class="stack">
      <div class="page-head row is-apart">
        <h2>Runs</h2>
        {field}
      </div>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : data.entries.length === 0 ? (
        <p class="muted">None.</p>
      ) : (
        <Table
          label="Runs of the operation"
          columns={operation === "retry" ? [...COLUMNS, { text: "New run" }] : COLUMNS}
        >
          {data.entries.map((item) => (
            <tr key={item.runId}>
              <td>
                <ItemLink id={item.runId} item={item} />
              </td>
              <td>
                <Outcome item={item} />
              </td>
              {operation === "retry" ? (
                <td>{item.newRunId === null ? null : <ItemLink id={item.newRunId} item={item} />}</td>
              ) : null}
            </tr>
          ))}
        </Table>
      )}
      <Pager of="runs" next={data?.next ?? null} />
    </section>
  );
}

/** A run and its retry have the same title. */
function ItemLink({ id, item: { title, actionName } }: { readonly id: string; readonly item: Schemas["BulkItem"] }) {
  const { scope } = useSession();
  return (
    <Link href={hrefOf({ name: "run", ...scope, id })} title={id}>
      <bdi>{title ?? actionName}</bdi> <code>…{id.slice(-ID_END)}</code>
    </Link>
  );
}

function Outcome({ item: { outcome, code } }: { readonly item: Schemas["BulkItem"] }) {
  return (
    <>
      <Mark mark={markOfItem(outcome)}>{outcome ?? "remaining"}</Mark>{" "}
      {code === null ? null : (
        <span class="muted" title={code}>
          {codeText(code)}
        </span>
      )}
    </>
  );
}

function StopDialog({ operation, onClose }: { readonly operation: BulkOperation; readonly onClose: () => void }) {
  return (
    <ConfirmDialog
      title="Stop the operation?"
      verb="Stop"
      afterLoss="The operation may have stopped. You can press the button again."
      send={({ bulkOperations }, options) => bulkOperations.cancel(operation.id, options)}
      done={onClose}
      onClose={onClose}
    >
      <p>
        The {titleOf(operation).toLowerCase()} stops. What it did stays done, and the runs that it is working on are
        finished first. The remaining runs stay as they are.
      </p>
    </ConfirmDialog>
  );
}
