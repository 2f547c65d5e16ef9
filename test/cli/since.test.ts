/** What --since means, in the time zone of the machine. */

import { afterEach, describe, expect, test } from "vitest";
import { sinceOf } from "../../src/cli/times.ts";
import { cli } from "./in-process.ts";
import { badServer, json } from "./misbehaving.ts";

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

describe("in New York", () => {
  // The clocks were set back there at 2 o'clock on this day, so it has 25 hours.
  const NOW = new Date("2026-11-01T20:30:00Z");

  test.each([
    ["30m", "2026-11-01T20:00:00.000Z"],
    ["24h", "2026-10-31T20:30:00.000Z"],
    ["7d", "2026-10-25T20:30:00.000Z"],
    ["2w", "2026-10-18T20:30:00.000Z"],
    ["today", "2026-11-01T04:00:00.000Z"],
    ["yesterday", "2026-10-31T04:00:00.000Z"],
    ["2026-11-02", "2026-11-02T05:00:00.000Z"],
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"],
    ["2026-01-31t12:00+01:00", "2026-01-31T11:00:00.000Z"],
  ])("%s is since %s", (text, expected) => {
    process.env.TZ = "America/New_York";
    expect(sinceOf(text, NOW)?.toISOString()).toBe(expected);
  });
});

test.each([
  "",
  "24",
  "h",
  "-1h",
  "1.5h",
  "1y",
  "tomorrow",
  "2026-02-30",
  "2026-13-01",
  "2026-01-31T25:00:00Z",
  "999999d",
])("%j means nothing", (text) => {
  expect(sinceOf(text, new Date())).toBeNull();
});

test("list and summary send it as an instant, and a refusal names what is accepted and sends nothing", async () => {
  const server = await badServer(({ url = "" }, response) =>
    json(response, 200, url.includes("summary") ? { pending: 3, failed: { atLeast: 1000 } } : []),
  );
  const settings = {
    ACTION_RUNS_URL: server.url,
    ACTION_RUNS_TOKEN: "terr_x",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
    ACTION_RUNS_RETRIES: "0",
  };
  await cli(["list", "--since", "24h", "--label", "nightly"], settings);
  const [, since = ""] = /createdAfter=([^&]+)/.exec(server.requests[0]?.line ?? "") ?? [];
  expect(Date.now() - Date.parse(decodeURIComponent(since)) - 86_400_000).toBeLessThan(60_000);
  expect(server.requests[0]?.line).toContain("label=nightly");
  const summary = await cli(["summary", "--since", "today", "--no-json"], settings);
  expect(summary.stdout).toBe("STATUS   RUNS\npending  3\nfailed   1000+\n");
  expect(server.requests[1]?.line).toMatch(/\/action-runs\/summary\?createdAfter=20/);
  for (const args of [
    ["--since", "last week"],
    ["--since", "1h", "--created-after", "2026-01-31T12:00:00Z"],
  ]) {
    const refused = await cli(["list", ...args], settings);
    expect([args, refused.code, refused.stdout]).toEqual([args, 2, ""]);
    expect(refused.stderr).toMatch(/24h, 7d or 2w, today, yesterday|--since.*--created-after/);
  }
  expect(server.requests).toHaveLength(2);
  await server.close();
});

test("a refusal of the service names the option that the user typed", async () => {
  const error = "createdAfter: send a time. labels.0: too long. createdBefore was: not a member";
  const server = await badServer((_, response) => json(response, 400, { error, code: "invalid_query" }));
  const settings = {
    ACTION_RUNS_URL: server.url,
    ACTION_RUNS_TOKEN: "terr_x",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
  };
  const refused = await cli(["list", "--created-after", "never", "--label", "x"], settings);
  expect(refused).toEqual({
    code: 2,
    stdout: "",
    stderr:
      "action-runs: --created-after: send a time. --label: too long. createdBefore was: not a member (invalid_query)\n",
  });
  // A member of the body has its own name.
  const inBody = await cli(["create", "--body", '{"actionName":"x","labels":["y"]}'], settings);
  expect(inBody.stderr).toContain(error);
  await server.close();
});
