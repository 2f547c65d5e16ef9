/** Asks before an action is deleted. */

import type { StoredAction } from "../../client/index.ts";
import { hrefOf, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";

const CHANGED =
  "Somebody changed this action meanwhile. Close this dialog, look at the action, and decide again.";
const AFTER_LOSS =
  "The action may be deleted already. If you try again, the service then says that there is no such action.";

interface DeleteDialogProps {
  readonly action: StoredAction;
  readonly onClose: () => void;
  /** Called if somebody changed the action meanwhile. */
  readonly onChanged: () => void;
}

export function DeleteDialog({ action: { name, version }, onClose, onChanged }: DeleteDialogProps) {
  const { client, scope } = useSession();
  const router = useRouter();
  const { note } = useNotices();
  const change = useChange({ afterLoss: AFTER_LOSS });
  const remove = () =>
    change.submit({
      send: ({ signal }) => client.actions.delete(name, { ifVersion: version, signal }),
      done() {
        note(`${name} is deleted.`);
        router.navigate(hrefOf({ name: "actions", ...scope }));
      },
      explain({ status }) {
        if (status !== 412) return null;
        onChanged();
        return new Map([[null, CHANGED]]);
      },
    });
  return (
    <ConfirmDialog
      title={`Delete ${name}?`}
      verb="Delete action"
      change={change}
      onConfirm={remove}
      onClose={onClose}
    >
      <p>
        Nobody can run it afterwards. Its secrets and versions are deleted, too. Runs that have begun
        continue. You can't undo this.
      </p>
    </ConfirmDialog>
  );
}
