/** The form of an action: its fields from a schema, and the parameters from what was typed. */

import { describe, expect, it } from "vitest";
import { changeIn, keptValues, parametersOf, textsOf } from "../../../src/console/actions/form-values.ts";
import { type Field, formOf, pointersOf, type Schema } from "../../../src/console/actions/schema-form.ts";

/** A form with one field, `x`. */
const formWith = (x: unknown, more: Schema = {}) => formOf({ properties: { x }, ...more });
function fieldOf(x: unknown, more: Schema = {}): Field {
  const form = formWith(x, more);
  const [field] = form.kind === "group" ? form.fields : [];
  if (field === undefined) throw new Error("There is no field.");
  return field;
}
const required = { required: ["x"] };

describe("the field of a property", () => {
  it.each([
    [{ type: "string" }, { kind: "text", isLong: false }],
    [
      { type: "string", maxLength: 5000 },
      { kind: "text", isLong: true },
    ],
    [
      { type: ["string", "null"], format: "uuid" },
      { kind: "text", isNullable: true, limits: "a UUID" },
    ],
    [
      { type: "integer", minimum: 1, maximum: 9 },
      { kind: "number", isInteger: true, limits: "1 to 9" },
    ],
    [
      { type: "number", exclusiveMinimum: 0 },
      { kind: "number", isInteger: false, limits: "more than 0" },
    ],
    [{ type: "boolean" }, { kind: "flag" }],
    [{ enum: ["a", 1, null] }, { kind: "choice", options: ["a", 1, null] }],
    [{ const: "a" }, { kind: "choice", options: ["a"] }],
    [
      { type: "array", items: { type: "string" } },
      { kind: "lines", of: "text" },
    ],
    [
      { type: "array", items: { type: "integer" } },
      { kind: "lines", of: "integer" },
    ],
    [
      { type: "array", items: { enum: ["a", "b"] } },
      { kind: "picks", options: ["a", "b"] },
    ],
    [
      { type: "object", properties: { y: { type: "boolean" } } },
      { kind: "group", fields: [{ pointer: "/x/y" }] },
    ],
    [
      { title: "Title", description: "About it." },
      { label: "Title", description: "About it." },
    ],
    [{ title: " " }, { label: "x", description: null }],
  ])("of %j is %j", (schema, field) => {
    expect(fieldOf(schema)).toMatchObject(field);
  });

  it.each([
    [{}],
    [true],
    [{ $ref: "#/$defs/a" }],
    [{ type: "string", oneOf: [{ minLength: 1 }] }],
    [{ anyOf: [{ type: "string" }, { type: "integer" }] }],
    [{ type: ["string", "integer"] }],
    [{ type: "object" }],
    [{ type: "object", properties: {}, additionalProperties: { type: "string" } }],
    [{ type: "object", properties: { y: {} }, patternProperties: { "^z": {} } }],
    [{ type: "array" }],
    [{ type: "array", items: { type: "object", properties: { y: {} } } }],
    [{ type: "array", items: { type: ["string", "null"] } }],
    [{ type: "array", prefixItems: [{ type: "string" }], items: { type: "string" } }],
  ])("of %j is a field for JSON", (schema) => {
    expect(fieldOf(schema).kind).toBe("json");
  });

  it("is a field for all parameters as JSON if there is no schema, or no fixed property", () => {
    for (const schema of [undefined, {}, { type: "object" }, { oneOf: [{ required: ["a"] }] }]) {
      expect(formOf(schema)).toMatchObject({ kind: "json", pointer: "", label: "Parameters" });
    }
    expect(formOf({ properties: {}, additionalProperties: false })).toMatchObject({ kind: "group", fields: [] });
  });

  it("is JSON below the fourth object, and missing if the property is forbidden", () => {
    const deep = (levels: number): Schema =>
      levels === 0 ? { type: "string" } : { properties: { x: deep(levels - 1) } };
    let field: Field | undefined = formOf(deep(5));
    for (let level = 0; level < 4; level++) field = field?.kind === "group" ? field.fields[0] : undefined;
    expect(field).toMatchObject({ kind: "json", pointer: "/x/x/x/x" });
    expect(formWith(false)).toMatchObject({ fields: [] });
  });
});

