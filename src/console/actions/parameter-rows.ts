/** An action's parameters in words, one row each. PURE. */

import type { Field, Group } from "./schema-form.ts";

export interface ParameterRow {
  readonly pointer: string;
  /** With the names of the objects around it: `notify.channel`. */
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  /** JSON; null if there is none. */
  readonly suggested: string | null;
  readonly limits: string | null;
  /** Title and description, as far as there are any. */
  readonly about: string | null;
}

const MOST_OPTIONS = 8;
const LONGEST_OPTION = 40;

export function parameterRows(group: Group, around = ""): readonly ParameterRow[] {
  return group.fields.flatMap((field) => {
    const name = around + field.name;
    const row = {
      pointer: field.pointer,
      name,
      type: typeOf(field),
      isRequired: field.isRequired,
      suggested: field.suggested === undefined ? null : JSON.stringify(field.suggested),
      limits: field.limits,
      about: aboutOf(field),
    };
    return field.kind === "group" ? [row, ...parameterRows(field, `${name}.`)] : [row];
  });
}

function aboutOf({ label, name, description }: Field): string | null {
  const title = label === name ? null : label;
  return title === null || description === null ? (title ?? description) : `${title}: ${description}`;
}

function typeOf(field: Field): string {
  switch (field.kind) {
    case "text":
      return "text";
    case "number":
      return field.isInteger ? "whole number" : "number";
    case "flag":
      return "true or false";
    case "choice":
      return field.options.length === 1 ? listed(field.options) : `one of ${listed(field.options)}`;
    case "picks":
      return `list of ${listed(field.options)}`;
    case "lines":
      return field.of === "text" ? "list of texts" : "list of numbers";
    case "json":
      return "JSON";
    case "group":
      return "object";
  }
}

function listed(options: readonly unknown[]): string {
  const shown = options.slice(0, MOST_OPTIONS).map((option) => optionText(option));
  const more = options.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** A value as people read it: a text as it is, everything else as JSON. */
export function optionText(option: unknown): string {
  const text = typeof option === "string" && option !== "" ? option : (JSON.stringify(option) ?? "");
  return text.length > LONGEST_OPTION ? `${text.slice(0, LONGEST_OPTION - 1)}…` : text;
}
