/** The parameters of an action as rows of its editor. What rows can't say stays in the schema. */
import { areTexts } from "../definitions/members.ts";
import { isSchema, type Schema } from "./schema-form.ts";

/** What a row can say that a parameter takes. `begins`: the schema of a new one. */
export const PARAMETER_KINDS = {
  text: { words: "Text", begins: { type: "string" } },
  number: { words: "Number", begins: { type: "number" } },
  integer: { words: "Whole number", begins: { type: "integer" } },
  flag: { words: "Yes or no", begins: { type: "boolean" } },
  choice: { words: "One of a list", begins: { enum: [] } },
} as const;

type ParameterKind = keyof typeof PARAMETER_KINDS;

export interface Parameter {
  readonly name: string;
  readonly isRequired: boolean;
  readonly schema: Schema;
}

/** Null if rows can't show the schema. */
export function parametersIn(schema: unknown): readonly Parameter[] | null {
  if (schema === undefined) return [];
  if (!isSchema(schema)) return null;
  const { type = "object", properties = {}, required = [] } = schema;
  if (type !== "object" || !isSchema(properties)) return null;
  // A required parameter without a schema of its own has no row.
  if (!Array.isArray(required) || required.some((name) => !Object.hasOwn(properties, name))) return null;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    isRequired: required.includes(name),
    schema: isSchema(property) ? property : {},
  }));
}

/** `other`: only JSON can say what the parameter takes. */
export function kindOf({ type, enum: options }: Schema): ParameterKind | "other" {
  if (options !== undefined) return areTexts(options) && (type ?? "string") === "string" ? "choice" : "other";
  const kinds = ["text", "number", "integer", "flag"] as const;
  return kinds.find((kind) => PARAMETER_KINDS[kind].begins.type === type) ?? "other";
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
  return { name, isRequired: true, schema: PARAMETER_KINDS.text.begins };
}

/** Another kind begins anew, because a pattern says nothing of a number. */
export function withKind({ title, description }: Schema, kind: ParameterKind): Schema {
  return {
    ...PARAMETER_KINDS[kind].begins,
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
  };
}

/** What else the schema of a row says, that only JSON shows: `pattern, maxLength`. */
export function unshownIn(schema: Schema): readonly string[] {
  return Object.keys(schema).filter((keyword) => !["type", "enum", "description"].includes(keyword));
}

/** What is wrong with a name; null if nothing is. Placeholders can't reach names with dots, blanks or braces. */
export function nameProblem(name: string, others: readonly string[]): string | null {
  if (name === "") return "Type a name.";
  if (/[\s.{}]/.test(name)) return "Use a name without blanks, dots and braces.";
  return others.includes(name) ? "Another parameter has this name." : null;
}