describe("the parameters", () => {
  const filled = (schema: unknown, text: string, more: Schema = {}) =>
    parametersOf(formWith(schema, more), new Map([["/x", text]]));

  it.each([
    [{ type: "string" }, " two words ", " two words "],
    [{ type: "string" }, "12", "12"],
    [{ type: "integer" }, " -12 ", -12],
    [{ type: "integer" }, "9007199254740992", 9007199254740992],
    [{ type: "number" }, "1.50e-3", 0.0015],
    [{ type: "boolean" }, "true", true],
    [{ type: "boolean" }, "false", false],
    [{ enum: ["a", { b: 1 }, null] }, "1", { b: 1 }],
    [{ enum: ["a", { b: 1 }, null] }, "2", null],
    [{ const: 5 }, "0", 5],
    [{ type: "array", items: { type: "string" } }, "a b\n\n c \n", ["a b", "c"]],
    [{ type: "array", items: { type: "number" } }, "1\n0.5", [1, 0.5]],
    [{ type: "array", items: { enum: ["a", "b", "c"] } }, "0,2", ["a", "c"]],
    [{}, '{"a":[1,"12345678901234567890"]}', { a: [1, "12345678901234567890"] }],
  ])("of %j, typed %j, are %j", (schema, text, value) => {
    expect(filled(schema, text)).toEqual({ value: { x: value } });
  });

  it.each([
    [{ type: "string" }, {}, {}],
    [{ type: "boolean" }, {}, {}],
    [{ const: 5 }, {}, {}],
    [{ properties: { y: { type: "string" }, z: { const: 1 } }, required: ["y", "z"] }, {}, {}],
    [{ type: "boolean" }, required, { x: false }],
    [{ const: 5 }, required, { x: 5 }],
    [{ type: ["integer", "null"] }, required, { x: null }],
    [{ type: "array", items: { type: "string" } }, required, { x: [] }],
    [{ properties: { z: { const: 1 } }, required: ["z"] }, required, { x: { z: 1 } }],
  ])("of %j with nothing typed and %j are %j", (schema, more, value) => {
    expect(filled(schema, "", more)).toEqual({ value });
  });

  it.each([
    [{ type: "string" }, "", required, "This is required."],
    [{ type: "integer" }, "1.5", {}, "Type a whole number, such as 3."],
    [{ type: "integer" }, "0x10", {}, "Type a whole number, such as 3."],
    [{ type: "number" }, "1,5", {}, "Type a number, such as 3 or 0.5."],
    [{ type: "integer" }, "9007199254740993", {}, "it would become 9007199254740992."],
    [{ type: "number" }, "0.1000000000000000000001", {}, "it would become 0.1."],
    [{ type: "number" }, "1e999", {}, "too large"],
    [{ type: "array", items: { type: "integer" } }, "1\nb", {}, "b: Type a whole number"],
    [{}, "{", {}, "This is not valid JSON."],
    [{}, '{"a":[-9007199254740993]}', {}, "it would become -9007199254740992."],
  ])("of %j, typed %j with %j, are refused", (schema, text, more, sentence) => {
    const result = filled(schema, text, more);
    expect("problems" in result && result.problems.get("/x")).toContain(sentence);
  });

  it("ask for what an optional object requires as soon as a part of it is typed", () => {
    const form = formWith({ properties: { y: { type: "string" }, z: { type: "string" } }, required: ["z"] });
    const result = parametersOf(form, new Map([["/x/y", "typed"]]));
    expect(result).toEqual({ problems: new Map([["/x/z", "This is required."]]) });
  });

  it("keep names as they are, also those with slashes and those of JavaScript itself", () => {
    const names = ["__proto__", "constructor", "a/b~c", "a b"];
    const form = formOf(JSON.parse(`{"properties":{${names.map((name) => `"${name}":{"type":"string"}`)}}}`));
    const texts = new Map(form.kind === "group" ? form.fields.map(({ pointer }) => [pointer, "v"]) : []);
    const result = parametersOf(form, texts);
    expect("value" in result && JSON.stringify(result.value)).toBe(
      '{"__proto__":"v","constructor":"v","a/b~c":"v","a b":"v"}',
    );
  });

  it("as one text of JSON must be an object, and nothing is an empty object", () => {
    const form = formOf(undefined);
    expect(parametersOf(form, new Map([["", '{"a":1.0}']]))).toEqual({ value: { a: 1 } });
    expect(parametersOf(form, new Map())).toEqual({ value: {} });
    for (const text of ["[]", "null", '"text"'])
      expect(parametersOf(form, new Map([["", text]]))).toHaveProperty("problems");
  });
});

describe("a default", () => {
  it.each([
    [{ type: "string", default: "v1" }],
    [{ type: "integer", default: 3 }],
    [{ type: "boolean", default: false }],
    [{ enum: ["a", "b"], default: "b" }],
    [{ type: "array", items: { type: "string" }, default: ["a", "b c"] }],
    [{ type: "array", items: { enum: ["a", "b"] }, default: ["b"] }],
    [{ properties: { y: { type: "string", default: "inner" } }, default: { y: "outer" } }],
    [{ default: { any: [1, null] } }],
  ])("of %j fills the field, which sends it", (schema) => {
    const form = formWith(schema);
    expect(parametersOf(form, textsOf(form))).toEqual({ value: { x: schema.default } });
  });

  it.each([
    [{ type: "integer", default: "3" }],
    [{ type: "string", default: 3 }],
    [{ type: "boolean", default: "yes" }],
    [{ enum: ["a"], default: "b" }],
    [{ type: "array", items: { type: "string" }, default: ["two\nlines"] }],
    [{ type: "array", items: { enum: ["a", "b"] }, default: ["c"] }],
  ])("of %j, which the field would change, is left out", (schema) => {
    const form = formWith(schema);
    expect(parametersOf(form, textsOf(form))).toEqual({ value: {} });
  });
});

