/** The environments to choose from. Environments are not registered, so the list has those with runs or actions. */

import type { Place } from "../../client/index.ts";
import type { Scope } from "../routes/pages.ts";
import { scopeOfEnvironment } from "./sign-in.ts";

interface EnvironmentListProps {
  readonly environments: readonly Place[];
  readonly current?: Scope;
  readonly onChoose: (scope: Scope) => void;
}

export function EnvironmentList({ environments, current, onChoose }: EnvironmentListProps) {
  if (environments.length === 0) return null;
  return (
    <ul class="environments" aria-label="Environments">
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
