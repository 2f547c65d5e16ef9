/** How much of a job's output a page keeps. */

import { expect, it } from "vitest";
import { keptOf } from "../../../src/console/run/overview.tsx";

it("a page keeps the newest lines of a job: few of the long ones, because it draws all of them with each tail", () => {
  const short = Array.from({ length: 3000 }, (_, n) => `line ${n}`);
  expect(keptOf(short)).toEqual(short.slice(-2000));
  const long = Array.from({ length: 2000 }, (_, n) => String(n).padEnd(8191, "x"));
  expect(keptOf(long)).toEqual(long.slice(-32));
  expect(keptOf([])).toEqual([]);
});
