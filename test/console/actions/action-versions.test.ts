/** Versions of an action compared, and how its last runs went. */

import { describe, expect, it } from "vitest";
import { formatRate, statisticsOf } from "../../../src/console/actions/last-runs.tsx";
import { nameAt, secretsOf, withSecrets } from "../../../src/console/definitions/members.ts";
import { type RunRow, rowOf } from "../../../src/console/runs/run-list.ts";
import { diffLines, withGaps } from "../../../src/words/line-diff.ts";
import { RUN } from "../../support/api/api-objects.ts";

const SIGNS = { same: " ", removed: "-", added: "+" };
const shown = (before: string, after: string) => diffLines(before, after).map(({ kind, text }) => SIGNS[kind] + text);
const lines = (count: number, of = "line") => Array.from({ length: count }, (_, n) => `${of} ${n}`);

describe("two versions", () => {
  it.each([
    ["a\nb\nc", "a\nb\nc", [" a", " b", " c"]],
    ["a\nb\nc", "a\nx\nc", [" a", "-b", "+x", " c"]],
    ["a\nc", "a\nb\nc", [" a", "+b", " c"]],
    ["a\nb\nc", "c", ["-a", "-b", " c"]],
    ["a\na", "a", [" a", "-a"]],
    ["1\n2\n3\n4\n5", "1\n3\n9\n5\n6", [" 1", "-2", " 3", "-4", "+9", " 5", "+6"]],
    ["", "a", ["-", "+a"]],
  ])("%j and %j differ in the fewest lines", (before, after, expected) => {
    expect(shown(before, after)).toEqual(expected);
  });

  it("give both texts again, whatever they are", () => {
    const random = (seed: number) => (n: number) => (Math.imul(seed + n, 2654435761) >>> 8) % 4;
    for (let seed = 0; seed < 50; seed++) {
      const texts = [17, 23].map((count, k) => lines(count).map((_, n) => `l${random(seed * 7 + k)(n)}`));
      const [before = [], after = []] = texts;
      const diff = diffLines(before.join("\n"), after.join("\n"));
      expect(diff.filter(({ kind }) => kind !== "added").map(({ text }) => text)).toEqual(before);
      expect(diff.filter(({ kind }) => kind !== "removed").map(({ text }) => text)).toEqual(after);
    }
  });

  it("of many thousand lines are compared without waiting, as one change between what is equal", () => {
    const [before, after] = [lines(40_000, "a"), lines(40_000, "b")];
    const diff = diffLines(["same", ...before, "end"].join("\n"), ["same", ...after, "end"].join("\n"));
    expect(diff).toHaveLength(80_002);
    expect([diff[0]?.kind, diff[1]?.kind, diff[40_001]?.kind, diff.at(-1)?.kind]).toEqual([
      "same",
      "removed",
      "added",
      "same",
    ]);
  });

  it("are shown with three lines around each change, and the number of the others", () => {
    const before = lines(30);
    const after = before.with(10, "other").with(25, "another");
    const kinds = withGaps(diffLines(before.join("\n"), after.join("\n"))).map((line) =>
      line.kind === "gap" ? line.count : SIGNS[line.kind],
    );
    const change = [" ", " ", " ", "-", "+", " ", " ", " "];
    expect(kinds).toEqual([7, ...change, 8, ...change, 1]);
    expect(withGaps(diffLines("a\nb", "a\nb"))).toEqual([]);
  });
});

const AT = Date.parse("2026-11-25T13:00:00Z");
const iso = (ms: number) => new Date(AT + ms).toISOString();

/** A run that began at once and took this long. */
function row(status: RunRow["status"], tookMs: number, startedAfterMs = 0): RunRow {
  const isOpen = status === "pending" || status === "running";
  return rowOf({
    ...RUN,
    status,
    createdAt: iso(0),
    startedAt: iso(startedAfterMs),
    completedAt: isOpen ? null : iso(startedAfterMs + tookMs),
  });
}

describe("the last runs", () => {
  it("have a rate of those that succeeded or failed, and percentiles of how long these took", () => {
    const rows = [
      ...Array.from({ length: 18 }, (_, n) => row("succeeded", (n + 1) * 1000)),
      row("failed", 19_000),
      row("failed", 20_000, 500_000),
      row("cancelled", 9_000_000),
      row("running", 0),
      row("pending", 0),
      // Whoever may write can send runs of the action's name and report their success.
      ...Array.from({ length: 50 }, () => ({ ...row("succeeded", 1), isByHand: true })),
    ];
    const statistics = statisticsOf(rows);
    expect(statistics).toEqual({ decided: 20, succeeded: 18, p50Ms: 10_000, p95Ms: 19_000 });
    expect(formatRate(statistics)).toBe("90 %");
  });

  it("have none without a run that succeeded or failed", () => {
    expect(statisticsOf([row("running", 0), row("cancelled", 5)])).toEqual({
      decided: 0,
      succeeded: 0,
      p50Ms: null,
      p95Ms: null,
    });
  });

  it.each([
    [1, 1, "100 %"],
    [1, 0, "0 %"],
    [200, 199, "99 %"],
    [1000, 999, "99 %"],
    [1000, 1, "1 %"],
  ])("of %i, of which %i succeeded, have the rate %s: no failure is rounded away", (decided, succeeded, rate) => {
    expect(formatRate({ decided, succeeded, p50Ms: null, p95Ms: null })).toBe(rate);
  });
});

describe("the secrets of a definition", () => {
  const definition = {
    trigger: {
      url: "https://ci.example.com",
      headers: { Accept: "text/plain", Authorization: null, "a/b~c": null },
      payload: { x: null },
      signingSecret: null,
      secrets: { token: null },
      cancel: { url: "https://ci.example.com", headers: { "X-Key": null } },
    },
  };

  it("are the nulls where the service has secrets, and no other nulls", () => {
    expect(secretsOf(definition)).toEqual([
      "/trigger/headers/Authorization",
      "/trigger/headers/a~1b~0c",
      "/trigger/secrets/token",
      "/trigger/cancel/headers/X-Key",
      "/trigger/signingSecret",
    ]);
    expect(nameAt("/trigger/headers/a~1b~0c")).toBe("a/b~c");
    for (const other of [{}, null, { trigger: null }, { trigger: { headers: [null] } }])
      expect(secretsOf(other)).toEqual([]);
  });

  it("take what was typed, and stay null where nothing was", () => {
    const typed = new Map([
      ["/trigger/headers/a~1b~0c", "one"],
      ["/trigger/signingSecret", "two"],
      ["/trigger/secrets/token", ""],
    ]);
    const { trigger } = withSecrets(definition, typed);
    expect(trigger.headers).toEqual({ Accept: "text/plain", Authorization: null, "a/b~c": "one" });
    expect([trigger.signingSecret, trigger.secrets.token, trigger.payload]).toEqual(["two", null, { x: null }]);
  });
});
