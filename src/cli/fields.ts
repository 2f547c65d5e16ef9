/** Shows tables of actions, tokens and others to people. Every text from the service passes through `plain`. */
import type { Schemas, Stored } from "../client/index.ts";
import { type Colour, type Column, type Output, plain, plainLines, readableJson, wrap } from "./output.ts";

type ApiToken = Schemas["ApiToken"];

/** How wide the names of `fields` are. */
const NAME_CELLS = 17;

export const STATUS_COLOUR: Readonly<Record<string, Colour>> = {
  pending: "yellow",
  running: "cyan",
  succeeded: "green",
  failed: "red",
  cancelled: "dim",
};

/** In fewer cells a whole id would leave too little for the rest. */
export const WHOLE_IDS_FROM_CELLS = 100;
const ID_CHARACTERS = 36;
const SHORT_ID_CHARACTERS = 8;

const AUDIT_COLUMNS: readonly Column[] = [
  { heading: "AT", dispensable: 1 },
  { heading: "ACTION" },
  { heading: "TARGET", least: 20 },
  { heading: "BY", least: 8, dispensable: 2 },
  { heading: "SCOPE", least: 20, dispensable: 3 },
  { heading: "TARGET ID", dispensable: 5 },
  { heading: "BY ID", dispensable: 4 },
  { heading: "REASON", least: 12, dispensable: 6 },
];
// A column without text takes no room.
function actionColumns(hasGates: boolean): readonly Column[] {
  return [
    // Commands need the whole name.
    { heading: "ACTION" },
    { heading: "VERSION", dispensable: 1 },
    { heading: "CHANGED", dispensable: 5 },
    { heading: "CALLS", least: 20, dispensable: 4 },
    { heading: hasGates ? "GATES" : "", least: 12, dispensable: 3 },
    { heading: "DESCRIPTION", least: 20, dispensable: 2 },
  ];
}
function tokenColumns(tokens: readonly ApiToken[]): readonly Column[] {
  const hasPersons = tokens.some(({ person }) => person !== null);
  const hasFlags = tokens.some(({ mayApprove, mayActForOthers }) => mayApprove || mayActForOthers);
  return [
    { heading: "TOKEN" },
    { heading: "ROLE" },
    { heading: "ENVIRONMENT", least: 11, dispensable: 1 },
    { heading: "EXPIRES", dispensable: 2 },
    { heading: "LAST USED", dispensable: 5 },
    { heading: "MADE BY", least: 8, dispensable: 6 },
    { heading: hasPersons ? "PERSON" : "", least: 8, dispensable: 3 },
    { heading: hasFlags ? "MAY" : "", least: 7, dispensable: 4 },
    { heading: "NAME", least: 20 },
  ];
}

/** The response to a heartbeat. */
export function heartbeatText(answer: Schemas["HeartbeatAnswer"], output: Output): string {
  const { status, deadlineAt, cancel, externalUrlRefused } = answer;
  const rows = [
    ["status", output.paint(STATUS_COLOUR[status] ?? "dim", plain(status))],
    ["deadline", instantText(deadlineAt)],
    ["cancel", cancel && `requested; the job must end by ${instantText(cancel.until)}`],
    ["reason", cancel?.reason && plain(cancel.reason)],
    ["page", externalUrlRefused && plain(externalUrlRefused)],
  ];
  return fields(rows, output);
}

/** One name and value per row. Rows without a value are left out. A value of one line is broken between words. */
export function fields(rows: readonly (readonly (string | null | undefined)[])[], output: Output): string {
  return rows
    .flatMap(([name, value]) => {
      if (!value) return [];
      const shown = value.includes("\n") ? value : fittedValue(value, output);
      return [`${output.paint("dim", `${name ?? ""}:`.padEnd(NAME_CELLS))}${shown}`];
    })
    .join("\n");
}

/** The end of an id, for a line that can't know the others. */
export function shortId(id: string): string {
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

export function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}

