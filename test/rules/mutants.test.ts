/** The faults of `npm run mutants` can be planted whatever the format of the source is. */

import { globSync } from "node:fs";
import { expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { FAULTS, planted } from "../mutants/faults.ts";

it("plants a fault in each place that has its text, whatever white space it has", () => {
  const fault = { from: "if (a === b) return;", to: "" };
  expect(planted("x();\nif (a ===\n  b) return;\ny();\n", fault)).toEqual(["x();\n\ny();\n"]);
  expect(planted("if (a === b) return;if (a === b) return;", fault)).toHaveLength(2);
  expect(planted("if (a == b) return;", fault)).toEqual([]);
});

it("lists each fault under a name of its own", () => {
  expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
});

it("names tests that are there", () => {
  const tests = globSync("test/**/*.test.ts", { cwd: ROOT });
  const named = FAULTS.flatMap((fault) => fault.tests);
  expect(named.filter((name) => !tests.some((file) => file.startsWith(name)))).toEqual([]);
});
