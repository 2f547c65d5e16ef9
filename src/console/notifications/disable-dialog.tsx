/** Asks before a person's own switch disables an endpoint. */

import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";
import { setDisabled } from "./disabling.ts";

interface DisableDialogProps {
  readonly name: string;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

export function DisableDialog({ name, onClose, onChanged }: DisableDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: "The endpoint may be disabled already." });
  const disable = () =>
    change.submit({
      send: ({ signal }) => setDisabled(client, name, true, signal),
      done() {
        note(`${name} is disabled.`);
        onChanged();
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title={`Disable ${name}?`}
      verb="Disable endpoint"
      change={change}
      onConfirm={disable}
      onClose={onClose}
    >
      <p>
        The endpoint gets no messages until you enable it. Messages that wait are dropped. Recover can send them later,
        up to 7 days back.
      </p>
    </ConfirmDialog>
  );
}
