/** What differs between the parameters of two runs, and how one sentence says it. */

import { expect, it } from "vitest";
import { differencesOf, wordsOf } from "../../src/console/run/comparison.tsx";

it("compares objects member by member, and everything else as a whole", () => {
  const before = { version: "1", list: [1, 2], same: { a: {}, b: null }, gone: true, deep: { x: 1, "y.z": 2 } };
  const after = { deep: { "y.z": 3, x: 1 }, version: "2", list: [1, 3], same: { a: {}, b: null }, fresh: "" };
  expect(differencesOf(before, after)).toEqual({
    same: 3,
    changed: [
      { pointer: "/deep/y.z", name: "deep.y.z", before: "2", after: "3" },
      { pointer: "/version", name: "version", before: "1", after: "2" },
      { pointer: "/list", name: "list", before: "[1,2]", after: "[1,3]" },
      { pointer: "/fresh", name: "fresh", before: null, after: '""' },
      { pointer: "/gone", name: "gone", before: "true", after: null },
    ],
  });
});

it("shows values that read alike as JSON", () => {
  const { changed } = differencesOf({ port: "80" }, { port: 80 });
  expect(changed).toMatchObject([{ before: '"80"', after: "80" }]);
});

it.each([
  [{ version: "1.4.357" }, { version: "1.4.358" }, " with 1.4.357"],
  [{ branch: "feature/a-1" }, { branch: "main" }, " with feature/a-1"],
  [{ dryRun: true }, { dryRun: false }, " with dryRun true"],
  [{ replicas: 3 }, { replicas: 4 }, " with replicas 3"],
  [{}, { force: true }, " without force"],
  [{ note: "two words" }, { note: "" }, " with another note"],
  [{ note: "x".repeat(41) }, {}, " with another note"],
  [{ a: 1 }, { a: 1 }, " with the same parameters"],
  [{ a: 1, b: 1 }, { a: 2, b: 2 }, ""],
])("a run of %j before one of %j is named in words", (before, after, words) => {
  expect(wordsOf(differencesOf(before, after).changed)).toBe(words);
});
