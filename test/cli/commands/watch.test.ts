/** `watch` and `--wait` go on although the server goes away, and `watch` follows all runs. */

import { expect, test } from "vitest";
import { Output } from "../../../src/cli/output.ts";
import { changeLine } from "../../../src/cli/run-text.ts";
import type { Schemas } from "../../../src/client/index.ts";
import { jsonLines } from "../command.ts";
import { html, json, RUN } from "../misbehaving.ts";
import { answering, gone, inTurn, type Step, service, streaming } from "../service.ts";

const CREATED = { seq: 1, type: "created", at: RUN.createdAt, by: "root" };
const ENDED = { seq: 2, type: "ended", at: RUN.createdAt, status: "succeeded", cause: "callback" };
const DONE = { ...RUN, status: "succeeded", startedAt: RUN.createdAt, completedAt: RUN.createdAt };
const FAILED = {
  ...RUN,
  status: "failed",
  startedAt: "2026-11-25T13:21:50.000Z",
  completedAt: "2026-11-25T13:23:52.000Z",
  error: "exit 1: \x1b[31mno space left on device\nmore",
} as const;
const GONE = /The server can't answer now, so the command waits for it\. Ctrl-C stops waiting\./g;
const BACK = /The server answers again\./g;
const changes = (cursor: string, ...runs: readonly object[]) => ({ runs, cursor, caughtUp: true });
const proxy: Step = (response) => html(response, 502);
const now: Step = (response) => json(response, 200, changes("9.1"));
const revoked: Step = (response) => json(response, 401, { error: "This API token is unknown.", code: "token_invalid" });

/** Answers to events and to reads, each in turn. */
function serve(events: readonly Step[], reads: readonly Step[]) {
  const [forEvents, forReads] = [inTurn(events), inTurn(reads)];
  return service((request, response) => (request.url?.includes("/events") ? forEvents : forReads)(response, request));
}

function serveAll(...steps: readonly Step[]) {
  const step = inTurn(steps);
  return service((request, response) => step(response, request));
}

test("watch waits for a server that is gone, says so once, and shows each event once", async () => {
  const { run } = await serve(
    [streaming(CREATED), gone, proxy, streaming(CREATED, ENDED)],
    [answering(200, RUN), answering(200, DONE)],
  );
  const { code, stdout, stderr } = await run("watch", RUN.id, "--json");
  expect([code, stdout]).toEqual([0, `${JSON.stringify(CREATED)}\n${JSON.stringify(ENDED)}\n`]);
  expect([stderr.match(GONE)?.length, stderr.match(BACK)?.length]).toEqual([1, 1]);
});

test("watch shows people the lines that the job prints, each once and harmless, and programs only events", async () => {
  const frames = [
    "one\n\x1b[31mtwo",
    "one\n\x1b[31mtwo\x1b[0m\nthree\n",
    "three\n::stop-commands::x\x07\u202e\nlas",
    "\x07\u202e\nlast",
  ];
  const told = frames.map((tail) => `event: tail\ndata: ${JSON.stringify({ tail, at: RUN.createdAt })}\n\n`);
  const events: Step = (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const [created, ended] = [CREATED, ENDED].map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end([created, ...told, ended].join(""));
  };
  const forPeople = await serve([events], [answering(200, RUN), answering(200, DONE)]);
  const { code, stdout } = await forPeople.run("watch", RUN.id, "--no-json");
  expect([code, stdout.match(/^\| .*$/gm)]).toEqual([
    0,
    ["| one", "| two", "| three", "| ::stop-commands::x\\u0007\\u202e", "| last"],
  ]);
  const forPrograms = await serve([events], [answering(200, RUN), answering(200, DONE)]);
  const { stdout: lines } = await forPrograms.run("watch", RUN.id, "--json");
  expect(lines).toBe(`${JSON.stringify(CREATED)}\n${JSON.stringify(ENDED)}\n`);
});

test("watch waits for the last read too", async () => {
  const { run } = await serve([streaming(CREATED, ENDED)], [answering(200, RUN), gone, answering(200, DONE)]);
  const { code, stdout, stderr } = await run("watch", RUN.id, "--no-json");
  expect([code, stderr.match(GONE)?.length]).toEqual([0, 1]);
  expect(stdout).toMatch(/^completed: +2026-11-25T13:21:48Z, took 0ms$/m);
});

