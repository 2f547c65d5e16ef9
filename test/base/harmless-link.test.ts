/** Which texts of others become links, at the service and at the console. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { harmlessLink, linkRefusal } from "../../src/base/visible-text.ts";
import { words } from "../support/words.ts";

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
      ...["\t", " ", "\u202e"],
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
