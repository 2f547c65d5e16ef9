/** The filters of the run list in the address. */

import { describe, expect, it } from "vitest";
import { ActionRunsError } from "../../../src/client/index.ts";
import { atCursor } from "../../../src/console/router.tsx";
import {
  type Chip,
  chipsOf,
  chipText,
  filterOf,
  isFiltered,
  matches,
  refusalOf,
  withChip,
  withInstants,
  withoutChip,
  withoutFilters,
  withStatusToggled,
} from "../../../src/console/runs/filters.ts";
import { timesIn } from "../../../src/console/ui/time.tsx";
import { WAITING } from "../../support/api/api-objects.ts";

const NOW = new Date("2026-11-25T12:00:00Z");
const query = (text: string) => new URLSearchParams(text);

describe("a run matches", () => {
  const run = {
    status: "failed",
    triggeredBy: "ci",
    createdAt: "2026-11-25T12:00:00.000Z",
    entityId: "01890a5d-ac96-774b-bcce-b302099a8057",
    waiting: null,
  } as const;
  const waiting = { ...WAITING, group: "shop" };

  it.each([
    ["", true],
    ["status=failed&status=running", true],
    ["status=running", false],
    ["triggeredBy=ci", true],
    ["triggeredBy=CI", true],
    ["triggeredBy=root", false],
    // A row does not say what texts its run has.
    ["text=deploy", false],
    ["entityId=01890A5D-AC96-774B-BCCE-B302099A8057", true],
    ["entityId=01890a5d-ac96-774b-bcce-b302099a8058", false],
    ["createdAfter=2026-11-25T12:59:59%2B01:00", true],
    ["createdAfter=2026-11-25T12:00:00Z", false],
    ["createdBefore=2026-11-25T12:00:00.001Z", true],
    ["createdBefore=2026-11-25T12:00:00Z", false],
    ["since=1h&triggeredBy=ci&status=failed", true],
  ])("?%s: %s", (text, isMatch) => {
    expect(matches(filterOf(query(text), new Date("2026-11-25T12:30:00Z")), run)).toBe(isMatch);
  });

  it.each([
    ["waiting=any", true],
    ["waiting=approval", true],
    ["waiting=time", false],
    ["waiting=any&group=shop", true],
    ["group=other", false],
  ])("?%s if it waits: %s", (text, isMatch) => {
    const filter = filterOf(query(text), NOW);
    expect([matches(filter, { ...run, waiting }), matches(filter, run)]).toEqual([isMatch, false]);
  });
});

describe("the filter that the API gets", () => {
  it("has all that the address names, and nothing else", () => {
    const address = query("status=failed&status=running&actionName=a%26b&label=x&label=y&entityId=&other=1&cursor=c");
    expect(filterOf(address, NOW)).toEqual({ status: ["failed", "running"], actionName: "a&b", label: ["x", "y"] });
  });

  it("has the instant that `since` means now", () => {
    expect(filterOf(query("since=24h"), NOW)).toEqual({ createdAfter: "2026-11-24T12:00:00.000Z" });
    expect(filterOf(query("since=1h&createdAfter=2020-01-01T00:00:00Z"), NOW)).toEqual({
      createdAfter: "2026-11-25T11:00:00.000Z",
    });
  });

  it("keeps what is no status and no time, because the API's refusal says what to change", () => {
    expect(filterOf(query("status=exploded&since=soon"), NOW)).toEqual({ status: ["exploded"], createdAfter: "soon" });
  });
});

