/**
 * Cancels or retries the selected runs. It first asks the service what would happen, and then does that and no more: a
 * set that has grown meanwhile is refused. Only a press of the button begins it.
 */

import { useCallback, useMemo, useState } from "preact/hooks";
import type { BulkOperation } from "../../client/index.ts";
import { useRoute } from "../routes/router.tsx";
import { CANCEL_FIELDS, CancelFields } from "../run/cancel-fields.tsx";
import { NO_CANCEL, readCancel } from "../run/forms.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { useLoad } from "../ui/load.ts";
import { useChange } from "../ui/use-change.ts";
import { FilterWords } from "./filter-words.tsx";
import type { Selection } from "./selection.ts";
import { boundTo, type Operation, outlookOf, startedText, targetOf, verbOf } from "./target.ts";

interface BulkDialogProps {
  readonly operation: Operation;
  readonly selection: Selection;
  readonly onClose: () => void;
  readonly onStarted: (operation: BulkOperation) => void;
}

export function BulkDialog({ operation, selection, onClose, onStarted }: BulkDialogProps) {
  const { client, reader, may } = useSession();
  const { query } = useRoute();
  const mayManage = may("actions:manage");
  // As it was when the dialog opened, although new runs come.
  const [target] = useState(() => targetOf(selection, query, new Date(), mayManage));
  const ask = useCallback(
    (signal: AbortSignal) => reader.bulkOperations.preview({ operation, ...target }, { signal }),
    [reader, operation, target],
  );
  const { data: preview, failure, reload } = useLoad(ask);
  const [typed, setTyped] = useState(NO_CANCEL);
  const [isAgain, setAgain] = useState(false);
  const change = useChange({ fields: CANCEL_FIELDS });
  const outlook = useMemo(
    () => (preview === undefined ? null : outlookOf(operation, preview, mayManage)),
    [operation, preview, mayManage],
  );
  const isCancel = operation === "cancel";

  function send() {
    if (preview === undefined) return;
    const read = isCancel ? readCancel(typed) : { value: isAgain ? { includeRetried: true } : {} };
    if ("problems" in read) return change.refuse(read.problems);
    const body = { operation, ...boundTo(target, preview), ...read.value };
    change.submit({ body, send: (options) => client.bulkOperations.create(body, options), done: onStarted });
  }
  return (
    <Dialog title={isCancel ? "Cancel runs" : "Retry runs"} onClose={onClose} isRead>
      <ChangeForm
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
        <ErrorView failure={failure} onRetry={reload} isBanner />
        <div role="status">
          {outlook === null ? (
            failure === null && <p class="muted">Counting the runs …</p>
          ) : (
            <p>
              <strong>{outlook.sentence}</strong> {outlook.refusal}
            </p>
          )}
          {preview !== undefined && isCancel && startedText(preview) !== null ? (
            <p class="warning-box">{startedText(preview)}</p>
          ) : null}
        </div>
        {isCancel ? (
          <>
            <p class="muted">A pending run ends at once. The job of a running run is asked to stop.</p>
            <CancelFields typed={typed} onType={setTyped} problems={change.problems} />
          </>
        ) : (
          <>
            <p class="muted">
              Each run gets a new run with the same inputs and labels. If no trigger starts its job, you must start the
              job.
            </p>
            <label class="switch">
              <input type="checkbox" checked={isAgain} onChange={() => setAgain(!isAgain)} />
              Also retry runs that somebody has retried since they ended
            </label>
          </>
        )}
      </ChangeForm>
    </Dialog>
  );
}
