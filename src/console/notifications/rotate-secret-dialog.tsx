/** Gives an endpoint a new signing secret, and shows it once. */

import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { GracePeriodField, SecretDialog } from "../tokens/shown-secret.tsx";
import { firstGracePeriod, gracePeriodChoices } from "../tokens/token-rules.ts";
import { ChangeDialog } from "../ui/dialog.tsx";
import { useZone } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { SecretAdvice } from "./endpoint-editor.tsx";

interface RotateSecretDialogProps {
  readonly name: string;
  readonly onClose: () => void;
  readonly onRotated: () => void;
}

const CHOICES = gracePeriodChoices({ isOwn: false, isUnderWay: false });
const LOST = "The secret was made, but the response that had it got lost. Close this and rotate again.";

export function RotateSecretDialog({ name, onClose, onRotated }: RotateSecretDialogProps) {
  const { client } = useSession();
  const [gracePeriod, setGracePeriod] = useState(() => firstGracePeriod(CHOICES));
  const { exact } = useZone();
  const [rotated, setRotated] = useState<Schemas["RotatedSigningSecret"] | null>(null);
  const change = useChange({ fields: ["/gracePeriodSeconds"] });
  const gracePeriodSeconds = CHOICES.find(({ key }) => key === gracePeriod)?.seconds;
  const rotate = () =>
    change.submit({
      body: { gracePeriodSeconds },
      send: ({ signal, idempotencyKey }) =>
        client.webhookEndpoints.rotateSecret(name, { gracePeriodSeconds, signal, idempotencyKey }),
      done(result) {
        onRotated();
        if (result.signingSecret === null) change.refuse(new Map([[null, LOST]]));
        else setRotated(result);
      },
    });
  if (rotated?.signingSecret) {
    const { signingSecret, graceEndsAt } = rotated;
    return (
      <SecretDialog
        title="The new signing secret"
        label="Signing secret"
        what={`the signing secret of ${name}`}
        secret={signingSecret}
        onClose={onClose}
      >
        <p>
          {graceEndsAt === null
            ? "The old secret no longer signs."
            : `The old secret signs beside it until ${exact(graceEndsAt)}.`}
        </p>
        <SecretAdvice />
      </SecretDialog>
    );
  }
  return (
    <ChangeDialog
      title={`Rotate the secret of ${name}?`}
      change={change}
      onSubmit={rotate}
      onClose={onClose}
      verb="Rotate secret"
    >
      <p>The endpoint gets a new signing secret, which you see once.</p>
      <GracePeriodField
        label="The old secret"
        hint="While it works, both sign each message, so that the receiver can change over."
        choices={CHOICES}
        value={gracePeriod}
        error={change.problems.get("/gracePeriodSeconds")}
        onText={setGracePeriod}
      />
    </ChangeDialog>
  );
}
