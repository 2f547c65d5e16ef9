/** Leads to another environment that the token opens. */

import { useCallback, useState } from "preact/hooks";
import { pageAt, pathOf, type Scope } from "../routes/pages.ts";
import { useRouter } from "../routes/router.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { useLoad } from "../ui/load.ts";
import { useChange } from "../ui/use-change.ts";
import { EnvironmentList } from "./place-list.tsx";
import { useSession } from "./session.tsx";
import { firstOf } from "./sign-in.ts";

interface EnvironmentDialogProps {
  readonly scope: Scope;
  readonly onClose: () => void;
}

const NAME = "name";
const NAME_RULE = "Use 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen.";
const ENVIRONMENTS_SHOWN = 100;

export function EnvironmentDialog({ scope, onClose }: EnvironmentDialogProps) {
  const router = useRouter();
  const { reader } = useSession();
  const [envName, setEnvName] = useState("");
  const change = useChange();
  const read = useCallback((signal: AbortSignal) => firstOf(reader.places({ signal }), ENVIRONMENTS_SHOWN), [reader]);
  const { data: environments = [] } = useLoad(read);
  function go(to: Scope) {
    const path = pathOf({ name: "runs", ...to });
    if (pageAt(path) === null) return change.refuse(new Map([[NAME, NAME_RULE]]));
    onClose();
    router.navigate(path);
  }
  return (
    <Dialog title="Change the environment" onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={() => go({ ...scope, envName: envName.trim() })}
        onClose={onClose}
        verb="Go"
        isLocal
      >
        <EnvironmentList environments={environments} current={scope} onChoose={go} />
        <TextField
          label={environments.length === 0 ? "Environment" : "Another environment"}
          hint={`Of ${scope.o}/${scope.p}.`}
          value={envName}
          error={change.problems.get(NAME)}
          onText={setEnvName}
        />
      </ChangeForm>
    </Dialog>
  );
}
