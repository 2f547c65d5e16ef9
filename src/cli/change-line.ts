/** A changed run as one line, for people who follow all runs. Every text from the service passes through `plain`. */

import type { ActionRun } from "../client/index.ts";
import { durationText, timesOf } from "./durations.ts";
import { text, words } from "./event-text.ts";
import { type Output, plain } from "./output.ts";
import { cut } from "./table.ts";
import { firstLine, instantText, STATUS_COLOUR, shortId, WHOLE_IDS_FROM_CELLS } from "./telling.ts";

/** In fewer cells the date would leave too little for the rest. */
const DATES_FROM_CELLS = 80;
const STATUS_CELLS = 9;
/** Where the time of day begins in an instant. */
const TIME_AT = 11;

/** When, which run, its status, its action, and how it ended. As wide as the terminal at most. */
export function changeLine(run: ActionRun, output: Output): string {
  const { columns } = output;
  const at = instantText(run.completedAt ?? run.startedAt ?? run.createdAt);
  const time = columns < DATES_FROM_CELLS ? at.slice(TIME_AT) : at;
  const id = columns < WHOLE_IDS_FROM_CELLS ? shortId(run.id) : plain(run.id);
  const status = plain(run.status).padEnd(STATUS_CELLS);
  const { tookMs } = timesOf(run);
  const took = tookMs === null ? "" : `· ${durationText(tookMs)}`;
  const said = words(text(run.actionName), took, run.error === null ? "" : `· ${plain(firstLine(run.error))}`);
  const room = columns - time.length - id.length - status.length - 6;
  const colour = STATUS_COLOUR[run.status] ?? "dim";
  return `${output.paint("dim", time)}  ${id}  ${output.paint(colour, status)}  ${cut(said, room)}`;
}
