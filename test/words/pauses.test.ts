/** Which pauses concern a run, and what is said of a planned one. */

import { describe, expect, it } from "vitest";
import type { Schemas } from "../../src/client/index.ts";
import { failsText, isHeldBy, nextPause, plannedText, type Waiting, whenText } from "../../src/words/waiting.ts";
import * as api from "../support/api/api-objects.ts";

const NOW = Date.parse("2026-11-25T12:00:00Z");
const inHours = (hours: number) => new Date(NOW + hours * 3_600_000).toISOString();

function pause(group: string, hours: number, more: Partial<Schemas["Pause"]> = {}): Schemas["Pause"] {
  const from = inHours(hours);
  return { group, reason: "freeze", from, until: null, active: hours <= 0, by: "ann", via: null, at: from, ...more };
}

describe("the next planned pause", () => {
  const [later, sooner, whole] = [pause("shop", 5), pause("shop", 3), pause("-environment", 4)];

  it.each([
    ["none", [], "shop", null],
    ["the one that begins first", [later, sooner, whole], "shop", sooner],
    ["the environment's for another group", [later, sooner, whole], "cart", whole],
    ["the environment's without a group", [later, sooner, whole], null, whole],
    ["not one that holds already", [pause("shop", -1)], "shop", null],
    ["not another group's", [later], "cart", null],
  ])("is %s", (_what, pauses, group, expected) => {
    expect(nextPause(pauses, group)).toBe(expected);
  });

  it("is told with its beginning, its end and its reason", () => {
    const when = (hours: number) => whenText(NOW + hours * 3_600_000, NOW);
    expect(plannedText(later, NOW)).toBe(`A pause begins ${when(5)}: freeze`);
    expect(plannedText({ ...later, until: inHours(9) }, NOW)).toBe(
      `A pause begins ${when(5)} and ends ${when(9)}: freeze`,
    );
  });
});

describe("a run is held back by", () => {
  const waiting: Waiting = { ...api.WAITING, for: "approval", group: "shop" };
  const through = { by: "ann", byId: "a", via: null, at: inHours(-1), reason: "the fix" };

  it.each([
    ["the pause that it waits for", true, [], { for: "pause" }],
    ["a pause of its group, when it is approved", true, [pause("shop", -1)], {}],
    ["a pause of its environment", true, [pause("-environment", -1)], {}],
    ["no planned pause", false, [pause("shop", 1)], {}],
    ["no pause of another group", false, [pause("cart", -1)], {}],
    ["no pause that it was let through", false, [pause("shop", -1)], { throughPause: through }],
    ["a pause that began after that", true, [pause("shop", -0.5)], { throughPause: through }],
  ] as const)("%s: %s", (_what, expected, pauses, more) => {
    expect(isHeldBy(pauses, { ...waiting, ...more })).toBe(expected);
  });
});

it("a run fails in as much time as it can still wait", () => {
  expect(failsText(inHours(7 * 24 - 0.5), NOW)).toBe("fails in 6d 23h");
  expect(failsText(inHours(0.5), NOW)).toBe("fails in 30m 00s");
  for (const hours of [0, -1]) expect(failsText(inHours(hours), NOW)).toBe("fails now");
});
