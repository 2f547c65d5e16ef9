/** Runs as people read them, with all members or in a line. Every text from the service passes through `plain`. */
import type { Schemas } from "../client/index.ts";
import { formatAge, formatDuration, lengthOf, ranOf, shortAge, tookOf, waitedOf } from "../words/durations.ts";
import { endCauseText, startCauseText } from "../words/statuses.ts";
import { groupText, waitingText } from "../words/waiting.ts";
import {
  type Colour,
  cut,
  fittedValue,
  indent,
  instantText,
  logLines,
  type Output,
  objectText,
  plain,
  text,
  words,
  wrap,
} from "./output.ts";

type ActionRun = Schemas["ActionRun"];
type ActionRunDetails = Schemas["ActionRunDetails"];

export const STATUS_COLOUR: Readonly<Record<string, Colour>> = {
  pending: "yellow",
  running: "cyan",
  succeeded: "green",
  failed: "red",
  cancelled: "dim",
};

/** In fewer cells a whole id would leave too little for the rest. */
const WHOLE_IDS_FROM_CELLS = 100;
const ID_CHARACTERS = 36;
const SHORT_ID_CHARACTERS = 8;

/** The end of an id, for a line that can't know the others. */
function shortId(id: string): string {
  return plain(id.slice(-SHORT_ID_CHARACTERS));
}

/** In a narrow terminal, the ends of ids, so long that they differ. Otherwise whole ids. */
export function idShortener(ids: readonly string[], output: Output): (id: string) => string {
  if (output.columns >= WHOLE_IDS_FROM_CELLS) return String;
  const all = new Set(ids);
  let length = SHORT_ID_CHARACTERS;
  while (length < ID_CHARACTERS && new Set(ids.map((id) => id.slice(-length))).size < all.size) length++;
  return (id) => id.slice(-length);
}

/** That an agent asked. `agent`: what it calls itself, which is only a claim. */
export function agentText(agent: string | null | undefined): string {
  return agent ? `(agent ${plain(JSON.stringify(agent))})` : "";
}

const BAR_CELLS = 20;

/** `progress`: 0 to 1, or anything else for no bar. `columns`: the bar takes at most a third of them. */
export function progressBar(progress: unknown, columns = Number.POSITIVE_INFINITY): string {
  if (typeof progress !== "number") return "";
  const cells = Math.min(BAR_CELLS, Math.floor(columns / 3));
  const share = Math.min(Math.max(progress, 0), 1);
  const full = Math.round(share * cells);
  return `[${"#".repeat(full)}${"-".repeat(cells - full)}] ${Math.round(share * 100)} %`;
}

function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}

/** A run with all its members. `details`: those that say why the run does not start, and what follows its end. */
export function runText(
  run: Schemas["DetailedActionRun"] & Schemas["ReportedActionRun"],
  output: Output,
  details: Pick<ActionRunDetails, "delivery" | "retry" | "cancel"> | undefined = run.details,
): string {
  return output.fields([
    ["run", plain(run.id)],
    ["title", run.details?.title && plain(run.details.title)],
    ["action", plain(run.actionName)],
    ["status", output.paint(STATUS_COLOUR[run.status] ?? "dim", plain(run.status))],
    ["subject", run.details?.subject && plain(run.details.subject)],
    ["entity", run.entityId && plain(run.entityId)],
    [
      "by",
      words(plain(run.triggeredBy), run.details?.via && `via ${plain(run.details.via)}`, agentText(run.details?.agent)),
    ],
    ["created", instantText(run.createdAt)],
    ["started", run.startedAt && `${instantText(run.startedAt)}${waited(run)}`],
    ["completed", run.completedAt && `${instantText(run.completedAt)}${ranOrTook(run)}`],
    ["parameters", objectText(run.parameters)],
    ["recommendations", objectText(run.recommendations)],
    ["output", objectText(run.output, logLines)],
    ["error", run.error && fittedValue(logLines(run.error), output)],
    ["delivery", details && failingText(details, Date.now())],
    ["retry", details?.retry && retryText(details.retry)],
    ["cancel", details?.cancel && cancelText(details.cancel)],
    ["reason", details?.cancel?.reason && plain(details.cancel.reason)],
    ["too long", run.truncated && truncatedText(run.truncated)],
    ...(run.details === undefined ? [] : detailRows(run.details, output)),
  ]);
}

function cancelText({ by, requestedAt, until }: NonNullable<ActionRunDetails["cancel"]>): string {
  return `requested${by ? ` by ${plain(by)}` : ""} at ${instantText(requestedAt)}, ends by ${instantText(until)}`;
}

