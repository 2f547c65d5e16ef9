/** What nobody sees is shown as an escape, for each category of such characters. */

import { expect, it } from "vitest";
import { visibleText } from "../../src/base/visible-text.ts";

it.each(["main", "Größe 日本語 \u{1f680} שלום", "C:\\temp", "a\u00a0b", "e\u0301", "{}"])(
  "what people can see stays as it is: %s",
  (text) => expect(visibleText(text)).toBe(text),
);

it.each([
  ["Cc: a line feed, a tab, a carriage return", "a\n\t\rb", "a\\n\\t\\rb"],
  ["Cc: NUL, escape, delete, next line", "\0\x1b\x7f\x85", "\\u0000\\u001b\\u007f\\u0085"],
  ["Cf: a right-to-left override", "\u202eniam", "\\u202eniam"],
  ["Cf: isolates and marks", "\u2066\u2069\u200e\u061c", "\\u2066\\u2069\\u200e\\u061c"],
  ["Cf: zero-width space, joiners, byte order mark", "\u200b\u200c\u200d\ufeff", "\\u200b\\u200c\\u200d\\ufeff"],
  ["Cf: a soft hyphen", "ma\u00adin", "ma\\u00adin"],
  ["Cf: tags", "\u{e0061}\u{e007f}", "\\udb40\\udc61\\udb40\\udc7f"],
  ["Cf: beyond the first plane", "\u{1d173}", "\\ud834\\udd73"],
  ["Zl and Zp", "\u2028\u2029", "\\u2028\\u2029"],
  ["default ignorable: variation selectors", "❤\ufe0f\u{e0100}", "❤\\ufe0f\\udb40\\udd00"],
  ["default ignorable: Hangul fillers", "\u115f\u3164\uffa0", "\\u115f\\u3164\\uffa0"],
  ["default ignorable: a grapheme joiner", "a\u034fb", "a\\u034fb"],
  ["default ignorable, and not assigned yet", "\u{e0fff}", "\\udb43\\udfff"],
  ["half a surrogate pair", "\ud800x\udc00", "\\ud800x\\udc00"],
  ["a private character", "\ue000", "\\ue000"],
])("what they can't see is an escape: %s", (_what, text, shown) => expect(visibleText(text)).toBe(shown));

it("leaves no character of these categories, and none else is changed", () => {
  const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
  const seen = /[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]/u;
  for (let code = 0; code <= 0x10ffff; code++) {
    const text = String.fromCodePoint(code);
    const isShown = visibleText(text) === text;
    if (unseen.test(text) ? isShown : seen.test(text) && !isShown) throw new Error(code.toString(16));
  }
});

it("keeps what the caller keeps", () => {
  expect(visibleText("a\n\tb\r\u200b", "\n\t")).toBe("a\n\tb\\r\\u200b");
});

it("makes JSON of the same value", () => {
  const value = { "a\u200b": ["\u{e0061}\ud800\u202e", "\n\u0085"] };
  const shown = visibleText(JSON.stringify(value));
  expect(shown).toMatch(/^[ -~]+$/);
  expect(JSON.parse(shown)).toEqual(value);
});
