/**
 * Every keyword that a schema may have. PURE.
 *
 * A keyword that is not in the table is refused, although JSON Schema 2020-12 would ignore it: a misspelt `requierd`
 * would silently let everything through. Names that begin with `x-` are notes of the author and stay unread, as in
 * OpenAPI and in JSON Schema's next version.
 */

import {
  count,
  isFlag,
  isText,
  type KeywordReader,
  limit,
  namedSchemas,
  note,
  number,
  readAnchor,
  readConst,
  readContentSchema,
  readDefinitions,
  readDependentRequired,
  readEnum,
  readFormat,
  readPattern,
  readPatternProperties,
  readReference,
  readRequired,
  readSchemaDialect,
  readSchemaId,
  readType,
  readUniqueItems,
  schema,
  schemaList,
} from "./keyword-readers.ts";

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
