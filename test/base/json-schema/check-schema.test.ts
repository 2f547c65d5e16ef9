import { describe, expect, it } from "vitest";
import { checkSchema } from "../../../src/base/json-schema/check-schema.ts";
import { validate } from "../../../src/base/json-schema/validate.ts";
import { words } from "../../support/words.ts";

/** The schema from JSON text, because only a parser makes an own `__proto__`. */
function refusalOf(schema: unknown) {
  const checked = checkSchema(typeof schema === "string" ? JSON.parse(schema) : schema);
  if (checked.ok) throw new Error(`This schema was accepted: ${JSON.stringify(schema)}`);
  return checked.error;
}

function accept(schema: unknown) {
  const checked = checkSchema(schema);
  if (!checked.ok) throw new Error(checked.error.sentence);
  return checked.value;
}

const inside = (schema: unknown) => ({ type: "object", properties: { a: schema } });
const DRAFT = "https://json-schema.org/draft/2020-12/schema";

/** [what is refused, schema, pointer, words of the sentence]. */
type Refusal = [string, unknown, string, string];

const ROOTS: Refusal[] = [
  ...[true, false, null, 1, "{}", []].map(
    (root): Refusal => [`the root ${JSON.stringify(root)}`, JSON.stringify(root), "", "is not an object"],
  ),
  ["a root for strings", { type: "string" }, "", 'Send "type": "object"'],
  ["a root for objects and null", { type: ["object", "null"] }, "", 'Send "type": "object"'],
  ["another draft", { $schema: "http://json-schema.org/draft-07/schema#" }, "/$schema", "for 2020-12"],
  ["a $schema inside", inside({ $schema: DRAFT }), "/properties/a/$schema", "not at the root"],
  ["an $id inside", inside({ $id: "https://x.example/y" }), "/properties/a/$id", "not at the root"],
  ["an $id that is no string", { $id: 1 }, "/$id", "not a string"],
];

const REFERENCES: Refusal[] = [
  ["a remote $ref", { $ref: "https://x.example/schema" }, "/$ref", "does not begin with #"],
  ["a $ref by $id", { $id: "https://x.example/s", $ref: "https://x.example/s#" }, "/$ref", "begin with #"],
  ["a relative $ref", inside({ $ref: "other.json" }), "/properties/a/$ref", "does not begin with #"],
  ["a $ref that is no string", { $ref: 1 }, "/$ref", "does not begin with #"],
  ["an unresolved $ref", inside({ $ref: "#/$defs/b" }), "/properties/a/$ref", "leads to no schema"],
  ["an unknown anchor", inside({ $ref: "#b" }), "/properties/a/$ref", "leads to no schema"],
  ["a $ref to a map of schemas", inside({ $ref: "#/properties" }), "/properties/a/$ref", "no schema"],
  ["a $ref into data", { examples: [{}], $ref: "#/examples/0" }, "/$ref", "leads to no schema"],
  ["a $ref to an inherited name", { $ref: "#/$defs/constructor", $defs: {} }, "/$ref", "no schema"],
  ["a broken escape", { $ref: "#/%" }, "/$ref", "leads to no schema"],
  ["an anchor that is no name", { $anchor: "/a" }, "/$anchor", "is not a name"],
  ["an anchor twice", { $anchor: "a", $defs: { b: { $anchor: "a" } } }, "/$defs/b/$anchor", "already used"],
  ["$dynamicRef", { $dynamicRef: "#a" }, "/$dynamicRef", "Use $ref"],
  ["$dynamicAnchor", { $dynamicAnchor: "a" }, "/$dynamicAnchor", "Use $anchor"],
];

/** Circles that never move on to a part of the value, through each keyword that applies to the value in place. */
const BACK = "leads back to itself";
const TWO = { $ref: "#/$defs/b", $defs: { b: { $ref: "#/$defs/c" }, c: { $ref: "#/$defs/b" } } };
const CIRCLES: Refusal[] = [
  ["a $ref to itself", { $ref: "#" }, "/$ref", BACK],
  ["two references to each other", TWO, "/$defs/b/$ref", BACK],
  ["a circle that is never used", { $defs: { b: { $ref: "#/$defs/b" } } }, "/$defs/b/$ref", BACK],
  ["a circle through an anchor", { $anchor: "a", allOf: [{ $ref: "#a" }] }, "/allOf/0/$ref", BACK],
  ["dependentSchemas", { dependentSchemas: { a: { $ref: "#" } } }, "/dependentSchemas/a/$ref", BACK],
  ...["allOf", "anyOf", "oneOf"].map(
    (keyword): Refusal => [keyword, { [keyword]: [{}, { $ref: "#" }] }, `/${keyword}/1/$ref`, BACK],
  ),
  ...["not", "if", "then", "else"].map(
    (keyword): Refusal => [keyword, { [keyword]: { $ref: "#" } }, `/${keyword}/$ref`, BACK],
  ),
];

