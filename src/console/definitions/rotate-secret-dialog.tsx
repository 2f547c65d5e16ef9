/** The secret that the service made for a definition: shown once, and replaced by a new one. */
import { useState } from "preact/hooks";
import { capitalized } from "../../words/statuses.ts";
import { SecretDialog } from "../tokens/token-dialogs.tsx";
import { firstGracePeriod, gracePeriodChoices, secondsOf } from "../tokens/token-rules.ts";
import { ChangeDialog, SelectField, useForm } from "../ui/forms.tsx";
import { useZone } from "../ui/time.tsx";
import type { MadeSecret } from "./kind.ts";

type About = Pick<MadeSecret<never>, "noun" | "advice" | "overlap" | "rotate">;

interface MadeSecretDialogProps {
  readonly about: Pick<About, "noun" | "advice">;
  /** Of the definition. */
  readonly name: string;
  readonly secret: string;
  /** Since when another one counts no longer; undefined if it is the first one. Null: at once. */
  readonly graceEndsAt?: string | null;
  readonly onClose: () => void;
}

export function MadeSecretDialog({
  about: { noun, advice },
  name,
  secret,
  graceEndsAt,
  onClose,
}: MadeSecretDialogProps) {
  const { exact } = useZone();
  return (
    <SecretDialog
      title={graceEndsAt === undefined ? `The ${noun}` : `The new ${noun}`}
      label={capitalized(noun)}
      what={`the ${noun} of ${name}`}
      secret={secret}
      onClose={onClose}
    >
      {graceEndsAt === undefined ? null : (
        <p>
          {graceEndsAt === null
            ? "The old secret no longer works."
            : `The old secret works beside it until ${exact(graceEndsAt)}.`}
        </p>
      )}
      <p>{advice}</p>
    </SecretDialog>
  );
}

interface RotateSecretDialogProps {
  readonly about: About;
  readonly name: string;
  /** What has the secret: `endpoint`. */
  readonly of: string;
  readonly onClose: () => void;
  readonly onRotated: () => void;
}

const CHOICES = gracePeriodChoices({ isOwn: false, isUnderWay: false });
const LOST = "The secret was made, but the response that had it got lost. Close this and rotate again.";

export function RotateSecretDialog({ about, name, of, onClose, onRotated }: RotateSecretDialogProps) {
  const [rotated, setRotated] = useState<Awaited<ReturnType<About["rotate"]>> | null>(null);
  const { change, texts, field } = useForm({ "/gracePeriodSeconds": firstGracePeriod(CHOICES) });
  const gracePeriodSeconds = secondsOf(texts["/gracePeriodSeconds"]);
  const rotate = () =>
    change.submit({
      body: { gracePeriodSeconds },
      send: (options) => about.rotate(name, { gracePeriodSeconds, ...options }),
      done(result) {
        onRotated();
        if (result.secret === null) change.refuse(new Map([[null, LOST]]));
        else setRotated(result);
      },
    });
  if (rotated !== null && rotated.secret !== null) {
    const { secret, graceEndsAt } = rotated;
    return <MadeSecretDialog about={about} name={name} secret={secret} graceEndsAt={graceEndsAt} onClose={onClose} />;
  }
  return (
    <ChangeDialog
      title={`Rotate the secret of ${name}?`}
      change={change}
      onSubmit={rotate}
      onClose={onClose}
      verb="Rotate secret"
    >
      <p>
        The {of} gets a new {about.noun}, which you see once.
      </p>
      <SelectField label="The old secret" hint={about.overlap} options={CHOICES} {...field("/gracePeriodSeconds")} />
    </ChangeDialog>
  );
}
