/**
 * The fields of a form, made from an action's `parametersSchema`. PURE. What a form can't say becomes a field for JSON,
 * so people can fill in every schema. The service checks the values: no pattern of a schema runs in the browser,
 * because a hostile one could run for ever.
 */
import { parseExact } from "../../words/typed-json.ts";

export type Schema = Readonly<Record<string, unknown>>;

interface Described {
  /** A JSON pointer (RFC 6901) from the parameters to its value. Empty: all parameters. */
  readonly pointer: string;
  readonly name: string;
  /** The schema's title, or the name. */
  readonly label: string;
  readonly description: string | null;
  /** What the value must be, in words: "at least 1". Null if the schema does not say. */
  readonly limits: string | null;
  readonly isRequired: boolean;
  /** What a required field sends when it is empty: null, if the schema allows that. */
  readonly isNullable: boolean;
  /** What the schema suggests; undefined if nothing. */
  readonly suggested: unknown;
  readonly takes: string;
  /** A value that the schema could accept, if it suggests none. */
  readonly example: unknown;
}

export type Field = Described &
  (
    | { readonly kind: "text"; readonly isLong: boolean }
    | { readonly kind: "number"; readonly isInteger: boolean }
    | { readonly kind: "flag" }
    /** One of several values. With one value that is required, there is nothing to choose. */
    | { readonly kind: "choice"; readonly options: readonly unknown[] }
    /** Several of the values. */
    | { readonly kind: "picks"; readonly options: readonly unknown[] }
    | { readonly kind: "lines"; readonly of: "text" | "number" | "integer" }
    | { readonly kind: "json" }
    | { readonly kind: "group"; readonly fields: readonly Field[] }
  );

export type Group = Extract<Field, { readonly kind: "group" }>;

/** Deeper objects are typed as JSON, because fieldsets inside each other leave no room. */
const DEEPEST_GROUP = 4;
const MOST_PICKS = 20;
const LONG_TEXT_CHARACTERS = 200;