const KEYWORDS: Refusal[] = [
  ["a misspelt keyword", inside({ requierd: ["b"] }), "/properties/a/requierd", "is unknown"],
  ["an inherited name", '{"constructor":{}}', "/constructor", "is unknown"],
  ["__proto__", '{"__proto__":{"type":"object"}}', "/__proto__", "is unknown"],
  ["a keyword of draft 7", { dependencies: {} }, "/dependencies", "Use dependentRequired"],
  ["additionalItems", inside({ additionalItems: false }), "/properties/a/additionalItems", "Use prefixItems"],
  ["an array as items", inside({ items: [{}] }), "/properties/a/items", "Rename the keyword to prefixItems"],
  ["an unknown format", inside({ format: "iban" }), "/properties/a/format", 'unknown: "iban"'],
  ["an inherited name as a format", inside({ format: "toString" }), "/properties/a/format", "is unknown"],
  ["an unknown type", inside({ type: "int" }), "/properties/a/type", "Send one of array"],
  ["a type twice", inside({ type: ["null", "null"] }), "/properties/a/type", "Send one of array"],
  ["no type", inside({ type: [] }), "/properties/a/type", "Send one of array"],
  ["an enum that is no array", inside({ enum: "a" }), "/properties/a/enum", "is not a list"],
  ["an enum without values", inside({ enum: [] }), "/properties/a/enum", "at least one value"],
  ["a negative count", inside({ minLength: -1 }), "/properties/a/minLength", "is -1. Send a whole number"],
  ["half a count", inside({ maxItems: 0.5 }), "/properties/a/maxItems", "Send a whole number"],
  ["a bound as text", inside({ minimum: "1" }), "/properties/a/minimum", "Send a number"],
  ["multiples of nothing", inside({ multipleOf: 0 }), "/properties/a/multipleOf", "over 0"],
  ["names that are not unique", { required: ["a", "a"] }, "/required", "is not a list of names"],
  ["names that are no strings", { dependentRequired: { a: [1] } }, "/dependentRequired/a", "list of names"],
  ["a schema that is none", { properties: { "a/b~": 1 } }, "/properties/a~1b~0", "is not a schema"],
  ["an empty list of schemas", { allOf: [] }, "/allOf", "is not a list of schemas"],
  ["properties as an array", { properties: [] }, "/properties", "is not an object"],
  ["a flag as text", inside({ uniqueItems: "yes" }), "/properties/a/uniqueItems", "Send true or false"],
  ["a title that is no string", { title: 1 }, "/title", "Send a string"],
  ["a fault in a schema that is never evaluated", { contentSchema: { b: 1 } }, "/contentSchema/b", "is unknown"],
  ["a number beyond all numbers", '{"properties":{"a":{"maximum":1e400}}}', "", "too large"],
];

const PATTERNS: Refusal[] = [
  ["a pattern that is no string", { pattern: 1 }, "/pattern", "is not a string"],
  ["a broken pattern", { pattern: "(" }, "/pattern", "is not a valid regular expression"],
  ["syntax without the flag u", { pattern: "\\-" }, "/pattern", "is not a valid regular expression"],
  ["a backreference", { pattern: "(a)\\1" }, "/pattern", "has a backreference"],
  ["a named group", { pattern: "(?<a>a)\\k<a>" }, "/pattern", "a named group"],
  ...["(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?i:a)"].map(
    (pattern): Refusal => [`the group ${pattern}`, { pattern }, "/pattern", "has a lookaround"],
  ),
  ["a large count", { pattern: "a{1001}" }, "/pattern", "a count over 1000"],
  ["a large upper count", { pattern: "a{1,1001}" }, "/pattern", "a count over 1000"],
  ["a large lower count", { pattern: "a{1001,}" }, "/pattern", "a count over 1000"],
  ["counts inside counts", { pattern: "(a{100}){100}" }, "/pattern", "repeats too much"],
  ["counts of nothing", { pattern: `${"(".repeat(9)}${"){1000}".repeat(9)}` }, "/pattern", "repeats too much"],
  ["a long pattern", { pattern: "a".repeat(1025) }, "/pattern", "Shorten it to at most 1024"],
  ["a fault in the name of a property", { patternProperties: { "(": {} } }, "/patternProperties/(", "not a valid"],
  ["many large patterns", { allOf: Array(9).fill({ pattern: "a{1000}" }) }, "/allOf/8/pattern", "patterns too large"],
  [
    "many Unicode properties",
    {
      allOf: words("L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf").map((of) => ({
        pattern: `\\p{${of}}`,
      })),
    },
    "/allOf/20/pattern",
    "more than 20 Unicode properties",
  ],
];