function retryText({ runId, at, attempt, dropped }: NonNullable<ActionRunDetails["retry"]>): string {
  const which = `number ${text(attempt)}`;
  if (dropped !== null) return `${which} was dropped: ${plain(dropped)}`;
  return words(which, runId === null ? "is planned," : `is the run ${plain(runId)},`, `not before ${instantText(at)}`);
}

export function truncatedText(truncated: readonly string[]): string {
  return `${truncated.map(plain).join(", ")}: the service kept only a part`;
}

function detailRows(details: ActionRunDetails, output: Output) {
  const { action, retryOf, bulkOperationId, schedule, labels, traceparent, externalUrl } = details;
  const { heartbeat, waiting, erasedAt } = details;
  const passed = waiting?.throughPause;
  return [
    ["erased", erasedAt && `${instantText(erasedAt)}, with all texts of the run`],
    ["gate", waitsForText(details, Date.now())],
    ["at most until", waiting && instantText(waiting.until)],
    ["let through", passed && words("the pause", byText({ ...passed }), after(passed.reason))],
    ["approvals", approvalsText(details.approval)],
    ["stored action", action && `${plain(action.name)}, version ${text(action.version)}`],
    ["retry of", retryOf && plain(retryOf)],
    ["bulk operation", bulkOperationId && plain(bulkOperationId)],
    ["schedule", schedule && plain(schedule)],
    ["labels", labels.map(plain).join(", ")],
    ["trace", traceparent && plain(traceparent)],
    ["page", externalUrl && plain(externalUrl)],
    [
      "heartbeat",
      heartbeat && words(instantText(heartbeat.at), progressBar(heartbeat.progress), text(heartbeat.message)),
    ],
    ["newest lines", heartbeat?.tail && fittedValue(logLines(heartbeat.tail), output)],
  ];
}

function approvalsText(approval: ActionRunDetails["approval"]): string | null {
  if (!approval) return null;
  const { required, approvals } = approval;
  const given = approvals.map(({ by, via, at, reason }) =>
    words(byText({ by, via }), `at ${instantText(at)}`, after(reason)),
  );
  return indent([`${approvals.length} of ${text(required)}`, ...given].join("\n"));
}

function waited(run: ActionRun): string {
  const ms = lengthOf(waitedOf(run));
  return ms === null ? "" : `, waited ${formatDuration(ms)}`;
}

function ranOrTook(run: ActionRun): string {
  const ranMs = lengthOf(ranOf(run));
  return ranMs === null ? `, took ${tookText(run)}` : `, ran ${formatDuration(ranMs)}`;
}

function tookText(run: ActionRun): string {
  const ms = lengthOf(tookOf(run));
  return ms === null ? "" : formatDuration(ms);
}

/** `now`: in ms, for the ages. In a narrow terminal an id is as short as commands accept it. */
export function runTable(runs: readonly Schemas["DetailedActionRun"][], output: Output, now = Date.now()): string {
  const hasWholeIds = output.columns >= WHOLE_IDS_FROM_CELLS;
  const ids = runs.map(({ id }) => id);
  const shown = idShortener(ids, output);
  return output.table(runs, [
    // Never cut at its end, because commands find a run by the end of its id.
    ["RUN", ({ id }) => shown(id)],
    ["STATUS", ({ status }) => status, { colour: (cell) => STATUS_COLOUR[cell] }],
    ["AGE", ({ createdAt }) => shortAge(now - Date.parse(createdAt)), { dispensable: 1 }],
    ["TOOK", tookText, { dispensable: 2 }],
    // In a narrow terminal the age says as much in less room.
    ["CREATED", ({ createdAt }) => (hasWholeIds ? instantText(createdAt) : ""), { dispensable: 4, isOptional: true }],
    ["BY", ({ triggeredBy }) => triggeredBy, { least: 8, dispensable: 3 }],
    ["ACTION", ({ details, actionName }) => actionText(details?.title ?? null, actionName), { least: 20 }],
    [
      "WAITS",
      ({ details }) => details && (waitsForText(details, now) || failingText(details, now)),
      { least: 16, isOptional: true },
    ],
    ["ERROR", ({ error }) => error && firstLine(error), { least: hasWholeIds ? 24 : 12, isOptional: true }],
  ]);
}

/** In fewer cells the date would leave too little for the rest. */
const DATES_FROM_CELLS = 80;
const STATUS_CELLS = 9;
const TIME_AT = 11;

/** When, which run, its status, its action, and how it ended. As wide as the terminal at most. */
export function changeLine(run: ActionRun, output: Output): string {
  const { columns } = output;
  const at = instantText(run.completedAt ?? run.startedAt ?? run.createdAt);
  const time = columns < DATES_FROM_CELLS ? at.slice(TIME_AT) : at;
  const id = columns < WHOLE_IDS_FROM_CELLS ? shortId(run.id) : plain(run.id);
  const status = plain(run.status).padEnd(STATUS_CELLS);
  const error = run.error && firstLine(run.error);
  const said = words(text(run.actionName), after(tookText(run)), after(error));
  const room = columns - time.length - id.length - status.length - 6;
  const colour = STATUS_COLOUR[run.status] ?? "dim";
  return `${output.paint("dim", time)}  ${id}  ${output.paint(colour, status)}  ${cut(said, room)}`;
}

