/** Which lines of a job's newest output are new, from one look to the next. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { TailLines, unendedLine } from "../../src/words/tail-lines.ts";

function linesOf(...looks: readonly string[]): (readonly string[])[] {
  const lines = new TailLines();
  return looks.map((look) => lines.next(look));
}

test.each<[what: string, looks: string[], lines: string[][]]>([
  ["the first look", ["one\ntwo\n"], [["one", "two"]]],
  ["the same look", ["one\n", "one\n"], [["one"], []]],
  ["a longer look", ["one\n", "one\ntwo\n"], [["one"], ["two"]]],
  ["a look further on", ["one\ntwo\nthree\n", "three\nfour\n"], [["one", "two", "three"], ["four"]]],
  ["a look that begins within a line", ["one\nthree\n", "ree\nfour\n"], [["one", "three"], ["four"]]],
  ["a look much further on", ["one\n", "nine\n"], [["one"], ["…", "nine"]]],
  ["lines that repeat", ["tick\ntick\n", "tick\ntick\ntick\n"], [["tick", "tick"], ["tick"]]],
  ["a line that is not at its end", ["one\ntw", "one\ntwo\nth", "two\nthree\n"], [["one"], ["two"], ["three"]]],
  ["nothing", ["", "one\n", ""], [[], ["one"], []]],
  ["an empty line", ["one\n\n", "one\n\ntwo\n"], [["one", ""], ["two"]]],
  ["a progress bar", ["10%\r20%\r", "10%\r20%\r30%\r\nend\r\n"], [[], ["30%", "end"]]],
])("%s", (_what, looks, lines) => {
  expect(linesOf(...looks)).toEqual(lines);
});

test("each line comes once and in order, as long as two looks share a line that is there once", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 }), (steps) => {
      const all = Array.from({ length: 700 }, (_, n) => `line ${n}\n`);
      const lines = new TailLines();
      const found: string[] = [];
      let at = 1;
      for (const step of [0, ...steps]) {
        at += step;
        found.push(...lines.next(all.slice(Math.max(0, at - 40), at).join("")));
      }
      expect(found).toEqual(all.slice(0, at).map((line) => line.trim()));
    }),
  );
});

test("a megabyte of one character takes no longer than its length", () => {
  const text = `${"a".repeat(1_000_000)}\n`;
  expect(linesOf(text, `${text}${text}`).map(({ length }) => length)).toEqual([1, 1]);
});

test("the line that is not at its end is what is drawn behind the last one", () => {
  expect(["one\ntw", "one\n", "10%\r20%\r30%", "", "a\r"].map(unendedLine)).toEqual(["tw", "", "30%", "", "a"]);
});
