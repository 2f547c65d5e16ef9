import { describe, expect, it } from "vitest";
import { checkSchema } from "../../../src/base/json-schema/check-schema.ts";
import { validate } from "../../../src/base/json-schema/validate.ts";

function check(schema: unknown) {
  const checked = checkSchema(schema);
  if (!checked.ok) throw new Error(checked.error.sentence);
  return checked.value;
}

/** The refusal of parameters, or null. JSON text, because only a parser makes an own `__proto__`. */
function refusal(schema: unknown, parameters: unknown) {
  const outcome = validate(check(schema), typeof parameters === "string" ? JSON.parse(parameters) : parameters);
  return outcome.ok ? null : outcome.error;
}

function accepts(schema: unknown, value: unknown): boolean {
  return refusal({ properties: { a: schema } }, { a: value }) === null;
}

describe("sentences", () => {
  const DEPLOY = {
    type: "object",
    required: ["branch"],
    properties: {
      branch: { type: "string", pattern: "^[a-z]+$", minLength: 2, maxLength: 8 },
      env: { enum: ["dev", "prod"] },
      replicas: { type: "integer", minimum: 1, exclusiveMaximum: 10, multipleOf: 2 },
      at: { format: "date-time" },
      hosts: { minItems: 1, maxItems: 2, uniqueItems: true, items: { type: ["string", "null"] } },
      kept: { const: true },
      tags: { contains: { const: "x" }, maxContains: 1 },
      labels: { minProperties: 1, maxProperties: 2, propertyNames: { maxLength: 3 } },
      one: { oneOf: [{ type: "number" }, { type: "number", multipleOf: 3 }] },
      any: { anyOf: [{ type: "number" }, { type: "null" }] },
      none: { not: { type: "null" } },
      pair: { dependentRequired: { left: ["right"] } },
      closed: { allOf: [{ properties: { a: true } }], unevaluatedProperties: false },
    },
    additionalProperties: false,
  };

  it.each<[string, string, string]>([
    ["{}", "/branch", 'parameters has no property "branch". Send it.'],
    ["[]", "", "parameters is of type array. Send a value of type object."],
    ['{"branch":1}', "/branch", "is of type number. Send a value of type string."],
    ['{"branch":"a"}', "/branch", "is too short. Send at least 2 characters."],
    ['{"branch":"abcdefghi"}', "/branch", "is too long. Send at most 8 characters."],
    ['{"branch":"A1"}', "/branch", 'does not match the pattern "^[a-z]+$". Send text that matches it.'],
    ['{"env":"test"}', "/env", 'is not allowed. Send one of "dev", "prod".'],
    ['{"kept":false}', "/kept", "is not allowed. Send true."],
    ['{"replicas":1.5}', "/replicas", "is of type number. Send a value of type integer."],
    ['{"replicas":0}', "/replicas", "is 0. Send a number of at least 1."],
    ['{"replicas":10}', "/replicas", "is 10. Send a number under 10."],
    ['{"replicas":3}', "/replicas", "is 3. Send a multiple of 2."],
    ['{"at":"today"}', "/at", "has the wrong format. Send an RFC 3339 date and time, such as 2026"],
    ['{"hosts":[]}', "/hosts", "has 0 items. Send at least 1."],
    ['{"hosts":["a","b","c"]}', "/hosts", "has 3 items. Send at most 2."],
    ['{"hosts":["a","a"]}', "/hosts/1", "equals an earlier item. Remove one of the two."],
    ['{"hosts":["a",2]}', "/hosts/1", "is of type number. Send a value of type string or null."],
    ['{"tags":[]}', "/tags", 'has 0 items that match "contains". Send at least 1.'],
    ['{"tags":["x","x"]}', "/tags", 'has 2 items that match "contains". Send at most 1.'],
    ['{"labels":{}}', "/labels", "has 0 properties. Send at least 1."],
    ['{"labels":{"a":1,"b":1,"c":1}}', "/labels", "has 3 properties. Send at most 2."],
    ['{"labels":{"long":1}}', "/labels/long", 'has a name that "propertyNames" does not allow. Rename the'],
    ['{"one":"x"}', "/one", 'matches none of the 2 schemas of "oneOf". Send a value that matches'],
    ['{"one":6}', "/one", 'matches more than one of the 2 schemas of "oneOf". Send a value that matches'],
    ['{"any":"x"}', "/any", 'matches none of the 2 schemas of "anyOf". Send a value that matches one.'],
    ['{"none":null}', "/none", 'matches the schema of "not". Send a value that does not match it.'],
    ['{"pair":{"left":1}}', "/pair/right", 'has no property "right". Send it.'],
    ['{"closed":{"a":1,"b":1}}', "/closed/b", "is not allowed here. Remove it."],
    ['{"brunch":"main"}', "/brunch", "is not allowed here. Remove it."],
    ['{"a/b~c":1}', "/a~1b~0c", "is not allowed here. Remove it."],
  ])("says where %s is wrong, and what to send", (text, pointer, words) => {
    const parameters = JSON.parse(text);
    const complete = pointer === "" || pointer === "/branch" ? parameters : { branch: "main", ...parameters };
    const refused = refusal(DEPLOY, complete);
    expect(refused).toEqual({ pointer, sentence: expect.stringContaining(words) });
    // A missing property has no value, so the sentence names the object that lacks it.
    const place = words.includes("has no property") ? pointer.slice(0, pointer.lastIndexOf("/")) : pointer;
    if (place !== "") expect(refused?.sentence.startsWith(`The value at ${place} `)).toBe(true);
  });

  it("cuts long names and patterns in its sentences, but not the pointer", () => {
    const long = "n".repeat(200_000);
    const refused = refusal({ additionalProperties: { pattern: "a".repeat(1000) } }, { [long]: "b" });
    expect(refused?.pointer).toBe(`/${long}`);
    expect(refused?.sentence.length).toBeLessThan(600);
    const missing = refusal({ required: ["n".repeat(10_000)] }, {});
    expect(missing?.sentence.length).toBeLessThan(200);
  });
});