describe.each(Object.entries({ ROOTS, REFERENCES, CIRCLES, KEYWORDS, PATTERNS }))("%s", (_, refusals) => {
  it.each(refusals)("refuses %s", (_name, schema, pointer, words) => {
    const refusal = refusalOf(schema);
    expect(refusal).toEqual({ pointer, sentence: expect.stringContaining(words) });
    // What is wrong, where, and then what to do.
    expect(refusal.sentence).toMatch(/^The .*\. [A-Z].*\.$/);
    expect(refusal.sentence).toContain(pointer);
  });
});

describe("size", () => {
  it("refuses more than 32 KiB of JSON, counted in UTF-8", () => {
    const frame = JSON.stringify({ title: "" }).length;
    accept({ title: "a".repeat(32 * 1024 - frame) });
    expect(refusalOf({ title: "a".repeat(32 * 1024 - frame + 1) }).sentence).toContain("32769 bytes");
    expect(refusalOf({ title: "é".repeat(16 * 1024) }).sentence).toContain("Send at most 32768");
  });

  it("refuses more than 500 subschemas, wherever they stand", () => {
    const schemas = (count: number) => Array.from({ length: count }, () => true);
    accept({ $defs: { ...schemas(250) }, allOf: schemas(250) });
    expect(refusalOf({ $defs: { ...schemas(251) }, allOf: schemas(250) })).toEqual({
      pointer: "",
      sentence: "The schema has more than 500 subschemas. Send a smaller schema.",
    });
  });

  it("refuses deep JSON before it recurses into it", () => {
    const deep = (levels: number) => JSON.parse(`${'{"not":'.repeat(levels)}true${"}".repeat(levels)}`);
    accept(deep(64));
    expect(refusalOf(deep(65)).sentence).toContain("more than 64 levels");
    expect(refusalOf(deep(100_000)).sentence).toContain("more than 64 levels");
    const data = JSON.parse(`${"[".repeat(10_000)}${"]".repeat(10_000)}`);
    expect(refusalOf({ default: data }).sentence).toContain("more than 64 levels");
  });

  it("refuses a subschema whose pointer has more than 2048 characters", () => {
    const inner = { allOf: [{}] };
    const frame = "/properties//allOf/0".length;
    accept({ properties: { ["n".repeat(2048 - frame)]: inner } });
    const { sentence } = refusalOf({ properties: { ["n".repeat(2048 - frame + 1)]: inner } });
    expect(sentence).toContain("Use shorter names");
  });

  it("cuts long names in its sentences", () => {
    const { pointer, sentence } = refusalOf({ properties: { ["n".repeat(2000)]: { type: "t".repeat(10_000) } } });
    expect(pointer).toBe(`/properties/${"n".repeat(2000)}/type`);
    expect(sentence.length).toBeLessThan(600);
  });
});

describe("accepted schemas", () => {
  it("lets a schema refer to itself through a property or an item", () => {
    const tree = accept({
      properties: { name: { type: "string" }, children: { items: { $ref: "#" } } },
      required: ["name"],
    });
    expect(validate(tree, { name: "a", children: [{ name: "b", children: [] }] }).ok).toBe(true);
    expect(validate(tree, { name: "a", children: [{ name: "b", children: [{}] }] })).toEqual({
      ok: false,
      error: {
        pointer: "/children/0/children/0/name",
        sentence: 'The value at /children/0/children/0 has no property "name". Send it.',
      },
    });
  });

  it("reads notes and ignores them", () => {
    accept({
      $schema: DRAFT,
      $id: "https://portal.example/deploy",
      $comment: "a note",
      title: "Deploy",
      description: "Deploys a service",
      "x-order": ["service"],
      type: "object",
      properties: {
        service: { type: "string", default: "shop", examples: ["shop"], deprecated: true, readOnly: false },
        secret: { writeOnly: true, contentEncoding: "base64", contentMediaType: "text/plain" },
      },
    });
  });
});
