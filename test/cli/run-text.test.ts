/** How a run is shown: its durations, and texts of several lines as lines. */

import { afterEach, describe, expect, test } from "vitest";
import { memberAt } from "../../src/cli/commands/read-runs.ts";
import { Output, readableJson } from "../../src/cli/output.ts";
import { runText } from "../../src/cli/run-text.ts";
import { ageText, durationText, timesOf } from "../../src/cli/times.ts";

import type { Schemas } from "../../src/client/index.ts";
import { cli } from "./in-process.ts";
import { type BadServer, badServer, json, RUN } from "./misbehaving.ts";

const open: BadServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const at = (seconds: number) => new Date(Date.parse(RUN.createdAt) + seconds * 1000).toISOString();
const shown = (more: object) =>
  runText(
    { ...RUN, ...more } as Schemas["ActionRun"],
    new Output({ json: false }, { isTTY: false } as NodeJS.WriteStream),
  );

describe("waited, ran and took", () => {
  test.each([
    ["a pending run", {}, [null, null, null]],
    ["a running run", { startedAt: at(5) }, [5000, null, null]],
    ["a run with a heartbeat", { startedAt: at(5), completedAt: at(65) }, [5000, 60_000, 65_000]],
    ["a report without a heartbeat", { startedAt: at(65), completedAt: at(65) }, [null, null, 65_000]],
    ["a run that was cancelled before its start", { completedAt: at(65) }, [null, null, 65_000]],
  ])("of %s", (_, more, expected) => {
    const { waitedMs, ranMs, tookMs } = timesOf({ ...RUN, ...more });
    expect([waitedMs, ranMs, tookMs]).toEqual(expected);
  });

  test("are in the text of a run, and 0 ms never stands for what nobody knows", () => {
    const ended = shown({ status: "succeeded", startedAt: at(5), completedAt: at(65) });
    expect(ended).toMatch(/^started: +\S+Z, waited 5\.0s$/m);
    expect(ended).toMatch(/^completed: +\S+Z, ran 1m 00s$/m);
    const reported = shown({ status: "succeeded", startedAt: at(65), completedAt: at(65) });
    expect(reported).toMatch(/^completed: +\S+Z, took 1m 05s$/m);
    expect(reported).not.toMatch(/ran|waited|0ms/);
  });

  test("are written in one way", () => {
    const durations = [0, 840, 12_300, 59_960, 192_000, 3_840_000, 183_600_000].map(durationText);
    expect(durations).toEqual(["0ms", "840ms", "12.3s", "1m 00s", "3m 12s", "1h 04m", "2d 3h"]);
    const ages = [-5, 999, 59_999, 119_000, 7_100_000, 200_000_000].map(ageText);
    expect(ages).toEqual(["now", "now", "59s", "1m", "1h", "2d"]);
  });
});

