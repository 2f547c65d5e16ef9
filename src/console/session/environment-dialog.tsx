/** Leads to another environment of the project. Environments are not registered, so there is no list of them. */

import { useState } from "preact/hooks";
import { pageAt, pathOf, type Scope } from "../routes/pages.ts";
import { useRouter } from "../routes/router.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { useChange } from "../ui/use-change.ts";

interface EnvironmentDialogProps {
  readonly scope: Scope;
  readonly onClose: () => void;
}

const NAME = "name";
const NAME_RULE = "Use 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen.";

export function EnvironmentDialog({ scope, onClose }: EnvironmentDialogProps) {
  const router = useRouter();
  const [envName, setEnvName] = useState(scope.envName);
  const change = useChange();
  function go() {
    const path = pathOf({ name: "runs", ...scope, envName: envName.trim() });
    if (pageAt(path) === null) return change.refuse(new Map([[NAME, NAME_RULE]]));
    onClose();
    router.navigate(path);
  }
  return (
    <Dialog title="Change the environment" onClose={onClose}>
      <ChangeForm change={change} onSubmit={go} onClose={onClose} verb="Go">
        <TextField
          label="Environment"
          hint={`Of ${scope.o}/${scope.p}.`}
          value={envName}
          error={change.problems.get(NAME)}
          onText={setEnvName}
        />
      </ChangeForm>
    </Dialog>
  );
}
