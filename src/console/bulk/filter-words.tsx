/** The runs of a bulk operation in words: its filter as chips, or that somebody selected them. */

import type { BulkFilter } from "../../client/index.ts";
import { chipName, chipValue } from "../runs/chip-words.ts";
import { chipsOfFilter } from "./bulk-words.ts";

export function FilterWords({ filter }: { readonly filter: BulkFilter | null }) {
  if (filter === null) return <span class="muted">selected one by one</span>;
  return (
    <span class="chips">
      {chipsOfFilter(filter).map((chip) => (
        <span key={`${chip.name} ${chip.value}`} class="chip">
          {chipName(chip)} <bdi>{chipValue(chip)}</bdi>
        </span>
      ))}
    </span>
  );
}
