/** Times that people type: in the past, ahead, and a grace period. What the words mean is in `test/words/since.test.ts`. */

import { expect, test, vi } from "vitest";
import { readGracePeriod, readLater, readPast, readSince, readUntil } from "../../src/cli/options.ts";
import { json } from "./misbehaving.ts";
import { saying, service } from "./service.ts";

const ACCEPTED =
  /Use a duration such as 30m, 2h, 7d or 2w, a day such as today, .*a time such as 18:00, .*or 2026-11-28T18:00:00Z\./;

test.each([
  ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00Z"],
  ["2026-01-31t12:00:00.1234+01:00", "2026-01-31T11:00:00.123Z", "2026-01-31t12:00:00.1234+01:00"],
  ["+2h", "2026-11-29T22:00:00.000Z", "2026-11-29T22:00:00.000Z"],
])("%s means the same for each option", (text, instant, exact) => {
  vi.useFakeTimers({ now: new Date("2026-11-29T20:00:00Z"), toFake: ["Date"] });
  expect([readSince, readUntil].map((read) => read(text))).toEqual([instant, instant]);
  // These may be more precise than a Date.
  expect([readPast, readLater].map((read) => read(text))).toEqual([exact, exact]);
  vi.useRealTimers();
});

test("30m is ago or ahead, as the option means it, and a day begins at midnight and ends at the next one", () => {
  vi.useFakeTimers({ now: new Date("2026-11-29T20:00:00Z"), toFake: ["Date"] });
  const read = (text: string) => [readSince, readUntil, readPast, readLater].map((reader) => reader(text));
  expect(read("30m")).toEqual([...Array(3).fill("2026-11-29T19:30:00.000Z"), "2026-11-29T20:30:00.000Z"]);
  const [since = "", until = "", past, later] = read("2026-11-25");
  expect([past, later]).toEqual([since, since]);
  expect(Date.parse(until) - Date.parse(since)).toBe(86_400_000);
  vi.useRealTimers();
});

test.each(["", "soon", "last week", "2026-02-30", "+2", "+1.5h", "+9999999d", "25:00"])(
  "%j is refused, and the sentence says what to use",
  (text) => {
    for (const read of [readSince, readUntil, readPast, readLater]) expect(() => read(text)).toThrow(ACCEPTED);
  },
);

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

test("list and summary send it as an instant, and a refusal names what is accepted and sends nothing", async () => {
  const { server, run } = await service(({ url = "" }, response) =>
    json(response, 200, url.includes("summary") ? { pending: 3, failed: { atLeast: 1000 } } : []),
  );
  await run("list", "--since", "24h", "--label", "nightly");
  const [, since = ""] = /createdAfter=([^&]+)/.exec(server.requests[0]?.line ?? "") ?? [];
  expect(Date.now() - Date.parse(decodeURIComponent(since)) - 86_400_000).toBeLessThan(60_000);
  expect(server.requests[0]?.line).toContain("label=nightly");
  const summary = await run("summary", "--since", "today", "--until", "yesterday", "--no-json");
  expect(summary.stdout).toBe("STATUS   RUNS\npending  3\nfailed   1000+\n");
  const [, after, before] =
    /summary\?createdAfter=(\S+)&createdBefore=(\S+)/.exec(server.requests[1]?.line ?? "") ?? [];
  expect([after, before]).toEqual([expect.stringContaining("20"), after]);
  for (const args of [
    ["--since", "last week"],
    ["--since", "1h", "--created-after", "2026-01-31T12:00:00Z"],
    ["--until", "1h", "--created-before", "2026-01-31T12:00:00Z"],
    ["--created-before", "never"],
  ]) {
    const refused = await run("list", ...args);
    expect([args, refused.code, refused.stdout]).toEqual([args, 2, ""]);
    expect(refused.stderr.replaceAll(/\s+/g, " ")).toMatch(
      /30m, 2h, 7d or 2w|--since.*--created-after|--until.*--created-before/,
    );
  }
  expect(server.requests).toHaveLength(2);
});

test("a refusal of the service names the option that the user typed", async () => {
  const error = "entityId: send a uuid. labels.0: too long. createdBefore was: not a member";
  const { run } = await saying(400, { error, code: "invalid_query" });
  const refused = await run("list", "--entity-id", "never", "--label", "x");
  expect(refused).toEqual({
    code: 2,
    stdout: "",
    stderr:
      "action-runs: --entity-id: send a uuid. --label: too long. createdBefore was: not a member (invalid_query)\n",
  });
  // A member of the body has its own name.
  const inBody = await run("create", "--body", '{"actionName":"x","labels":["y"]}');
  expect(inBody.stderr).toContain(error);
});
