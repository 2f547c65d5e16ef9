/** A checked schema: references are links, and patterns programs. PURE. Nodes can form circles, so none is stored. */
import { shortened } from "../visible-text.ts";
import type { Format } from "./formats.ts";
import type { Pattern } from "./pattern.ts";

export const TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"] as const;
export type TypeName = (typeof TYPES)[number];

export interface AllowedValues {
  readonly texts: ReadonlySet<string>;
  /** False if every value is a string, a number, a boolean or null. */
  readonly hasContainers: boolean;
  readonly shown: string;
}

export const LIMITS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] as const;
export const COUNTS = (["Length", "Items", "Contains", "Properties"] as const).flatMap(
  (counted) => [`min${counted}`, `max${counted}`] as const,
);
export const SCHEMAS = [
  "items",
  "contains",
  "unevaluatedItems",
  "additionalProperties",
  "propertyNames",
  "unevaluatedProperties",
  "not",
  "if",
  "then",
  "else",
] as const;
export const SCHEMA_LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"] as const;
export const NAMED_SCHEMAS = ["properties", "dependentSchemas"] as const;

type Members<Keywords extends readonly string[], Value> = { readonly [K in Keywords[number]]?: Value };

export interface SchemaNode
  extends Members<typeof LIMITS | typeof COUNTS, number>,
    Members<typeof SCHEMAS, SchemaNode>,
    Members<typeof SCHEMA_LISTS, readonly SchemaNode[]>,
    Members<typeof NAMED_SCHEMAS, ReadonlyMap<string, SchemaNode>> {
  /** True only for the schema `false`. */
  readonly refusesAll?: boolean;
  readonly type?: ReadonlySet<TypeName>;
  readonly enum?: AllowedValues;
  readonly const?: AllowedValues;
  readonly pattern?: Pattern;
  readonly format?: Format;
  readonly multipleOf?: number;
  readonly uniqueItems?: boolean;
  readonly required?: readonly string[];
  readonly dependentRequired?: ReadonlyMap<string, readonly string[]>;
  readonly patternProperties?: readonly { readonly pattern: Pattern; readonly schema: SchemaNode }[];
}

export type Draft = { -readonly [Key in keyof SchemaNode]: SchemaNode[Key] };

/** The subschemas that apply to the same value as the node itself. All others apply to a part of that value. */
export function inPlaceSchemas(node: SchemaNode): SchemaNode[] {
  const single = [node.not, node.if, node.then, node.else];
  const many = [node.allOf, node.anyOf, node.oneOf, node.dependentSchemas?.values()];
  return [...single.filter((schema) => schema !== undefined), ...many.flatMap((schemas) => [...(schemas ?? [])])];
}

/** `pointer`: a JSON Pointer (RFC 6901) to what is wrong or missing, `""` for the root. The sentence is short. */
export interface SchemaFault {
  readonly pointer: string;
  readonly sentence: string;
}

export function shownPointer(pointer: string): string {
  return shortened(pointer, 300);
}

/** A name or a value as JSON, cut to a length that fits a sentence. */
export function shownJson(value: unknown): string {
  return shortened(JSON.stringify(value) ?? "nothing", 80);
}
