/** `watch` without a run: a line for each change, through outages, until the server refuses. */

import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import { Output } from "../../src/cli/output.ts";
import { changeLine } from "../../src/cli/run-text.ts";

import type { Schemas } from "../../src/client/index.ts";
import { cli } from "./in-process.ts";
import { type BadServer, badServer, html, json, RUN } from "./misbehaving.ts";

const open: BadServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

type Step = (response: ServerResponse) => void;

const FAILED = {
  ...RUN,
  status: "failed",
  startedAt: "2026-11-25T13:21:50.000Z",
  completedAt: "2026-11-25T13:23:52.000Z",
  error: "exit 1: \x1b[31mno space left on device\nmore",
} as const;
const changes = (cursor: string, ...runs: readonly object[]) => ({ runs, cursor, caughtUp: true });
const streaming =
  (...events: readonly object[]): Step =>
  (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.end(`retry: 1\n\n${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("")}`);
  };
const gone: Step = (response) => response.destroy();
const now: Step = (response) => json(response, 200, changes("9.1"));
const revoked: Step = (response) => json(response, 401, { error: "This API token is unknown.", code: "token_invalid" });

/** A server that answers as the steps say. The last one stays. */
async function serve(...steps: readonly Step[]) {
  const left = [...steps];
  const server = await badServer((_request, response) => (left.length > 1 ? left.shift() : left[0])?.(response));
  open.push(server);
  const settings = {
    ACTION_RUNS_URL: server.url,
    ACTION_RUNS_TOKEN: "terr_x",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
    ACTION_RUNS_RETRIES: "0",
  };
  return { server, run: (...args: readonly string[]) => cli(args, settings) };
}

test("prints a run as one line of JSON for each change, through an outage, and nothing twice", async () => {
  const { server, run } = await serve(
    now,
    streaming(changes("9.1"), changes("9.2", RUN)),
    gone,
    (response) => html(response, 502),
    streaming(changes("9.2"), changes("9.3", FAILED)),
    revoked,
  );
  const { code, stdout, stderr } = await run(
    "watch",
    "--json",
    "--action-name",
    "deploy",
    "--label",
    "a",
    "--label",
    "b",
  );
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([RUN, FAILED]);
  expect(code).toBe(3);
  expect(stderr.match(/The server can't answer now, so the command waits for it/g)).toHaveLength(1);
  expect(stderr.match(/The server answers again\./g)).toHaveLength(1);
  const [first, second] = server.requests.map(({ line }) => new URL(line.slice(4), "http://x"));
  expect(first?.pathname).toMatch(/action-runs\/changes$/);
  expect(second?.searchParams.toString()).toBe("actionName=deploy&label=a&label=b&after=9.1");
});

test("prints a line for people", async () => {
  const { run } = await serve(streaming(changes("9.1"), changes("9.2", FAILED)), revoked);
  const { stdout } = await run("watch", "--no-json", "--after", "0");
  expect(stdout).toBe(
    `2026-11-25T13:23:52Z  ${RUN.id}  failed     deploy · 2m 04s · exit 1: \\u001b[31mno space left on device\n`,
  );
});

test("refuses options that don't fit, and ends if the server never answered or refuses the cursor", async () => {
  const bad = await serve((response) => json(response, 400, { error: "after is no cursor.", code: "invalid_cursor" }));
  expect(await bad.run("watch", "--after", "x")).toMatchObject({ code: 2, stdout: "" });
  const never = await serve(gone);
  expect(await never.run("watch")).toMatchObject({ code: 6, stdout: "" });
  expect(never.server.requests).toHaveLength(1);
  const { code, stderr } = await never.run("watch", RUN.id, "--action-name", "deploy");
  expect([code, stderr]).toEqual([2, expect.stringContaining("are for all runs")]);
  expect((await never.run("watch", RUN.id, "--after", "x")).stderr).toContain("Use a whole number.");
});

test.each([
  [60, "13:23:52Z  "],
  [80, "2026-11-25T13:23:52Z  "],
  [120, "2026-11-25T13:23:52Z  "],
])("a line fits into %i cells", (columns, beginning) => {
  const output = new Output({ json: false }, { isTTY: true, columns } as NodeJS.WriteStream);
  const run = { ...FAILED, actionName: "deploy-the-shop 🚀" } as Schemas["ActionRun"];
  process.env.NO_COLOR = "1";
  const line = changeLine(run, new Output({ json: false }, output.stream));
  delete process.env.NO_COLOR;
  expect(line.startsWith(beginning)).toBe(true);
  expect(line).toMatch(/failed {5}deploy/);
  expect([...line].length).toBeLessThanOrEqual(columns);
});
