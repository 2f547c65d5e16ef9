/**
 * Every keyword that a schema may have, and how its value is read: what it must be, and what it makes of the node (JSON
 * Schema 2020-12, Core and Validation). PURE.
 */
import { isJsonObject, pointerStep } from "../json.ts";
import { FORMATS } from "./formats.ts";
import { type Pattern, type PatternParts, parsePattern } from "./pattern.ts";
import { type AllowedValues, type Draft, type SchemaNode, shownJson, TYPES, type TypeName } from "./schema-node.ts";
import { canonicalText } from "./step-budget.ts";

/** What a keyword's reader asks of the walk through the schema. `pointer` leads to the keyword. */
export interface SchemaWalk {
  /** `fault` is to be read after `what` and the pointer. Only the first refusal counts. */
  refuse(pointer: string, what: string, fault: string): void;
  subschema(value: unknown, pointer: string): SchemaNode;
  /** The node that `$ref` refers to is linked after the walk. */
  reference(node: Draft, target: string, pointer: string): void;
  anchor(node: Draft, name: string, pointer: string): void;
  readonly patternParts: PatternParts;
  /** False if the schema has no room for the pattern. */
  admit(pattern: Pattern, pointer: string): boolean;
}

type KeywordReader = (node: Draft, value: unknown, pointer: string, walk: SchemaWalk) => void;

/** The keys of T whose values can be a V. */
type KeysOf<T, V> = { [K in keyof T]-?: V extends T[K] ? K : never }[keyof T];

const SHOWN_VALUES = 5;
const DRAFT = "https://json-schema.org/draft/2020-12/schema";

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** The entries of keywords that have the same reader. */
function all<K extends string>(reader: (keyword: K) => KeywordReader, ...keywords: K[]): [string, KeywordReader][] {
  return keywords.map((keyword) => [keyword, reader(keyword)]);
}

/**
 * A keyword that is not in the table is refused, although JSON Schema 2020-12 would ignore it: a misspelt `requierd`
 * would silently let everything through. Names that begin with `x-` are notes of the author and stay unread, as in
 * OpenAPI and in JSON Schema's next version.
 */
