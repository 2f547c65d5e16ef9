/** The start of a receiver's response as text: its length, and that no character in it acts on a page or a terminal. */

import { describe, expect, it } from "vitest";
import { EXCERPT_MAX_BYTES, excerptOf } from "../../src/webhooks/response.ts";

const encoder = new TextEncoder();
const show = (answer: string | Uint8Array, isCut = false) =>
  excerptOf(typeof answer === "string" ? encoder.encode(answer) : answer, isCut);

describe("what a person needs is shown as it is", () => {
  it.each([
    "Bad credentials",
    '{"message":"Not Found","documentation_url":"https://docs.github.com/rest/actions/workflows","status":"404"}',
    "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1><hr><center>nginx/1.27.0</center></body></html>",
    "100% of &c. is C:\\temp\\x",
    "Größe 日本語 \u{1f680}",
    "  two blanks  ",
    "upstream connect error\n\n  refused\n",
  ])("%s", (text) => expect(show(text)).toBe(text));
});

describe("a character that acts or hides is escaped", () => {
  it.each([
    ["a tab and a carriage return", "a\r\n\tb\rc", "a\n\\tb\\rc"],
    ["NUL and delete", "\0\x7f", "\\u0000\\u007f"],
    ["a colour of the terminal", "\x1b[31mred", "\\u001b[31mred"],
    ["an escape of one byte", "\x9b31m", "\\u009b31m"],
    ["a right-to-left override", "\u202egpj.exe", "\\u202egpj.exe"],
    ["an isolate", "\u2066x\u2069", "\\u2066x\\u2069"],
    ["a zero-width space", "a\u200bb", "a\\u200bb"],
    ["a byte order mark", "\ufeffa\ufeff", "\\ufeffa\\ufeff"],
    ["a soft hyphen", "\u00ad", "\\u00ad"],
    ["a Hangul filler", "\u3164", "\\u3164"],
    ["a variation selector", "a\ufe0f", "a\\ufe0f"],
    ["line separators", "\u2028\u2029", "\\u2028\\u2029"],
    ["a tag", "\u{e0041}", "\\udb40\\udc41"],
    ["a private character", "\ue000", "\\ue000"],
  ])("%s", (_what, text, shown) => expect(show(text)).toBe(shown));

  it("whatever the character is", () => {
    const codes = [
      ...Array.from({ length: 0x1ffff }, (_, code) => code).filter((code) => code < 0xd800 || code > 0xdfff),
      ...Array.from({ length: 0x200 }, (_, n) => 0xe0000 + n),
      0xf0000,
      0x10ffff,
    ];
    for (let at = 0; at < codes.length; at += 250) {
      const shown = show(String.fromCodePoint(...codes.slice(at, at + 250)));
      expect(shown).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
    }
  });

  it("whatever the bytes are", async () => {
    const garbage = Uint8Array.from({ length: 4096 }, (_, at) => (at * 151 + (at >> 3) * 89) % 256);
    const gzip = new Response("hello ".repeat(2000)).body?.pipeThrough(new CompressionStream("gzip"));
    const zipped = new Uint8Array(await new Response(gzip).arrayBuffer());
    for (const bytes of [garbage, zipped, zipped.subarray(0, 11), Uint8Array.of(0xf0, 0x9f)]) {
      for (const isCut of [true, false]) {
        expect(show(bytes, isCut)).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
      }
    }
  });
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
