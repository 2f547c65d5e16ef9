/** The runs of a bulk operation in words: its filter, or that somebody selected them. */

import type { BulkFilter } from "../../client/index.ts";
import { chipName, chipValue } from "../runs/chip-words.ts";
import { chipsOfFilter } from "./bulk-words.ts";

export function FilterWords({ filter }: { readonly filter: BulkFilter | null }) {
  if (filter === null) return <>selected one by one</>;
  return (
    <>
      {chipsOfFilter(filter).map((chip, index) => (
        <span key={`${chip.name} ${chip.value}`}>
          {index === 0 ? "" : ", "}
          <span class="muted">{chipName(chip)}</span> <bdi>{chipValue(chip)}</bdi>
        </span>
      ))}
    </>
  );
}
