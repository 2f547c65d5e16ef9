/** A secret that is shown once, to be copied. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { DialogButtons } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";

interface ShownSecretProps {
  readonly label: string;
  /** What to copy: "the token". */
  readonly what: ComponentChildren;
  readonly secret: string;
  readonly onClose: () => void;
  /** Stands below the secret. */
  readonly children?: ComponentChildren;
}

export function ShownSecret({ label, what, secret, onClose, children }: ShownSecretProps) {
  const field = useRef<HTMLDivElement>(null);
  useEffect(() => field.current?.querySelector("input")?.select(), []);
  return (
    <div class="stack gap-12">
      <p>Copy {what} now. Nobody can see it again.</p>
      <div class="with-button" ref={field}>
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