describe("text of several lines", () => {
  const LOG = "one\r\n\ttwo\n\n\x1b[31mred\x1b[0m \x1b]0;title\x07\n::error::three\n";
  const LINES = ["one", "    two", "", "red \\u001b]0;title\\u0007", "::error::three"];

  test("is an indented block in the text of a run, and other members stay JSON", () => {
    const output = { exitCode: 1, log: LOG, list: ["a\nb", 2], empty: {}, "\x1b": "x" };
    const lines = shown({ output }).split("\n");
    const from = lines.findIndex((line) => line.startsWith("output:"));
    const own = lines.slice(from).map((line) => line.slice(17));
    expect(own).toEqual([
      "{",
      '  "exitCode": 1,',
      '  "log": |',
      ...LINES.map((line) => `    ${line}`),
      '  "list": [',
      "    |",
      "      a",
      "      b",
      "    2",
      "  ],",
      '  "empty": {},',
      '  "\\u001b": "x"',
      "}",
    ]);
  });

  test("without line ends, the text is the JSON of JSON.stringify", () => {
    const value = { a: [1, [], {}, null, true], b: { c: "x" }, d: [{ e: 1e21 }] };
    expect(readableJson(value)).toBe(JSON.stringify(value, null, 2));
  });

  async function get(output: unknown, ...args: readonly string[]) {
    const server = await badServer((_, response) => json(response, 200, { ...RUN, output }));
    open.push(server);
    const settings = {
      ACTION_RUNS_URL: server.url,
      ACTION_RUNS_TOKEN: "terr_x",
      ACTION_RUNS_ORG: "acme",
      ACTION_RUNS_PROJECT: "shop",
      ACTION_RUNS_ENV: "prod",
    };
    return cli(["get", RUN.id, ...args], settings);
  }

  test("get --output prints it as lines, also into a pipe, but nothing that a terminal or a CI product acts on", async () => {
    expect(await get({ log: LOG }, "--output", "log")).toEqual({
      code: 0,
      stdout: `${LINES.join("\n").replace("::", ": :")}\n`,
      stderr: "",
    });
    const asJson = await get({ log: LOG }, "--output", "log", "--json");
    expect(JSON.parse(asJson.stdout)).toBe(LOG);
  });

  test("get --output finds members by name, dotted path and JSON pointer, and prints other values as JSON", async () => {
    const output = { "a.b": "name", a: { b: "path", "c/d~": ["x", { y: 1 }] }, no: null };
    const values = ["a.b", "a.c/d~.1", "/a/b", "/a/c~1d~0/0", "no", "", "/", "__proto__", "a.b.c", "a.length"];
    expect(values.map((path) => memberAt(output, path))).toEqual([
      "name",
      { y: 1 },
      "path",
      "x",
      null,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect((await get(output, "--output", "a.c/d~.1")).stdout).toBe('{\n  "y": 1\n}\n');
    expect((await get(output, "--output", "/a/c~1d~0/0")).stdout).toBe("x\n");
  });

  test("get --output exits 4 and says what there is if the member is missing", async () => {
    const missing = await get({ log: "x", exitCode: 1 }, "--output", "lag");
    expect(missing).toMatchObject({ code: 4, stdout: "" });
    expect(missing.stderr).toContain("no member lag. It has log, exitCode.");
    expect((await get(null, "--output", "log")).stderr).toContain("The run has no output. It is pending.");
  });
});

describe("a pending run that its receiver did not take", () => {
  const settingsOf = ({ url }: BadServer) => ({
    ACTION_RUNS_URL: url,
    ACTION_RUNS_TOKEN: "terr_x",
    ACTION_RUNS_ORG: "acme",
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
  });
  const delivery = { attempts: 2, reason: "ci.example answered 503.", nextAttemptAt: null };
  const withDetails = { ...RUN, details: { waiting: null, approval: null, labels: [], delivery } };

  test("says why in text, although nobody asked for details, and without them if its coordinator is away", async () => {
    let hasDetails = true;
    const server = await badServer((request, response) => {
      const asksForDetails = request.url?.includes("include=details");
      if (asksForDetails && !hasDetails) json(response, 404, { error: "No.", code: "run_not_found" });
      else json(response, 200, asksForDetails ? withDetails : RUN);
    });
    open.push(server);
    const settings = settingsOf(server);
    const get = async (...more: string[]) => (await cli(["get", RUN.id, ...more], settings)).stdout;
    expect(await get("--no-json")).toMatch(/^delivery: +ci\.example answered 503, being tried again$/m);
    expect(await get("--no-json")).not.toContain("labels");
    hasDetails = false;
    expect(await get("--no-json")).toMatch(/^status: +pending$/m);
    expect(JSON.parse(await get("--json"))).toEqual(RUN);
  });

  test("says why in the table of a list", async () => {
    const server = await badServer((_request, response) => json(response, 200, [withDetails]));
    open.push(server);
    const settings = settingsOf(server);
    const { stdout } = await cli(["list", "--no-json"], settings);
    expect(stdout).toContain("ci.example answered 503, being tried again");
    expect(server.requests.at(-1)?.line).toContain("include=details");
  });
});
