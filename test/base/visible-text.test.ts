/** What nobody sees is shown as an escape, and which texts of others become links. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { harmlessLink, linkRefusal, visibleText } from "../../src/base/visible-text.ts";
import { words } from "../support/words.ts";

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

describe("a link", () => {
  it.each([
    ["https://ci.example.com/1", "https://ci.example.com/1"],
    ["HTTPS://CI.example.com", "https://ci.example.com/"],
    ["https://jenkins.corp:8443/job/1/?a=b#c", "https://jenkins.corp:8443/job/1/?a=b#c"],
    ["https://ci.example.com/@me", "https://ci.example.com/@me"],
    ["https://ci.example.com/caf\u00e9", "https://ci.example.com/caf%C3%A9"],
  ])("%s is shown", (text, shown) => {
    expect(harmlessLink(text)).toBe(shown);
  });

  it.each([
    ...words(String.raw`javascript:alert(1) data:text/html,x http://ci.example.com/ //ci.example.com/
      https://me@ci.example.com/ https://:@ci.example.com/ https://a:b@ci.example.com/ https://@ci.example.com/
      https:@ci.example.com/ https://github.com@evil.example/ https://github.com%2f@evil.example/
      https:\\ci.example.com/ https://ci.example.com:x/ https://ci.example.com\@evil.example/`),
    " https://ci.example.com/",
    "java\nscript:alert(1)",
    ...["a b", "\u00a0", "\ud800", "\u0000", "x".repeat(2026), "\u00e9".repeat(400)].map(
      (path) => `https://ci.example.com/${path}`,
    ),
    "",
  ])("%j is not shown", (text) => {
    expect(harmlessLink(text)).toBeNull();
  });

  it.each([
    ["http://ci.example.com/1", /not an https URL\. Send an https URL\.$/],
    ["http://me:secret@ci.example.com/1", /not an https URL/],
    ["javascript:alert(1)", /not an https URL/],
    ["", /not an https URL/],
    ["https://me:secret@ci.example.com/1", /a user name or a password\. Send it without them\.$/],
    ["https://@ci.example.com/", /a user name or a password/],
    ["https://ci.example.com/a b", /a blank, a backslash or a control character\. Encode them\.$/],
    [`https://ci.example.com/${"\u00e9".repeat(400)}`, /more than 2048 characters\. Send a shorter one\.$/],
    [`https://ci.example.com/${"x".repeat(2026)}`, /more than 2048 characters/],
  ])("%j is refused with a sentence that says why and what to send", (text, sentence) => {
    expect(linkRefusal(text)).toMatch(sentence);
    expect(linkRefusal(text)).not.toContain("secret");
  });

  it("leads where it seems to lead, whatever the text was: it stays as it is, and has nothing before its host", () => {
    const piece = fc.constantFrom(
      ...words(String.raw`https: http: / \ @ : ? # ci.example.com evil.example %40`),
      "\t",
      " ",
      "\u202e",
    );
    const start = fc.constantFrom("https://", "HTTPS:", "https:/", "");
    const rest = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
      fc.string({ unit: "binary" }),
    );
    let links = 0;
    const property = fc.property(start, rest, (before, after) => {
      const link = harmlessLink(before + after);
      if ((linkRefusal(before + after) === null) !== (link !== null)) throw new Error(before + after);
      if (link === null) return;
      links++;
      expect(harmlessLink(link)).toBe(link);
      expect(link).toMatch(/^https:\/\/[^/?#@\\]+[/?#]/);
      expect(link).not.toMatch(/[\p{Cc}\p{Cf}\s\\]/u);
    });
    fc.assert(property, { seed: 20260131, numRuns: 5000 });
    expect(links).toBeGreaterThan(100);
  });
});
