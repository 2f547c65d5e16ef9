/** What the search makes of a text. */

import { describe, expect, it } from "vitest";
import {
  facetSearchOf,
  facetSuggestions,
  isEqualWord,
  isIdEnd,
  localSuggestions,
  type Suggestion,
  type Term,
  termsOf,
  textBefore,
  wordAtEnd,
  wordsOf,
} from "../../../src/console/runs/search.ts";
import { UTC } from "../../../src/words/since.ts";

const NOW = new Date("2026-11-25T12:00:00Z");
const RUN = "01a212de-9b55-8003-a8a9-dd2c148ea617";
const ENTITY = "01890a5d-ac96-774b-bcce-b302099a8057";

const rows = [
  { id: RUN, actionName: "deploy", status: "failed", createdAt: NOW.toISOString() } as const,
  { id: RUN.replace("617", "618"), actionName: "build", status: "failed", createdAt: NOW.toISOString() } as const,
];

/** As `name=value`, `run …`, `?word` or `…refused`. */
function shortOf(term: Term): string {
  switch (term.kind) {
    case "chips":
      return term.chips.map(({ name, value }) => `${name}=${value}`).join(" to ");
    case "run":
      return `run ${term.id}`;
    case "word":
      return `?${term.word}`;
    case "refused":
      return `…${term.typed}`;
  }
}

