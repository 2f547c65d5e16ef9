/** The key of a run's concurrency group. */

import { describe, expect, it } from "vitest";
import { renderedKey } from "../../src/actions/run-texts.ts";
import type { JsonObject } from "../../src/base/json.ts";

const ID = "01890a5d-ac96-774b-bcce-b302099a8057";

function keyOf(template: string | undefined, parameters: JsonObject = {}, id: string | null = ID) {
  return renderedKey(template, { parameters, entity: { id } });
}

describe("a key has the run's values", () => {
  it.each<[string | undefined, JsonObject, string]>([
    [undefined, {}, ""],
    ["eu", {}, "eu"],
    ["{{ parameters.service }}", { service: "shop" }, "shop"],
    ["{{ parameters.service }}/{{ entity.id }}", { service: "shop" }, `shop/${ID}`],
    ["{{ parameters.n }}", { n: 0 }, "0"],
    ["{{ parameters.dry }}", { dry: false }, "false"],
    ["{{ parameters.of.1 }}", { of: ["a", "b"] }, "b"],
    ["{{ parameters.of }}", { of: { a: 1 } }, '{"a":1}'],
    ["{{ json parameters.service }}", { service: "shop" }, '"shop"'],
    ["{{ parameters }}", {}, "{}"],
    ["{{ parameters.service }}", { service: "{{ entity.id }}" }, "{{ entity.id }}"],
    ["{{ parameters.service }}", { service: "é".repeat(255) }, "é".repeat(255)],
    ["{{ parameters.service }}", { service: "😀".repeat(255) }, "😀".repeat(255)],
  ])("%j with %j", (template, parameters, key) => {
    expect(keyOf(template, parameters)).toEqual({ ok: true, value: key });
  });
});

describe("a value that is missing or empty is refused", () => {
  it.each<[string, JsonObject, string]>([
    ["{{ parameters.service }}", {}, "/parameters/service"],
    ["{{ parameters.service }}", { service: "" }, "/parameters/service"],
    ["{{ parameters.service }}", { service: null }, "/parameters/service"],
    ["x{{ json parameters.service }}", {}, "/parameters/service"],
    ["x{{ json parameters.service }}", { service: "" }, "/parameters/service"],
    ["{{ parameters.a.b/c }}", { a: {} }, "/parameters/a/b~1c"],
    ["{{ parameters.a.b.c }}", {}, "/parameters/a"],
    ["{{ parameters.a.b.c }}", { a: {} }, "/parameters/a/b"],
    ["{{ parameters.a.b.c }}", { a: "text" }, "/parameters/a"],
    ["{{ parameters.a.7 }}", { a: [1] }, "/parameters/a/7"],
    ["{{ parameters.constructor }}", {}, "/parameters/constructor"],
    ["a{{ parameters.x }}{{ parameters.service }}", { x: 1 }, "/parameters/service"],
  ])("%j with %j", (template, parameters, pointer) => {
    expect(keyOf(template, parameters)).toMatchObject({ ok: false, error: { pointer } });
  });

  it("with a sentence that names the placeholder", () => {
    expect(keyOf("{{ parameters.service }}")).toMatchObject({
      error: {
        sentence:
          "The concurrency key needs {{ parameters.service }}, which is missing or empty in this run. Send parameters.service.",
      },
    });
    expect(keyOf("{{ entity.id }}", {}, null)).toMatchObject({
      error: {
        pointer: "/entityId",
        sentence: "The concurrency key needs {{ entity.id }}, which is missing or empty in this run. Send entityId.",
      },
    });
  });
});

it.each<[string, JsonObject, RegExp]>([
  ["{{ parameters.a }}", { a: "x".repeat(256) }, /more than 255 characters/],
  ["{{ parameters.a }}", { a: "😀".repeat(256) }, /more than 255 characters/],
  ["{{ parameters.a }}{{ parameters.b }}", { a: "x".repeat(200), b: "y".repeat(56) }, /more than 255/],
  ["{{ parameters.a }}", { a: "x".repeat(200_000) }, /more than 255/],
  ["{{ parameters.a }}", { a: "x\ny" }, /line break/],
  ["{{ parameters.a }}", { a: "x\u2028y" }, /line break/],
  ["{{ parameters.a }}", { a: "x\u0000y" }, /control character/],
  ["{{ parameters.a }}", { a: "\ud800" }, /half a surrogate/],
])("a key that is too long or is no plain line is refused: %#", (template, parameters, sentence) => {
  const key = keyOf(template, parameters);
  expect(key).toMatchObject({ ok: false, error: { pointer: "", sentence: expect.stringMatching(sentence) } });
  expect(key).toMatchObject({ error: { sentence: expect.stringContaining("{{ parameters.a }}") } });
});

it("a sentence names at most three placeholders, and cuts a long one at 80 characters", () => {
  const sentenceOf = (template: string, parameters: JsonObject) => {
    const key = keyOf(template, parameters);
    return key.ok ? "" : key.error.sentence;
  };
  const four = sentenceOf("of {{ parameters.a }}{{ parameters.b }}{{ parameters.c }}{{ parameters.d }}", {
    a: "\n",
    b: "1",
    c: "2",
    d: "3",
  });
  expect(four).toMatch(/ for {{ parameters.a }}, {{ parameters.b }}, {{ parameters.c }}\.$/);
  const fits = "x".repeat(80 - "parameters.".length);
  expect(sentenceOf(`{{ parameters.${fits} }}`, {})).toMatch(new RegExp(`Send parameters\\.${fits}\\.$`));
  const cut = `${fits.slice(1)}…`;
  expect(sentenceOf(`{{ parameters.${fits}x }}`, {})).toMatch(new RegExp(`Send parameters\\.${cut}\\.$`));
});