/** A form of fixed fields can't say what these keywords say. */
const BEYOND_A_FORM = ["$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "patternProperties"];

export function formOf(schema: Schema | undefined): Field {
  const root = schema ?? {};
  return fieldOf({ type: "object", ...root }, { pointer: "", name: "Parameters", isRequired: true, depth: 0 });
}

/** All fields inside a group. The names have those of the objects around them: `notify.channel`. */
export function fieldsIn(field: Field, around = ""): readonly (readonly [name: string, field: Field])[] {
  if (field.kind !== "group") return [];
  return field.fields.flatMap((one) => [[around + one.name, one] as const, ...fieldsIn(one, `${around}${one.name}.`)]);
}

export function pointersOf(field: Field): readonly string[] {
  return [field.pointer, ...fieldsIn(field).map(([, { pointer }]) => pointer)];
}

interface Position extends Pick<Described, "pointer" | "name" | "isRequired"> {
  /** How many groups are around it. */
  readonly depth: number;
}

function fieldOf(schema: Schema, { pointer, name, isRequired, depth }: Position): Field {
  const title = textOf(schema.title).trim();
  const described: Described = {
    pointer,
    name,
    label: title === "" ? name : title,
    description: textOf(schema.description).trim() || null,
    limits: limitsOf(schema),
    isRequired,
    isNullable: typesOf(schema).includes("null"),
    suggested: schema.default,
    takes: "JSON",
    example: undefined,
  };
  const json: Field = { ...described, kind: "json" };
  if (BEYOND_A_FORM.some((keyword) => Object.hasOwn(schema, keyword))) return json;
  const options = Object.hasOwn(schema, "const") ? [schema.const] : schema.enum;
  if (isList(options)) {
    const takes = options.length === 1 ? listed(options) : `one of ${listed(options)}`;
    return { ...described, kind: "choice", options, takes, example: options[0] };
  }
  const [type, ...others] = typesOf(schema).filter((one) => one !== "null");
  if (others.length > 0) return json;
  switch (type ?? (isSchema(schema.properties) ? "object" : undefined)) {
    case "string":
      return { ...described, kind: "text", isLong: isLong(schema), takes: "text", example: name };
    case "number":
      return { ...described, kind: "number", isInteger: false, takes: "number", example: 1 };
    case "integer":
      return { ...described, kind: "number", isInteger: true, takes: "whole number", example: 1 };
    case "boolean":
      return { ...described, kind: "flag", takes: "true or false", example: false };
    case "array":
      return listOf(schema, described) ?? json;
    case "object":
      return depth < DEEPEST_GROUP ? (groupOf(schema, described, depth) ?? json) : json;
    default:
      return json;
  }
}

/** Null if the object has no fixed properties. */
function groupOf(schema: Schema, described: Described, depth: number): Group | null {
  if (!isSchema(schema.properties)) return null;
  const required = isList(schema.required) ? schema.required : [];
  const properties = Object.entries(schema.properties);
  if (properties.length === 0 && schema.additionalProperties !== false) return null;
  const fields = properties
    // `false`: the property must not be there.
    .filter(([, property]) => property !== false)
    .map(([name, property]) =>
      fieldOf(isSchema(property) ? property : {}, {
        pointer: described.pointer + stepOf(name),
        name,
        isRequired: required.includes(name),
        depth: depth + 1,
      }),
    );
  const example = Object.fromEntries(fields.map((one) => [one.name, exampleOf(one)]));
  return { ...described, kind: "group", fields, takes: "object", example };
}

/** Null if an entry is more than a word or a number. */
function listOf(schema: Schema, described: Described): Field | null {
  const { items } = schema;
  if (!isSchema(items) || Object.hasOwn(schema, "prefixItems")) return null;
  const entry = fieldOf(items, { pointer: "", name: "", isRequired: true, depth: DEEPEST_GROUP });
  if (entry.isNullable) return null;
  if (entry.kind === "choice" && entry.options.length <= MOST_PICKS) {
    const { options } = entry;
    return { ...described, limits: null, kind: "picks", options, takes: `list of ${listed(options)}`, example: [] };
  }
  const limits = [described.limits, entry.limits].filter((one) => one !== null).join("; ") || null;
  const lines = { ...described, limits, kind: "lines", example: [] } as const;
  if (entry.kind === "text" && !entry.isLong) return { ...lines, of: "text", takes: "list of texts" };
  if (entry.kind !== "number") return null;
  return { ...lines, of: entry.isInteger ? "integer" : "number", takes: "list of numbers" };
}

export function stepOf(name: string): string {
  return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a text means that is a JSON object; null for any other text. */
export function objectOf(text: string): Schema | null {
  const parsed = parseExact(text);
  return "value" in parsed && isSchema(parsed.value) ? parsed.value : null;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function typesOf({ type }: Schema): readonly string[] {
  return typeof type === "string" ? [type] : isList(type) ? type.map(textOf) : [];
}

/** Whether people write several lines there. */
function isLong({ maxLength, contentMediaType, default: suggested }: Schema): boolean {
  return Number(maxLength) > LONG_TEXT_CHARACTERS || contentMediaType !== undefined || textOf(suggested).includes("\n");
}

const FORMATS: Readonly<Record<string, string>> = {
  date: "a date, such as 2027-01-31",
  "date-time": "a time, such as 2027-01-31T12:00:00Z",
  time: "a time of day, such as 12:00:00Z",
  duration: "a duration, such as PT15M",
  email: "an e-mail address",
  uri: "a URL",
  uuid: "a UUID",
};

/** The schema's bounds in words. A field shows them as its hint. */
function limitsOf(schema: Schema): string | null {
  const { format, pattern, minLength, maxLength, minItems, maxItems, uniqueItems, multipleOf } = schema;
  const parts = [
    typeof format === "string" ? (FORMATS[format] ?? `format ${format}`) : "",
    schema.exclusiveMinimum === undefined ? "" : `more than ${schema.exclusiveMinimum}`,
    between(schema.minimum, schema.maximum, ""),
    schema.exclusiveMaximum === undefined ? "" : `less than ${schema.exclusiveMaximum}`,
    multipleOf === undefined ? "" : `a multiple of ${multipleOf}`,
    between(minLength, maxLength, " characters"),
    between(minItems, maxItems, " entries"),
    uniqueItems === true ? "no entry twice" : "",
    typeof pattern === "string" ? `matches ${pattern}` : "",
  ].filter(Boolean);
  return parts.length === 0 ? null : parts.join(", ");
}

function between(least: unknown, most: unknown, unit: string): string {
  if (least == null) return most == null ? "" : `at most ${most}${unit}`;
  if (most == null) return `at least ${least}${unit}`;
  return least === most ? `exactly ${least}${unit}` : `${least} to ${most}${unit}`;
}

const MOST_OPTIONS = 8;
const LONGEST_OPTION = 40;

/** Title and description, as far as there are any; null if there are none. */
export function aboutOf({ label, name, description }: Field): string | null {
  const title = label === name ? null : label;
  return title === null || description === null ? (title ?? description) : `${title}: ${description}`;
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

/** Parameters that the schema could accept: its defaults and examples, and the name of a parameter as its text. */
export function exampleParameters(schema: Schema | undefined): unknown {
  return exampleOf(formOf(schema)) ?? {};
}

function exampleOf({ suggested, example }: Field): unknown {
  return suggested === undefined ? example : suggested;
}
