/** Asks before a token is revoked. Then it shows what the token stored, and offers to disable its webhook endpoints. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { counted } from "../../words/statuses.ts";
import { setDisabled } from "../notifications/endpoint-state.tsx";
import type { Page } from "../pages.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeForm, ConfirmDialog, Dialog, useChange } from "../ui/forms.tsx";
import { useNotices } from "../ui/notices.tsx";

type RevokedApiTokens = Schemas["RevokedApiTokens"];

const AFTER_LOSS =
  "The token may be revoked already. If you try again, the service then says that there is no such token.";

interface RevokeDialogProps {
  readonly token: Schemas["ApiToken"];
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

export function RevokeDialog({ token, onClose, onRevoked }: RevokeDialogProps) {
  const { client, holder, scope, may } = useSession();
  const { note } = useNotices();
  const [left, setLeft] = useState<RevokedApiTokens | null>(null);
  /** The runs go on. A signed-out page can't show them. */
  function noteWaiting(count: RevokedApiTokens["waitingRuns"]) {
    if (count === 0 || token.id === holder.id) return;
    noteRuns(
      `${counted(count, "run")} that it created ${count === 1 ? "waits" : "wait"} and will still start. Cancel the runs that must not start.`,
    );
  }
  function noteApproved({ approvedRuns: { length }, moreApprovedRuns }: RevokedApiTokens) {
    if (length === 0 || token.id === holder.id) return;
    const runs = `${length}${moreApprovedRuns ? "+" : ""} waiting ${length === 1 ? "run" : "runs"}`;
    noteRuns(`${runs} that it approved will ask for another approval.`);
  }
  function noteRuns(text: string) {
    const page = { name: "runs", ...scope, envName: token.envName ?? scope.envName } as const;
    note(text, { link: { href: hrefOf(page, new URLSearchParams({ waiting: "any" })), text: "Waiting runs" } });
  }
  function done(result: RevokedApiTokens) {
    const below = result.revoked.length - 1;
    const also = below === 0 ? "" : ` So ${below === 1 ? "is 1 token" : `are ${below} tokens`} below it.`;
    note(`The token ${token.name} is revoked.${also}`);
    noteWaiting(result.waitingRuns);
    noteApproved(result);
    onRevoked();
    const hasLeft = result.webhookEndpoints.length + result.actions.length + result.schedules.length > 0;
    // A token that revoked itself can disable nothing.
    if (!hasLeft || token.id === holder.id || !may("webhooks:manage")) onClose();
    else setLeft(result);
  }
  if (left !== null) return <LeftDialog of={left} onClose={onClose} />;
  return (
    <ConfirmDialog
      title={`Revoke ${token.name}?`}
      verb="Revoke token"
      afterLoss={AFTER_LOSS}
      send={({ signal }) => client.tokens.revoke(token.id, { signal })}
      done={done}
      onClose={onClose}
    >
      <p>
        The token stops working everywhere within 30 seconds, and with it <strong>every token that it created</strong>,
        those that they created, and so on. You can't undo this.
      </p>
      {token.id === holder.id ? (
        <p class="note is-warning">
          <strong>This is the token that you are signed in with.</strong> You are signed out, too.
        </p>
      ) : null}
    </ConfirmDialog>
  );
}

/** Whoever had the token may have let endpoints and actions call a receiver of their own. */
function LeftDialog({ of, onClose }: { readonly of: RevokedApiTokens; readonly onClose: () => void }) {
  const { clientIn } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: "Some of them may be disabled already. You can try again." });
  const { webhookEndpoints } = of;
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
  const others = (
    <>
      <LeftBehind kind="action" of={of} note="Look at their versions unless you know them:" />
      <LeftBehind
        kind="schedule"
        of={of}
        note="The service disables each at its next time. Save those that must go on:"
      />
    </>
  );
  return (
    <Dialog title="What it stored" onClose={onClose}>
      {webhookEndpoints.length === 0 ? (
        <div class="stack gap-12">{others}</div>
      ) : (
        <ChangeForm
          change={change}
          onSubmit={disable}
          onClose={onClose}
          verb={webhookEndpoints.length === 1 ? "Disable the endpoint" : `Disable all ${webhookEndpoints.length}`}
          kind="danger"
          keep="Keep them"
        >
          <LeftBehind
            kind="endpoint"
            of={of}
            note="They still get messages. Disable them unless you know their receivers:"
          />
          {others}
        </ChangeForm>
      )}
    </Dialog>
  );
}

/** What lists of left definitions are called in a response, and in sentences, and which page shows one. */
const KINDS = {
  action: { list: "actions", more: "moreActions", noun: "actions" },
  schedule: { list: "schedules", more: "moreSchedules", noun: "schedules" },
  endpoint: { list: "webhookEndpoints", more: "moreWebhookEndpoints", noun: "webhook endpoints" },
} as const;

interface LeftBehindProps {
  readonly kind: keyof typeof KINDS;
  readonly of: Pick<RevokedApiTokens, (typeof KINDS)[keyof typeof KINDS]["list" | "more"]>;
  readonly note: string;
}

export function LeftBehind({ kind, of, note }: LeftBehindProps) {
  const { scope } = useSession();
  const { list, more, noun } = KINDS[kind];
  const definitions = of[list];
  if (definitions.length === 0) return null;
  return (
    <div class="stack">
      <p>
        The token, or one below it, stored these {noun} last. {note}
      </p>
      <ul class="card is-short">
        {definitions.map(({ envName, name }) => (
          <li key={`${envName}/${name}`}>
            <Link href={hrefOf({ name: kind, ...scope, envName, [kind]: name } as unknown as Page)}>
              {envName}/{name}
            </Link>
          </li>
        ))}
        {of[more] ? <li class="muted">and more</li> : null}
      </ul>
    </div>
  );
}
