/** Shows runs, events and tokens to people. Every text from the service passes through `plain`. */

import type {
  ActionRun,
  ActionRunDetails,
  ApiToken,
  AuditEntry,
  DetailedActionRun,
  HeartbeatAnswer,
  ListedAction,
  StoredAction,
} from "../client/index.ts";
import { type Colour, type Output, plain, plainLines } from "./output.ts";
import type { Column } from "./table.ts";

const BAR_CELLS = 20;

const STATUS_COLOUR: Readonly<Record<string, Colour>> = {
  pending: "yellow",
  running: "cyan",
  succeeded: "green",
  failed: "red",
  cancelled: "dim",
};

// In 80 cells the last column has 20. The id is never cut, because commands take only whole ids.
const RUN_COLUMNS: readonly Column[] = [
  { heading: "RUN" },
  { heading: "STATUS" },
  { heading: "CREATED", dispensable: 2 },
  { heading: "BY", least: 8, dispensable: 1 },
  { heading: "ACTION", least: 20 },
];
const AUDIT_COLUMNS: readonly Column[] = [
  { heading: "AT", dispensable: 1 },
  { heading: "ACTION", least: 10 },
  { heading: "TARGET", least: 20 },
  { heading: "BY", least: 8, dispensable: 2 },
  { heading: "SCOPE", least: 8, dispensable: 3 },
  { heading: "TARGET ID", dispensable: 5 },
  { heading: "BY ID", dispensable: 4 },
];
const ACTION_COLUMNS: readonly Column[] = [
  { heading: "ACTION", least: 20 },
  { heading: "VERSION" },
  { heading: "CHANGED", dispensable: 2 },
  { heading: "CALLS", least: 8, dispensable: 1 },
  { heading: "DESCRIPTION", least: 8, dispensable: 3 },
];
const TOKEN_COLUMNS: readonly Column[] = [
  { heading: "TOKEN" },
  { heading: "ROLE" },
  { heading: "ENVIRONMENT", least: 11, dispensable: 1 },
  { heading: "EXPIRES", dispensable: 2 },
  { heading: "LAST USED", dispensable: 3 },
  { heading: "MADE BY", least: 8, dispensable: 4 },
  { heading: "NAME", least: 20 },
];

/** A run with all its members. */
export function runText(run: DetailedActionRun, output: Output): string {
  const rows = [
    ["run", plain(run.id)],
    ["action", plain(run.actionName)],
    ["status", output.paint(STATUS_COLOUR[run.status] ?? "dim", plain(run.status))],
    ["entity", run.entityId && plain(run.entityId)],
    ["by", plain(run.triggeredBy)],
    ["created", instantText(run.createdAt)],
    ["started", run.startedAt && instantText(run.startedAt)],
    ["completed", run.completedAt && `${instantText(run.completedAt)}${took(run)}`],
    ["parameters", objectText(run.parameters)],
    ["recommendations", objectText(run.recommendations)],
    ["output", objectText(run.output)],
    ["error", run.error && indent(plainLines(run.error))],
    ...(run.details === undefined ? [] : detailRows(run.details)),
  ];
  return fields(rows, output);
}

function detailRows({ action, retryOf, labels, externalUrl, heartbeat, cancel }: ActionRunDetails) {
  const by = cancel?.by ? ` by ${plain(cancel.by)}` : "";
  return [
    ["stored action", action && `${plain(action.name)}, version ${text(action.version)}`],
    ["retry of", retryOf && plain(retryOf)],
    ["labels", labels.map(plain).join(", ")],
    ["page", externalUrl && plain(externalUrl)],
    [
      "heartbeat",
      heartbeat && words(instantText(heartbeat.at), progressBar(heartbeat.progress), text(heartbeat.message)),
    ],
    [
      "cancel",
      cancel && `requested${by} at ${instantText(cancel.requestedAt)}, ends by ${instantText(cancel.until)}`,
    ],
    ["reason", cancel?.reason && plain(cancel.reason)],
  ];
}

/** The response to a heartbeat. */
export function heartbeatText({ status, deadlineAt, cancel }: HeartbeatAnswer, output: Output): string {
  const rows = [
    ["status", output.paint(STATUS_COLOUR[status] ?? "dim", plain(status))],
    ["deadline", instantText(deadlineAt)],
    ["cancel", cancel && `requested; the job must end by ${instantText(cancel.until)}`],
    ["reason", cancel?.reason && plain(cancel.reason)],
  ];
  return fields(rows, output);
}

