/** Asks before a token is revoked. */

import type { ApiToken } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";

const AFTER_LOSS =
  "The token may be revoked already. If you try again, the service then says that there is no such token.";

interface RevokeDialogProps {
  readonly token: ApiToken;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

export function RevokeDialog({ token, onClose, onRevoked }: RevokeDialogProps) {
  const { client, holder } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: AFTER_LOSS });
  const revoke = () =>
    change.submit({
      send: ({ signal }) => client.tokens.revoke(token.id, { signal }),
      done({ revoked }) {
        const below = revoked.length - 1;
        const also = below === 0 ? "" : ` So ${below === 1 ? "is 1 token" : `are ${below} tokens`} below it.`;
        note(`The token ${token.name} is revoked.${also}`);
        onRevoked();
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title={`Revoke ${token.name}?`}
      verb="Revoke token"
      change={change}
      onConfirm={revoke}
      onClose={onClose}
    >
      <p>
        The token stops working everywhere within 30 seconds, and with it{" "}
        <strong>every token that it created</strong>, those that they created, and so on. You can't undo this.
      </p>
      {token.id === holder.id ? (
        <p class="warning-box">
          <strong>This is the token that you are signed in with.</strong> You are signed out, too.
        </p>
      ) : null}
    </ConfirmDialog>
  );
}
