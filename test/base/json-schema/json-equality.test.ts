import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalText } from "../../../src/base/json-schema/step-budget.ts";

const text = (value: unknown) => canonicalText(value, { left: Number.POSITIVE_INFINITY });

/** Strings that look like parts of the text of other values. */
const string = fc.oneof(
  fc.constantFrom("", "1", "a", "null", '"', '1"a', '1"a,1"b', 'a,1"b', '"a","b"', 'a","b', "[", "]", "{}", ",", ":"),
  fc.array(fc.constantFrom("1", '"', ",", "a", "[", "]", "{", "}", ":"), { maxLength: 6 }).map((all) => all.join("")),
);
const scalar = fc.oneof(string, fc.constantFrom(0, -0, 1, 11, 1.5, -1e300, true, false, null));
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(string, tie("value"), { maxKeys: 3 }),
  ),
}));

/** Equality as the standard defines it, member by member. */
function equals(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  const members = (of: object, name: string) => (of as Record<string, unknown>)[name];
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && equals(members(a, name), members(b, name)))
  );
}

describe("the text of a value", () => {
  it("is the same for equal values, and only for them", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(text(a) === text(b)).toBe(equals(a, b));
        expect(text(a)).toBe(text(structuredClone(a)));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    [["a", "b"], ['a","b']],
    [["a", "b"], ['a,1"b']],
    [["a"], [['1"a']]],
    ["1", 1],
    ["null", null],
    [{ a: 1 }, { 'a:1"': 1 }],
    [{ a: 1, b: 2 }, { 'a:1,1"b': 2 }],
    [[], {}],
    [[[], []], [[[]]]],
  ])("differs for %j and %j", (a, b) => {
    expect(text(a)).not.toBe(text(b));
  });

  it("ignores the order of names and the sign of zero", () => {
    expect(text({ a: 1, b: [0] })).toBe(text({ b: [-0], a: 1 }));
  });
});
