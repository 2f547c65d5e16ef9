/** The secrets of a definition: fields to type them, and the secret that the service makes and shows once. */
import { useState } from "preact/hooks";
import type { ActionRunsError } from "../../client/index.ts";
import { capitalized } from "../../words/statuses.ts";
import type { ProductSecret } from "../actions/products.ts";
import { useSession } from "../session/session.tsx";
import { SecretDialog } from "../tokens/token-dialogs.tsx";
import { firstGracePeriod, gracePeriodChoices, secondsOf } from "../tokens/token-rules.ts";
import { ChangeDialog, type Problems, SelectField, TextField, useForm } from "../ui/forms.tsx";
import { useZone } from "../ui/time.tsx";
import type { DefinitionKind, MadeSecret } from "./kind.ts";
import { nameAt } from "./members.ts";

interface SecretFieldsProps {
  readonly pointers: readonly string[];
  /** Whether they stand among other fields, and not in a group of their own. */
  readonly isInline?: boolean;
  readonly known?: readonly ProductSecret[];
  readonly typed: ReadonlyMap<string, string>;
  /** Secrets that the service has. An empty field keeps them. */
  readonly stored: ReadonlySet<string>;
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onType: (pointer: string, text: string) => void;
}

const WRITTEN_ONCE = "Nobody can read a secret again, and no response shows it.";
const KEPT = "Leave it empty to keep the stored value.";
const MISSING = "The service has no stored value for this. Type the value.";
const MOVED = "The service keeps the stored value only for the address that it was stored for. Type the value again.";

/** A password field for each secret that a definition leaves null. */
export function SecretFields({ pointers, isInline = false, known = [], typed, stored, ...more }: SecretFieldsProps) {
  const { problemAt, onType } = more;
  if (pointers.length === 0) return null;
  const fields = pointers.map((pointer) => {
    const about = known.find((secret) => secret.pointer === pointer);
    const hint = stored.has(pointer) ? KEPT : isInline ? WRITTEN_ONCE : "";
    return (
      <TextField
        key={pointer}
        type="password"
        autocomplete="new-password"
        placeholder={stored.has(pointer) ? "••••••••" : undefined}
        label={about?.label ?? (isInline ? nameAt(pointer) : labelOf(pointer))}
        hint={[about?.hint, hint].filter(Boolean).join(" ")}
        value={typed.get(pointer) ?? ""}
        error={problemAt(pointer)}
        onText={(text) => onType(pointer, text)}
      />
    );
  });
  if (isInline) return <>{fields}</>;
  return (
    <fieldset class="group stack gap-14">
      <legend>Secrets</legend>
      <p class="hint">{WRITTEN_ONCE}</p>
      {fields}
    </fieldset>
  );
}

/** The form's words for a secret that the service can't keep. Null for other errors. `stored`: what it has. */
export function secretProblem(
  { code, pointer }: ActionRunsError,
  fields: readonly string[],
  stored: ReadonlySet<string>,
): Problems | null {
  if (code !== "secret_required" || pointer === null || !fields.includes(pointer)) return null;
  return new Map([[pointer, stored.has(pointer) ? MOVED : MISSING]]);
}

function labelOf(pointer: string): string {
  const name = nameAt(pointer);
  if (pointer.endsWith("/signingSecret")) return "Signing secret (whsec_…)";
  if (pointer.startsWith("/trigger/cancel/")) return `Header ${name} of the stop request`;
  return pointer.includes("/headers/") ? `Header ${name}` : `Secret ${name}`;
}

interface MadeSecretDialogProps {
  readonly about: Pick<MadeSecret, "noun" | "advice">;
  readonly name: string;
  readonly secret: string;
  /** Since when another one counts no longer; undefined if it is the first one. Null: at once. */
  readonly graceEndsAt?: string | null;
  readonly onClose: () => void;
}

export function MadeSecretDialog({ about, name, secret, graceEndsAt, onClose }: MadeSecretDialogProps) {
  const { noun, advice } = about;
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
  readonly kind: DefinitionKind & { readonly madeSecret: MadeSecret };
  readonly name: string;
  readonly onClose: () => void;
  readonly onRotated: () => void;
}

const CHOICES = gracePeriodChoices({ isOwn: false, isUnderWay: false });
const LOST = "The secret was made, but the response that had it got lost. Close this and rotate again.";

export function RotateSecretDialog({ kind, name, onClose, onRotated }: RotateSecretDialogProps) {
  const { noun, madeSecret: about } = kind;
  const { client } = useSession();
  const [rotated, setRotated] = useState<{ secret: string; graceEndsAt: string | null } | null>(null);
  const { change, texts, field } = useForm({ "/gracePeriodSeconds": firstGracePeriod(CHOICES) });
  const gracePeriodSeconds = secondsOf(texts["/gracePeriodSeconds"]);
  const rotate = () =>
    change.submit({
      body: { gracePeriodSeconds },
      send: (options) => about.rotate(client, name, { gracePeriodSeconds, ...options }),
      done({ secret, graceEndsAt }) {
        onRotated();
        if (secret === null) change.refuse(new Map([[null, LOST]]));
        else setRotated({ secret, graceEndsAt });
      },
    });
  if (rotated !== null) return <MadeSecretDialog about={about} name={name} {...rotated} onClose={onClose} />;
  return (
    <ChangeDialog
      title={`Rotate the secret of ${name}?`}
      change={change}
      onSubmit={rotate}
      onClose={onClose}
      verb="Rotate secret"
    >
      <p>
        The {noun} gets a new {about.noun}, which you see once.
      </p>
      <SelectField label="The old secret" hint={about.overlap} options={CHOICES} {...field("/gracePeriodSeconds")} />
    </ChangeDialog>
  );
}
