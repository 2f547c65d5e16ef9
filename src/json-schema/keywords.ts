/**
 * How each keyword's value is read: what it must be, and what it makes of the node (JSON Schema 2020-12, Core and
 * Validation). PURE. `keyword-table.ts` says which keyword has which reader.
 */
import { isJsonObject, pointerStep } from "../base/json.ts";
import { FORMATS } from "./formats.ts";
import { type Pattern, type PatternParts, parsePattern } from "./pattern.ts";
import {
  type AllowedValues,
  type Draft,
  type PatternProperty,
  type SchemaNode,
  shownJson,
  type TypeName,
} from "./schema-node.ts";
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

const TYPES: readonly string[] = ["array", "boolean", "integer", "null", "number", "object", "string"];
const ANCHOR = /^[A-Za-z_][-A-Za-z0-9._]*$/;
const SHOWN_VALUES = 5;
const DRAFT = "https://json-schema.org/draft/2020-12/schema";

const isText = (value: unknown) => typeof value === "string";
const isFlag = (value: unknown) => typeof value === "boolean";

/** A reader that only checks the keyword's value, because the keyword changes no evaluation. */
function note(isValid: (value: unknown) => boolean, wanted: string): KeywordReader {
  return (_, value, pointer, walk) => {
    if (!isValid(value)) walk.refuse(pointer, "The keyword", `has the wrong type. Send ${wanted}.`);
  };
}

function number(key: KeysOf<Draft, number>, isValid: (value: number) => boolean, wanted: string): KeywordReader {
  return (node, value, pointer, walk) => {
    if (typeof value === "number" && isValid(value)) node[key] = value;
    else walk.refuse(pointer, "The keyword", `is ${shownJson(value)}. Send ${wanted}.`);
  };
}

const limit = (key: KeysOf<Draft, number>) => number(key, () => true, "a number");

function count(key: KeysOf<Draft, number>): KeywordReader {
  return number(key, (value) => Number.isSafeInteger(value) && value >= 0, "a whole number of 0 or more");
}

function schema(key: KeysOf<Draft, SchemaNode>): KeywordReader {
  return (node, value, pointer, walk) => {
    if (Array.isArray(value) && key === "items") {
      walk.refuse(pointer, "The keyword", "is an array. Rename the keyword to prefixItems.");
    } else node[key] = walk.subschema(value, pointer);
  };
}

