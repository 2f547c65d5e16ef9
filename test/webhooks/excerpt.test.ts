/** The start of a receiver's response as text: its length, and that no character in it acts on a page or a terminal. */

import { describe, expect, it } from "vitest";
import { EXCERPT_MAX_BYTES, excerptOf } from "../../src/webhooks/response.ts";

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

describe("the length", () => {
  const MAX = EXCERPT_MAX_BYTES;
  it.each([
    ["is 1 KiB", "x".repeat(MAX), false, "x".repeat(MAX)],
    ["is cut beyond it", "x".repeat(MAX + 1), false, `${"x".repeat(MAX)}…`],
    ["counts bytes, and leaves out a character that was cut", `x${"é".repeat(MAX)}`, false, `x${"é".repeat(511)}…`],
    ["says that more came", "short", true, "short…"],
  ])("%s", (_what, text, isCut, expected) => expect(show(text, isCut)).toBe(expected));

  it("is at most six times as long with escapes", () => {
    expect(show("\x1b".repeat(MAX + 1)).length).toBe(6 * MAX + 1);
  });
});
