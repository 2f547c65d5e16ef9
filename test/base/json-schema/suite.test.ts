import { expect, it } from "vitest";
import { checkSchema } from "../../../src/base/json-schema/check-schema.ts";
import { validate } from "../../../src/base/json-schema/validate.ts";
import { SUITE, type SuiteGroup } from "./suite.ts";

/** Groups whose schema is refused, by words of the sentence. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "does not begin with #": [
    "anchor: Location-independent identifier with absolute URI",
    "anchor: Location-independent identifier with base URI change in subschema",
    "defs: validate definition against metaschema",
    "ref: remote ref, containing refs itself",
    "ref: Recursive references between schemas",
    "ref: order of evaluation: $id and $ref",
    "ref: order of evaluation: $id and $ref on nested schema",
    "ref: simple URN base URI with $ref via the URN",
    "ref: URN base URI with URN and JSON pointer ref",
    "ref: URN base URI with URN and anchor ref",
    "ref: URN ref with nested pointer ref",
    "ref: ref to if",
    "ref: ref to then",
    "ref: ref to else",
    "unevaluatedItems: unevaluatedItems with $dynamicRef",
    "unevaluatedProperties: unevaluatedProperties with $dynamicRef",
  ],
  "is not at the root": [
    "anchor: same $anchor with different base uri",
    "ref: refs with relative uris and defs",
    "ref: relative refs with absolute uris and defs",
    "ref: $id must be resolved against nearest parent, not just immediate parent",
    "ref: order of evaluation: $id and $anchor and $ref",
    "ref: ref with absolute-path-reference",
  ],
  "is unknown": [
    "optional/refOfUnknownKeyword: reference of a root arbitrary keyword ",
    "optional/refOfUnknownKeyword: reference of a root arbitrary keyword with encoded ref",
    "optional/refOfUnknownKeyword: reference of an arbitrary keyword of a sub-schema",
    "optional/refOfUnknownKeyword: reference of an arbitrary keyword of a sub-schema with encoded ref",
  ],
  "at least one value": ["enum: empty enum"],
  "leads to no schema": ["optional/refOfUnknownKeyword: reference internals of known non-applicator"],
};

const REASONS = new Map(
  Object.entries(REFUSED).flatMap(([words, names]) => names.map((name) => [name, words] as const)),
);

/** We accept these host names, because we don't check what an `xn--` name decodes to. */
const UNJUDGED = "optional/format/hostname: validation of A-label (punycode) host names";

function isUnchecked(group: SuiteGroup, data: unknown): boolean {
  return group.name === UNJUDGED && typeof data === "string" && /(?:^|\.)xn--/i.test(data);
}

const SUPPORTED = SUITE.filter(({ name }) => !REASONS.has(name));

it("brings all lines of the suite", () => {
  expect(SUITE).toHaveLength(367);
  expect(SUPPORTED).toHaveLength(367 - REASONS.size);
});

it.each(SUPPORTED)("accepts and refuses as the suite does: $name", (group) => {
  const checked = checkSchema(group.schema);
  if (!checked.ok) throw new Error(checked.error.sentence);
  const compared = group.cases.filter(({ data }) => !isUnchecked(group, data));
  const outcomes = compared.map(({ description, data }) => {
    return { description, data, valid: validate(checked.value, { value: data }).ok };
  });
  expect(outcomes).toEqual(compared);
});

it.each(SUITE.filter(({ name }) => REASONS.has(name)))("refuses the suite's schema: $name", (group) => {
  const checked = checkSchema(group.schema);
  if (checked.ok) throw new Error("The schema was accepted.");
  expect(checked.error.sentence).toContain(REASONS.get(group.name));
});