export function summaryTable(counts: Schemas["ActionRunSummary"], output: Output): string {
  const rows = Object.entries(counts).map(([status, count]) => [
    status,
    typeof count === "number" ? String(count) : `${count.atLeast}+`,
  ]);
  return output.table(["STATUS", "RUNS"], rows, (column, cell) =>
    column === 0 ? (STATUS_COLOUR[cell] ?? null) : null,
  );
}

/** A stored action, with the definition as JSON. */
export function actionText({ name, version, definition }: Stored<Schemas["Action"]>, output: Output): string {
  const rows = [
    ["action", plain(name)],
    ["version", plain(String(version))],
    ["definition", objectText(definition)],
  ];
  return fields(rows, output);
}

export function actionTable(actions: readonly Schemas["ListedAction"][], output: Output): string {
  const rows = actions.map(({ name, version, changedAt, definition }) => [
    name,
    String(version),
    instantText(changedAt),
    definition.trigger?.url ?? "nothing",
    gatesText(definition),
    definition.description ?? "",
  ]);
  const hasGates = actions.some(({ definition }) => gatesText(definition) !== "");
  return output.table(actionColumns(hasGates), rows);
}

/** What holds back the runs of an action: `approval, deploys`. */
function gatesText({ approval, concurrency }: Schemas["ListedAction"]["definition"]): string {
  const count = approval && approval.required > 1 ? `${approval.required} approvals` : "approval";
  return [approval ? count : [], concurrency?.group ?? []].flat().join(", ");
}

export function tokenTable(tokens: readonly ApiToken[], output: Output): string {
  const rows = tokens.map((token) => [
    token.id,
    token.role,
    token.envName ?? "all",
    token.expiresAt === null ? "never" : instantText(token.expiresAt),
    token.lastUsedAt === null ? "never" : hourText(token.lastUsedAt),
    token.createdBy,
    token.person ?? "",
    flagsText(token) ?? "",
    token.name,
  ]);
  return output.table(tokenColumns(tokens), rows);
}

/** What a token may do that its role does not say; null if there is nothing. */
export function flagsText({
  mayApprove,
  mayActForOthers,
}: Pick<ApiToken, "mayApprove" | "mayActForOthers">): string | null {
  const flags = [mayApprove ? "approve" : [], mayActForOthers ? "act for others" : []].flat();
  return flags.length === 0 ? null : flags.join(", ");
}

export function auditTable(entries: readonly Schemas["AuditEntry"][], output: Output): string {
  const rows = entries.map(({ at, actor, actorName, person, action, target, targetName, scope, gates, reason }) => [
    instantText(at),
    gates === null ? action : `${action} (gates ${gates})`,
    targetName,
    person === null ? actorName : `${person} via ${actorName}`,
    scope,
    // The id of a token or of a session.
    target === targetName ? "" : target,
    actor,
    reason ?? "",
  ]);
  return output.table(AUDIT_COLUMNS, rows);
}

/** A time in UTC, to the second, in the format that options such as --created-after accept. */
export function instantText(iso: string): string {
  return plain(iso.replace(/\.\d+Z$/, "Z"));
}

/** An hour in UTC. */
function hourText(iso: string): string {
  return plain(iso.replace(/:\d\d:\d\d(\.\d+)?Z$/, "Z"));
}

/** A JSON object, with texts of several lines as blocks; null if it is empty. `lines`: how its lines are shown. */
export function objectText(value: object | null, lines = plainLines): string | null {
  if (value === null || Object.keys(value).length === 0) return null;
  return indent(lines(readableJson(value)));
}

/** A value of `fields`, broken between words. */
export function fittedValue(lines: string, output: Output): string {
  return indent(wrap(lines, output.columns - NAME_CELLS));
}

/** Moves all lines but the first to where the values of `fields` begin. */
export function indent(lines: string): string {
  return lines.replaceAll("\n", `\n${" ".repeat(NAME_CELLS)}`);
}
