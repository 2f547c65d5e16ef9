/** Which idempotency key a try of a dialog gets. */

import { expect, it } from "vitest";
import { keyPerBody } from "../../src/console/ui/key-per-body.ts";

it("the same body gets the same key, so that a try after a lost response repeats the first", () => {
  const keyOf = keyPerBody();
  const first = keyOf({ parameters: { version: "1.4.2" } });
  expect(keyOf({ parameters: { version: "1.4.2" } })).toBe(first);
  keyOf({ parameters: { version: "1.4.3" } });
  expect(keyOf({ parameters: { version: "1.4.2" } })).toBe(first);
});

it("each other body gets another key, and a member that is left out is another body", () => {
  const keyOf = keyPerBody();
  const bodies = [
    {},
    { parameters: undefined, reason: "" },
    { parameters: {} },
    { parameters: { a: 1 } },
    { reason: "x" },
  ];
  expect(new Set(bodies.map(keyOf)).size).toBe(bodies.length);
});

it("another dialog gets other keys, because it means another change", () => {
  expect(keyPerBody()({})).not.toBe(keyPerBody()({}));
});
