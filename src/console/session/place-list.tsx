/** The environments to choose from. Environments are not registered, so the list has those with runs or actions. */

import type { Place } from "../../client/index.ts";
import type { Scope } from "../routes/pages.ts";
import { scopeOfPlace } from "./sign-in.ts";

interface PlaceListProps {
  readonly places: readonly Place[];
  readonly current?: Scope;
  readonly onChoose: (scope: Scope) => void;
}

export function PlaceList({ places, current, onChoose }: PlaceListProps) {
  if (places.length === 0) return null;
  return (
    <ul class="places" aria-label="Environments">
      {places.map((place) => {
        const scope = scopeOfPlace(place);
        const { o, p, envName } = scope;
        const isCurrent = current?.o === o && current.p === p && current.envName === envName;
        return (
          <li key={`${o}/${p}/${envName}`}>
            <button
              type="button"
              class="place"
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
