/** One bulk operation: how far it is, who asked for it, why it ended, and what became of each run. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRoute, useRouter } from "../router.tsx";
import { Fact } from "../run/facts.tsx";
import { useSession } from "../session/session.tsx";
import { Button, Icon } from "../ui/button.tsx";
import { ConfirmDialog } from "../ui/dialog.tsx";
import { SelectField } from "../ui/field.tsx";
import { type Column, Pager, Table } from "../ui/list-page.tsx";
import { ErrorView, useLoad } from "../ui/load.tsx";
import { useNotices } from "../ui/notices.tsx";
import { Mark } from "../ui/status.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import {
  codeText,
  countsText,
  endedText,
  FilterWords,
  isStopping,
  isUnderWay,
  markOfItem,
  OUTCOMES,
  Progress,
  paceOf,
  titleOf,
  whyAborted,
} from "./bulk-words.tsx";

type BulkOperation = Schemas["BulkOperation"];

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

/* SECTION: What became of each run of a bulk operation. The address holds the outcome and the cursor. */

/** Of a run's id. */
const ID_END = 8;

const COLUMNS: readonly Column[] = [["Run"], ["Outcome", "col-outcome"]];

export function ItemsPart({ operation: { id, operation, counts } }: { readonly operation: BulkOperation }) {
  const { reader } = useSession();
  const router = useRouter();
  const { page, query } = useRoute();
  const outcome = OUTCOMES.find((one) => one === query.get("outcome"));
  const cursor = query.get("cursor") ?? undefined;
  const read = useCallback(
    (signal: AbortSignal) => reader.bulkOperations.items(id, { outcome }, { signal }).page(cursor),
    [reader, id, outcome, cursor],
  );
  const { data, failure, reload } = useLoad(read);
  // The operation is polled. Its items change only together with its counts.
  const mark = countsText(counts);
  useEffect(() => {
    if (mark !== "") reload();
  }, [mark, reload]);
  function choose(next: string) {
    if (page !== null) router.navigate(hrefOf(page, next === "" ? "" : `outcome=${next}`), { replace: true });
  }
  return (
    <section class="part">
      <div class="page-head">
        <h2>Runs</h2>
        <div class="deliveries-head">
          <SelectField label="Outcome" value={outcome ?? ""} onText={choose}>
            <option value="">all</option>
            {OUTCOMES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </SelectField>
        </div>
      </div>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {data === undefined ? null : data.entries.length === 0 ? (
        <p class="muted">None.</p>
      ) : (
        <Table label="Runs of the operation" columns={operation === "retry" ? [...COLUMNS, ["New run"]] : COLUMNS}>
          {data.entries.map((item) => (
            <tr key={item.runId}>
              <td>
                <RunLink id={item.runId} />
              </td>
              <td>
                <Outcome item={item} />
              </td>
              {operation === "retry" ? <td>{item.newRunId === null ? null : <RunLink id={item.newRunId} />}</td> : null}
            </tr>
          ))}
        </Table>
      )}
      <Pager of="runs" next={data?.next ?? null} />
    </section>
  );
}

function RunLink({ id }: { readonly id: string }) {
  const { scope } = useSession();
  return (
    <Link href={hrefOf({ name: "run", ...scope, id })} title={id}>
      <code>…{id.slice(-ID_END)}</code>
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

/* SECTION: Stops a bulk operation. */

interface StopDialogProps {
  readonly operation: BulkOperation;
  readonly onClose: () => void;
  readonly onStopped: () => void;
}

export function StopDialog({ operation, onClose, onStopped }: StopDialogProps) {
  const { client } = useSession();
  const change = useChange({ afterLoss: "The operation may have stopped. You can press the button again." });
  const stop = () =>
    change.submit({ send: ({ signal }) => client.bulkOperations.cancel(operation.id, { signal }), done: onStopped });
  return (
    <ConfirmDialog title="Stop the operation?" verb="Stop" change={change} onConfirm={stop} onClose={onClose}>
      <p>
        The {titleOf(operation).toLowerCase()} stops. What it did stays done, and the runs that it is working on are
        finished first. The remaining runs stay as they are.
      </p>
    </ConfirmDialog>
  );
}
