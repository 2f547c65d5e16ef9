/** Asks before an action is deleted. */

import { ActionRunsError, type StoredAction } from "../../client/index.ts";
import { hrefOf, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { useNotices } from "../ui/notices.tsx";

const CHANGED =
  "Somebody changed this action meanwhile. Close this dialog, look at the action, and decide again.";

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
  async function remove(): Promise<string | null> {
    try {
      await client.actions.delete(name, { ifVersion: version });
    } catch (error) {
      if (!(error instanceof ActionRunsError && error.status === 412)) throw error;
      onChanged();
      return CHANGED;
    }
    note(`${name} is deleted.`);
    router.navigate(hrefOf({ name: "actions", ...place }));
    return null;
  }
  return (
    <ConfirmDialog title={`Delete ${name}?`} verb="Delete action" onClose={onClose} onConfirm={remove}>
      <p>
        Nobody can run it afterwards, and its secrets are deleted, too. Runs that have begun continue. You
        can't undo this.
      </p>
    </ConfirmDialog>
  );
}
