import { Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { expect, it } from "vitest";
import { checkSchema } from "../../../src/base/json-schema/check-schema.ts";
import { validate } from "../../../src/base/json-schema/validate.ts";

/** Few names and values, so that schemas and parameters meet often. */
const name = fc.constantFrom("a", "b", "ab", "__proto__", "toString");
const scalar = fc.constantFrom(null, true, 0, 1, 2, 1.5, -0, "", "a", "ab", "😀");
const { value, schema } = fc.letrec<{ value: unknown; schema: object | boolean }>((tie) => {
  const count = fc.nat({ max: 3 });
  const schemas = fc.array(tie("schema"), { minLength: 1, maxLength: 3 });
  return {
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      scalar,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(name, tie("value"), { maxKeys: 3, noNullPrototype: true }),
    ),
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.boolean(),
      fc.record({ type: fc.constantFrom("string", "integer", ["array", "null"], "object", "number") }),
      fc.oneof(
        fc.record({ enum: fc.array(tie("value"), { minLength: 1, maxLength: 3 }) }),
        fc.record({ const: tie("value") }),
        fc.record({ minLength: count, maxLength: count }, { requiredKeys: [] }),
        fc.record(
          { minimum: count, exclusiveMaximum: count, multipleOf: fc.constantFrom(0.5, 2) },
          { requiredKeys: [] },
        ),
        fc.record({ pattern: fc.constantFrom("^a", "b$", "^.$") }),
      ),
      fc.record(
        {
          prefixItems: schemas,
          items: tie("schema"),
          contains: tie("schema"),
          minContains: count,
          maxContains: count,
          uniqueItems: fc.boolean(),
          minItems: count,
          maxItems: count,
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          properties: fc.dictionary(name, tie("schema"), { maxKeys: 2, noNullPrototype: true }),
          patternProperties: fc.dictionary(fc.constantFrom("a", "^b"), tie("schema"), { noNullPrototype: true }),
          additionalProperties: tie("schema"),
          propertyNames: tie("schema"),
          required: fc.uniqueArray(name, { maxLength: 2 }),
          minProperties: count,
          maxProperties: count,
          dependentRequired: fc.dictionary(name, fc.uniqueArray(name), { maxKeys: 2, noNullPrototype: true }),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          allOf: schemas,
          anyOf: schemas,
          oneOf: schemas,
          not: tie("schema"),
          if: tie("schema"),
          // biome-ignore lint/suspicious/noThenProperty: JSON Schema calls its keyword so.
          then: tie("schema"),
          else: tie("schema"),
        },
        { requiredKeys: [] },
      ),
      // Moves on to a part of the value, so the circle ends.
      fc.record({ properties: fc.record({ a: fc.constant({ $ref: "#" }) }) }),
    ),
  };
});

it("gives the answers of another implementation", () => {
  fc.assert(
    fc.property(schema, value, (inner, a) => {
      const text = JSON.stringify({ properties: { a: inner } });
      const checked = checkSchema(JSON.parse(text));
      if (!checked.ok) throw new Error(checked.error.sentence);
      const parameters = JSON.parse(JSON.stringify({ a }));
      const other = new Validator(JSON.parse(text), "2020-12").validate(parameters);
      expect(validate(checked.value, parameters).ok).toBe(other.valid);
    }),
    { numRuns: 1500 },
  );
});
