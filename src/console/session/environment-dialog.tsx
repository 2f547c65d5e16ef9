/** Leads to another environment of the project. Environments are not registered, so there is no list of them. */

import { useState } from "preact/hooks";
import { pageAt, pathOf, type Scope } from "../routes/pages.ts";
import { useRouter } from "../routes/router.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog, DialogButtons } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";

interface EnvironmentDialogProps {
  readonly scope: Scope;
  readonly onClose: () => void;
}

export function EnvironmentDialog({ scope, onClose }: EnvironmentDialogProps) {
  const router = useRouter();
  const [envName, setEnvName] = useState(scope.envName);
  const [error, setError] = useState<string | null>(null);
  function go(event: Event) {
    event.preventDefault();
    const path = pathOf({ name: "runs", ...scope, envName: envName.trim() });
    if (pageAt(path) === null) {
      setError("Use 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen.");
      return;
    }
    onClose();
    router.navigate(path);
  }
  return (
    <Dialog title="Change the environment" onClose={onClose}>
      <form onSubmit={go} noValidate>
        <TextField
          label="Environment"
          hint={`Of ${scope.o}/${scope.p}.`}
          value={envName}
          error={error}
          onInput={(event) => setEnvName(event.currentTarget.value)}
        />
        <DialogButtons>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Go
          </Button>
        </DialogButtons>
      </form>
    </Dialog>
  );
}
