/** The runs of a bulk operation in words: its filter, or that somebody selected them. */

import { chipName, chipValue } from "../runs/chip-words.ts";
import { chipsOfFilter, type ShownFilter } from "./bulk-words.ts";

export function FilterWords({ filter }: { readonly filter: ShownFilter | null }) {
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
