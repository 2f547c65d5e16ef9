/**
 * How each keyword's value is read: what it must be, and what it makes of the node (JSON Schema 2020-12, Core and
 * Validation). PURE. `keyword-table.ts` says which keyword has which reader.
 */

import { isJsonObject } from "../base/json.ts";
import { pointerStep } from "../base/json-pointer.ts";
import { FORMATS } from "./formats.ts";
import { canonicalText } from "./json-equality.ts";
import { type Pattern, type PatternParts, parsePattern } from "./pattern.ts";
import { shown } from "./schema-fault.ts";
import type { AllowedValues, Draft, PatternProperty, SchemaNode, TypeName } from "./schema-node.ts";

/** What a keyword's reader asks of the walk through the schema. `path` is the place of the keyword. */
export interface SchemaWalk {
  /** `fault` is read after `what` and the place. Only the first refusal counts. */
  refuse(path: string, what: string, fault: string): void;
  subschema(value: unknown, path: string): SchemaNode;
  /** The node that `$ref` refers to is linked after the walk. */
  reference(node: Draft, target: string, path: string): void;
  anchor(node: Draft, name: string, path: string): void;
  readonly patternParts: PatternParts;
  /** False if the schema has no room for the pattern. */
  admit(pattern: Pattern, path: string): boolean;
}

export type KeywordReader = (node: Draft, value: unknown, path: string, walk: SchemaWalk) => void;

/** The keys of T whose values can be a V. */
type KeysOf<T, V> = { [K in keyof T]-?: V extends T[K] ? K : never }[keyof T];

const TYPES: readonly string[] = ["array", "boolean", "integer", "null", "number", "object", "string"];
const ANCHOR = /^[A-Za-z_][-A-Za-z0-9._]*$/;
const SHOWN_VALUES = 5;
const DRAFT = "https://json-schema.org/draft/2020-12/schema";

export const isText = (value: unknown) => typeof value === "string";
export const isFlag = (value: unknown) => typeof value === "boolean";

/** A reader that only checks the value, because the keyword changes no outcome. */
export function note(isValid: (value: unknown) => boolean, wanted: string): KeywordReader {
  return (_, value, path, walk) => {
    if (!isValid(value)) walk.refuse(path, "The keyword", `has the wrong type. Send ${wanted}.`);
  };
}

export function number(
  key: KeysOf<Draft, number>,
  isValid: (value: number) => boolean,
  wanted: string,
): KeywordReader {
  return (node, value, path, walk) => {
    if (typeof value === "number" && isValid(value)) node[key] = value;
    else walk.refuse(path, "The keyword", `is ${shown(value)}. Send ${wanted}.`);
  };
}

export const limit = (key: KeysOf<Draft, number>) => number(key, () => true, "a number");

export function count(key: KeysOf<Draft, number>): KeywordReader {
  return number(key, (value) => Number.isSafeInteger(value) && value >= 0, "a whole number of 0 or more");
}

export function schema(key: KeysOf<Draft, SchemaNode>): KeywordReader {
  return (node, value, path, walk) => {
    if (Array.isArray(value) && key === "items") {
      walk.refuse(path, "The keyword", "is an array. Rename the keyword to prefixItems.");
    } else node[key] = walk.subschema(value, path);
  };
}

export function schemaList(key: KeysOf<Draft, readonly SchemaNode[]>): KeywordReader {
  return (node, value, path, walk) => {
    if (!Array.isArray(value) || value.length === 0) {
      walk.refuse(path, "The keyword", "is not a list of schemas. Send an array with at least one schema.");
    } else node[key] = value.map((item, index) => walk.subschema(item, path + pointerStep(index)));
  };
}

/** The members of an object, or none if the value is refused because it is none. */
function membersOf(value: unknown, path: string, walk: SchemaWalk): [string, unknown][] {
  if (isJsonObject(value)) return Object.entries(value);
  walk.refuse(path, "The keyword", "is not an object. Send an object with a member for each name.");
  return [];
}

function schemaMap(value: unknown, path: string, walk: SchemaWalk): Map<string, SchemaNode> {
  const members = membersOf(value, path, walk);
  return new Map(members.map(([name, member]) => [name, walk.subschema(member, path + pointerStep(name))]));
}

export function namedSchemas(key: "properties" | "dependentSchemas"): KeywordReader {
  return (node, value, path, walk) => {
    node[key] = schemaMap(value, path, walk);
  };
}

function names(value: unknown, path: string, walk: SchemaWalk): readonly string[] {
  if (Array.isArray(value) && value.every(isText) && new Set(value).size === value.length) return value;
  walk.refuse(path, "The keyword", "is not a list of names. Send an array of strings without repetitions.");
  return [];
}

