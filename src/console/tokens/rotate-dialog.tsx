/** Gives a token a new secret, and shows it once. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, useChange } from "../ui/forms.tsx";
import { Countdown, useZone } from "../ui/time.tsx";
import { LeftBehind } from "./revoke-dialog.tsx";
import { GracePeriodField, SecretDialog, TokenName } from "./shown-secret.tsx";
import { firstGracePeriod, gracePeriodChoices } from "./token-rules.ts";

interface RotateDialogProps {
  readonly token: Schemas["ApiToken"];
  readonly onClose: () => void;
  /** Called when the token was rotated, or may have been. */
  readonly onRotated: () => void;
}

const LEAKED = "If the old secret leaked, check those that you don't know:";
const AFTER_LOSS = "The token may have a new secret that nobody has seen. Then rotate it again.";

export function RotateDialog({ token, onClose, onRotated }: RotateDialogProps) {
  const { exact } = useZone();
  const { client, holder } = useSession();
  const isOwn = token.id === holder.id;
  const { oldSecretExpiresAt } = token;
  const choices = gracePeriodChoices({ isOwn, isUnderWay: oldSecretExpiresAt !== null });
  const [gracePeriod, setGracePeriod] = useState(() => firstGracePeriod(choices));
  const [rotated, setRotated] = useState<Schemas["RotatedApiToken"] | null>(null);
  const change = useChange({ fields: ["/overlapSeconds"], afterLoss: AFTER_LOSS });
  const overlapSeconds = choices.find(({ key }) => key === gracePeriod)?.seconds;
  const rotate = () =>
    change.submit({
      send: ({ signal }) => client.tokens.rotate(token.id, { signal, overlapSeconds }),
      done(result) {
        setRotated(result);
        onRotated();
      },
      explain({ status }) {
        if (status === null) onRotated();
        return null;
      },
    });
  if (rotated !== null) {
    return (
      <SecretDialog
        title="The new secret"
        label="New secret"
        what={<TokenName name={rotated.name} />}
        secret={rotated.token}
        onClose={onClose}
      >
        <p>
          <OldSecret endsAt={rotated.oldSecretExpiresAt} />
        </p>
        <Children of={rotated} />
        <LeftBehind kind="endpoint" of={rotated} note={LEAKED} />
        <LeftBehind kind="action" of={rotated} note={LEAKED} />
        <LeftBehind kind="schedule" of={rotated} note={LEAKED} />
      </SecretDialog>
    );
  }
  return (
    <ChangeDialog
      title={`Rotate ${token.name}?`}
      change={change}
      onSubmit={rotate}
      onClose={onClose}
      verb="Rotate token"
    >
      <p>The token gets a new secret, which you see once. Its id, its name and the tokens that it created stay.</p>
      {oldSecretExpiresAt === null ? null : (
        <p class="note is-warning">
          <strong>An earlier secret still works until {exact(oldSecretExpiresAt)}.</strong> The current secret stops at
          once.
        </p>
      )}
      {isOwn ? (
        <p class="note is-warning">
          <strong>This is the token that you are signed in with.</strong> You stay signed in until its old secret ends.
          Then sign in with the new one.
        </p>
      ) : null}
      <GracePeriodField
        label={oldSecretExpiresAt === null ? "The old secret" : "The earlier secret"}
        hint="While it works, it only reads, and creates and cancels runs. Its sessions end with it."
        choices={choices}
        value={gracePeriod}
        error={change.problems.get("/overlapSeconds")}
        onText={setGracePeriod}
      />
    </ChangeDialog>
  );
}

function OldSecret({ endsAt }: { readonly endsAt: string | null }) {
  const { exact } = useZone();
  if (endsAt === null) return <>The old secret stops everywhere within 30 seconds.</>;
  return (
    <>
      The old secret ends <Countdown until={endsAt} />, on {exact(endsAt)}.
    </>
  );
}

/** The holder of a leaked secret could have created them. */
function Children({ of: { children, moreChildren } }: { readonly of: Schemas["RotatedApiToken"] }) {
  if (children.length === 0) return null;
  return (
    <div class="stack">
      <p>
        The token created these tokens, and they still work. If the old secret leaked, revoke those that you don't know:
      </p>
      <ul class="card is-short">
        {children.map(({ id, name }) => (
          <li key={id}>
            <bdi>{name}</bdi> <code class="muted">{id}</code>
          </li>
        ))}
        {moreChildren ? <li class="muted">and more</li> : null}
      </ul>
    </div>
  );
}
