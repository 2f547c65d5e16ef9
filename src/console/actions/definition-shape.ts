/** Whether fields can show a definition, and how they change it. PURE. The service checks everything else. */
import { isSchema, type Schema, stepOf } from "./schema-form.ts";

export type Shown = Readonly<Record<string, (value: unknown) => boolean>>;

export const isText = (value: unknown) => typeof value === "string";
const isTextOrNumber = (value: unknown) => isText(value) || typeof value === "number";

const isOptional = (value: unknown, isShown: (value: unknown) => boolean) => value === undefined || isShown(value);

/** What the fields of an action can show of each member. */
export const SHOWN: Shown = {
  description: isText,
  title: isText,
  subject: isText,
  timeout: isTextOrNumber,
  heartbeatTimeout: isTextOrNumber,
  waitTimeout: isTextOrNumber,
  approval: (value) =>
    isSchema(value) &&
    isOptional(value.required, isTextOrNumber) &&
    isOptional(value.allowSelf, (one) => typeof one === "boolean") &&
    isOptional(value.tokens, (ids) => Array.isArray(ids) && ids.every(isText)),
  concurrency: (value) =>
    isSchema(value) &&
    isText(value.group) &&
    isOptional(value.key, isText) &&
    isOptional(value.limit, isTextOrNumber) &&
    isOptional(value.onConflict, isText),
  retry: (value) =>
    isSchema(value) &&
    isOptional(value.attempts, isTextOrNumber) &&
    isOptional(value.delaySeconds, (one) => isTextOrNumber(one) || (Array.isArray(one) && one.every(isTextOrNumber))) &&
    isOptional(value.on, (ends) => Array.isArray(ends) && ends.every((end) => Object.hasOwn(RETRIED, String(end)))),
  inbound: (value) =>
    isSchema(value) &&
    isText(value.verify) &&
    isOptional(value.secret, (secret) => secret === null) &&
    isOptional(value.headers, areTexts),
  agents: (value) => isSchema(value) && isOptional(value.description, isText),
  labels: (value) => Array.isArray(value) && value.every(isText),
  parametersSchema: (value) => parametersIn(value) !== null,
  trigger: (value) => isSchema(value) && isText(value.url) && isSchema(value.headers ?? {}),
};

/** The ends after which an action can retry its runs by itself, and the words for each. */
export const RETRIED = {
  failed: "the job reported a failure",
  delivery: "no receiver took the webhook",
  timeout: "nobody reported an end in time",
} as const;

/** Of a rule that names none. */
export const RETRIED_AT_FIRST: readonly string[] = ["failed", "delivery"];

/** A member that fields can't show; null if they can show everything. `shown`: what they can show of each member. */
export function unshownOf(definition: Schema, shown: Shown): string | null {
  const isShown = ([name, value]: [string, unknown]) => Object.hasOwn(shown, name) && shown[name]?.(value);
  return Object.entries(definition).find((member) => !isShown(member))?.[0] ?? null;
}

/** The object with another member, or without it if the value is undefined. */
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

export interface SecretMember {
  readonly pointer: string;
  /** `Authorization`, or `signingSecret`. */
  readonly name: string;
}

const HOLDERS = [["headers"], ["secrets"], ["cancel", "headers"]];

/** The pointer of the secret for events. */
export const EVENT_SECRET = "/inbound/secret";

/** The members that hold null in the place of a secret. */
export function secretsOf(definition: unknown): readonly SecretMember[] {
  const trigger = memberAt(definition, ["trigger"]);
  const found = HOLDERS.flatMap((path) =>
    Object.entries(memberAt(trigger, path) ?? {})
      .filter(([, value]) => value === null)
      .map(([name]) => ({ pointer: ["trigger", ...path, name].map(stepOf).join(""), name })),
  );
  const isSigned = isSchema(trigger) && trigger.signingSecret === null;
  const inbound = memberAt(definition, ["inbound"]);
  return [
    ...found,
    ...(isSigned ? [{ pointer: "/trigger/signingSecret", name: "signingSecret" }] : []),
    ...(isSchema(inbound) && inbound.secret === null ? [{ pointer: EVENT_SECRET, name: "secret" }] : []),
  ];
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

function memberAt(value: unknown, path: readonly string[]): object | undefined {
  let at = value;
  for (const name of path) at = isSchema(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return isSchema(at) ? at : undefined;
}