it("the fields of a form, groups included, are what a refusal can be about", () => {
  const form = formOf({
    properties: {
      "a b": { type: "string" },
      list: { type: "array", items: { type: "string" } },
      in: { properties: { "x/y": { type: "integer" } } },
    },
  });
  expect(pointersOf(form)).toEqual(["", "/a b", "/list", "/in", "/in/x~1y"]);
  expect(pointersOf(formOf({ $ref: "#" }))).toEqual([""]);
});

describe("the form of a retry", () => {
  const SCHEMA = {
    properties: {
      version: { type: "string" },
      replicas: { type: "integer", default: 3 },
      region: { enum: ["eu", "us"] },
      tags: { type: "array", items: { type: "string" } },
      flag: { type: "boolean" },
      limits: { properties: { cpu: { type: "number" }, memory: { type: "string" } }, required: ["memory"] },
    },
    required: ["version"],
  };
  const VALUES = {
    ticket: { id: 7 },
    version: "1.4.358",
    region: "us",
    tags: ["a", "b"],
    limits: { cpu: 0.5, memory: "1G", burst: [1] },
  };
  function retry(values: Schema, typed: Readonly<Record<string, string>>, schema: Schema | undefined = SCHEMA) {
    const form = formOf(schema);
    const before = { values, texts: textsOf(form, values) };
    const texts = new Map([...before.texts, ...Object.entries(typed)]);
    const fields = form.kind === "group" ? form.fields : [form];
    return {
      shown: Object.fromEntries(before.texts),
      kept: keptValues(form, before).map(({ name, value }) => [name, value]),
      made: parametersOf(form, texts, before),
      changes: fields.map((field) => changeIn(field, before.texts, texts)).filter((one) => one !== null),
    };
  }

  it("shows the run's values without the schema's defaults, and keeps what has no field", () => {
    expect(retry(VALUES, {})).toEqual({
      shown: { "/version": "1.4.358", "/region": "1", "/tags": "a\nb", "/limits/cpu": "0.5", "/limits/memory": "1G" },
      kept: [
        ["ticket", { id: 7 }],
        ["limits.burst", [1]],
      ],
      made: { value: VALUES },
      changes: [],
    });
  });

  it("changes what is edited, at its place, and marks it", () => {
    const edited = { "/version": "1.4.359", "/region": "", "/tags": "a", "/limits/cpu": "2", "/replicas": "5" };
    const { made, changes } = retry(VALUES, edited);
    const { region: _, ...others } = VALUES;
    expect(made).toEqual({
      value: { ...others, version: "1.4.359", tags: ["a"], replicas: 5, limits: { cpu: 2, memory: "1G", burst: [1] } },
    });
    expect("value" in made && Object.keys(made.value as object)[0]).toBe("ticket");
    expect(changes).toEqual(["1.4.358 → 1.4.359", "not set → 5", "us → not set", "a, b → a"]);
  });

  it.each<[string, Schema, Readonly<Record<string, string>>, unknown]>([
    ["keeps a value of another type until somebody edits its field", { version: 5 }, {}, { version: 5 }],
    ["replaces a value of another type", { version: 5 }, { "/version": "5" }, { version: "5" }],
    [
      "keeps a value that is no object where the schema has one",
      { version: "1", limits: 1 },
      {},
      { version: "1", limits: 1 },
    ],
    [
      "keeps a member named __proto__",
      JSON.parse('{"version":"1","__proto__":2}'),
      { "/version": "2" },
      JSON.parse('{"version":"2","__proto__":2}'),
    ],
  ])("for values that the schema does not describe, %s", (_, values, typed, value) => {
    expect(JSON.stringify(retry(values, typed).made)).toBe(JSON.stringify({ value }));
  });

  it.each<[string, Schema, Readonly<Record<string, string>>, string]>([
    ["what today's schema requires", {}, {}, "/version"],
    ["what is emptied", { version: "1" }, { "/version": "" }, "/version"],
    ["a number", { version: "1" }, { "/replicas": "many" }, "/replicas"],
    ["what a new object requires", { version: "1" }, { "/limits/cpu": "1" }, "/limits/memory"],
  ])("asks for %s", (_, values, typed, pointer) => {
    const { made } = retry(values, typed);
    expect("problems" in made && [...made.problems.keys()]).toEqual([pointer]);
  });

  it("is one field of JSON without a schema, which must hold an object with exact numbers", () => {
    const plain = (text: string) => retry({ a: 1 }, { "": text }, {}).made;
    expect(retry({ a: 1 }, {}, {}).shown).toEqual({ "": '{\n  "a": 1\n}' });
    expect(plain('{ "a": 2 }')).toEqual({ value: { a: 2 } });
    for (const text of ["[]", "{", '{"a":9007199254740993}']) expect(plain(text)).toHaveProperty("problems");
  });
});
