/** The table of runs. Every text from the service passes through `plain`. */

import type { DetailedActionRun } from "../client/index.ts";
import { ageText, durationText, timesOf } from "./durations.ts";
import type { Output } from "./output.ts";
import type { Column } from "./table.ts";
import { firstLine, idShortener, instantText, STATUS_COLOUR, WHOLE_IDS_FROM_CELLS } from "./telling.ts";
import { failingText, waitsForText } from "./waits-for.ts";

// The id is never cut at its end, because commands find a run by the end of its id. A column without text takes no room.
function runColumns(hasWholeIds: boolean, hasErrors: boolean, isWaiting: boolean): readonly Column[] {
  return [
    { heading: "RUN" },
    { heading: "STATUS" },
    { heading: "AGE", dispensable: 1 },
    { heading: "TOOK", dispensable: 2 },
    { heading: hasWholeIds ? "CREATED" : "", dispensable: 4 },
    { heading: "BY", least: 8, dispensable: 3 },
    { heading: "ACTION", least: 20 },
    { heading: isWaiting ? "WAITS" : "", least: 16 },
    { heading: hasErrors ? "ERROR" : "", least: hasWholeIds ? 24 : 12 },
  ];
}

/** `now`: in ms, for the ages. In a narrow terminal an id is as short as commands accept it. */
export function runTable(runs: readonly DetailedActionRun[], output: Output, now = Date.now()): string {
  const hasWholeIds = output.columns >= WHOLE_IDS_FROM_CELLS;
  const shown = idShortener(
    runs.map(({ id }) => id),
    output,
  );
  const rows = runs.map((run) => {
    const { tookMs } = timesOf(run);
    return [
      shown(run.id),
      run.status,
      ageText(now - Date.parse(run.createdAt)),
      tookMs === null ? "" : durationText(tookMs),
      // In a narrow terminal the age says as much in less room.
      hasWholeIds ? instantText(run.createdAt) : "",
      run.triggeredBy,
      run.actionName,
      run.details === undefined ? "" : waitsForText(run.details, now) || failingText(run.details, now),
      run.error === null ? "" : firstLine(run.error),
    ];
  });
  const hasErrors = runs.some(({ error }) => error !== null);
  const isWaiting = runs.some(({ details }) => details?.waiting || details?.delivery);
  return output.table(runColumns(hasWholeIds, hasErrors, isWaiting), rows, (column, cell) =>
    column === 1 ? (STATUS_COLOUR[cell] ?? null) : null,
  );
}
