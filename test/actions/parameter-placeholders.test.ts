/** A placeholder for a parameter that a closed schema does not have is refused when the action is stored. */

import { describe, expect, it } from "vitest";
import { newActionsPath, ORIGIN_A, put } from "./actions.ts";

const properties = { version: { type: "string" }, environment: { type: "string" } };
const CLOSED = { type: "object", properties, additionalProperties: false };
const path = newActionsPath();

function store(trigger: object, parametersSchema?: object) {
  const definition = { trigger: { type: "webhook", url: ORIGIN_A, ...trigger }, parametersSchema };
  return put(`${path}/deploy`, definition, { headers: { "If-None-Match": "*" } });
}

describe("with a closed schema, a placeholder for another parameter is refused", () => {
  it.each([
    ["in the URL", { url: `${ORIGIN_A}/{{ parameters.versoin }}` }, "/trigger/url"],
    ["in a header", { headers: { "X-Version": "v{{ parameters.versoin }}" } }, "/trigger/headers/X-Version"],
    ["deep in the payload", { payload: { a: [1, "{{parameters.versoin.x}}"] } }, "/trigger/payload/a/1"],
    ["as JSON text", { payload: { a: "x {{ json parameters.versoin.x }}" } }, "/trigger/payload/a"],
    ["in link", { link: "https://ci.example.com/{{ parameters.versoin }}" }, "/trigger/link"],
    [
      "in the stop request",
      { cancel: { url: `${ORIGIN_A}/stop`, payload: { v: "{{ parameters.versoin }}" } } },
      "/trigger/cancel/payload/v",
    ],
  ])("a 400 names the place of one %s", async (_where, trigger, pointer) => {
    const { status, body } = await store(trigger, CLOSED);
    expect([status, body.code, body.pointer]).toEqual([400, "invalid_body", pointer]);
  });

  it("with the parameters that there are, and the nearest of them", async () => {
    const sentence = async (name: string, schema: object) =>
      (await store({ payload: `{{ parameters.${name} }}` }, schema)).body.error;
    expect(await sentence("versoin", CLOSED)).toBe(
      "trigger.payload: uses the parameter versoin, which parametersSchema does not have. Did you mean version? parametersSchema has version, environment.",
    );
    expect(await sentence("region", CLOSED)).toBe(
      "trigger.payload: uses the parameter region, which parametersSchema does not have. parametersSchema has version, environment.",
    );
    expect(await sentence("toString", { additionalProperties: false })).toBe(
      "trigger.payload: uses the parameter toString, which parametersSchema does not have. parametersSchema has no parameters. Add this one to it, or remove the placeholder.",
    );
    const many = Object.fromEntries(Array.from({ length: 8 }, (_, n) => [`name-${n}${"x".repeat(80)}`, {}]));
    const long = await sentence("y".repeat(90), { properties: many, additionalProperties: false });
    expect([long?.includes("and 3 more"), (long?.length ?? 999) < 400]).toEqual([true, true]);
  });

  it("also in a header whose value is kept, and no sentence quotes the header", async () => {
    const name = `${path}/kept`;
    const headers = { "X-Key": "{{ parameters.secretlike }}" };
    await put(name, { trigger: { type: "webhook", url: ORIGIN_A, headers } });
    const trigger = { type: "webhook", url: ORIGIN_A, headers: { "X-Key": null } };
    const { status, body } = await put(name, { trigger, parametersSchema: CLOSED });
    expect([status, body.pointer]).toEqual([400, "/trigger/headers/X-Key"]);
    expect(body.error).toContain("uses a parameter, which");
    expect(body.error).not.toContain("secretlike");
  });
});

describe("a placeholder is accepted", () => {
  const using = { payload: "{{ parameters.versoin }}" };
  it.each([
    ["without a schema", using, undefined],
    ["with an open schema", using, { properties }],
    ["with a schema for other properties", using, { properties, additionalProperties: { type: "string" } }],
    ["with patternProperties", using, { ...CLOSED, patternProperties: { "^v": {} } }],
    ["with a $ref", using, { ...CLOSED, $ref: "#/$defs/a", $defs: { a: {} } }],
    ["with a combinator", using, { ...CLOSED, anyOf: [{ properties: { versoin: {} } }] }],
    ["for a parameter of the schema", { payload: "{{ parameters.version }}" }, CLOSED],
    ["for a member of a parameter", { payload: "{{ parameters.version.anything }}" }, CLOSED],
    ["for the JSON text of all parameters", { payload: "{{ json parameters }}" }, CLOSED],
    ["for all parameters", { payload: { parameters: "{{ parameters }}" } }, CLOSED],
    ["for something else", { payload: "{{ recommendations.versoin }} {{ run.id }}" }, CLOSED],
  ])("the action that has one %s is stored", async (name, trigger, parametersSchema) => {
    const definition = { trigger: { type: "webhook", url: ORIGIN_A, ...trigger }, parametersSchema };
    const { status, body } = await put(`${path}/${name.replaceAll(/\W/g, "-")}`, definition);
    expect([status, body.error]).toEqual([201, undefined]);
  });
});
