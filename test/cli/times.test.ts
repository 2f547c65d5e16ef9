/** Times that people type: when a list begins, a time ahead, and a grace period. */

import { expect, test, vi } from "vitest";
import { readGracePeriod, readLater, readWhen } from "../../src/cli/times.ts";
import { json } from "./misbehaving.ts";
import { saying, service } from "./service.ts";

test.each([
  ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"],
  ["2026-01-31t12:00+01:00", "2026-01-31T11:00:00.000Z"],
])("--since %s is an instant for the service", (text, expected) => {
  expect(readWhen(text)).toBe(expected);
});

test.each(["2026-01-31T12:00", "2026-01-31 12:00", "0099-01-01", "2026-02-30", "last week"])(
  "--since %s is refused, because a script must mean the same instant on every machine",
  (text) => expect(() => readWhen(text)).toThrow(/Use a time ago such as 30m, 24h, 7d or 2w, today, yesterday/),
);

test.each([
  ["+30m", "2026-11-29T20:30:00.000Z"],
  ["+2h", "2026-11-29T22:00:00.000Z"],
  ["+30d", "2026-12-29T20:00:00.000Z"],
  ["2026-11-30T06:00:00+01:00", "2026-11-30T06:00:00+01:00"],
  ["2026-11-30t06:00z", "2026-11-30t06:00z"],
])("--not-before %s is a time ahead", (text, expected) => {
  vi.useFakeTimers({ now: new Date("2026-11-29T20:00:00Z"), toFake: ["Date"] });
  expect(readLater(text)).toBe(expected);
  vi.useRealTimers();
});

test.each(["2h", "+2", "+1.5h", "+9999999d", "2026-11-30T06:00:00", "2026-11-30", "tomorrow", ""])(
  "--not-before %j is refused, and the sentence says what to use",
  (text) => {
    expect(() => readLater(text)).toThrow(/such as \+30m, \+2h or \+1d, or a time with an offset/);
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
  const summary = await run("summary", "--since", "today", "--no-json");
  expect(summary.stdout).toBe("STATUS   RUNS\npending  3\nfailed   1000+\n");
  expect(server.requests[1]?.line).toMatch(/\/action-runs\/summary\?createdAfter=20/);
  for (const args of [
    ["--since", "last week"],
    ["--since", "1h", "--created-after", "2026-01-31T12:00:00Z"],
  ]) {
    const refused = await run("list", ...args);
    expect([args, refused.code, refused.stdout]).toEqual([args, 2, ""]);
    expect(refused.stderr).toMatch(/24h, 7d or 2w, today, yesterday|--since.*--created-after/);
  }
  expect(server.requests).toHaveLength(2);
});

test("a refusal of the service names the option that the user typed", async () => {
  const error = "createdAfter: send a time. labels.0: too long. createdBefore was: not a member";
  const { run } = await saying(400, { error, code: "invalid_query" });
  const refused = await run("list", "--created-after", "never", "--label", "x");
  expect(refused).toEqual({
    code: 2,
    stdout: "",
    stderr:
      "action-runs: --created-after: send a time. --label: too long. createdBefore was: not a member (invalid_query)\n",
  });
  // A member of the body has its own name.
  const inBody = await run("create", "--body", '{"actionName":"x","labels":["y"]}');
  expect(inBody.stderr).toContain(error);
});
