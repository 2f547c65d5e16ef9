/**
 * The parameters of a run that somebody runs again through a form. PURE. A value changes only if its field is edited.
 * Values that have no field in today's schema are kept.
 */

import { asParameters, type Filled, memberOf, type Texts, valueIn } from "./form-values.ts";
import { optionText } from "./parameter-rows.ts";
import { type Field, isSchema, type Schema, stepOf } from "./schema-form.ts";

/** The run's parameters, and the texts that the form began with. */
export interface Before {
  readonly values: Schema;
  readonly texts: Texts;
}

/** The parameters as the form makes them, or what must change first. */
export function retriedParameters(form: Field, before: Before, texts: Texts): Filled {
  const problems = new Map<string, string>();
  return asParameters(form, retried(form, before.values, before.texts, texts, problems), problems);
}

/** What can be sent of it so far, to go on as JSON. */
export function retriedDraft(form: Field, before: Before, texts: Texts): unknown {
  return retried(form, before.values, before.texts, texts, new Map());
}

function retried(field: Field, value: unknown, before: Texts, texts: Texts, problems: Map<string, string>): unknown {
  const isEdited = isEditedIn(field, before, texts);
  if (value !== undefined && !isEdited && !(field.kind === "group" && isSchema(value))) return value;
  if (field.kind !== "group") return valueIn(field, texts, problems);
  if (value === undefined && !isEdited && !field.isRequired) return undefined;
  const members = new Map(isSchema(value) ? Object.entries(value) : []);
  for (const one of field.fields) {
    const next = retried(one, memberOf(value, one.name), before, texts, problems);
    if (next === undefined) members.delete(one.name);
    else members.set(one.name, next);
  }
  return Object.fromEntries(members);
}

function isEditedIn(field: Field, before: Texts, texts: Texts): boolean {
  if (field.kind === "group") return field.fields.some((one) => isEditedIn(one, before, texts));
  return (texts.get(field.pointer) ?? "") !== (before.get(field.pointer) ?? "");
}

/** A value of the run that the form does not show. */
export interface Kept {
  readonly pointer: string;
  /** With the names of the objects around it: `notify.channel`. */
  readonly name: string;
  readonly value: unknown;
}

/** The values that have no field, or that their field can't show because they are of another type. */
export function keptValues(form: Field, { values, texts }: Before): readonly Kept[] {
  function kept(field: Field, value: unknown, name: string): Kept[] {
    if (field.kind !== "group") {
      return value === undefined || texts.has(field.pointer) ? [] : [{ pointer: field.pointer, name, value }];
    }
    if (value === undefined) return [];
    if (!isSchema(value)) return [{ pointer: field.pointer, name, value }];
    return Object.entries(value).flatMap(([key, member]) => {
      const inner = field.fields.find((one) => one.name === key);
      const path = name === "" ? key : `${name}.${key}`;
      if (inner !== undefined) return kept(inner, member, path);
      return [{ pointer: field.pointer + stepOf(key), name: path, value: member }];
    });
  }
  return kept(form, values, "");
}

/** What somebody changed in a field: `1.4.358 → 1.4.359`. Null if it is as it was. */
export function changeIn(field: Field, before: Texts, texts: Texts): string | null {
  if (field.kind === "group" || !isEditedIn(field, before, texts)) return null;
  return `${shownText(field, before)} → ${shownText(field, texts)}`;
}

function shownText(field: Field, texts: Texts): string {
  const text = texts.get(field.pointer) ?? "";
  if (text === "") return "not set";
  if (field.kind === "choice" || field.kind === "picks") {
    const picked = text.split(",").map((index) => optionText(field.options[Number(index)]));
    return picked.join(", ");
  }
  return optionText(text.trim().replaceAll(/\s*\n\s*/g, field.kind === "lines" ? ", " : " "));
}
