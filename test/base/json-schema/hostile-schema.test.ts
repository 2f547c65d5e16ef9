import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSchema, KEYWORDS } from "../../../src/base/json-schema/check-schema.ts";
import { validate } from "../../../src/base/json-schema/validate.ts";
import { VALIDATION_MAX_STEPS } from "../../../src/base/limits.ts";

const KIB = 1024;
/** The last operation before the budget is empty takes its steps. At most it would list 128 Ki items. */
const OVERDRAFT = 1_400_000;

/** The outcome of a validation, and the steps that it took. */
function validated(schema: unknown, parameters: unknown) {
  const checked = checkSchema(schema);
  if (!checked.ok) throw new Error(checked.error.sentence);
  const budget = { left: VALIDATION_MAX_STEPS };
  const outcome = validate(checked.value, parameters, budget);
  return { outcome, steps: VALIDATION_MAX_STEPS - budget.left };
}

const inside = (schema: object) => ({ properties: { a: schema } });

/** A schema in which each level refers twice to the next: the last level is evaluated 2^59 times. */
function doubling(keyword: string, last: unknown) {
  const levels = Array.from({ length: 60 }, (_, level) => {
    const next = { $ref: `#/$defs/${level + 1}` };
    return [level, level === 59 ? last : { [keyword]: [next, next] }];
  });
  return { properties: { a: { $ref: "#/$defs/0" } }, $defs: Object.fromEntries(levels) };
}

/** Each level lists the items again after the level below, and adds them to what the level above looked at. */
function listingAtEachLevel() {
  const levels = Array.from({ length: 60 }, (_, level) => {
    const next = level === 59 ? { items: true } : { $ref: `#/$defs/${level + 1}` };
    return [level, { ...next, unevaluatedItems: true }];
  });
  return { properties: { a: { $ref: "#/$defs/0" } }, $defs: Object.fromEntries(levels) };
}

/** The last level looks at the items, and each level above takes note of them. */
function notingAtEachLevel() {
  const levels = Array.from({ length: 60 }, (_, level) => {
    return [level, level === 59 ? { items: true } : { $ref: `#/$defs/${level + 1}` }];
  });
  return { ...inside({ $ref: "#/$defs/0", unevaluatedItems: false }), $defs: Object.fromEntries(levels) };
}

const manyItems = (count: number) => Array.from({ length: count }, (_, index) => index);
const manyProperties = (count: number) => Object.fromEntries(manyItems(count).map((index) => [`k${index}`, 1]));

