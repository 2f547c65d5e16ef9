/** The members of a definition that have fields, and how each field shows and changes its member. PURE. */
import { isSchema, type Schema, stepOf } from "../actions/schema-form.ts";

interface Details {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly placeholder?: string | undefined;
  /** What is stored while the field is empty. Undefined: nothing. An empty text: the member can't be missing. */
  readonly empty?: "" | false | null;
  /** What a part begins with, and what is picked if nothing is said. */
  readonly first?: unknown;
  /** The values of a choice with their words. The first one is the default. */
  readonly options?: Readonly<Record<string, string>>;
  /** What people can choose instead of typing it. */
  readonly suggested?: readonly string[];
  /** Whether the field can show a value, if its kind does not say that. */
  readonly isShown?: (value: unknown) => boolean;
}

export interface MemberField extends Details {
  readonly kind: keyof typeof KINDS;
}

export type FieldTable = Readonly<Record<string, MemberField>>;

const isText = (value: unknown) => typeof value === "string";
const isTextOrNumber = (value: unknown) => isText(value) || typeof value === "number";

export function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}

/** The kinds of fields, and whether one can show a value. */
const KINDS = {
  text: isText,
  /** A text without blanks around it. */
  word: isText,
  number: isTextOrNumber,
  /** One number, or several. */
  numbers: (value: unknown) => isTextOrNumber(value) || (Array.isArray(value) && value.every(isTextOrNumber)),
  /** Texts, one on each line. */
  lines: areTexts,
  flag: (value: unknown) => typeof value === "boolean",
  choice: isText,
  /** Several of the options. */
  picks: (value: unknown, { options = {} }: Details) =>
    Array.isArray(value) && value.every((one) => Object.hasOwn(options, String(one))),
  json: () => true,
  /** Null in the place of a secret. */
  secret: (value: unknown) => value === null,
  /** Texts and secrets by their names. */
  headers: isSchema,
  /** What a checkbox adds to the definition. */
  part: (value: unknown, { first }: Details) => first === null || isSchema(value),
  /** Members that the form of the kind shows in its own way. */
  own: isSchema,
} satisfies Readonly<Record<string, (value: unknown, details: Details) => boolean>>;

/** A member that fields can't show; null if they can show everything. */
export function unshownOf(definition: Schema, fields: FieldTable): string | null {
  const rows = Object.entries(fields);
  const isShown = (name: string) => {
    const inside = rows.filter(([at]) => `${at}/`.startsWith(`${stepOf(name)}/`));
    return inside.length > 0 && inside.every(([at, field]) => canShow(field, valueAt(definition, at)));
  };
  return Object.keys(definition).find((name) => !isShown(name)) ?? null;
}

function canShow(field: MemberField, value: unknown): boolean {
  if (value === undefined) return field.empty !== "";
  if (field.isShown !== undefined) return field.isShown(value);
  return value === field.empty || KINDS[field.kind](value, field);
}

/** The pointers that have a field of their own: those of the table, and those of each header or parameter. */
export function pointersOf(definition: Schema | null, fields: FieldTable): readonly string[] {
  return Object.entries(fields).flatMap(([at, { kind }]) => {
    const value = kind === "headers" || kind === "own" ? valueAt(definition, at) : undefined;
    return [at, ...(isSchema(value) ? Object.keys(value).map((name) => at + stepOf(name)) : [])];
  });
}

export function valueAt(value: unknown, pointer: string): unknown {
  return stepsOf(pointer).reduce((at, step) => (isSchema(at) && Object.hasOwn(at, step) ? at[step] : undefined), value);
}

/** The object with another value at a pointer, or without the member if the value is undefined. */
export function withValueAt(object: Schema, pointer: string, value: unknown): Schema {
  const [name = "", ...rest] = stepsOf(pointer);
  const inner = isSchema(object[name]) ? object[name] : {};
  return withMember(object, name, rest.length === 0 ? value : withValueAt(inner, rest.map(stepOf).join(""), value));
}

function stepsOf(pointer: string): readonly string[] {
  return pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function withMember(object: Schema, name: string, value: unknown): Schema {
  if (value !== undefined) return { ...object, [name]: value };
  const { [name]: _, ...others } = object;
  return others;
}

/** A number as somebody types it. The service refuses what is no number, with a sentence. */
export function numberOf(text: string): number | string | undefined {
  if (text.trim() === "") return undefined;
  return /^\d{1,15}$/.test(text.trim()) ? Number(text) : text;
}

/** `60`, or `60, 600` with one for each. The service refuses what is no number, with a sentence. */
export function numbersOf(text: string): unknown {
  const numbers = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(numberOf);
  return numbers.length > 1 ? numbers : numbers[0];
}

/** Where definitions of every kind hold secrets, and where they hold one. */
const HOLDERS = ["/headers", "/secrets", "/trigger/headers", "/trigger/secrets", "/trigger/cancel/headers"];
const ALONE = ["/trigger/signingSecret", "/inbound/secret"];

/** The pointers of the members that hold null in the place of a secret that people can type. */
export function secretsOf(definition: unknown): readonly string[] {
  const held = HOLDERS.flatMap((at) => {
    const texts = valueAt(definition, at);
    return isSchema(texts) ? Object.keys(texts).map((name) => at + stepOf(name)) : [];
  });
  return [...held, ...ALONE].filter((pointer) => valueAt(definition, pointer) === null);
}

/** What a secret is called: `Authorization`, or `signingSecret`. */
export function nameAt(pointer: string): string {
  return stepsOf(pointer).at(-1) ?? "";
}

/** The definition with these texts in the place of nulls. `texts`: by pointer. An empty text leaves the null. */
export function withSecrets<T>(definition: T, texts: ReadonlyMap<string, string>): T {
  return filled(definition, "", texts) as T;
}

function filled(value: unknown, pointer: string, texts: ReadonlyMap<string, string>): unknown {
  if (value === null) return texts.get(pointer) || null;
  if (!isSchema(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, filled(one, pointer + stepOf(name), texts)]),
  );
}