describe("a change of the filters", () => {
  const address = "label=x&status=failed&cursor=c";

  it.each([
    ["adds a status", withStatusToggled(query(address), "running"), "label=x&status=failed&status=running"],
    ["removes a status", withStatusToggled(query(address), "failed"), "label=x"],
    [
      "replaces a single value",
      withChip(query("actionName=a&label=x"), { name: "actionName", value: "b c" }),
      "label=x&actionName=b+c",
    ],
    ["adds a label", withChip(query(address), { name: "label", value: "y" }), `label=x&status=failed&label=y`],
    ["adds no label twice", withChip(query("label=x&label=y"), { name: "label", value: "x" }), "label=y&label=x"],
    ["has one beginning", withChip(query("createdAfter=2020-01-01"), { name: "since", value: "today" }), "since=today"],
    [
      "has one beginning, the other way",
      withChip(query("since=today"), { name: "createdAfter", value: "2020-01-01" }),
      "createdAfter=2020-01-01",
    ],
    ["removes one label", withoutChip(query("label=x&label=y"), { name: "label", value: "x" }), "label=y"],
    [
      "removes a beginning, with the one that it hid",
      withoutChip(query("since=today&createdAfter=2020-01-01"), { name: "since", value: "today" }),
      "",
    ],
    ["removes all filters", withoutFilters(query(`${address}&since=1h&other=1`)), "other=1"],
  ])("%s, and leads to the newest runs", (_, changed, expected) => {
    expect(changed.toString()).toBe(expected);
  });

  it("leaves the address that it began with", () => {
    const before = query(address);
    withoutFilters(atCursor(before, "d"));
    withInstants(before, NOW);
    expect(before.toString()).toBe(address);
  });
});

it("a copied link has the instant instead of the word", () => {
  expect(withInstants(query("since=1h&label=x"), NOW).toString()).toBe(
    `label=x&createdAfter=${encodeURIComponent("2026-11-25T11:00:00.000Z")}`,
  );
  expect(withInstants(query("since=soon"), NOW).toString()).toBe("since=soon");
});

const textOf = (chip: Chip) => chipText(chip, timesIn("UTC").minute);

it("chips come in one order, each value once, and say what they filter", () => {
  const address = query(
    "since=24h&label=b&status=failed&label=a&label=b&triggeredBy=ci&actionName=deploy&actionName=other&entityId=e",
  );
  expect(chipsOf(address).map(textOf)).toEqual([
    "status failed",
    "action deploy",
    "label b",
    "label a",
    "by ci",
    "entity e",
    "since 24h ago",
  ]);
  const since = ["2 h", "18:00", "3h ago", "friday 18:00"];
  expect(since.map((value) => textOf({ name: "since", value }))).toEqual([
    "since 2 h ago",
    "since 18:00",
    "since 3h ago",
    "since friday 18:00",
  ]);
  expect(chipsOf(query("createdAfter=nonsense&createdBefore=2026-01-01T00:30:00%2B01:00")).map(textOf)).toEqual([
    "since nonsense",
    expect.stringMatching(/^until .*2025.*11:30/),
  ]);
});

describe("a refusal of the service", () => {
  const chips = chipsOf(query("status=exploded&label=a&label=b&since=soon"));
  const texts = (pointer: string, message: string, code = "invalid_query") => {
    const refusal = refusalOf(new ActionRunsError(message, { status: 400, code, pointer }), chips);
    return refusal && [...refusal.chips].map(textOf);
  };

  it("is shown at the chips that it names", () => {
    expect(texts("/status", "status: send any of …")).toEqual(["status exploded"]);
    expect(texts("/createdAfter", "createdAfter: send an RFC 3339 time")).toEqual(["since soon"]);
    expect(texts("/label", "label.1: has 65 characters")).toEqual(["label b"]);
    expect(texts("/label", "label: send at most 10.")).toEqual(["label a", "label b"]);
  });

  it("is none of a chip if it names none", () => {
    expect(texts("/cursor", "cursor: send the cursor unchanged")).toBeNull();
    expect(texts("/status", "Not allowed", "forbidden")).toBeNull();
    expect(refusalOf(new TypeError("status"), chips)).toBeNull();
  });
});

it("a cursor alone is no filter", () => {
  expect([query("cursor=c"), query("actionName="), query("label=x"), query("since=1h")].map(isFiltered)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});
