/** Which shortcut a key press means. */

import { describe, expect, it } from "vitest";
import { type Press, readPress, type Shortcut } from "../../src/console/keys.tsx";

const run = () => {};
const SHORTCUTS: readonly Shortcut[] = [
  { keys: "g r", label: "Go to runs", run },
  { keys: "r", label: "Retry", run },
  { keys: "j", label: "Next", run },
  { keys: "j", label: "Next, on the page on top", run },
  { keys: "Enter", label: "Open" },
];

/** The labels of the shortcuts that these keys mean, one after another. */
function pressed(...presses: readonly (string | Partial<Press>)[]): readonly (string | null)[] {
  let begun = null;
  const labels: (string | null)[] = [];
  for (const [index, press] of presses.entries()) {
    const usual = { key: "", at: index * 100, hasModifier: false, isTyping: false };
    const reading = readPress({ ...usual, ...(typeof press === "string" ? { key: press } : press) }, begun, SHORTCUTS);
    begun = reading.begun;
    labels.push(reading.shortcut?.label ?? null);
  }
  return labels;
}

describe("a key press", () => {
  it.each([
    ["one key", ["r"], ["Retry"]],
    ["two keys", ["g", "r"], [null, "Go to runs"]],
    ["the page on top", ["j"], ["Next, on the page on top"]],
    ["no shortcut", ["x"], [null]],
    ["a key that the browser knows by itself", ["Enter"], [null]],
    ["a first key and then another shortcut", ["g", "j"], [null, "Next, on the page on top"]],
    ["a first key twice", ["g", "g", "r"], [null, null, "Go to runs"]],
    ["a second key that comes late", ["g", { key: "r", at: 60_000 }], [null, "Retry"]],
    ["a modifier", [{ key: "r", hasModifier: true }], [null]],
    ["typing", [{ key: "r", isTyping: true }], [null]],
    ["typing after a first key", ["g", { key: "r", isTyping: true }, "r"], [null, null, "Retry"]],
  ] as const)("means what it says: %s", (_, presses, labels) => {
    expect(pressed(...presses)).toEqual(labels);
  });
});
