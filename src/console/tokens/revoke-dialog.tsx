/** Asks before a token is revoked. Then it offers to disable the webhook endpoints that the token stored. */

import { useState } from "preact/hooks";
import type { ApiToken, RevokedApiTokens } from "../../client/index.ts";
import { setDisabled } from "../notifications/disabling.ts";
import { hrefOf, Link } from "../routes/router.tsx";
import { countText } from "../runs/counts.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { Dialog } from "../ui/dialog.tsx";
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
  const { client, holder, scope, may } = useSession();
  const { note } = useNotices();
  const [left, setLeft] = useState<RevokedApiTokens | null>(null);
  const change = useChange({ afterLoss: AFTER_LOSS });
  const revoke = () =>
    change.submit({
      send: ({ signal }) => client.tokens.revoke(token.id, { signal }),
      done(result) {
        const below = result.revoked.length - 1;
        const also = below === 0 ? "" : ` So ${below === 1 ? "is 1 token" : `are ${below} tokens`} below it.`;
        note(`The token ${token.name} is revoked.${also}`);
        noteWaiting(result.waitingRuns);
        onRevoked();
        // A token that revoked itself can disable nothing.
        if (result.webhookEndpoints.length === 0 || token.id === holder.id || !may("webhooks:manage"))
          onClose();
        else setLeft(result);
      },
    });
  /** The runs go on. A signed-out page can't show them. */
  function noteWaiting(count: RevokedApiTokens["waitingRuns"]) {
    if (count === 0 || token.id === holder.id) return;
    const page = { name: "runs", ...scope, envName: token.envName ?? scope.envName } as const;
    const runs =
      count === 1 ? "1 run that it created waits" : `${countText(count)} runs that it created wait`;
    note(`${runs} and will still start. Cancel the runs that must not start.`, {
      link: { href: hrefOf(page, new URLSearchParams({ waiting: "any" })), text: "Waiting runs" },
    });
  }
  if (left !== null) return <EndpointsDialog of={left} onClose={onClose} />;
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

interface EndpointsDialogProps {
  readonly of: RevokedApiTokens;
  readonly onClose: () => void;
}

/** Whoever had the token may have let endpoints call a receiver of their own. */
function EndpointsDialog({ of: { webhookEndpoints, moreWebhookEndpoints }, onClose }: EndpointsDialogProps) {
  const { clientIn, scope } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: "Some of them may be disabled already. You can try again." });
  const disable = () =>
    change.submit({
      async send({ signal }) {
        for (const { envName, name } of webhookEndpoints) {
          await setDisabled(clientIn(envName), name, true, signal);
        }
      },
      done() {
        note(webhookEndpoints.length === 1 ? "The endpoint is disabled." : "The endpoints are disabled.");
        onClose();
      },
    });
  return (
    <Dialog title="Its webhook endpoints" onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={disable}
        onClose={onClose}
        verb={webhookEndpoints.length === 1 ? "Disable it" : `Disable all ${webhookEndpoints.length}`}
        kind="danger"
        keep="Keep them"
      >
        <p>
          The token, or one below it, stored these endpoints last. They still get messages. Disable them
          unless you know their receivers:
        </p>
        <ul class="token-children">
          {webhookEndpoints.map(({ envName, name }) => (
            <li key={`${envName}/${name}`}>
              <Link href={hrefOf({ name: "endpoint", ...scope, envName, endpoint: name })}>
                {envName}/{name}
              </Link>
            </li>
          ))}
          {moreWebhookEndpoints ? <li class="muted">and more: see the page Notifications</li> : null}
        </ul>
      </ChangeForm>
    </Dialog>
  );
}
