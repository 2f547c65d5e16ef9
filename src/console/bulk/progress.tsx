/** How far a bulk operation is: its status, a bar and its counts. */

import type { BulkOperation } from "../../client/index.ts";
import { countText, least } from "../runs/counts.ts";
import { Mark } from "../ui/status.tsx";
import { countsText, doneOf, isUnderWay, markOf } from "./bulk-words.ts";

export function Progress({ operation }: { readonly operation: BulkOperation }) {
  const { counts, status } = operation;
  const { mark, word } = markOf(operation);
  const done = doneOf(counts);
  // While the set is collected, nobody knows how many runs it will have.
  const bar = status === "collecting" ? {} : { value: done, max: Math.max(least(counts.matched), 1) };
  return (
    <div class="bulk-progress">
      <p>
        <Mark mark={mark}>{word}</Mark>{" "}
        <span class="number muted">
          {status === "collecting"
            ? `${countText(counts.matched)} found`
            : isUnderWay(operation)
              ? `${countText(done)} of ${countText(counts.matched)}`
              : countsText(counts)}
        </span>
      </p>
      {isUnderWay(operation) ? <progress aria-label="Progress" {...bar} /> : null}
    </div>
  );
}
