/** The parameters of an action as rows to edit, and back as a JSON Schema. PURE. What a row can't show, it keeps. */

import { isSchema, type Schema } from "./schema-form.ts";

export const PARAMETER_KINDS = {
  text: "Text",
  number: "Number",
  integer: "Whole number",
  flag: "Yes or no",
  choice: "One of a list",
} as const;

type ParameterKind = keyof typeof PARAMETER_KINDS;

export interface Parameter {
  readonly name: string;
  /** `other`: only JSON can say what it takes. */
  readonly kind: ParameterKind | "other";
  readonly isRequired: boolean;
  readonly description: string;
  /** Of a choice. */
  readonly options: readonly string[];
  /** Everything that its schema says. */
  readonly schema: Schema;
}

const TYPES: Readonly<Record<string, ParameterKind>> = {
  string: "text",
  number: "number",
  integer: "integer",
  boolean: "flag",
};
const BEGINNINGS: Readonly<Record<ParameterKind, Schema>> = {
  text: { type: "string" },
  number: { type: "number" },
  integer: { type: "integer" },
  flag: { type: "boolean" },
  choice: { enum: [] },
};

/** Null if rows can't show the schema. */
export function parametersIn(schema: unknown): readonly Parameter[] | null {
  if (schema === undefined) return [];
  if (!isSchema(schema)) return null;
  const { type = "object", properties = {}, required = [] } = schema;
  if (type !== "object" || !isSchema(properties)) return null;
  const names = Object.keys(properties);
  // A required parameter without a schema of its own has no row.
  if (!Array.isArray(required) || required.some((name) => !names.includes(name))) return null;
  return names.map((name) => {
    const property = isSchema(properties[name]) ? properties[name] : {};
    const { description = "", enum: options } = property;
    return {
      name,
      kind: kindOf(property),
      isRequired: required.includes(name),
      description: typeof description === "string" ? description : "",
      options: areTexts(options) ? options : [],
      schema: property,
    };
  });
}

function kindOf({ type, enum: options }: Schema): Parameter["kind"] {
  if (options !== undefined) return areTexts(options) && (type ?? "string") === "string" ? "choice" : "other";
  return typeof type === "string" ? (TYPES[type] ?? "other") : "other";
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** The schema with these rows. Undefined if nothing is left to say. A new schema takes no other parameters. */
export function schemaWith(schema: Schema | undefined, rows: readonly Parameter[]): Schema | undefined {
  const { type: _, properties: __, required: ___, additionalProperties = false, ...others } = schema ?? {};
  if (rows.length === 0 && additionalProperties === false && Object.keys(others).length === 0) return undefined;
  const required = rows.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  return {
    ...others,
    type: "object",
    properties: Object.fromEntries(rows.map((row) => [row.name, row.schema])),
    ...(required.length > 0 && { required }),
    additionalProperties,
  };
}

export function newParameter(taken: readonly string[]): Parameter {
  let n = taken.length + 1;
  while (taken.includes(`parameter${n}`)) n++;
  const name = `parameter${n}`;
  return { name, kind: "text", isRequired: true, description: "", options: [], schema: BEGINNINGS.text };
}

/** Another kind begins anew, because a pattern says nothing of a number. */
export function withKind(row: Parameter, kind: ParameterKind): Parameter {
  const { title, description } = row.schema;
  const about = { ...(title !== undefined && { title }), ...(description !== undefined && { description }) };
  return { ...row, kind, options: [], schema: { ...BEGINNINGS[kind], ...about } };
}

export function withDescription(row: Parameter, description: string): Parameter {
  const { description: _, ...others } = row.schema;
  return { ...row, description, schema: description === "" ? others : { ...others, description } };
}

export function withOptions(row: Parameter, options: readonly string[]): Parameter {
  return { ...row, options, schema: { ...row.schema, enum: options } };
}

/** What else the schema of a row says, that only JSON shows: `pattern, maxLength`. */
export function unshownIn({ schema }: Parameter): readonly string[] {
  return Object.keys(schema).filter((keyword) => !["type", "enum", "description"].includes(keyword));
}

/** What is wrong with a name; null if nothing is. Placeholders can't reach names with dots, blanks or braces. */
export function nameProblem(name: string, others: readonly string[]): string | null {
  if (name === "") return "Type a name.";
  if (/[\s.{}]/.test(name)) return "Use a name without blanks, dots and braces.";
  return others.includes(name) ? "Another parameter has this name." : null;
}