/** One line per name and value. Rows without a value are left out. */
export function fields(rows: readonly (readonly (string | null | undefined)[])[], output: Output): string {
  return rows
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${output.paint("dim", `${name ?? ""}:`.padEnd(17))}${value}`)
    .join("\n");
}

export function runTable(runs: readonly ActionRun[], output: Output): string {
  const rows = runs.map((run) => [
    run.id,
    run.status,
    instantText(run.createdAt),
    run.triggeredBy,
    run.error === null ? run.actionName : `${run.actionName}: ${run.error}`,
  ]);
  return output.table(RUN_COLUMNS, rows, (column, cell) =>
    column === 1 ? (STATUS_COLOUR[cell] ?? null) : null,
  );
}

/** A stored action, with the definition as JSON. */
export function actionText({ name, version, definition }: StoredAction, output: Output): string {
  const rows = [
    ["action", plain(name)],
    ["version", text(version)],
    ["definition", objectText(definition)],
  ];
  return fields(rows, output);
}

export function actionTable(actions: readonly ListedAction[], output: Output): string {
  const rows = actions.map(({ name, version, changedAt, definition }) => [
    name,
    String(version),
    instantText(changedAt),
    definition.trigger?.url ?? "nothing",
    definition.description ?? "",
  ]);
  return output.table(ACTION_COLUMNS, rows);
}

export function tokenTable(tokens: readonly ApiToken[], output: Output): string {
  const rows = tokens.map((token) => [
    token.id,
    token.role,
    token.envName ?? "all",
    token.expiresAt === null ? "never" : instantText(token.expiresAt),
    token.lastUsedAt === null ? "never" : hourText(token.lastUsedAt),
    token.createdBy,
    token.name,
  ]);
  return output.table(TOKEN_COLUMNS, rows);
}

export function auditTable(entries: readonly AuditEntry[], output: Output): string {
  const rows = entries.map(({ at, actor, actorName, action, target, targetName, scope }) => [
    instantText(at),
    action,
    targetName,
    actorName,
    scope,
    // The id of a token or of a session.
    target === targetName ? "" : target,
    actor,
  ]);
  return output.table(AUDIT_COLUMNS, rows);
}

/** One line for a timeline event, even if its type is unknown here. */
export function eventText(event: object, output: Output): string {
  const { type, at, seq: _, ...said } = event as Readonly<Record<string, unknown>>;
  const time = output.paint("dim", instantText(String(at)));
  return `${time}  ${plain(String(type).replaceAll("_", " ")).padEnd(17)} ${tell(String(type), said, output)}`;
}

type Said = Readonly<Record<string, unknown>>;

function tell(type: string, said: Said, output: Output): string {
  switch (type) {
    case "created":
      return `by ${text(said.by)}`;
    case "started":
      return `by ${text(said.cause)}`;
    case "heartbeat":
      return words(progressBar(said.progress), text(said.message), text(said.externalUrl));
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
    case "ended": {
      const status = text(said.status);
      const by = said.by === undefined ? "" : ` ${text(said.by)}`;
      const reason = said.reason ? ` · ${text(said.reason)}` : "";
      return `${output.paint(STATUS_COLOUR[status] ?? "dim", status)}, by ${text(said.cause)}${by}${reason}`;
    }
    default:
      return text(JSON.stringify(said));
  }
}

function attempt(said: Said, output: Output): string {
  const colour = said.outcome === "accepted" ? "green" : said.outcome === "retry" ? "yellow" : "red";
  return words(
    said.attempt ? `#${text(said.attempt)}` : "",
    output.paint(colour, text(said.outcome).replaceAll("_", " ")),
    text(said.status),
    text(said.durationMs) === "" ? "" : `in ${text(said.durationMs)} ms`,
    said.reason ? `· ${text(said.reason)}` : "",
    said.nextAttemptAt ? `· next at ${instantText(String(said.nextAttemptAt))}` : "",
    // Last, because it can be long.
    said.excerpt ? `· ${text(said.excerpt)}` : "",
  );
}

function until(instantOfEnd: unknown): string {
  return instantOfEnd ? `until ${instantText(String(instantOfEnd))}` : "";
}

function progressBar(progress: unknown): string {
  if (typeof progress !== "number") return "";
  const full = Math.round(Math.min(Math.max(progress, 0), 1) * BAR_CELLS);
  return `[${"#".repeat(full)}${"-".repeat(BAR_CELLS - full)}] ${Math.round(progress * 100)} %`;
}

function text(value: unknown): string {
  return value === null || value === undefined ? "" : plain(String(value));
}

function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}

/** A time in UTC, to the second, in the format that options such as --created-after accept. */
export function instantText(iso: string): string {
  return plain(iso.replace(/\.\d+Z$/, "Z"));
}

/** An hour in UTC. */
function hourText(iso: string): string {
  return plain(iso.replace(/:\d\d:\d\d(\.\d+)?Z$/, "Z"));
}

function took({ startedAt, completedAt }: ActionRun): string {
  if (!startedAt || !completedAt) return "";
  return `, after ${((Date.parse(completedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`;
}

function objectText(value: object | null): string | null {
  if (value === null || Object.keys(value).length === 0) return null;
  return indent(plainLines(JSON.stringify(value, null, 2)));
}

function indent(lines: string): string {
  return lines.replaceAll("\n", `\n${" ".repeat(17)}`);
}
