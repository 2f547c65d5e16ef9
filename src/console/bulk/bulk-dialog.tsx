/** Cancels or retries the selected runs. It first asks the service what would happen, and does no more than that. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { wouldStartText } from "../../words/bulk.ts";
import { counted } from "../../words/statuses.ts";
import { useKeys } from "../keys.tsx";
import { comparing, hrefOf, useRoute, useRouter } from "../router.tsx";
import { CancelFields, NO_CANCEL, readCancel } from "../run/run-dialogs.tsx";
import { isFiltered, isNewest } from "../runs/filters.ts";
import type { RunList } from "../runs/run-list.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, Check, useDialog, useForm } from "../ui/forms.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Button, Icon, useNotices } from "../ui/parts.tsx";
import { useZone } from "../ui/time.tsx";
import { FilterWords } from "./bulk-words.tsx";
import {
  boundTo,
  type Operation,
  outlookOf,
  pairOf,
  type Selection,
  selectionText,
  targetOf,
  verbOf,
} from "./selection.ts";
import type { Selecting } from "./use-selection.tsx";

/** What may be done with the selected runs. Below the list, and also below a run that stands in its place. */
export function SelectionBar({ selecting, list }: { readonly selecting: Selecting; readonly list: RunList | null }) {
  const { scope } = useSession();
  const { query, search } = useRoute();
  const router = useRouter();
  const { note } = useNotices();
  const { selection, isNothing, matched, clear } = selecting;
  const [dialog, open] = useDialog();
  const pair = pairOf(selection);
  const compare = ([older, newer]: readonly [string, string]) =>
    router.navigate(hrefOf({ name: "run", ...scope, id: newer }, comparing(search, older)));
  const ask = (operation: Operation) =>
    open((onClose) => (
      <BulkDialog
        operation={operation}
        selection={selection}
        onClose={onClose}
        onStarted={({ id }) => {
          router.navigate(hrefOf({ name: "operation", ...scope, id }));
          note("The operation has begun. It goes on if you leave this page.");
        }}
      />
    ));
  useKeys("Runs", [
    { keys: "=", label: "Compare the two selected runs", run: pair === null ? undefined : () => compare(pair) },
    { keys: "c", label: "Cancel the selected runs", run: isNothing ? undefined : () => ask("cancel") },
    { keys: "r", label: "Retry the selected runs", run: isNothing ? undefined : () => ask("retry") },
  ]);
  if (isNothing) return null;
  /** Whether the rows are all runs that match. */
  const isWhole = list !== null && list.next === null && list.fresh.length === 0 && isNewest(query);
  // The service refuses an operation without a filter.
  const canSelectMore = selection.kind === "runs" && isFiltered(query) && matched !== null && !isWhole;
  return (
    <>
      <section class="selection-bar row gap-12" aria-label="Selection">
        <p class="number strong">{selectionText(selection, matched)}</p>
        {canSelectMore ? (
          <Button kind="quiet" onClick={selecting.selectMatching}>
            Select all {counted(matched, "run")} that match
          </Button>
        ) : null}
        <div class="row to-end">
          {pair === null ? null : (
            <Button title="Compare the two runs (=)" onClick={() => compare(pair)}>
              Compare
            </Button>
          )}
          <Button title="Retry the selected runs (r)" onClick={() => ask("retry")}>
            Retry runs
          </Button>
          <Button kind="danger" title="Cancel the selected runs (c)" onClick={() => ask("cancel")}>
            Cancel runs
          </Button>
          <Button kind="quiet" aria-label="Clear the selection" title="Clear the selection (Esc)" onClick={clear}>
            <Icon name="cross" />
          </Button>
        </div>
      </section>
      {dialog}
    </>
  );
}

interface BulkDialogProps {
  readonly operation: Operation;
  readonly selection: Selection;
  readonly onClose: () => void;
  readonly onStarted: (operation: Schemas["BulkOperation"]) => void;
}

function BulkDialog({ operation, selection, onClose, onStarted }: BulkDialogProps) {
  const { client, reader, may } = useSession();
  const { query } = useRoute();
  const { zone } = useZone();
  const mayManage = may("actions:manage");
  // As it was when the dialog opened, although new runs come.
  const [target] = useState(() => targetOf(selection, query, new Date(), mayManage, zone));
  const previewed = useRead(
    (signal) => reader.bulkOperations.preview({ operation, ...target }, { signal }),
    [reader, operation, target],
  );
  const { data: preview, failure } = previewed;
  const { change, texts, field } = useForm(NO_CANCEL);
  const [isAgain, setAgain] = useState(false);
  const outlook = preview === undefined ? null : outlookOf(operation, preview, mayManage);
  const isCancel = operation === "cancel";
  const started = preview !== undefined && isCancel ? wouldStartText(preview) : null;

  function send() {
    if (preview === undefined) return;
    const read = isCancel ? readCancel(texts) : { value: isAgain ? { includeRetried: true } : {} };
    if ("problems" in read) return change.refuse(read.problems);
    const body = { operation, ...boundTo(target, preview), ...read.value };
    change.submit({ body, send: (options) => client.bulkOperations.create(body, options), done: onStarted });
  }
  return (
    <ChangeDialog
      title={isCancel ? "Cancel runs" : "Retry runs"}
      isRead
      change={change}
      onSubmit={send}
      onClose={onClose}
      verb={verbOf(operation, outlook?.refusal === null ? outlook.able : null)}
      kind={isCancel ? "danger" : "primary"}
      keep="Close"
      isDeliberate
      isReady={outlook?.refusal === null}
    >
      {"runIds" in target ? null : (
        <p>
          All runs that match: <FilterWords filter={target.filter} />
        </p>
      )}
      <ErrorView failure={failure} onRetry={previewed.reload} isBanner />
      <div role="status">
        {outlook === null ? (
          failure === null && <p class="muted">Counting the runs …</p>
        ) : (
          <p>
            <strong>{outlook.sentence}</strong> {outlook.refusal}
          </p>
        )}
        {started === null ? null : <p class="note is-warning">{started}.</p>}
      </div>
      {isCancel ? (
        <>
          <p class="muted">A pending run ends at once. The job of a running run is asked to stop.</p>
          <CancelFields field={field} />
        </>
      ) : (
        <>
          <p class="muted">
            Each run gets a new run with the same inputs and labels. If no trigger starts its job, you must start the
            job.
          </p>
          <Check isOn={isAgain} onChange={() => setAgain(!isAgain)}>
            Also retry runs that somebody has retried since they ended
          </Check>
        </>
      )}
    </ChangeDialog>
  );
}
