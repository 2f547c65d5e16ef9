/** A secret that is shown once, to be copied. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Dialog, DialogButtons, SelectField, TextField } from "../ui/forms.tsx";
import { Button } from "../ui/parts.tsx";
import { CopyButton } from "../ui/seen-texts.tsx";
import type { GracePeriodChoice } from "./token-rules.ts";

interface SecretDialogProps {
  readonly title: string;
  readonly label: string;
  /** What to copy: "the token". */
  readonly what: ComponentChildren;
  readonly secret: string;
  readonly onClose: () => void;
  /** Stands below the secret. */
  readonly children?: ComponentChildren;
}

export function SecretDialog({ title, label, what, secret, onClose, children }: SecretDialogProps) {
  const field = useRef<HTMLDivElement>(null);
  useEffect(() => field.current?.querySelector("input")?.select(), []);
  return (
    <Dialog title={title} onClose={onClose} isKept>
      <div class="stack gap-12">
        <p>Copy {what} now. Nobody can see it again.</p>
        <div class="with-button row no-wrap" ref={field}>
          <TextField label={label} readOnly value={secret} />
          <CopyButton what="secret" text={secret} hasWord />
        </div>
        {children}
        <DialogButtons>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </DialogButtons>
      </div>
    </Dialog>
  );
}

export function TokenName({ name }: { readonly name: string }) {
  return (
    <>
      the token{" "}
      <strong>
        <bdi>{name}</bdi>
      </strong>
    </>
  );
}

interface GracePeriodFieldProps {
  readonly label: string;
  readonly hint: string;
  readonly choices: readonly GracePeriodChoice[];
  /** The key of the choice. */
  readonly value: string;
  readonly error: string | undefined;
  readonly onText: (key: string) => void;
}

/** How long an old secret works beside its successor. */
export function GracePeriodField({ choices, ...field }: GracePeriodFieldProps) {
  return <SelectField {...field} options={choices.map(({ key, label }) => [key, label])} />;
}