describe("own properties", () => {
  const INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"];

  it.each(INHERITED)("counts %s as present only if it was sent", (name) => {
    const schema = JSON.parse(`{"required":["${name}"],"properties":{"${name}":{"type":"number"}}}`);
    expect(refusal(schema, "{}")?.sentence).toContain(`has no property "${name}"`);
    expect(refusal(schema, `{"${name}":1}`)).toBeNull();
    expect(refusal(schema, `{"${name}":"x"}`)?.pointer).toBe(`/${name}`);
  });

  it.each(INHERITED)("treats %s like every other name", (name) => {
    const sent = `{"${name}":1}`;
    expect(refusal({ additionalProperties: false }, sent)?.pointer).toBe(`/${name}`);
    expect(refusal({ unevaluatedProperties: false }, sent)?.pointer).toBe(`/${name}`);
    expect(refusal({ patternProperties: { [`^${name}$`]: false } }, sent)?.pointer).toBe(`/${name}`);
    expect(refusal({ propertyNames: { maxLength: 1 } }, sent)?.pointer).toBe(`/${name}`);
    expect(refusal({ minProperties: 1 }, sent)).toBeNull();
    expect(refusal(JSON.parse(`{"dependentRequired":{"${name}":["b"]}}`), sent)?.pointer).toBe("/b");
    expect(refusal(JSON.parse(`{"dependentRequired":{"${name}":["b"]}}`), "{}")).toBeNull();
    expect(refusal(JSON.parse(`{"dependentSchemas":{"${name}":false}}`), "{}")).toBeNull();
    expect(refusal(JSON.parse(`{"const":${sent}}`), sent)).toBeNull();
    expect(refusal(JSON.parse(`{"const":${sent}}`), "{}")).not.toBeNull();
    expect(refusal({ const: {} }, sent)).not.toBeNull();
    expect(
      refusal(JSON.parse(`{"$ref":"#/$defs/${name}","$defs":{"${name}":{"required":["b"]}}}`), "{}"),
    ).not.toBeNull();
  });

  it("changes neither the schema nor the parameters", () => {
    const schema = Object.freeze(JSON.parse('{"properties":{"a":{"default":1}},"$defs":{"b":{"$anchor":"c"}}}'));
    const parameters = Object.freeze({});
    expect(validate(check(schema), parameters).ok).toBe(true);
    expect(JSON.stringify(schema)).toBe('{"properties":{"a":{"default":1}},"$defs":{"b":{"$anchor":"c"}}}');
    expect(Object.getOwnPropertyNames(parameters)).toEqual([]);
  });
});

