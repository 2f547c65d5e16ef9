/** Leads to another environment that the token opens. */
import type { Schemas } from "../../client/index.ts";
import { pageAt, pathOf, type Scope } from "../pages.ts";
import { useRouter } from "../router.tsx";
import { ChangeDialog, TextField, useForm } from "../ui/forms.tsx";
import { useRead } from "../ui/load.tsx";
import { useSession } from "./session.tsx";
import { ENVIRONMENTS_SHOWN, firstOf, scopeOfEnvironment } from "./sign-in.ts";

const NAME = "name";
const NAME_RULE = "Use 1 to 63 lower-case letters, digits and hyphens, not beginning with a hyphen.";

export function EnvironmentDialog({ scope, onClose }: { readonly scope: Scope; readonly onClose: () => void }) {
  const router = useRouter();
  const { reader } = useSession();
  const { change, texts, field } = useForm({ [NAME]: "" });
  const { data: environments = [] } = useRead(
    (signal) => firstOf(reader.places({}, { signal }), ENVIRONMENTS_SHOWN),
    [reader],
  );
  function go(to: Scope) {
    const path = pathOf({ name: "runs", ...to });
    if (pageAt(path) === null) return change.refuse(new Map([[NAME, NAME_RULE]]));
    onClose();
    router.navigate(path);
  }
  return (
    <ChangeDialog
      title="Change the environment"
      change={change}
      onSubmit={() => go({ ...scope, envName: texts[NAME].trim() })}
      onClose={onClose}
      verb="Go"
      isLocal
    >
      <EnvironmentList environments={environments} current={scope} onChoose={go} />
      <TextField
        label={environments.length === 0 ? "Environment" : "Another environment"}
        hint={`Of ${scope.o}/${scope.p}.`}
        {...field(NAME)}
      />
    </ChangeDialog>
  );
}

interface EnvironmentListProps {
  readonly environments: readonly Schemas["Place"][];
  readonly current?: Scope;
  readonly onChoose: (scope: Scope) => void;
}

/** The environments to choose from. Environments are not registered, so the list has those with runs or actions. */
export function EnvironmentList({ environments, current, onChoose }: EnvironmentListProps) {
  if (environments.length === 0) return null;
  return (
    <ul class="environments card is-short" aria-label="Environments">
      {environments.map((environment) => {
        const scope = scopeOfEnvironment(environment);
        const { o, p, envName } = scope;
        const isCurrent = current?.o === o && current.p === p && current.envName === envName;
        return (
          <li key={`${o}/${p}/${envName}`}>
            <button
              type="button"
              class="environment"
              aria-current={isCurrent ? "true" : undefined}
              onClick={() => onChoose(scope)}
            >
              <span class="muted">
                {o} / {p} /
              </span>{" "}
              <strong>{envName}</strong>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
