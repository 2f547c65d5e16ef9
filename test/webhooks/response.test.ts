/** What is kept of a receiver's response: values, links, and its start as text that acts on no page and no terminal. */

import { describe, expect, it } from "vitest";
import { EXCERPT_MAX_BYTES, excerptOf, linkOf, parsedJson, responseValues } from "../../src/webhooks/response.ts";

function valuesOf(answer: unknown, wanted: readonly string[], location: string | null = null) {
  const bytes = new TextEncoder().encode(typeof answer === "string" ? answer : JSON.stringify(answer));
  return Object.fromEntries(responseValues(parsedJson(bytes), location, wanted));
}

describe("a value is used", () => {
  it.each<[string, unknown, string, unknown]>([
    ["a text", { id: "a" }, "id", "a"],
    ["a number", { id: 61 }, "id", 61],
    ["a fraction", { id: 0.5 }, "id", 0.5],
    ["zero", { id: 0 }, "id", 0],
    ["false", { id: false }, "id", false],
    ["a deep one", { a: { b: [{ c: "d" }] } }, "a.b.0.c", "d"],
    ["one of a list", [{ id: 1 }], "0.id", 1],
    ["an own member __proto__", '{"__proto__":{"id":7}}', "__proto__.id", 7],
    ["an own member constructor", { constructor: { name: "x" } }, "constructor.name", "x"],
    ["one behind a byte order mark", '\ufeff{"id":1}', "id", 1],
  ])("reads %s from the response", (_what, answer, key, value) => {
    expect(valuesOf(answer, [key])).toEqual({ [key]: value });
  });

  it("from the Location header, and not from a member that is called headers", () => {
    const answer = { headers: { location: "https://evil.example/" } };
    expect(valuesOf(answer, ["headers.location"], "/queue/item/7/")).toEqual({ "headers.location": "/queue/item/7/" });
    expect(valuesOf(answer, ["headers.location"])).toEqual({});
  });
});

it.each<[string, unknown, string]>([
  ["an inherited member", {}, "constructor"],
  ["an inherited member of a text", { id: "abc" }, "id.length"],
  ["the length of a list", { id: [1] }, "id.length"],
  ["a member of the prototype", {}, "__proto__.toString"],
  ["a member of a number", { id: 1 }, "id.0"],
  ["an object", { id: {} }, "id"],
  ["an empty text", { id: "" }, "id"],
  ["a text of 2049 characters", { id: "x".repeat(2049) }, "id"],
  ["a rounded number", '{"id":9007199254740993}', "id"],
  ["an endless number", '{"id":-1e999}', "id"],
  ["of a text that is cut", '{"id":1', "id"],
  ["of a text that is no JSON", "id: 1", "id"],
])("%s is no value", (_what, answer, key) => {
  expect(valuesOf(answer, [key])).toEqual({});
});

it("a link needs all its values, and is one only if it is harmless", () => {
  const link = ["https://ci.example.com/", ["a", "url"], "?b=", ["b", "url"]] as const;
  const known = [
    ["a", "x/y"],
    ["b", 7],
  ] as const;
  expect(linkOf(link, known)).toBe("https://ci.example.com/x%2Fy?b=7");
  expect(linkOf(link, known.slice(1))).toBeNull();
  expect(linkOf([["a", "text"]], [["a", "javascript:alert(1)"]])).toBeNull();
});

const encoder = new TextEncoder();
const show = (answer: string | Uint8Array, isCut = false) =>
  excerptOf(typeof answer === "string" ? encoder.encode(answer) : answer, isCut);

it.each([
  "Bad credentials",
  '{"message":"Not Found","documentation_url":"https://docs.github.com/rest/actions/workflows","status":"404"}',
  "100% of &c. is C:\\temp\\x",
  "Größe 日本語 \u{1f680}",
  "upstream connect error\n\n  refused\n",
])("what a person needs is shown as it is: %j", (text) => expect(show(text)).toBe(text));

it("a line ends with a line feed, and every other character that acts or hides is escaped", () => {
  expect(show("a\r\n\tb\rc")).toBe("a\n\\tb\\rc");
  expect(show("\x1b[31mred \u202egpj.exe \ufeff")).toBe("\\u001b[31mred \\u202egpj.exe \\ufeff");
});

it("no byte becomes a character that acts or hides", async () => {
  const garbage = Uint8Array.from({ length: 4096 }, (_, at) => (at * 151 + (at >> 3) * 89) % 256);
  const gzip = new Response("hello ".repeat(2000)).body?.pipeThrough(new CompressionStream("gzip"));
  const zipped = new Uint8Array(await new Response(gzip).arrayBuffer());
  for (const bytes of [garbage, zipped, zipped.subarray(0, 11), Uint8Array.of(0xf0, 0x9f)]) {
    for (const isCut of [true, false]) {
      expect(show(bytes, isCut)).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
    }
  }
});

describe("the text", () => {
  const MAX = EXCERPT_MAX_BYTES;
  it.each([
    ["is at most 1 KiB", "x".repeat(MAX), false, "x".repeat(MAX)],
    ["ends with an ellipsis if it was longer", "x".repeat(MAX + 1), false, `${"x".repeat(MAX)}…`],
    [
      "is cut by its bytes, and leaves out a character that was cut",
      `x${"é".repeat(MAX)}`,
      false,
      `x${"é".repeat(511)}…`,
    ],
    ["ends with an ellipsis if more came", "short", true, "short…"],
  ])("of a response that is shown %s", (_what, text, isCut, expected) => expect(show(text, isCut)).toBe(expected));

  it("is at most six times as long with escapes", () => {
    expect(show("\x1b".repeat(MAX + 1)).length).toBe(6 * MAX + 1);
  });
});
