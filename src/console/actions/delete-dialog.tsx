/** Asks before an action is deleted. */

import { useState } from "preact/hooks";
import { ActionRunsError, type StoredAction } from "../../client/index.ts";
import { hrefOf, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { sentenceOf } from "../ui/error-view.tsx";
import { useNotices } from "../ui/notices.tsx";

interface DeleteDialogProps {
  readonly action: StoredAction;
  readonly onClose: () => void;
  /** Called if the action turned out to be another one. */
  readonly onChanged: () => void;
}

export function DeleteDialog({ action: { name, version }, onClose, onChanged }: DeleteDialogProps) {
  const { client, place } = useSession();
  const router = useRouter();
  const { note } = useNotices();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  async function remove() {
    setBusy(true);
    setProblem(null);
    try {
      await client.actions.delete(name, { ifVersion: version });
      note(`${name} is deleted.`);
      router.navigate(hrefOf({ name: "actions", ...place }));
    } catch (error) {
      setBusy(false);
      if (error instanceof ActionRunsError && error.status === 412) {
        setProblem(
          "Somebody changed this action meanwhile. Close this dialog, look at the action, and decide again.",
        );
        onChanged();
      } else setProblem(sentenceOf(error));
    }
  }
  return (
    <Dialog title={`Delete ${name}?`} onClose={onClose}>
      <div class="dialog-body">
        <p>
          Nobody can run it any more, and its secrets are deleted, too. Runs that have begun continue. You
          can't undo this.
        </p>
        {problem === null ? null : (
          <p class="field-error" role="alert">
            {problem}
          </p>
        )}
        <DialogButtons>
          <Button onClick={onClose}>Keep it</Button>
          <Button kind="danger" isBusy={isBusy} onClick={remove}>
            Delete action
          </Button>
        </DialogButtons>
      </div>
    </Dialog>
  );
}
