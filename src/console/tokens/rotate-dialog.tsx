/** Gives a token a new secret, and shows it once. */

import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm, Dialog } from "../ui/dialog.tsx";
import { SelectField } from "../ui/field.tsx";
import { Countdown, exactTime } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { LeftBehind } from "./revoke-dialog.tsx";
import { ShownSecret, TokenName } from "./shown-secret.tsx";
import { firstGracePeriod, gracePeriodChoices } from "./token-rules.ts";

type RotatedApiToken = Schemas["RotatedApiToken"];

interface RotateDialogProps {
  readonly token: Schemas["ApiToken"];
  readonly onClose: () => void;
  /** Called when the token was rotated, or may have been. */
  readonly onRotated: () => void;
}

export function RotateDialog({ token, onClose, onRotated }: RotateDialogProps) {
  const [rotated, setRotated] = useState<RotatedApiToken | null>(null);
  function show(result: RotatedApiToken) {
    setRotated(result);
    onRotated();
  }
  if (rotated === null) {
    return (
      <Dialog title={`Rotate ${token.name}?`} onClose={onClose}>
        <RotateForm token={token} onClose={onClose} onRotated={onRotated} onDone={show} />
      </Dialog>
    );
  }
  return (
    <Dialog title="The new secret" onClose={onClose} isKept>
      <ShownSecret label="New secret" what={<TokenName name={rotated.name} />} secret={rotated.token} onClose={onClose}>
        <p>
          <OldSecret endsAt={rotated.oldSecretExpiresAt} />
        </p>
        <Children of={rotated} />
        <LeftBehind kind="endpoint" of={rotated} note={LEAKED} />
        <LeftBehind kind="action" of={rotated} note={LEAKED} />
      </ShownSecret>
    </Dialog>
  );
}

const LEAKED = "If the old secret leaked, check those that you don't know:";

interface RotateFormProps extends RotateDialogProps {
  readonly onDone: (rotated: RotatedApiToken) => void;
}

const AFTER_LOSS = "The token may have a new secret that nobody has seen. Then rotate it again.";

function RotateForm({ token, onClose, onRotated, onDone }: RotateFormProps) {
  const { client, holder } = useSession();
  const isOwn = token.id === holder.id;
  const { oldSecretExpiresAt } = token;
  const choices = gracePeriodChoices({ isOwn, isUnderWay: oldSecretExpiresAt !== null });
  const [gracePeriod, setGracePeriod] = useState(() => firstGracePeriod(choices));
  const change = useChange({ fields: ["/overlapSeconds"], afterLoss: AFTER_LOSS });
  const overlapSeconds = choices.find(({ key }) => key === gracePeriod)?.seconds;
  const rotate = () =>
    change.submit({
      send: ({ signal }) => client.tokens.rotate(token.id, { signal, overlapSeconds }),
      done: onDone,
      explain({ status }) {
        if (status === null) onRotated();
        return null;
      },
    });
  return (
    <ChangeForm change={change} onSubmit={rotate} onClose={onClose} verb="Rotate token">
      <p>The token gets a new secret, which you see once. Its id, its name and the tokens that it created stay.</p>
      {oldSecretExpiresAt === null ? null : (
        <p class="warning-box">
          <strong>An earlier secret still works until {exactTime(oldSecretExpiresAt)}.</strong> The current secret stops
          at once.
        </p>
      )}
      {isOwn ? (
        <p class="warning-box">
          <strong>This is the token that you are signed in with.</strong> You stay signed in until its old secret ends.
          Then sign in with the new one.
        </p>
      ) : null}
      <SelectField
        label={oldSecretExpiresAt === null ? "The old secret" : "The earlier secret"}
        hint="While it works, it only reads, and creates and cancels runs. Its sessions end with it."
        value={gracePeriod}
        error={change.problems.get("/overlapSeconds")}
        onText={setGracePeriod}
      >
        {choices.map(({ key, label }) => (
          <option key={key} value={key}>
            {label}
          </option>
        ))}
      </SelectField>
    </ChangeForm>
  );
}

function OldSecret({ endsAt }: { readonly endsAt: string | null }) {
  if (endsAt === null) return <>The old secret stops everywhere within 30 seconds.</>;
  return (
    <>
      The old secret ends <Countdown until={endsAt} />, on {exactTime(endsAt)}.
    </>
  );
}

/** The holder of a leaked secret could have created them. */
function Children({ of: { children, moreChildren } }: { readonly of: RotatedApiToken }) {
  if (children.length === 0) return null;
  return (
    <div>
      <p>
        The token created these tokens, and they still work. If the old secret leaked, revoke those that you don't know:
      </p>
      <ul class="token-children">
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
