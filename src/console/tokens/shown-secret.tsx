/** A token that is shown once, to be copied. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { DialogButtons } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";

interface ShownSecretProps {
  readonly label: string;
  /** The name of the token. */
  readonly name: string;
  readonly secret: string;
  readonly onClose: () => void;
  /** Stands below the secret. */
  readonly children?: ComponentChildren;
}

export function ShownSecret({ label, name, secret, onClose, children }: ShownSecretProps) {
  const field = useRef<HTMLDivElement>(null);
  useEffect(() => field.current?.querySelector("input")?.select(), []);
  return (
    <div class="dialog-body">
      <p>
        Copy the token{" "}
        <strong>
          <bdi>{name}</bdi>
        </strong>{" "}
        now. The service keeps only a hash of it, so nobody can see it again.
      </p>
      <div class="token-value" ref={field}>
        <TextField label={label} readOnly value={secret} />
        <CopyButton what="token" text={secret} hasWord />
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
