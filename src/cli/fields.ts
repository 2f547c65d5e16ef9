/**
 * What tables and fields for people are made of: names and values, ids, instants, JSON, and a progress bar. Every text
 * from the service passes through `plain`.
 */
import type { Schemas } from "../client/index.ts";
import { type Colour, type Output, plain, plainLines, readableJson, wrap } from "./output.ts";

/** How wide the names of `fields` are. */
const NAME_CELLS = 17;
const BAR_CELLS = 20;

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

/** Any value from the service, as one line. */
export function text(value: unknown): string {
  return value === null || value === undefined ? "" : plain(String(value));
}

export function words(...parts: readonly (string | null | undefined | false)[]): string {
  return parts.filter(Boolean).join(" ");
}

/** That an agent asked. `agent`: what it calls itself, which is only a claim. */
export function agentText(agent: string | null | undefined): string {
  return agent ? `(agent ${plain(JSON.stringify(agent))})` : "";
}

/** `progress`: 0 to 1, or anything else for no bar. `columns`: the bar takes at most a third of them. */
export function progressBar(progress: unknown, columns = Number.POSITIVE_INFINITY): string {
  if (typeof progress !== "number") return "";
  const cells = Math.min(BAR_CELLS, Math.floor(columns / 3));
  const share = Math.min(Math.max(progress, 0), 1);
  const full = Math.round(share * cells);
  return `[${"#".repeat(full)}${"-".repeat(cells - full)}] ${Math.round(share * 100)} %`;
}

export function firstLine(text: string): string {
  return text.trimStart().split("\n", 1)[0] ?? "";
}

/** What a token may do that its role does not say; null if there is nothing. */
export function flagsText({
  mayApprove,
  mayActForOthers,
}: Pick<Schemas["ApiToken"], "mayApprove" | "mayActForOthers">): string | null {
  const flags = [mayApprove ? "approve" : [], mayActForOthers ? "act for others" : []].flat();
  return flags.length === 0 ? null : flags.join(", ");
}

/** A time in UTC, to the second, in the format that options such as --created-after accept. */
export function instantText(iso: string): string {
  return plain(iso.replace(/\.\d+Z$/, "Z"));
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
