/** A run with all its members, for people. Every text from the service passes through `plain`. */
import type { Schemas } from "../client/index.ts";
import {
  fields,
  firstLine,
  fittedValue,
  idShortener,
  indent,
  instantText,
  objectText,
  STATUS_COLOUR,
  shortId,
  WHOLE_IDS_FROM_CELLS,
} from "./fields.ts";
import { type Column, cut, logLines, type Output, plain, wrap } from "./output.ts";
import { ageText, durationText, timesOf } from "./times.ts";

type ActionRun = Schemas["ActionRun"];
type ActionRunDetails = Schemas["ActionRunDetails"];

/** A run with all its members. `details`: those that say why the run does not start. */
export function runText(
  run: Schemas["DetailedActionRun"] & Schemas["ReportedActionRun"],
  output: Output,
  details: Pick<ActionRunDetails, "delivery"> | undefined = run.details,
): string {
  const rows = [
    ["run", plain(run.id)],
    ["action", plain(run.actionName)],
    ["status", output.paint(STATUS_COLOUR[run.status] ?? "dim", plain(run.status))],
    ["entity", run.entityId && plain(run.entityId)],
    ["by", words(plain(run.triggeredBy), run.details?.via ? `via ${plain(run.details.via)}` : "")],
    ["created", instantText(run.createdAt)],
    ["started", run.startedAt && `${instantText(run.startedAt)}${waited(run)}`],
    ["completed", run.completedAt && `${instantText(run.completedAt)}${ranOrTook(run)}`],
    ["parameters", objectText(run.parameters)],
    ["recommendations", objectText(run.recommendations)],
    ["output", objectText(run.output, logLines)],
    ["error", run.error && fittedValue(logLines(run.error), output)],
    ["delivery", details && failingText(details, Date.now())],
    ["too long", run.truncated && truncatedText(run.truncated)],
    ...(run.details === undefined ? [] : detailRows(run.details)),
  ];
  return fields(rows, output);
}

/** Which parts of a report the service shortened. */
export function truncatedText(truncated: readonly string[]): string {
  return `${truncated.map(plain).join(", ")}: the service kept only a part`;
}

function detailRows(details: ActionRunDetails) {
  const { action, retryOf, bulkOperationId, labels, traceparent, externalUrl, heartbeat, cancel, waiting } = details;
  const by = cancel?.by ? ` by ${plain(cancel.by)}` : "";
  return [
    ["gate", waitsForText(details, Date.now())],
    ["at most until", waiting && instantText(waiting.until)],
    ["approvals", approvalsText(details.approval)],
    ["stored action", action && `${plain(action.name)}, version ${text(action.version)}`],
    ["retry of", retryOf && plain(retryOf)],
    ["bulk operation", bulkOperationId && plain(bulkOperationId)],
    ["labels", labels.map(plain).join(", ")],
    ["trace", traceparent && plain(traceparent)],
    ["page", externalUrl && plain(externalUrl)],
    [
      "heartbeat",
      heartbeat && words(instantText(heartbeat.at), progressBar(heartbeat.progress), text(heartbeat.message)),
    ],
    ["cancel", cancel && `requested${by} at ${instantText(cancel.requestedAt)}, ends by ${instantText(cancel.until)}`],
    ["reason", cancel?.reason && plain(cancel.reason)],
  ];
}

/** How many, and by whom, each on a line. */
function approvalsText(approval: ActionRunDetails["approval"]): string | null {
  if (!approval) return null;
  const { required, approvals } = approval;
  const given = approvals.map(({ by, via, at, reason }) =>
    words(
      `by ${plain(by)}`,
      via === null ? "" : `via ${plain(via)}`,
      `at ${instantText(at)}`,
      reason === null ? "" : `· ${plain(reason)}`,
    ),
  );
  return indent([`${approvals.length} of ${text(required)}`, ...given].join("\n"));
}

function waited(run: ActionRun): string {
  const { waitedMs } = timesOf(run);
  return waitedMs === null ? "" : `, waited ${durationText(waitedMs)}`;
}