/** Null if the pattern was refused. */
function pattern(source: unknown, path: string, walk: SchemaWalk): Pattern | null {
  if (typeof source !== "string") {
    walk.refuse(path, "The pattern", "is not a string. Send a regular expression as a string.");
    return null;
  }
  const parsed = parsePattern(source, walk.patternParts);
  if (!parsed.ok) {
    walk.refuse(path, "The pattern", parsed.error);
    return null;
  }
  return walk.admit(parsed.value, path) ? parsed.value : null;
}

function allowed(values: readonly unknown[]): AllowedValues {
  // The schema's size bounds this work.
  const budget = { left: Number.POSITIVE_INFINITY };
  const more = values.length > SHOWN_VALUES ? ", …" : "";
  return {
    texts: new Set(values.map((value) => canonicalText(value, budget))),
    hasContainers: values.some((value) => typeof value === "object" && value !== null),
    shown: values.slice(0, SHOWN_VALUES).map(shown).join(", ") + more,
  };
}

export const readType: KeywordReader = (node, value, path, walk) => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const isValid = list.every((one) => typeof one === "string" && TYPES.includes(one));
  if (list.length === 0 || !isValid || new Set(list).size < list.length) {
    walk.refuse(
      path,
      "The type",
      `is ${shown(value)}. Send one of ${TYPES.join(", ")}, or an array of them.`,
    );
  }
  node.type = new Set(list as readonly TypeName[]);
};

export const readEnum: KeywordReader = (node, value, path, walk) => {
  if (Array.isArray(value) && value.length > 0) node.enum = allowed(value);
  else walk.refuse(path, "The enum", "is not a list of values. Send an array with at least one value.");
};

export const readConst: KeywordReader = (node, value) => {
  node.const = allowed([value]);
};

export const readPattern: KeywordReader = (node, value, path, walk) => {
  const found = pattern(value, path, walk);
  if (found !== null) node.pattern = found;
};

export const readFormat: KeywordReader = (node, value, path, walk) => {
  const found = typeof value === "string" ? FORMATS.get(value) : undefined;
  if (found !== undefined) node.format = found;
  else {
    const known = [...FORMATS.keys()].join(", ");
    walk.refuse(path, "The format", `is unknown: ${shown(value)}. Use one of ${known}, or a pattern.`);
  }
};

export const readPatternProperties: KeywordReader = (node, value, path, walk) => {
  const found: PatternProperty[] = [];
  for (const [source, schema] of schemaMap(value, path, walk)) {
    const parsed = pattern(source, path + pointerStep(source), walk);
    if (parsed === null) return;
    found.push({ pattern: parsed, schema });
  }
  node.patternProperties = found;
};

export const readRequired: KeywordReader = (node, value, path, walk) => {
  node.required = names(value, path, walk);
};

export const readDependentRequired: KeywordReader = (node, value, path, walk) => {
  const members = membersOf(value, path, walk);
  node.dependentRequired = new Map(
    members.map(([name, list]) => [name, names(list, path + pointerStep(name), walk)]),
  );
};

export const readUniqueItems: KeywordReader = (node, value, path, walk) => {
  if (typeof value === "boolean") node.uniqueItems = value;
  else walk.refuse(path, "The keyword", "is not a boolean. Send true or false.");
};

export const readReference: KeywordReader = (node, value, path, walk) => {
  if (typeof value === "string" && value.startsWith("#")) walk.reference(node, value, path);
  else {
    walk.refuse(
      path,
      "The $ref",
      `does not begin with #. Copy the schema into $defs, and refer to it as "#/$defs/name".`,
    );
  }
};

export const readAnchor: KeywordReader = (node, value, path, walk) => {
  if (typeof value === "string" && ANCHOR.test(value)) walk.anchor(node, value, path);
  else walk.refuse(path, "The $anchor", `is not a name. Use letters, digits, "-", "_" and ".".`);
};

/** These identify the document, so they stand only at its root. `$id` is a name and changes no `$ref`. */
export const readSchemaDialect: KeywordReader = (_, value, path, walk) => {
  if (path !== "/$schema") walk.refuse(path, "The $schema", "is not at the root. Remove it.");
  else if (value !== DRAFT && value !== `${DRAFT}#`) {
    walk.refuse(
      path,
      "The $schema",
      `is ${shown(value)}. Write the schema for 2020-12, and send "${DRAFT}".`,
    );
  }
};

export const readId: KeywordReader = (_, value, path, walk) => {
  if (path !== "/$id") {
    walk.refuse(path, "The $id", "is not at the root. Remove it, and refer to the schema by its place.");
  } else if (typeof value !== "string")
    walk.refuse(path, "The $id", "is not a string. Send a URI, or remove it.");
};

/** Nothing decodes the content, so its schema judges nothing. */
export const readContentSchema: KeywordReader = (_, value, path, walk) => {
  walk.subschema(value, path);
};

/** `$defs` and `definitions`: nothing here judges the value, but references can lead here. */
export const readDefinitions: KeywordReader = (_, value, path, walk) => {
  schemaMap(value, path, walk);
};