function schemaList(key: KeysOf<Draft, readonly SchemaNode[]>): KeywordReader {
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

function namedSchemas(key: "properties" | "dependentSchemas"): KeywordReader {
  return (node, value, pointer, walk) => {
    node[key] = schemaMap(value, pointer, walk);
  };
}

function names(value: unknown, pointer: string, walk: SchemaWalk): readonly string[] {
  if (Array.isArray(value) && value.every(isText) && new Set(value).size === value.length) return value;
  walk.refuse(pointer, "The keyword", "is not a list of names. Send an array of strings without repetitions.");
  return [];
}

/** Null if the pattern was refused. */
function pattern(source: unknown, pointer: string, walk: SchemaWalk): Pattern | null {
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

const readType: KeywordReader = (node, value, pointer, walk) => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isValid = list.every((one) => typeof one === "string" && TYPES.includes(one));
  if (list.length === 0 || !isValid || new Set(list).size < list.length) {
    walk.refuse(pointer, "The type", `is ${shownJson(value)}. Send one of ${TYPES.join(", ")}, or an array of them.`);
  }
  node.type = new Set(list as readonly TypeName[]);
};

const readEnum: KeywordReader = (node, value, pointer, walk) => {
  if (Array.isArray(value) && value.length > 0) node.enum = allowed(value);
  else walk.refuse(pointer, "The enum", "is not a list of values. Send an array with at least one value.");
};

const readConst: KeywordReader = (node, value) => {
  node.const = allowed([value]);
};

const readPattern: KeywordReader = (node, value, pointer, walk) => {
  const found = pattern(value, pointer, walk);
  if (found !== null) node.pattern = found;
};

const readFormat: KeywordReader = (node, value, pointer, walk) => {
  const found = typeof value === "string" ? FORMATS.get(value) : undefined;
  if (found !== undefined) node.format = found;
  else {
    const known = [...FORMATS.keys()].join(", ");
    walk.refuse(pointer, "The format", `is unknown: ${shownJson(value)}. Use one of ${known}, or a pattern.`);
  }
};

const readPatternProperties: KeywordReader = (node, value, pointer, walk) => {
  const found: PatternProperty[] = [];
  for (const [source, schema] of schemaMap(value, pointer, walk)) {
    const parsed = pattern(source, pointer + pointerStep(source), walk);
    if (parsed === null) return;
    found.push({ pattern: parsed, schema });
  }
  node.patternProperties = found;
};

const readRequired: KeywordReader = (node, value, pointer, walk) => {
  node.required = names(value, pointer, walk);
};

const readDependentRequired: KeywordReader = (node, value, pointer, walk) => {
  const members = membersOf(value, pointer, walk);
  node.dependentRequired = new Map(
    members.map(([name, list]) => [name, names(list, pointer + pointerStep(name), walk)]),
  );
};

const readUniqueItems: KeywordReader = (node, value, pointer, walk) => {
  if (typeof value === "boolean") node.uniqueItems = value;
  else walk.refuse(pointer, "The keyword", "is not a boolean. Send true or false.");
};

const readReference: KeywordReader = (node, value, pointer, walk) => {
  if (typeof value === "string" && value.startsWith("#")) walk.reference(node, value, pointer);
  else {
    walk.refuse(
      pointer,
      "The $ref",
      `does not begin with #. Copy the schema into $defs, and refer to it as "#/$defs/name".`,
    );
  }
};

const readAnchor: KeywordReader = (node, value, pointer, walk) => {
  if (typeof value === "string" && ANCHOR.test(value)) walk.anchor(node, value, pointer);
  else walk.refuse(pointer, "The $anchor", `is not a name. Use letters, digits, "-", "_" and ".".`);
};

/** These identify the document, so they stand only at its root. `$id` is a name and changes no `$ref`. */
const readSchemaDialect: KeywordReader = (_, value, pointer, walk) => {
  if (pointer !== "/$schema") walk.refuse(pointer, "The $schema", "is not at the root. Remove it.");
  else if (value !== DRAFT && value !== `${DRAFT}#`) {
    walk.refuse(pointer, "The $schema", `is ${shownJson(value)}. Write the schema for 2020-12, and send "${DRAFT}".`);
  }
};

const readSchemaId: KeywordReader = (_, value, pointer, walk) => {
  if (pointer !== "/$id") {
    walk.refuse(pointer, "The $id", "is not at the root. Remove it, and refer to the schema by its location.");
  } else if (typeof value !== "string") walk.refuse(pointer, "The $id", "is not a string. Send a URI, or remove it.");
};

/** Nothing decodes the content, so its schema is checked, but never evaluated. */
const readContentSchema: KeywordReader = (_, value, pointer, walk) => {
  walk.subschema(value, pointer);
};

/** `$defs` and `definitions`: their schemas are evaluated only where a reference leads to them. */
const readDefinitions: KeywordReader = (_, value, pointer, walk) => {
  schemaMap(value, pointer, walk);
};

/* SECTION:
 * Every keyword that a schema may have. PURE.
 *
 * A keyword that is not in the table is refused, although JSON Schema 2020-12 would ignore it: a misspelt `requierd`
 * would silently let everything through. Names that begin with `x-` are notes of the author and stay unread, as in
 * OpenAPI and in JSON Schema's next version.
 */

export const KEYWORDS: ReadonlyMap<string, KeywordReader> = new Map<string, KeywordReader>([
  ["$schema", readSchemaDialect],
  ["$id", readSchemaId],
  ["$ref", readReference],
  ["$anchor", readAnchor],
  ["$comment", note(isText, "a string")],
  ["$defs", readDefinitions],
  ["definitions", readDefinitions],

  ["type", readType],
  ["enum", readEnum],
  ["const", readConst],

  ["minLength", count("minLength")],
  ["maxLength", count("maxLength")],
  ["pattern", readPattern],
  ["format", readFormat],

  ["minimum", limit("minimum")],
  ["maximum", limit("maximum")],
  ["exclusiveMinimum", limit("exclusiveMinimum")],
  ["exclusiveMaximum", limit("exclusiveMaximum")],
  ["multipleOf", number("multipleOf", (value) => value > 0, "a number over 0")],

  ["minItems", count("minItems")],
  ["maxItems", count("maxItems")],
  ["uniqueItems", readUniqueItems],
  ["prefixItems", schemaList("prefixItems")],
  ["items", schema("items")],
  ["contains", schema("contains")],
  ["minContains", count("minContains")],
  ["maxContains", count("maxContains")],
  ["unevaluatedItems", schema("unevaluatedItems")],

  ["minProperties", count("minProperties")],
  ["maxProperties", count("maxProperties")],
  ["required", readRequired],
  ["dependentRequired", readDependentRequired],
  ["properties", namedSchemas("properties")],
  ["patternProperties", readPatternProperties],
  ["additionalProperties", schema("additionalProperties")],
  ["propertyNames", schema("propertyNames")],
  ["unevaluatedProperties", schema("unevaluatedProperties")],

  ["allOf", schemaList("allOf")],
  ["anyOf", schemaList("anyOf")],
  ["oneOf", schemaList("oneOf")],
  ["not", schema("not")],
  ["if", schema("if")],
  ["then", schema("then")],
  ["else", schema("else")],
  ["dependentSchemas", namedSchemas("dependentSchemas")],

  ["title", note(isText, "a string")],
  ["description", note(isText, "a string")],
  ["default", note(() => true, "any value")],
  ["examples", note(Array.isArray, "an array")],
  ["deprecated", note(isFlag, "true or false")],
  ["readOnly", note(isFlag, "true or false")],
  ["writeOnly", note(isFlag, "true or false")],
  ["contentEncoding", note(isText, "a string")],
  ["contentMediaType", note(isText, "a string")],
  ["contentSchema", readContentSchema],
]);

/** Keywords of JSON Schema that we refuse, with what to use instead. */
const ADVICE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    $dynamicRef: "Use $ref.",
    $dynamicAnchor: "Use $anchor and $ref.",
    $recursiveRef: "Use $ref.",
    $recursiveAnchor: "Use $anchor and $ref.",
    $vocabulary: "Remove it.",
    additionalItems: "Use prefixItems and items.",
    dependencies: "Use dependentRequired or dependentSchemas.",
    id: "Remove it.",
  }),
);

/** What is wrong with a keyword that is not in the table; null for an author's note. */
export function faultOfKeyword(keyword: string): string | null {
  if (keyword.startsWith("x-")) return null;
  const advice = ADVICE.get(keyword);
  if (advice !== undefined) return `is not supported. ${advice}`;
  return `is unknown. Correct its name, or begin the name of a note with x-.`;
}
