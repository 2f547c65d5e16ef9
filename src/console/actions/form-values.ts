/** What somebody typed into a form, and the parameters that it makes. PURE. A field that is empty is not sent. */
import { parseExact, problemOfNumber } from "../../words/typed-json.ts";
import { type Field, type Group, isSchema, optionText, type Schema, stepOf } from "./schema-form.ts";

type SimpleField = Exclude<Field, Group>;

/** By pointer. A choice has the number of its option, picks have several with commas, a flag `true` or `false`. */
export type Texts = ReadonlyMap<string, string>;

/** The value, or what is wrong with a field and what to do, by its pointer. */
export type Filled = { readonly value: unknown } | { readonly problems: ReadonlyMap<string, string> };

const INTEGER = /^-?(0|[1-9]\d*)$/;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const MISSING = "This is required.";

/** What the form shows first: the parameters that there are, or the defaults, as far as its fields can show them. */
export function textsOf(form: Field, parameters?: unknown): Texts {
  const texts = new Map<string, string>();
  function put(field: Field, value: unknown): void {
    if (field.kind === "group") {
      for (const one of field.fields) {
        const member = memberOf(value, one.name);
        put(one, member === undefined && parameters === undefined ? one.suggested : member);
      }
      return;
    }
    const text = value === undefined ? null : textOf(field, value);
    if (text === null) return;
    // The field would change a value of another type.
    const read = readText(field, text);
    if ("value" in read && JSON.stringify(read.value) === JSON.stringify(value)) texts.set(field.pointer, text);
  }
  put(form, parameters === undefined ? form.suggested : parameters);
  return texts;
}

function memberOf(value: unknown, name: string): unknown {
  return isSchema(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The text that a field shows for a value; null if the field can't show it. */
function textOf(field: SimpleField, value: unknown): string | null {
  switch (field.kind) {
    case "choice":
      return indexOf(field.options, value);
    case "picks":
      return Array.isArray(value) ? value.map((one) => indexOf(field.options, one)).join(",") : null;
    case "lines":
      return Array.isArray(value) ? value.join("\n") : null;
    case "json":
      return JSON.stringify(value, null, 2);
    default:
      return String(value);
  }
}

function indexOf(options: readonly unknown[], value: unknown): string | null {
  const json = JSON.stringify(value);
  const index = options.findIndex((option) => JSON.stringify(option) === json);
  return index === -1 ? null : String(index);
}

/** What a form began with: the parameters of a run that somebody runs again, and their texts. */
interface Before {
  readonly values: Schema | undefined;
  readonly texts: Texts;
}

const NOTHING: Before = { values: undefined, texts: new Map() };

/** The parameters, or what must change first. A value from before stays if its field is not edited or not there. */
export function parametersOf(form: Field, texts: Texts, before = NOTHING): Filled {
  const problems = new Map<string, string>();
  const value = valueIn(form, before.values, before.texts, texts, problems);
  if (problems.size > 0) return { problems };
  if (value === undefined || isSchema(value)) return { value: value ?? {} };
  return { problems: new Map([[form.pointer, 'Parameters are a JSON object, such as { "version": "1.4.2" }.']]) };
}

/** What can be sent of it so far, to go on as JSON. */
export function draftOf(form: Field, texts: Texts, { values, texts: before } = NOTHING): unknown {
  return valueIn(form, values, before, texts, new Map()) ?? {};
}

/** The same, but a text that is no value stays as it is. The service refuses it with a sentence. */
export function typedIn(form: Field, texts: Texts): unknown {
  return valueIn(form, undefined, NOTHING.texts, texts, null) ?? {};
}

/** By the pointer of the field. Null: a text that is a problem stays as it is. */
type Found = Map<string, string> | null;

/** What a field sends. Undefined: nothing, or a problem. `value`: the one from before. */
function valueIn(field: Field, value: unknown, before: Texts, texts: Texts, problems: Found): unknown {
  const isEdited = isEditedIn(field, before, texts);
  if (value !== undefined && !isEdited && !(field.kind === "group" && isSchema(value))) return value;
  if (field.kind !== "group") return typedValue(field, texts.get(field.pointer) ?? "", problems);
  if (value === undefined && !isEdited && !field.isRequired) return undefined;
  const members = new Map(isSchema(value) ? Object.entries(value) : []);
  for (const one of field.fields) {
    const next = valueIn(one, memberOf(value, one.name), before, texts, problems);
    if (next === undefined) members.delete(one.name);
    else members.set(one.name, next);
  }
  // Don't assign members, because a name `__proto__` would set the prototype.
  return Object.fromEntries(members);
}

function isEditedIn(field: Field, before: Texts, texts: Texts): boolean {
  if (field.kind === "group") return field.fields.some((one) => isEditedIn(one, before, texts));
  return (texts.get(field.pointer) ?? "") !== (before.get(field.pointer) ?? "");
}

function typedValue(field: SimpleField, text: string, problems: Found): unknown {
  if (field.isRequired && field.kind === "choice" && field.options.length === 1) return field.options[0];
  if (text.trim() === "" && (text === "" || field.kind !== "text")) return emptyValue(field, problems);
  const read = readText(field, text);
  if ("value" in read) return read.value;
  if (problems === null) return text;
  problems.set(field.pointer, read.problem);
  return undefined;
}

function emptyValue(field: SimpleField, problems: Found): unknown {
  if (!field.isRequired) return undefined;
  if (field.isNullable) return null;
  if (field.kind === "flag") return false;
  if (field.kind === "picks" || field.kind === "lines") return [];
  if (field.pointer !== "") problems?.set(field.pointer, MISSING);
  return undefined;
}

type Read = { readonly value: unknown } | { readonly problem: string };

function readText(field: SimpleField, text: string): Read {
  switch (field.kind) {
    case "text":
      return { value: text };
    case "number":
      return readNumber(text.trim(), field.isInteger);
    case "flag":
      return { value: text === "true" };
    case "choice":
      return { value: field.options[Number(text)] };
    case "picks":
      return { value: text.split(",").map((index) => field.options[Number(index)]) };
    case "lines":
      return readLines(text, field.of);
    case "json":
      return parseExact(text);
  }
}

function readNumber(text: string, isInteger: boolean): Read {
  if (isInteger && !INTEGER.test(text)) return { problem: "Type a whole number, such as 3." };
  if (!NUMBER.test(text)) return { problem: "Type a number, such as 3 or 0.5." };
  const problem = problemOfNumber(text);
  return problem === null ? { value: Number(text) } : { problem };
}

function readLines(text: string, of: "text" | "number" | "integer"): Read {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  if (of === "text") return { value: lines };
  const values: unknown[] = [];
  for (const line of lines) {
    const read = readNumber(line, of === "integer");
    if ("problem" in read) return { problem: `${line.slice(0, 40)}: ${read.problem}` };
    values.push(read.value);
  }
  return { value: values };
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
