/** Asks before a token is revoked. */

import { useState } from "preact/hooks";
import type { ApiToken } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { sentenceOf } from "../ui/error-view.tsx";
import { useNotices } from "../ui/notices.tsx";

interface RevokeDialogProps {
  readonly token: ApiToken;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

export function RevokeDialog({ token, onClose, onRevoked }: RevokeDialogProps) {
  const { client, holder } = useSession();
  const { note } = useNotices();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  async function revoke() {
    setBusy(true);
    setProblem(null);
    try {
      const { revoked } = await client.tokens.revoke(token.id);
      const below = revoked.length - 1;
      const also = below === 0 ? "" : ` So ${below === 1 ? "is 1 token" : `are ${below} tokens`} below it.`;
      note(`The token ${token.name} is revoked.${also}`);
      onRevoked();
      onClose();
    } catch (error) {
      setBusy(false);
      setProblem(sentenceOf(error));
    }
  }
  return (
    <Dialog title={`Revoke ${token.name}?`} onClose={onClose}>
      <div class="dialog-body">
        <p>
          The token stops working everywhere within 30 seconds, and with it{" "}
          <strong>every token that it created</strong>, those that they created, and so on. You can't undo
          this.
        </p>
        {token.id === holder.id ? (
          <p class="warning-box">
            <strong>This is the token that you are signed in with.</strong> You are signed out, too.
          </p>
        ) : null}
        {problem === null ? null : (
          <p class="field-error" role="alert">
            {problem}
          </p>
        )}
        <DialogButtons>
          <Button onClick={onClose}>Keep it</Button>
          <Button kind="danger" isBusy={isBusy} onClick={revoke}>
            Revoke token
          </Button>
        </DialogButtons>
      </div>
    </Dialog>
  );
}