/** The name first, because a narrow column cuts the end, and the name is what other commands take. */
export function actionText(title: string | null, actionName: string | null): string | null {
  if (!title || !actionName) return title || actionName;
  return title.startsWith(actionName) ? title : `${actionName}: ${title}`;
}

const NAMED_AHEAD = 2;

/** What a run waits for, in one line without a full stop; empty if the run does not wait. `now` in ms. */
export function waitsForText(
  { waiting, approval }: Pick<ActionRunDetails, "waiting" | "approval">,
  now: number,
): string {
  if (!waiting) return "";
  const { behind = [] } = waiting;
  const ahead = behind.slice(0, NAMED_AHEAD).map(shortId).join(", ");
  const more = behind.length > NAMED_AHEAD ? ` and ${behind.length - NAMED_AHEAD} more` : "";
  const those = ahead === "" ? "" : `, behind ${ahead}${more}`;
  return plain(waitingText(waiting, now, { when: localText, approval })) + those;
}

/** Why the receiver did not take the webhook; empty if no attempt has failed. In a list, the next may have come. */
export function failingText({ delivery }: Pick<ActionRunDetails, "delivery">, now: number): string {
  if (!delivery) return "";
  const leftMs = Date.parse(delivery.nextAttemptAt ?? "") - now;
  const next = leftMs > 0 ? `tried again ${formatAge(-leftMs)}` : "being tried again";
  return `${text(delivery.reason).replace(/\.$/, "")}, ${next}`;
}

/** `2026-11-30 06:00 +01:00`: the machine's time, because people plan by their own clock, with its offset. */
export function localText(at: number): string {
  const offset = -new Date(at).getTimezoneOffset();
  const local = new Date(at + offset * 60_000).toISOString();
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 16)} ${zone}`;
}

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
      return startCauseText(text(said.cause));
    case "heartbeat":
      return words(
        progressBar(said.progress),
        text(said.message),
        text(said.externalUrl),
        after(said.externalUrlRefused),
      );
    case "heartbeats_thinned":
      return `${text(said.count)} are no longer kept`;
    case "external_url":
      return text(said.url);
    case "token_issued":
    case "token_refused":
      return words(`execution ${text(said.execution)}`, said.attempt ? `attempt ${text(said.attempt)}` : "");
    case "cancel_requested":
      return words(
        `by ${text(said.by)}`,
        said.until ? `until ${instantText(String(said.until))}` : "",
        after(said.reason),
      );
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
        after(said.reason),
        said.by ? `· started early ${byText(said)}` : "",
      );
    case "approved":
    case "rejected":
    case "let_through":
      return words(byText(said), after(said.reason));
    case "approval_withdrawn":
      return words(byText(said), "· the token was revoked");
    case "released":
      return words(byText(said), said.approversUnchecked ? `· ${UNCHECKED}` : "");
    case "ended": {
      const status = text(said.status);
      const ended = [output.paint(STATUS_COLOUR[status] ?? "dim", status), causeText(said)];
      const retry = said.retryAt ? `· retried by the service, not before ${instantText(String(said.retryAt))}` : "";
      return words(ended.filter(Boolean).join(", "), after(said.reason), retry);
    }
    default:
      return text(JSON.stringify(said));
  }
}

type Group = Parameters<typeof groupText>[0];

const UNCHECKED = "the database was down, so a token that approved it can be revoked";

function heldBy(said: Said): string {
  switch (said.for) {
    case "time":
      return `for its time, ${instantText(text(said.notBefore))}`;
    case "concurrency":
      return said.group ? `for a slot of ${plain(groupText(said as Group) ?? "")}` : "for its turn";
    case "pause":
      return "for the end of a pause";
    default:
      return `for ${text(said.for)}`;
  }
}

function causeText(said: Said): string {
  switch (said.cause) {
    case "rejected":
      return words("rejected", byText(said));
    case "replaced":
      return `replaced by the run ${text(said.replacedBy)}`;
    default:
      return byText(said) || endCauseText(text(said.cause));
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
    after(said.excerpt),
  );
}

function after(value: unknown): string {
  return value ? `· ${text(value)}` : "";
}

export function heartbeatLine(event: object, columns: number): string {
  const { at, progress, message } = event as Said;
  const said = words(progressBar(progress, columns), text(message));
  return cut(said === "" ? `heartbeat at ${instantText(String(at))}` : said, columns);
}