function nested(levels: number): unknown {
  return JSON.parse(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
}

describe("work without bounds", () => {
  const LARGE_TEXT = "é".repeat(128 * KIB);
  const LARGE_OBJECT = manyProperties(25_000);
  const LARGE_ARRAY = manyItems(50_000);

  it.each<[string, unknown, unknown]>([
    ["allOf", doubling("allOf", {}), 1],
    ["anyOf", doubling("anyOf", false), 1],
    ["oneOf", doubling("oneOf", false), 1],
    [
      "allOf that collects what it looked at",
      { ...doubling("allOf", { items: true }), ...inside({ $ref: "#/$defs/0", unevaluatedItems: false }) },
      [1],
    ],
    ["items that are noted at each level", notingAtEachLevel(), LARGE_ARRAY],
    ["unevaluated items at each level", listingAtEachLevel(), LARGE_ARRAY],
    ["conditions", doubling("anyOf", { if: false, else: false }), 1],
    ["a const", doubling("anyOf", { const: {} }), LARGE_OBJECT],
    ["an enum", doubling("anyOf", { enum: ["x", "y"] }), LARGE_TEXT],
    ["lengths", doubling("anyOf", { minLength: 100_000_000 }), LARGE_TEXT],
    ["lengths that are counted", doubling("allOf", { minLength: 100 * KIB }), LARGE_TEXT],
    ["counts of properties", doubling("anyOf", { minProperties: 1e9 }), LARGE_OBJECT],
    ["names of properties", doubling("allOf", { propertyNames: true }), LARGE_OBJECT],
    ["missing names", doubling("anyOf", { required: manyItems(1000).map(String) }), {}],
    ["unique items", doubling("allOf", { uniqueItems: true }), LARGE_ARRAY],
    ["items", doubling("allOf", { items: true }), LARGE_ARRAY],
    ["contained items", doubling("allOf", { contains: true }), LARGE_ARRAY],
    ["multiples", doubling("allOf", { multipleOf: 5e-324 }), 1.7976931348623157e308],
    ["a format", doubling("allOf", { format: "uri" }), `https://x.example/${"%20".repeat(2000)}`],
    ["a pattern", doubling("allOf", { pattern: "^a" }), "a"],
    ["properties of names that are large", doubling("allOf", { unevaluatedProperties: true }), LARGE_OBJECT],
    ["a const of control characters", doubling("anyOf", { const: "x" }), "\u0001".repeat(40 * KIB)],
    ["fractions", doubling("anyOf", { const: [] }), Array(20_000).fill(1.2345678901234e-100)],
    ["labels of a host name", doubling("allOf", { format: "hostname" }), `${"a.".repeat(126)}a`],
    ["groups of an address", doubling("allOf", { format: "ipv6" }), "1:2:3:4:5:6:1.2.3.4"],
    ["word boundaries", inside({ pattern: "(?:\\b|\\B)*(?:\\b){50}!" }), "a-".repeat(128 * KIB)],
    ["a class of properties", inside({ pattern: "(?:[\\p{Zl}\\p{Zp}]?){20}!" }), "語".repeat(85 * KIB)],
    ["a wide pattern", inside({ pattern: "(?:[a-z]?){500}!" }), "a".repeat(256 * KIB)],
    [
      "patterns for names",
      inside({ patternProperties: Object.fromEntries(manyItems(400).map((index) => [`${index}$`, true])) }),
      LARGE_OBJECT,
    ],
  ])("ends after its steps: %s", (_, schema, a) => {
    const { outcome, steps } = validated(schema, { a });
    expect(outcome).toEqual({
      ok: false,
      error: { pointer: "", sentence: expect.stringMatching(/too many steps\. Send smaller parameters, or/) },
    });
    expect(steps).toBeLessThan(VALIDATION_MAX_STEPS + OVERDRAFT);
  });

  it("never takes an outcome for true that it reached without steps", () => {
    // With steps, this accepts the value. Without, `not` would turn a false refusal into an acceptance.
    const schema = { properties: { a: { not: { $ref: "#/$defs/0" } } }, $defs: doubling("anyOf", false).$defs };
    expect(validated(schema, { a: 1 }).outcome.ok).toBe(false);
  });

  it("bounds the depth of references at a deep value", () => {
    const chain = (length: number) =>
      manyItems(length).map((index) => [
        index,
        index === length - 1 ? { properties: { a: { $ref: "#" } } } : { oneOf: [{ $ref: `#/$defs/${index + 1}` }] },
      ]);
    const schemaOf = (length: number) => ({ $ref: "#/$defs/0", $defs: Object.fromEntries(chain(length)) });
    expect(validated(schemaOf(2), nested(60)).outcome.ok).toBe(true);
    expect(validated(schemaOf(240), nested(60)).outcome).toMatchObject({ ok: false, error: { pointer: "" } });
  });
});

describe("work that no other bound limits", () => {
  const names = manyItems(3000).map((index) => `k${index}`);
  const texts = (count: number, text: unknown) => Array(count).fill(text);

  it.each<[string, object, unknown, number]>([
    ["required names", { required: names }, manyProperties(3000), 3000],
    ["names that another one requires", { dependentRequired: { k0: names } }, manyProperties(3000), 3000],
    ["properties", { additionalProperties: true }, manyProperties(20_000), 20_000 * 21],
    ["items that nobody looked at", { items: true, unevaluatedItems: true }, manyItems(20_000), 20_000 * 15],
    ["large multiples", { items: { multipleOf: 5e-324 } }, Array(1000).fill(1.7e308), 1000 * 600],
    ["the characters of a text", { minLength: 64 * KIB }, "é".repeat(64 * KIB), 64 * KIB],
    ["classes of characters", { pattern: "^\\p{L}*$" }, "語".repeat(10_000), 10_000 * 10],
    ["patterns of short texts", { items: { pattern: "^a" } }, texts(1000, "a"), 1000 * 28],
    ["formats", { items: { format: "uri" } }, texts(100, `x:${"y".repeat(800)}`), 100 * 2400],
    ["short formats", { items: { format: "date" } }, texts(1000, "2026-11-25"), 1000 * 80],
    ["labels of host names", { format: "hostname" }, `${"a.".repeat(100)}a`, 3 * 201],
    ["unique items", { uniqueItems: true }, manyItems(20_000), 20_000 * 15],
    ["fractions", { items: { const: 0.5 } }, texts(1000, 0.5), 1000 * 45],
    ["multiples of fractions", { items: { multipleOf: 0.1 } }, texts(1000, 0.3), 1000 * 80],
    ["long texts that are compared", { enum: ["x".repeat(8000)] }, "x".repeat(8000), 1000],
    ["empty lists that are compared", { const: texts(1000, []) }, texts(1000, []), 1000 * 15],
    ["names that are sorted", { const: manyProperties(1000) }, manyProperties(1000), 1000 * 35],
    ["properties that nobody looked at", { unevaluatedProperties: true }, manyProperties(10_000), 10_000 * 40],
    ["subschemas that take note of what they look at", { allOf: texts(400, {}), unevaluatedItems: true }, [], 400 * 40],
  ])("takes its steps: %s", (_, schema, a, least) => {
    const { outcome, steps } = validated(inside(schema), { a });
    expect(outcome.ok).toBe(true);
    expect(steps).toBeGreaterThanOrEqual(least);
  });
});

describe("large, and still fine", () => {
  it.each<[string, object, unknown, boolean]>([
    ["100 000 unique items", { uniqueItems: true }, manyItems(100_000), true],
    ["100 000 items, of which the last is a repetition", { uniqueItems: true }, [...manyItems(99_999), 0], false],
    ["100 000 integers", { items: { type: "integer" } }, manyItems(100_000), true],
    ["a needle in 100 000 items", { contains: { const: 99_999 } }, manyItems(100_000), true],
    ["25 000 properties", { additionalProperties: { type: "integer" } }, manyProperties(25_000), true],
    ["an enum of 5000 values", { enum: manyItems(5000) }, 4999, true],
    ["an enum for each of 100 000 items", { items: { enum: manyItems(5000) } }, Array(100_000).fill(7), true],
    ["a large const", { const: manyItems(5000) }, manyItems(5000), true],
    ["256 KiB that match a pattern", { pattern: "^[a-z0-9]+(-[a-z0-9]+)*$" }, `a${"-a".repeat(128 * KIB - 1)}`, true],
    ["256 KiB that match no pattern", { pattern: "^(a+)+$" }, `${"a".repeat(256 * KIB - 1)}!`, false],
    ["a pattern for text without ASCII", { pattern: "^\\p{L}*$" }, "語".repeat(85 * KIB), true],
    ["the length of 256 KiB", { minLength: 64 * KIB, maxLength: 128 * KIB }, "😀".repeat(64 * KIB), true],
  ])("validates %s", (_, schema, a, valid) => {
    const { outcome, steps } = validated(inside(schema), { a });
    expect(outcome.ok ? "" : outcome.error.sentence).not.toContain("steps");
    expect(outcome.ok).toBe(valid);
    expect(steps).toBeLessThanOrEqual(VALIDATION_MAX_STEPS);
  });
});

describe("deep parameters", () => {
  it.each([65, 1000, 100_000])("refuses %i levels before it recurses into them", (levels) => {
    const { outcome } = validated({ additionalProperties: { $ref: "#" } }, nested(levels));
    expect(outcome).toMatchObject({ ok: false, error: { sentence: expect.stringContaining("64 levels") } });
  });

  it("evaluates 64 levels", () => {
    expect(validated({ properties: { a: { anyOf: [{ $ref: "#" }, true] } } }, nested(64)).outcome.ok).toBe(true);
  });
});

describe("any JSON", () => {
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom({}, true, [], [{}], "#", "a", "^a", 1, { a: {} }, ["a"], "object") },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
  );
  const keyword = fc.constantFrom(...KEYWORDS.keys());
  const flat = fc.dictionary(keyword, value, { maxKeys: 3 });
  const schema = fc.dictionary(keyword, fc.oneof(value, flat, fc.dictionary(fc.constantFrom("a", "0"), flat)), {
    maxKeys: 5,
  });

  it("gives a result for every schema, and never throws", () => {
    fc.assert(
      fc.property(schema, fc.jsonValue({ maxDepth: 4 }), (document, parameters) => {
        const checked = checkSchema(JSON.parse(JSON.stringify(document)));
        if (!checked.ok) expect(checked.error.sentence).toMatch(/^The .*\.$/);
        else expect(validate(checked.value, parameters)).toHaveProperty("ok");
      }),
      { numRuns: 2000 },
    );
  });
});