test("get --wait goes on too", async () => {
  const { run } = await serve([gone], [answering(200, RUN), gone, proxy, answering(200, DONE)]);
  const { code, stdout, stderr } = await run("get", RUN.id, "--wait");
  expect([code, JSON.parse(stdout)]).toEqual([0, DONE]);
  expect([stderr.match(GONE)?.length, stderr.match(BACK)?.length]).toEqual([1, 1]);
});

test("get --wait shows people the events of a server that is back", async () => {
  const reads = [answering(200, RUN), answering(200, DONE)];
  const { run } = await serve([streaming(CREATED), gone, proxy, streaming(CREATED, ENDED)], reads);
  const { code, stdout, stderr } = await run("get", RUN.id, "--wait", "--no-json");
  expect([code, stderr.match(GONE)?.length, stderr.match(BACK)?.length]).toEqual([0, 1, 1]);
  expect(stderr.match(/Z {2}(created|ended) /g)).toEqual(["Z  created ", "Z  ended "]);
  expect(stdout).toMatch(/^status: +succeeded$/m);
});

test.each([
  ["watch", ["watch", RUN.id]],
  ["get --wait", ["get", RUN.id, "--wait"]],
])("%s ends if the server refuses, and if it never answered", async (_, args) => {
  const refused = await serve([revoked], [answering(200, RUN), revoked]);
  expect(await refused.run(...args)).toMatchObject({ code: 3, stdout: "" });
  const never = await serve([gone], [gone]);
  expect(await never.run(...args)).toMatchObject({ code: 6, stdout: "" });
  expect(never.server.requests).toHaveLength(1);
});

test("watch of all runs prints a run as one line of JSON for each change, through an outage, and nothing twice", async () => {
  const { server, run } = await serveAll(
    now,
    streaming(changes("9.1"), changes("9.2", RUN)),
    gone,
    (response) => html(response, 502),
    streaming(changes("9.2"), changes("9.3", FAILED)),
    revoked,
  );
  const filter = ["--action-name", "deploy", "--label", "a", "--label", "b"];
  const { code, stdout, stderr } = await run("watch", "--json", ...filter);
  expect(jsonLines(stdout)).toEqual([RUN, FAILED]);
  expect(code).toBe(3);
  expect(stderr.match(/The server can't answer now, so the command waits for it/g)).toHaveLength(1);
  expect(stderr.match(/The server answers again\./g)).toHaveLength(1);
  const [first, second] = server.requests.map(({ line }) => new URL(line.slice(4), "http://x"));
  expect(first?.pathname).toMatch(/action-runs\/changes$/);
  expect(second?.searchParams.toString()).toBe("actionName=deploy&label=a&label=b&after=9.1");
});

test("watch of all runs prints a line for people", async () => {
  const { run } = await serveAll(streaming(changes("9.1"), changes("9.2", FAILED)), revoked);
  const { stdout } = await run("watch", "--no-json", "--after", "0");
  expect(stdout).toBe(
    `2026-11-25T13:23:52Z  ${RUN.id}  failed     deploy · 2m 04s · exit 1: \\u001b[31mno space left on device\n`,
  );
});

test("watch of all runs refuses options that don't fit, and ends if the server never answered or refuses the cursor", async () => {
  const bad = await serveAll((response) =>
    json(response, 400, { error: "after is no cursor.", code: "invalid_cursor" }),
  );
  expect(await bad.run("watch", "--after", "x")).toMatchObject({ code: 2, stdout: "" });
  const never = await serveAll(gone);
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
  const run = { ...FAILED, actionName: "deploy-the-shop 🚀" } as Schemas["ActionRun"];
  process.env.NO_COLOR = "1";
  const line = changeLine(run, new Output({ json: false }, { isTTY: true, columns } as NodeJS.WriteStream));
  delete process.env.NO_COLOR;
  expect(line.startsWith(beginning)).toBe(true);
  expect(line).toMatch(/failed {5}deploy/);
  expect([...line].length).toBeLessThanOrEqual(columns);
});