describe("numbers", () => {
  it.each<[string, unknown, string, boolean]>([
    ["0.3 is a multiple of 0.1", { multipleOf: 0.1 }, "0.3", true],
    ["0.35 is no multiple of 0.1", { multipleOf: 0.1 }, "0.35", false],
    ["4.35 is a multiple of 0.01", { multipleOf: 0.01 }, "4.35", true],
    ["-7.5 is a multiple of 2.5", { multipleOf: 2.5 }, "-7.5", true],
    ["0 is a multiple of everything", { multipleOf: 0.3 }, "0", true],
    ["-0 is a multiple of everything", { multipleOf: 3 }, "-0", true],
    ["1e308 is a multiple of 0.5", { multipleOf: 0.5 }, "1e308", true],
    ["1e308 is no multiple of 0.123456789", { multipleOf: 0.123456789 }, "1e308", false],
    ["1e-324 is read as 0", { multipleOf: 0.5 }, "1e-324", true],
    ["9007199254740992 is a multiple of 2", { multipleOf: 2 }, "9007199254740992", true],
    ["9007199254740991 is no multiple of 2", { multipleOf: 2 }, "9007199254740991", false],
    ["numbers beyond 2^53 are read as doubles", { const: 9007199254740992 }, "9007199254740993", true],
    ["2^53 is over its neighbour below", { exclusiveMinimum: 9007199254740991 }, "9007199254740992", true],
    ["1.0 is an integer", { type: "integer" }, "1.0", true],
    ["1e300 is an integer", { type: "integer" }, "1e300", true],
    ["1.5 is no integer", { type: "integer" }, "1.5", false],
    ["-0 equals 0 as a const", { const: 0 }, "-0", true],
    ["0 equals -0 in an enum", JSON.parse('{"enum":[-0]}'), "0", true],
    ["-0 equals 0 inside an array", { const: [0] }, "[-0]", true],
    ["-0 and 0 are no unique items", { uniqueItems: true }, "[-0,0]", false],
    ["-0 is at least 0", { minimum: 0 }, "-0", true],
    ["1 and true are unique items", { uniqueItems: true }, "[1,true]", true],
    ['1 and "1" are unique items', { uniqueItems: true }, '[1,"1"]', true],
    ["1 and 1.0 are equal items", { uniqueItems: true }, "[1,1.0]", false],
    ["true is no number", { type: "number" }, "true", false],
  ])("knows that %s", (_, schema, value, valid) => {
    expect(accepts(schema, JSON.parse(value))).toBe(valid);
  });
});

describe("strings", () => {
  it.each<[string, unknown, string, boolean]>([
    ["two emoji are two characters", { minLength: 2, maxLength: 2 }, "😀😀", true],
    ["one emoji is one character", { minLength: 2 }, "😀", false],
    ["three emoji are more than two characters", { maxLength: 2 }, "😀😀😀", false],
    ["a letter and its accent are two characters", { maxLength: 1 }, "e\u0301", false],
    ["half a surrogate pair is one character", { minLength: 2, maxLength: 2 }, "\ud83da", true],
    ["three halves in the wrong order are three characters", { minLength: 3 }, "\ude00\ud83d\ud83d", true],
    ["an accent is not normalised away", { const: "é" }, "e\u0301", false],
    ["halves of pairs differ", { const: "\ud83d" }, "\ude00", false],
  ])("knows that %s", (_, schema, value, valid) => {
    expect(accepts(schema, value)).toBe(valid);
  });
});
