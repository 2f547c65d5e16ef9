import { expect, test } from "vitest";
import { readGracePeriod } from "../../src/cli/times.ts";

test.each([
  ["0", 0],
  ["0d", 0],
  ["90s", 90],
  ["30m", 1800],
  ["12h", 43_200],
  ["7d", 604_800],
  ["604800s", 604_800],
])("--overlap %s is %i seconds", (text, seconds) => {
  expect(readGracePeriod(text)).toBe(seconds);
});

test.each(["", "1", "60", "-1h", "1.5h", "8d", "604801s", "1w", "1 h", "h", "1H", "١h", "1e3s"])(
  "--overlap %j is refused, and the sentence says what to use",
  (text) => {
    expect(() => readGracePeriod(text)).toThrow(/such as 30m, 12h or 7d/);
  },
);