describe("the text", () => {
  it.each<[string, readonly string[]]>([
    ["", []],
    ["   ", []],
    [
      "failed deploy label:shop-42 @nightly since:yesterday",
      ["status=failed", "?deploy", "label=shop-42", "triggeredBy=nightly", "since=yesterday"],
    ],
    ["FAILED Pending", ["status=failed", "status=pending"]],
    ["status:Failed status:exploded", ["status=failed", "…status:exploded"]],
    ["action:deploy actionName:deploy", ["actionName=deploy", "actionName=deploy"]],
    ["by:ci triggeredBy:ci @ci", ["triggeredBy=ci", "triggeredBy=ci", "triggeredBy=ci"]],
    ["LABEL:Shop", ["label=Shop"]],
    ['label:"two words" "failed"', ["label=two words", "?failed"]],
    ['"label:x" @"the nightly"', ["?label:x", "triggeredBy=the nightly"]],
    // The service refuses these, although a browser reads some of them as times. It has no year 10000.
    ['subject:a\u200bb subject:"a\u2028b"', ["…subject:a\u200bb", '…subject:"a\u2028b"']],
    ['subject:" "', ['…subject:" "']],
    ['label:"a\u2028b"', ['…label:"a\u2028b"']],
    ['since:2026 until:"Jan 5"', ["…since:2026", '…until:"Jan 5"']],
    ["until:9999-12-31 since:9999-12-31", ["…until:9999-12-31", "createdAfter=9999-12-31T00:00:00.000Z"]],
    ["9999-12-31", ["?9999-12-31"]],
    // Labels often have colons of their own.
    ["team:payments label:team:payments", ["?team:payments", "label=team:payments"]],
    ["since:TODAY since:2h", ["since=today", "since=2h"]],
    ["since:2026-11-20T10:00:00Z", ["createdAfter=2026-11-20T10:00:00.000Z"]],
    ["until:2026-11-20T10:00:00Z", ["createdBefore=2026-11-20T10:00:00.000Z"]],
    ["since:soon until:never", ["…since:soon", "…until:never"]],
    // `Date.parse` takes them for times, and the service does not.
    ["since:2026 since:5 since:11/24/2026", ["…since:2026", "…since:5", "…since:11/24/2026"]],
    ['until:2026-02-30 until:"nov 24" until:9999-12-31', ["…until:2026-02-30", '…until:"nov 24"', "…until:9999-12-31"]],
    ["since:last tuesday failed", ["since=last tuesday", "status=failed"]],
    ["SINCE:Friday  18:00 since: 2h ago", ["since=friday 18:00", "since=2h ago"]],
    ["since:yesterday 8ea617 label:last tuesday-x", ["since=yesterday", "?8ea617", "label=last", "?tuesday-x"]],
    ["entity:7 waiting:lunch group:-a", ["…entity:7", "…waiting:lunch", "…group:-a"]],
    [`text:x label:${"a".repeat(65)}`, ["…text:x", `…label:${"a".repeat(65)}`]],
    ['text:"timed out" TEXT:oom', ["text=timed out", "text=oom"]],
    ["label: @ entity:", ["…label:", "…@", "…entity:"]],
    ['"" label:""', ['…""', '…label:""']],
    [RUN.toUpperCase(), [`run ${RUN}`]],
    [ENTITY, [`entityId=${ENTITY}`]],
    [`entity:${ENTITY}`, [`entityId=${ENTITY}`]],
    // What an attacker, a paste or a typing error makes.
    ['label:"unclosed and', ["label=unclosed and"]],
    ['a"b c"d', ["?ab cd"]],
    [":x x: ::", ["?:x", "?x:", "?::"]],
    ["__proto__:x constructor:x", ["?__proto__:x", "?constructor:x"]],
    ["<img src=x onerror=alert(1)>", ["?<img", "?src=x", "?onerror=alert(1)>"]],
    ["label:&status=failed#", ["label=&status=failed#"]],
    ["\u202edetalever \ud800", ["?\u202edetalever", "?\ud800"]],
    ["label:\u00a0x", ["…label:", "?x"]],
    ["subject:sh\u200bop subject:\u202ex", ["…subject:sh\u200bop", "…subject:\u202ex"]],
    ['label:"a\u2028b" action:sh\u200bop', ['…label:"a\u2028b"', "actionName=sh\u200bop"]],
  ])("%j is %j", (text, expected) => {
    expect(termsOf(text, NOW).map(shortOf)).toEqual(expected);
  });

  it("is read in a time that grows with its length alone", () => {
    for (const text of [
      '"'.repeat(100_000),
      `${'"'.repeat(99_999)}a`,
      `${"a".repeat(99_999)}"`,
      'a"'.repeat(50_000),
      ":".repeat(100_000),
      `label:${'"'.repeat(99_999)}a`,
      `since:${"1".repeat(99_999)}`,
      `${"0".repeat(99_999)}g`,
      // Words and spaces, at whose ends a pattern could begin again and again.
      "a ".repeat(50_000),
      'a" '.repeat(33_333),
      `${"a".repeat(99_999)} `,
      `${" ".repeat(99_999)}a`,
    ]) {
      const begun = performance.now();
      expect(wordsOf(text).join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
      termsOf(text, NOW);
      textBefore(text);
      localSuggestions(text, rows, NOW);
      facetSearchOf(wordAtEnd(text));
      expect([text.slice(0, 10), performance.now() - begun < 1000]).toEqual([text.slice(0, 10), true]);
    }
  });

  it.each([
    ["8ea617", true],
    ["-dd2c148ea617", true],
    ["8EA617", true],
    ["ea617", false],
    ["8ea61g", false],
    ["------", false],
    [RUN, false],
  ])("%s can be the end of an id: %s", (word, expected) => {
    expect(isIdEnd(word)).toBe(expected);
  });
});

it("a day that stands alone is a range, and in quotation marks it is a word", () => {
  const day = (text: string) => termsOf(text, NOW).map(shortOf);
  const range = (from: string, to: string) => `createdAfter=${midnight(from)} to createdBefore=${midnight(to)}`;
  expect(day("yesterday 2026-11-20")).toEqual([range("2026-11-24", "2026-11-25"), range("2026-11-20", "2026-11-21")]);
  expect(day("Tuesday failed last tuesday")).toEqual([
    range("2026-11-24", "2026-11-25"),
    "status=failed",
    range("2026-11-24", "2026-11-25"),
  ]);
  // In UTC, days begin elsewhere.
  const [inUtc] = termsOf("yesterday", NOW, UTC);
  expect(inUtc).toMatchObject({
    chips: [{ value: "2026-11-24T00:00:00.000Z" }, { value: "2026-11-25T00:00:00.000Z" }],
  });
  expect(day('"yesterday" last nothing 2h')).toEqual(["?yesterday", "?last", "?nothing", "?2h"]);
});

/** In the time zone of this machine. */
function midnight(day: string): string {
  return new Date(`${day}T00:00:00`).toISOString();
}

describe("what is offered", () => {
  const textOf = (one: Suggestion) =>
    one.kind === "run" ? `run ${one.run.actionName}` : `${one.chip.name}=${one.chip.value}`;
  const offered = (text: string) => localSuggestions(text, rows, NOW).map(textOf);

  it("is a time before anything is typed, and after a space", () => {
    const presets = ["since=1h", "since=today", "since=yesterday", "since=24h", "since=7d"];
    expect([offered(""), offered("failed ")]).toEqual([presets, presets]);
  });

  it("are statuses, times and ends of ids for the word at the end", () => {
    expect(offered("deploy s")).toEqual(["status=succeeded"]);
    expect(offered("FAIL")).toEqual(["status=failed"]);
    expect(offered("status:p")).toEqual(["status=pending"]);
    expect(offered("since:t")).toEqual(["since=today"]);
    expect(offered("until:")).toEqual([
      expect.stringMatching(/^createdBefore=2026-11-2[56]T/),
      expect.stringMatching(/^createdBefore=2026-11-2[45]T/),
    ]);
    expect(offered("8ea617")).toEqual(["run deploy"]);
    expect(offered("8EA618")).toEqual(["run build"]);
    expect([offered("ea617"), offered("label:fail"), offered("entity:8ea617")]).toEqual([[], [], []]);
  });

  it("are what the service finds for it, in the field that it names", () => {
    expect(facetSearchOf("dep")).toEqual({
      fields: ["actionName", "subject", "label", "triggeredBy"],
      contains: "dep",
    });
    expect(facetSearchOf("label:sh")).toEqual({ fields: ["label"], contains: "sh" });
    expect(facetSearchOf("@ni")).toEqual({ fields: ["triggeredBy"], contains: "ni" });
    expect(facetSearchOf('label:"two w')).toEqual({ fields: ["label"], contains: "two w" });
    for (const word of ["", "d", "@n", "label:s", "status:failed", "entity:01", "🚀"]) {
      expect([word, facetSearchOf(word)]).toEqual([word, null]);
    }
    const many = Array.from({ length: 20 }, (_, n) => `deploy-${n}`);
    const values = { actionName: many, label: ["Deployed"], triggeredBy: ["nightly"] };
    const offeredFor = (word: string) => facetSuggestions(values, facetSearchOf(word)).map(textOf);
    expect(offeredFor("depl")).toEqual([...many.slice(0, 6).map((value) => `actionName=${value}`), "label=Deployed"]);
    // Until the service has found something for the longer word, what fits of the old is offered.
    expect([offeredFor("deployE"), offeredFor("@NI"), offeredFor("label:ni"), offeredFor("")]).toEqual([
      ["label=Deployed"],
      ["triggeredBy=nightly"],
      [],
      [],
    ]);
  });

  it("takes the place of the word at the end alone", () => {
    expect(["failed dep", "dep", 'failed "two w', "dep dep", "dep "].map(wordAtEnd)).toEqual([
      "dep",
      "dep",
      '"two w',
      "dep",
      "",
    ]);
    expect(textBefore("failed last  tuesday")).toBe("failed ");
    expect(["failed dep", "dep", 'failed "two w', "dep dep", "dep "].map(textBefore)).toEqual([
      "failed ",
      "",
      "failed ",
      "dep ",
      "dep ",
    ]);
  });

  it("compares as the service does: without the case of ASCII letters, and of no others", () => {
    expect([isEqualWord("Deploy", "dePLOY"), isEqualWord("Ä", "ä"), isEqualWord("a", "ab")]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
