/** A run with all its members, for people. Every text from the service passes through `plain`. */

import type { ActionRun, ActionRunDetails, DetailedActionRun, ReportedActionRun } from "../client/index.ts";
import { durationText, timesOf } from "./durations.ts";
import { progressBar, text, words } from "./event-text.ts";
import { logLines, type Output, plain } from "./output.ts";
import { fields, fittedValue, indent, instantText, objectText, STATUS_COLOUR } from "./telling.ts";
import { failingText, waitsForText } from "./waits-for.ts";

/** A run with all its members. `details`: those that say why the run does not start. */
export function runText(
  run: DetailedActionRun & ReportedActionRun,
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