export const KEYWORDS: ReadonlyMap<string, KeywordReader> = new Map<string, KeywordReader>([
  ["$schema", readSchemaDialect],
  ["$id", readSchemaId],
  ["$ref", readReference],
  ["$anchor", readAnchor],
  ["type", readType],
  ["enum", readEnum],
  ["const", readConst],
  ["pattern", readPattern],
  ["format", readFormat],
  ["uniqueItems", readUniqueItems],
  ["required", readRequired],
  ["dependentRequired", readDependentRequired],
  ["patternProperties", readPatternProperties],
  ["contentSchema", readContentSchema],
  ["multipleOf", numberOf("multipleOf", (value) => value > 0, "a number over 0")],
  ...all(limitOf, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
  ...all(countOf, "minLength", "maxLength", "minItems", "maxItems", "minContains", "maxContains"),
  ...all(countOf, "minProperties", "maxProperties"),
  ...all(schemaOf, "items", "contains", "unevaluatedItems"),
  ...all(schemaOf, "additionalProperties", "propertyNames", "unevaluatedProperties"),
  ...all(schemaOf, "not", "if", "then", "else"),
  ...all(schemasOf, "allOf", "anyOf", "oneOf", "prefixItems"),
  ...all(namedSchemasOf, "properties", "dependentSchemas"),
  ...all(() => readDefinitions, "$defs", "definitions"),
  ...all(() => note(isText, "a string"), "$comment", "title", "description", "contentEncoding", "contentMediaType"),
  ...all(() => note((value) => typeof value === "boolean", "true or false"), "deprecated", "readOnly", "writeOnly"),
  ["default", note(() => true, "any value")],
  ["examples", note(Array.isArray, "an array")],
]);

/** Keywords of JSON Schema that we refuse, with what to use instead. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["$dynamicRef", "Use $ref."],
  ["$dynamicAnchor", "Use $anchor and $ref."],
  ["$recursiveRef", "Use $ref."],
  ["$recursiveAnchor", "Use $anchor and $ref."],
  ["$vocabulary", "Remove it."],
  ["additionalItems", "Use prefixItems and items."],
  ["dependencies", "Use dependentRequired or dependentSchemas."],
  ["id", "Remove it."],
]);

/** What is wrong with a keyword that is not in the table; null for an author's note. */
export function faultOfKeyword(keyword: string): string | null {
  if (keyword.startsWith("x-")) return null;
  const advice = ADVICE.get(keyword);
  if (advice !== undefined) return `is not supported. ${advice}`;
  return `is unknown. Correct its name, or begin the name of a note with x-.`;
}

/** A reader that only checks the keyword's value, because the keyword changes no evaluation. */
function note(isValid: (value: unknown) => boolean, wanted: string): KeywordReader {
  return (_, value, pointer, walk) => {
    if (!isValid(value)) walk.refuse(pointer, "The keyword", `has the wrong type. Send ${wanted}.`);
  };
}

function numberOf(key: KeysOf<Draft, number>, isValid: (value: number) => boolean, wanted: string): KeywordReader {
  return (node, value, pointer, walk) => {
    if (typeof value === "number" && isValid(value)) node[key] = value;
    else walk.refuse(pointer, "The keyword", `is ${shownJson(value)}. Send ${wanted}.`);
  };
}

function limitOf(key: KeysOf<Draft, number>): KeywordReader {
  return numberOf(key, () => true, "a number");
}

function countOf(key: KeysOf<Draft, number>): KeywordReader {
  return numberOf(key, (value) => Number.isSafeInteger(value) && value >= 0, "a whole number of 0 or more");
}

function schemaOf(key: KeysOf<Draft, SchemaNode>): KeywordReader {
  return (node, value, pointer, walk) => {
    if (Array.isArray(value) && key === "items") {
      walk.refuse(pointer, "The keyword", "is an array. Rename the keyword to prefixItems.");
    } else node[key] = walk.subschema(value, pointer);
  };
}

function schemasOf(key: KeysOf<Draft, readonly SchemaNode[]>): KeywordReader {
  return (node, value, pointer, walk) => {
    if (!Array.isArray(value) || value.length === 0) {
      walk.refuse(pointer, "The keyword", "is not a list of schemas. Send an array with at least one schema.");
    } else node[key] = value.map((item, index) => walk.subschema(item, pointer + pointerStep(index)));
  };
}

/** The members of `value`. Refuses anything but an object, and returns an empty list. */
function membersOf(value: unknown, pointer: string, walk: SchemaWalk): [string, unknown][] {
  if (isJsonObject(value)) return Object.entries(value);
  walk.refuse(pointer, "The keyword", "is not an object. Send an object with a member for each name.");
  return [];
}

function schemaMap(value: unknown, pointer: string, walk: SchemaWalk): Map<string, SchemaNode> {
  const members = membersOf(value, pointer, walk);
  return new Map(members.map(([name, member]) => [name, walk.subschema(member, pointer + pointerStep(name))]));
}

function namedSchemasOf(key: "properties" | "dependentSchemas"): KeywordReader {
  return (node, value, pointer, walk) => {
    node[key] = schemaMap(value, pointer, walk);
  };
}

/** `$defs` and `definitions`: their schemas are evaluated only where a reference leads to them. */
function readDefinitions(_: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  schemaMap(value, pointer, walk);
}

/** Nothing decodes the content, so its schema is checked, but never evaluated. */
function readContentSchema(_: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  walk.subschema(value, pointer);
}

function namesIn(value: unknown, pointer: string, walk: SchemaWalk): readonly string[] {
  if (Array.isArray(value) && value.every(isText) && new Set(value).size === value.length) return value;
  walk.refuse(pointer, "The keyword", "is not a list of names. Send an array of strings without repetitions.");
  return [];
}

function readRequired(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  node.required = namesIn(value, pointer, walk);
}

function readDependentRequired(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  const members = membersOf(value, pointer, walk);
  const names = members.map(([name, list]) => [name, namesIn(list, pointer + pointerStep(name), walk)] as const);
  node.dependentRequired = new Map(names);
}

/** Null if the pattern was refused. */
function patternIn(source: unknown, pointer: string, walk: SchemaWalk): Pattern | null {
  if (typeof source !== "string") {
    walk.refuse(pointer, "The pattern", "is not a string. Send a regular expression as a string.");
    return null;
  }
  const parsed = parsePattern(source, walk.patternParts);
  if (!parsed.ok) {
    walk.refuse(pointer, "The pattern", parsed.error);
    return null;
  }
  return walk.admit(parsed.value, pointer) ? parsed.value : null;
}

function readPattern(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  const found = patternIn(value, pointer, walk);
  if (found !== null) node.pattern = found;
}

function readPatternProperties(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  const found: { pattern: Pattern; schema: SchemaNode }[] = [];
  for (const [source, schema] of schemaMap(value, pointer, walk)) {
    const pattern = patternIn(source, pointer + pointerStep(source), walk);
    if (pattern === null) return;
    found.push({ pattern, schema });
  }
  node.patternProperties = found;
}

function readType(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isValid = list.every((one) => TYPES.some((type) => type === one));
  if (list.length === 0 || !isValid || new Set(list).size < list.length) {
    walk.refuse(pointer, "The type", `is ${shownJson(value)}. Send one of ${TYPES.join(", ")}, or an array of them.`);
  }
  node.type = new Set(list as readonly TypeName[]);
}

function allowed(values: readonly unknown[]): AllowedValues {
  // The schema's size bounds this work.
  const budget = { left: Number.POSITIVE_INFINITY };
  const more = values.length > SHOWN_VALUES ? ", …" : "";
  return {
    texts: new Set(values.map((value) => canonicalText(value, budget))),
    hasContainers: values.some((value) => typeof value === "object" && value !== null),
    shown: values.slice(0, SHOWN_VALUES).map(shownJson).join(", ") + more,
  };
}

function readEnum(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  if (Array.isArray(value) && value.length > 0) node.enum = allowed(value);
  else walk.refuse(pointer, "The enum", "is not a list of values. Send an array with at least one value.");
}

function readConst(node: Draft, value: unknown): void {
  node.const = allowed([value]);
}

function readFormat(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  const found = isText(value) ? FORMATS.get(value) : undefined;
  if (found !== undefined) node.format = found;
  else {
    const known = [...FORMATS.keys()].join(", ");
    walk.refuse(pointer, "The format", `is unknown: ${shownJson(value)}. Use one of ${known}, or a pattern.`);
  }
}

function readUniqueItems(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  if (typeof value === "boolean") node.uniqueItems = value;
  else walk.refuse(pointer, "The keyword", "is not a boolean. Send true or false.");
}

function readReference(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  if (isText(value) && value.startsWith("#")) walk.reference(node, value, pointer);
  else {
    const advice = `Copy the schema into $defs, and refer to it as "#/$defs/name".`;
    walk.refuse(pointer, "The $ref", `does not begin with #. ${advice}`);
  }
}

function readAnchor(node: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  if (isText(value) && /^[A-Za-z_][-A-Za-z0-9._]*$/.test(value)) walk.anchor(node, value, pointer);
  else walk.refuse(pointer, "The $anchor", `is not a name. Use letters, digits, "-", "_" and ".".`);
}

/** `$schema` and `$id` identify the document, so they stand only at its root. `$id` is a name and changes no `$ref`. */
function readSchemaDialect(_: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  if (pointer !== "/$schema") walk.refuse(pointer, "The $schema", "is not at the root. Remove it.");
  else if (value !== DRAFT && value !== `${DRAFT}#`) {
    walk.refuse(pointer, "The $schema", `is ${shownJson(value)}. Write the schema for 2020-12, and send "${DRAFT}".`);
  }
}

function readSchemaId(_: Draft, value: unknown, pointer: string, walk: SchemaWalk): void {
  if (pointer !== "/$id") {
    walk.refuse(pointer, "The $id", "is not at the root. Remove it, and refer to the schema by its location.");
  } else if (!isText(value)) walk.refuse(pointer, "The $id", "is not a string. Send a URI, or remove it.");
}
