/** The fields of an action's editor and its JSON are two views of one definition. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  kindOf,
  nameProblem,
  newParameter,
  parametersIn,
  schemaWith,
  unshownIn,
  withKind,
} from "../../../src/console/actions/parameter-rows.ts";
import { PRODUCTS, productOf, triggerOf, withTrigger } from "../../../src/console/actions/products.ts";
import type { Schema } from "../../../src/console/actions/schema-form.ts";
import { withMember } from "../../../src/console/definitions/members.ts";

const EXAMPLES: Readonly<Record<string, string>> = {
  "GitHub Actions": "github-actions/action-workflow-dispatch",
  GitLab: "gitlab/action",
  Jenkins: "jenkins/action",
  "Azure DevOps": "azure-devops/action",
};

function exampleOf(title: string): { readonly trigger: Schema; readonly parametersSchema: Schema } {
  const file = new URL(`../../../examples/${EXAMPLES[title]}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Secrets are null in what a tile makes, and words to replace in an example. */
const withoutSecrets = (trigger: Schema): unknown =>
  JSON.parse(JSON.stringify(trigger), (name, value) =>
    (name === "Authorization" && /YOUR_/.test(value)) || (typeof value === "string" && /^YOUR_.*TOKEN$/.test(value))
      ? null
      : value,
  );

describe.each(PRODUCTS)("$title", (product) => {
  const example = exampleOf(product.title);
  const read = productOf(example.trigger, ["version"]);

  it("makes the trigger of its example, and reads it again", () => {
    expect(read?.product.title).toBe(product.title);
    const made = triggerOf(product, ["version"], read?.values);
    expect(made).toEqual(withoutSecrets(example.trigger));
    expect(JSON.stringify(triggerOf(product, [], {})).includes("undefined")).toBe(false);
  });

  it("gives back what was typed into its fields, also from what the service stored", () => {
    const typed = Object.fromEntries(product.fields.map(({ label }) => [label, `my-${label}.x`]));
    const stored = {
      method: "POST",
      headers: {},
      retry: { maxAttempts: 5, initialDelayMs: 1 },
      ...(JSON.parse(JSON.stringify(triggerOf(product, ["a", "b"], typed)), (name, value) =>
        name === "Authorization" || name === "PRIVATE-TOKEN" ? null : value,
      ) as Schema),
    };
    expect(productOf(stored, ["a", "b"])).toEqual({ product, values: typed });
    // The parameters of another schema are not in the webhook.
    expect(productOf(stored, ["a"])).toBeNull();
    const values = { ...typed, [product.fields[0]?.label ?? ""]: "other" };
    const next = withTrigger(stored, triggerOf(product, ["a"], values));
    expect(productOf(next, ["a"])?.values).toEqual(values);
    expect(next.retry).toEqual({ maxAttempts: 5, initialDelayMs: 1 });
    // null keeps the stored header.
    expect(JSON.stringify(next)).not.toMatch(/"(Authorization|PRIVATE-TOKEN)":"/);
  });

  it.each([
    [{ payload: { ref: "main" } }],
    [{ url: "https://ci.example.com/hooks" }],
    [{ url: 5 }],
    [{ startOn: "accepted" }],
    [{ payload: null }],
  ])("is not what starts a job by %j", (change) => {
    expect(productOf({ ...example.trigger, ...change }, ["version"])).toBeNull();
  });
});

describe("the parameters of a schema", () => {
  const schema = {
    type: "object",
    title: "Kept",
    properties: {
      version: { type: "string", pattern: "^[0-9.]+$", description: "As in the tag" },
      region: { enum: ["eu", "us"] },
      replicas: { type: "integer", minimum: 1 },
      limits: { type: "object", properties: {} },
    },
    required: ["version", "region"],
    additionalProperties: false,
  };
  const rows = parametersIn(schema) ?? [];

  it("are rows, and the rows are the schema again", () => {
    expect(rows.map(({ name, schema, isRequired }) => [name, kindOf(schema), isRequired])).toEqual([
      ["version", "text", true],
      ["region", "choice", true],
      ["replicas", "integer", false],
      ["limits", "other", false],
    ]);
    expect(schemaWith(schema, rows)).toEqual(schema);
    expect(rows.map((row) => unshownIn(row.schema))).toEqual([["pattern"], [], ["minimum"], ["properties"]]);
  });

  it.each([
    true,
    { type: "array" },
    { properties: [] },
    { required: ["version"], properties: {} },
    { required: "version" },
  ])("are no rows if the schema is %j", (other) => {
    expect(parametersIn(other)).toBeNull();
  });

  it("of the schemas of the examples are rows", () => {
    for (const title of Object.keys(EXAMPLES)) {
      const { parametersSchema } = exampleOf(title);
      expect(schemaWith(parametersSchema, parametersIn(parametersSchema) ?? [])).toEqual(parametersSchema);
    }
  });

  it("can be added, and the schema then takes no others", () => {
    const about = { type: "string", description: "Where" };
    const choice = { ...withKind(about, "choice"), enum: ["eu", "us"] };
    const added = schemaWith(undefined, [{ ...newParameter([]), schema: choice }]);
    expect(added).toEqual({
      type: "object",
      properties: { parameter1: { enum: ["eu", "us"], description: "Where" } },
      required: ["parameter1"],
      additionalProperties: false,
    });
    expect(newParameter(["parameter2"]).name).toBe("parameter3");
    expect([schemaWith(added, []), schemaWith({ additionalProperties: true }, [])]).toEqual([
      undefined,
      { type: "object", properties: {}, additionalProperties: true },
    ]);
  });

  it("of another kind begin anew, but keep what is said about them", () => {
    const { version } = schema.properties;
    expect(withKind(version, "integer")).toEqual({ type: "integer", description: "As in the tag" });
    expect(withMember(version, "description", undefined)).toEqual({ type: "string", pattern: "^[0-9.]+$" });
  });

  it.each([
    ["", /name/],
    ["a b", /blanks/],
    ["a.b", /dots/],
    ["taken", /Another/],
  ])("have no name %j", (name, sentence) => {
    expect(nameProblem(name, ["taken"])).toMatch(sentence);
    expect(nameProblem("version", ["taken"])).toBeNull();
  });
});
