/** Stops a bulk operation. */

import type { BulkOperation } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { useChange } from "../ui/use-change.ts";
import { titleOf } from "./bulk-words.ts";

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
