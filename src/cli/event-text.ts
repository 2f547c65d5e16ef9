/** One line for each event of a run. Every text from the service passes through `plain`. */

import { type Output, plain } from "./output.ts";
import { cut } from "./table.ts";
import { instantText, STATUS_COLOUR } from "./telling.ts";
import { wrap } from "./wrap.ts";

const BAR_CELLS = 20;
/** The progress bar's share of a narrow terminal. */
const BAR_SHARE = 1 / 3;

/** An instant and the gap after it. */
const TIME_CELLS = 22;

/** A timeline event, even if its type is unknown here. One line, unless the terminal is too narrow for it. */
export function eventText(event: object, output: Output): string {
  const { type, at, seq: _, ...said } = event as Readonly<Record<string, unknown>>;
  const time = output.paint("dim", instantText(String(at)));
  const line = `${time}  ${plain(String(type).replaceAll("_", " ")).padEnd(17)} ${eventWords(String(type), said, output)}`;
  return wrap(line.trimEnd(), output.columns, TIME_CELLS);
}

type Said = Readonly<Record<string, unknown>>;

const OUTCOME_COLOUR: Readonly<Record<string, "green" | "yellow" | "dim">> = {
  accepted: "green",
  retry: "yellow",
  overtaken: "dim",
};

function eventWords(type: string, said: Said, output: Output): string {
  switch (type) {
    case "created":
      return `by ${text(said.by)}`;
    case "started":
      return `by ${text(said.cause)}`;
    case "heartbeat":
      return words(
        progressBar(said.progress),
        text(said.message),
        text(said.externalUrl),
        said.externalUrlRefused ? `· ${text(said.externalUrlRefused)}` : "",
      );
    case "heartbeats_thinned":
      return `${text(said.count)} are no longer kept`;
    case "external_url":
      return text(said.url);
    case "cancel_requested":
      return words(`by ${text(said.by)}`, until(said.until), said.reason ? `· ${text(said.reason)}` : "");
    case "attempt_started":
    case "stop_started":
      return `#${text(said.attempt)} to ${text(said.host)}`;
    case "attempt_answered":
    case "stop_answered":
      return attempt(said, output);
    case "waiting":
      return words(
        heldBy(said),
        said.until ? `· at most until ${instantText(String(said.until))}` : "",
        said.reason ? `· ${text(said.reason)}` : "",
        said.by ? `· started early ${byText(said)}` : "",
      );
    case "approved":
    case "rejected":
      return words(byText(said), said.reason ? `· ${text(said.reason)}` : "");
    case "approval_withdrawn":
      return words(byText(said), "· the token was revoked");
    case "released":
      return words(byText(said), said.approversUnchecked ? `· ${UNCHECKED}` : "");
    case "ended": {
      const status = text(said.status);
      const reason = said.reason ? `· ${text(said.reason)}` : "";
      return words(`${output.paint(STATUS_COLOUR[status] ?? "dim", status)},`, causeText(said), reason);
    }
    default:
      return text(JSON.stringify(said));
  }
}

const UNCHECKED = "the database was down, so a token that approved it can be revoked";

function heldBy(said: Said): string {
  switch (said.for) {
    case "time":
      return `for its time, ${instantText(text(said.notBefore))}`;
    case "concurrency":
      return said.group ? `for a slot of ${groupText(said)}` : "for its turn";
    case "pause":
      return "for the end of a pause";
    default:
      return `for ${text(said.for)}`;
  }
}

/** A concurrency group with its key. */
export function groupText({ group, key }: { readonly group?: unknown; readonly key?: unknown }): string {
  return words(text(group), key ? `(${text(key)})` : "");
}

/** Why a run ended, and who ended it. */
function causeText(said: Said): string {
  switch (said.cause) {
    case "gate":
      return "at a gate";
    case "rejected":
      return words("rejected", byText(said));
    case "replaced":
      return `replaced by the run ${text(said.replacedBy)}`;
    default:
      return words(`by ${text(said.cause)}`, text(said.by));
  }
}

function byText({ by, via }: Said): string {
  return by ? words(`by ${text(by)}`, via ? `via ${text(via)}` : "") : "";
}

function attempt(said: Said, output: Output): string {
  const colour = OUTCOME_COLOUR[text(said.outcome)] ?? "red";
  return words(
    said.attempt ? `#${text(said.attempt)}` : "",
    output.paint(colour, text(said.outcome).replaceAll("_", " ")),
    text(said.status),
    text(said.durationMs) === "" ? "" : `in ${text(said.durationMs)} ms`,
    // Not the status a second time.
    said.reason && said.reason !== `answered ${said.status}` ? `· ${text(said.reason)}` : "",
    said.nextAttemptAt ? `· next at ${instantText(String(said.nextAttemptAt))}` : "",
    // Last, because it can be long.
    said.excerpt ? `· ${text(said.excerpt)}` : "",
  );
}

function until(instantOfEnd: unknown): string {
  return instantOfEnd ? `until ${instantText(String(instantOfEnd))}` : "";
}

/** A heartbeat in at most `columns` cells. */
export function heartbeatLine(event: object, columns: number): string {
  const { at, progress, message } = event as Said;
  const cells = Math.min(BAR_CELLS, Math.floor(columns * BAR_SHARE));
  const said = words(progressBar(progress, cells), text(message));
  return cut(said === "" ? `heartbeat at ${instantText(String(at))}` : said, columns);
}

/** `progress`: 0 to 1, or anything else for no bar. */
export function progressBar(progress: unknown, cells = BAR_CELLS): string {
  if (typeof progress !== "number") return "";
  const share = Math.min(Math.max(progress, 0), 1);
  const full = Math.round(share * cells);
  return `[${"#".repeat(full)}${"-".repeat(cells - full)}] ${Math.round(share * 100)} %`;
}

/** Any value from the service, as one line. */
export function text(value: unknown): string {
  return value === null || value === undefined ? "" : plain(String(value));
}

export function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}