function ranOrTook(run: ActionRun): string {
  const { ranMs, tookMs } = timesOf(run);
  if (ranMs !== null) return `, ran ${durationText(ranMs)}`;
  return tookMs === null ? "" : `, took ${durationText(tookMs)}`;
}

/* SECTION: The table of runs. Every text from the service passes through `plain`. */

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
export function runTable(runs: readonly Schemas["DetailedActionRun"][], output: Output, now = Date.now()): string {
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

/* SECTION: A changed run as one line, for people who follow all runs. Every text from the service passes through `plain`. */

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

/* SECTION:
 * What a run waits for, in words. Every text from the service passes through `plain`. PURE, apart from the machine's time
 * zone: people plan by their own clock, so a start has their time with its offset.
 */

type Waiting = NonNullable<ActionRunDetails["waiting"]>;
type Gated = Pick<ActionRunDetails, "waiting" | "approval">;

/** How many runs ahead a line names. */
const NAMED_AHEAD = 2;

/** One line without a full stop; empty if the run does not wait. `now` in ms. */
export function waitsForText({ waiting, approval }: Gated, now: number): string {
  if (!waiting) return "";
  switch (waiting.for) {
    case "time":
      return `${startText(waiting, now)}${lacksApprovals(approval) ? ", if it is approved" : ""}`;
    case "approval":
      return `waits for approval${countText(approval)}`;
    case "concurrency":
      return queueText(waiting);
    case "pause":
      return words("paused", waiting.reason === null ? "" : `· ${text(waiting.reason)}`);
    default:
      // A newer service may know more gates.
      return `waits for ${text(waiting.for)}`;
  }
}

/**
 * Why the receiver did not take the webhook, without a full stop; empty if no attempt has failed. In a list, the next
 * attempt can have come since.
 */
export function failingText({ delivery }: Pick<ActionRunDetails, "delivery">, now: number): string {
  if (!delivery) return "";
  const leftMs = Date.parse(delivery.nextAttemptAt ?? "") - now;
  const next = leftMs > 0 ? `tried again in ${leftText(leftMs)}` : "being tried again";
  return `${text(delivery.reason).replace(/\.$/, "")}, ${next}`;
}

function startText({ notBefore }: Waiting, now: number): string {
  if (notBefore === null) return "waits for its time";
  const leftMs = Date.parse(notBefore) - now;
  return `starts ${localText(notBefore)}${leftMs > 0 ? `, in ${leftText(leftMs)}` : ""}`;
}

/** Whole seconds, because the line changes each second. */
function leftText(ms: number): string {
  return ms < 60_000 ? `${Math.ceil(ms / 1000)}s` : durationText(ms);
}

function queueText(waiting: Waiting): string {
  const { position, behind = [] } = waiting;
  const nth = position ? `, ${ordinal(position)}` : "";
  const more = behind.length - NAMED_AHEAD;
  const ahead = behind.slice(0, NAMED_AHEAD).map(shortId).join(", ");
  const those = ahead === "" ? "" : `, behind ${ahead}${more > 0 ? ` and ${more} more` : ""}`;
  const what = waiting.group === null ? "its turn" : `a slot of ${groupText(waiting)}`;
  return `waits for ${what}${nth}${those}`;
}

function lacksApprovals(approval: Gated["approval"]): boolean {
  return approval ? approval.approvals.length < approval.required : false;
}

function countText(approval: Gated["approval"]): string {
  return approval && approval.required > 1 ? `, ${approval.approvals.length} of ${text(approval.required)}` : "";
}

/** `1st`, `2nd`, `11th`. */
function ordinal(position: number): string {
  const ending = new Map([
    ["one", "st"],
    ["two", "nd"],
    ["few", "rd"],
  ]).get(ORDER.select(position));
  return `${text(position)}${ending ?? "th"}`;
}

const ORDER = new Intl.PluralRules("en", { type: "ordinal" });

/** `2026-11-30 06:00 +01:00`: the machine's time, to the minute, with its offset. */
export function localText(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return text(iso);
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString();
  const sign = offset < 0 ? "-" : "+";
  const zone = `${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 16)} ${sign}${zone}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/* SECTION: One line for each event of a run. Every text from the service passes through `plain`. */

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
