/** Asks before a token is revoked. */

import type { ApiToken } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { useNotices } from "../ui/notices.tsx";

interface RevokeDialogProps {
  readonly token: ApiToken;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

export function RevokeDialog({ token, onClose, onRevoked }: RevokeDialogProps) {
  const { client, holder } = useSession();
  const { note } = useNotices();
  async function revoke(): Promise<null> {
    const { revoked } = await client.tokens.revoke(token.id);
    const below = revoked.length - 1;
    const also = below === 0 ? "" : ` So ${below === 1 ? "is 1 token" : `are ${below} tokens`} below it.`;
    note(`The token ${token.name} is revoked.${also}`);
    onRevoked();
    onClose();
    return null;
  }
  return (
    <ConfirmDialog title={`Revoke ${token.name}?`} verb="Revoke token" onClose={onClose} onConfirm={revoke}>
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
