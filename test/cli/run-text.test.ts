/** Runs, what they wait for, and their events, as people read them. */

import { afterEach, describe, expect, test } from "vitest";
import { memberAt } from "../../src/cli/commands/read-runs.ts";
import { Output, readableJson } from "../../src/cli/output.ts";
import { eventText, failingText, localText, runText, waitsForText } from "../../src/cli/run-text.ts";
import type { Schemas } from "../../src/client/index.ts";
import { json, RUN } from "./misbehaving.ts";
import { saying, service, streaming } from "./service.ts";

const at = (seconds: number) => new Date(Date.parse(RUN.createdAt) + seconds * 1000).toISOString();
const shown = (more: object) =>
  runText(
    { ...RUN, ...more } as Schemas["ActionRun"],
    new Output({ json: false }, { isTTY: false } as NodeJS.WriteStream),
  );

test("the text of a run says what it waited, ran and took, and 0 ms never stands for what nobody knows", () => {
  const ended = shown({ status: "succeeded", startedAt: at(5), completedAt: at(65) });
  expect(ended).toMatch(/^started: +\S+Z, waited 5\.0s$/m);
  expect(ended).toMatch(/^completed: +\S+Z, ran 1m 00s$/m);
  const reported = shown({ status: "succeeded", startedAt: at(65), completedAt: at(65) });
  expect(reported).toMatch(/^completed: +\S+Z, took 1m 05s$/m);
  expect(reported).not.toMatch(/ran|waited|0ms/);
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

  const get = async (output: unknown, ...args: readonly string[]) =>
    (await saying(200, { ...RUN, output })).run("get", RUN.id, ...args);

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
  const delivery = { attempts: 2, reason: "ci.example answered 503.", nextAttemptAt: null };
  const withDetails = { ...RUN, details: { waiting: null, approval: null, labels: [], delivery } };

  test("says why in text, although nobody asked for details, and without them if its coordinator is away", async () => {
    let hasDetails = true;
    const { run } = await service((request, response) => {
      const asksForDetails = request.url?.includes("include=details");
      if (asksForDetails && !hasDetails) json(response, 404, { error: "No.", code: "run_not_found" });
      else json(response, 200, asksForDetails ? withDetails : RUN);
    });
    const get = async (...more: string[]) => (await run("get", RUN.id, ...more)).stdout;
    expect(await get("--no-json")).toMatch(/^delivery: +ci\.example answered 503, being tried again$/m);
    expect(await get("--no-json")).not.toContain("labels");
    hasDetails = false;
    expect(await get("--no-json")).toMatch(/^status: +pending$/m);
    expect(JSON.parse(await get("--json"))).toEqual(RUN);
  });

  test("says why in the table of a list", async () => {
    const { server, run } = await saying(200, [withDetails]);
    const { stdout } = await run("list", "--no-json");
    expect(stdout).toContain("ci.example answered 503, being tried again");
    expect(server.requests.at(-1)?.line).toContain("include=details");
  });
});

test.each([
  ["count 10 seconds", "hello: count 10 seconds"],
  ["hello, for 10 seconds", "hello, for 10 seconds"],
  [null, "hello"],
])("the table of a list has the action's name, also with the title %j", async (title, shown) => {
  const details = { waiting: null, approval: null, labels: [], delivery: null, title };
  const { run } = await saying(200, [{ ...RUN, actionName: "hello", details }]);
  expect((await run("list", "--no-json")).stdout).toMatch(new RegExp(` ${shown} *$`, "m"));
});

test("a cancelled run says who cancelled it and why, although nobody asked for details", async () => {
  const cancel = { by: "ada", reason: "wrong branch", requestedAt: RUN.createdAt, until: RUN.createdAt };
  const cancelled = { ...RUN, status: "cancelled", completedAt: RUN.createdAt };
  const details = { waiting: null, approval: null, labels: [], delivery: null, cancel };
  const { run } = await service((request, response) => {
    json(response, 200, request.url?.includes("include=details") ? { ...cancelled, details } : cancelled);
  });
  const { stdout } = await run("get", RUN.id, "--no-json");
  expect(stdout.replaceAll(/\n {2,}/g, " ")).toMatch(/^cancel: +requested by ada at .*\nreason: +wrong branch$/m);
  expect(stdout).not.toContain("labels");
});

describe("a failed run that the service retries", () => {
  const OTHER_RUN = "01a212de-9b55-8003-a8a9-dd2c148ea618";
  const retry = { runId: OTHER_RUN, at: "2026-11-25T13:31:48.373Z", attempt: 2, dropped: null };
  const failed = { ...RUN, status: "failed", error: "It broke.", completedAt: RUN.createdAt };
  const ended = { type: "ended", seq: 3, at: RUN.createdAt, status: "failed", cause: "callback", retryAt: retry.at };

  test.each([
    [retry, `number 2 is the run ${OTHER_RUN}, not before 2026-11-25T13:31:48Z`],
    [{ ...retry, runId: null }, "number 2 is planned, not before 2026-11-25T13:31:48Z"],
    [{ ...retry, runId: null, dropped: "The token was revoked." }, "number 2 was dropped: The token was revoked."],
  ])("says which run that is, or why there is none: %j", async (shownRetry, expected) => {
    const details = { waiting: null, approval: null, labels: [], delivery: null, retry: shownRetry };
    const { run } = await service((request, response) => {
      const { url = "" } = request;
      if (request.headers.accept === "text/event-stream") return streaming(ended)(response, request);
      json(response, 200, url.includes("include=details") ? { ...failed, details } : failed);
    });
    for (const more of [[], ["--wait"]]) {
      const { stdout } = await run("get", RUN.id, "--no-json", ...more);
      expect(stdout.replaceAll(/\n {2,}/g, " ")).toContain(`retry:           ${expected}\n`);
      expect(stdout).not.toContain("labels");
    }
    expect(JSON.parse((await run("get", RUN.id)).stdout)).toEqual(failed);
  });

  test("says in its timeline from when on", () => {
    const text = eventText(ended, new Output({ json: false }, { isTTY: false } as NodeJS.WriteStream));
    expect(text).toMatch(/failed, the job reported it · retried by the service, not before 2026-11-25T13:31:48Z$/);
  });
});

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

type Gated = Pick<Schemas["ActionRunDetails"], "waiting" | "approval">;
type Waiting = NonNullable<Schemas["ActionRunDetails"]["waiting"]>;

const NOW = Date.parse("2026-11-29T20:00:00Z");
const BY_ADA = { by: "ada", byId: "root", via: null, at: RUN.createdAt, reason: null };
const OTHER = "01a212de-9b55-8003-a8a9-dd2c000000";

function waits(waiting: Partial<Waiting>, approval: Gated["approval"] = null): string {
  const usual = { notBefore: null, group: null, key: null, reason: null };
  const times = { since: RUN.createdAt, until: RUN.createdAt };
  return waitsForText({ waiting: { for: "approval", ...times, ...usual, ...waiting }, approval }, NOW);
}

describe("what a run waits for", () => {
  const time = { for: "time", notBefore: "2026-11-30T05:00:00.000Z" } as const;
  const queued = { for: "concurrency", group: "deploys", key: "shop" } as const;

  test.each<[string, Partial<Waiting>, Gated["approval"]?]>([
    ["starts 2026-11-30 06:00 +01:00, in 9h, if it is approved", time, { required: 1, approvals: [] }],
    ["waits for approval, 1 of 2", {}, { required: 2, approvals: [BY_ADA] }],
    ["waits for its time", { for: "time" }],
    ["waits for a slot of group deploys (shop), behind 148ea617", { ...queued, behind: [RUN.id] }],
    ["1st in line for group deploys (shop), behind 148ea617", { ...queued, position: 1, behind: [RUN.id] }],
    [
      "22nd in line for group deploys (shop), behind 148ea617, 00000001 and 1 more",
      { ...queued, position: 22, behind: [RUN.id, `${OTHER}01`, `${OTHER}02`] },
    ],
  ])("is said in one line: %s", (expected, waiting, approval) => {
    process.env.TZ = "Europe/Berlin";
    expect(waits(waiting, approval)).toBe(expected);
  });

  test("shows no control characters", () => {
    const evil = "\x1b[2J\r\n\u202e";
    for (const kind of ["time", "approval", "concurrency", "pause"] as const) {
      const texts = { for: kind, notBefore: evil, group: evil, key: evil, reason: evil, behind: [evil] };
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal acts on them.
      expect(waits(texts)).not.toMatch(/[\x00-\x1f\u202e]/);
    }
  });
});

test("a run that does not wait, and one whose webhook was taken, say nothing", () => {
  expect(waitsForText({ waiting: null, approval: { required: 1, approvals: [] } }, NOW)).toBe("");
  expect(failingText({ delivery: null }, NOW)).toBe("");
});

test.each([
  ["America/St_Johns", "2026-11-30 01:30 -03:30"],
  ["Asia/Kathmandu", "2026-11-30 10:45 +05:45"],
  ["UTC", "2026-11-30 05:00 +00:00"],
])("in %s, an instant is %s", (TZ, expected) => {
  process.env.TZ = TZ;
  expect(localText(Date.parse("2026-11-30T05:00:00.000Z"))).toBe(expected);
});

test.each([
  ["2026-11-29T20:00:12.000Z", "tried again in 12s"],
  ["2026-11-29T20:00:00.000Z", "being tried again"],
  [null, "being tried again"],
])("a run that its receiver did not take says why, with the next attempt at %s", (nextAttemptAt, next) => {
  const delivery = { attempts: 3, reason: "ci.example answered 503\u001b.", nextAttemptAt };
  expect(failingText({ delivery }, NOW)).toBe(`ci.example answered 503\\u001b, ${next}`);
});

const output = new Output({ json: false });
const ANSWERED = {
  seq: 3,
  type: "attempt_answered",
  at: "2026-11-27T12:14:55.123Z",
  attempt: 1,
  outcome: "retry",
  status: 503,
  durationMs: 33,
  reason: "answered 503",
  nextAttemptAt: "2026-11-27T12:14:56.123Z",
};
const ANSWERED_LINE = "2026-11-27T12:14:55Z  attempt answered  #1 retry 503 in 33 ms · next at 2026-11-27T12:14:56Z";

test("an answer ends with its excerpt, if there is one and the token may see it", () => {
  expect(eventText({ ...ANSWERED, excerpt: "no runner\\nis free" }, output)).toBe(
    `${ANSWERED_LINE} · no runner\\nis free`,
  );
  for (const event of [ANSWERED, { ...ANSWERED, excerpt: null }]) expect(eventText(event, output)).toBe(ANSWERED_LINE);
});

test("a heartbeat says why its page is no link", () => {
  const beat = { seq: 4, type: "heartbeat", at: ANSWERED.at, message: "testing", externalUrl: "http://ci/1" };
  const line = "2026-11-27T12:14:55Z  heartbeat         testing http://ci/1";
  expect(eventText(beat, output)).toBe(line);
  const externalUrlRefused = "It is not an https URL. Send one.";
  expect(eventText({ ...beat, externalUrlRefused }, output)).toBe(`${line} · ${externalUrlRefused}`);
});

test("no excerpt acts on the terminal, even from a server that escapes nothing", () => {
  const excerpt = "::error::x \x1b[2J\r\n##[group]x\u202egnp.exe";
  const shown = "::error::x \\u001b[2J\\r\\n##[group]x\\u202egnp.exe";
  expect(eventText({ ...ANSWERED, excerpt }, output)).toBe(`${ANSWERED_LINE} · ${shown}`);
});

test.each([
  [{ type: "waiting", for: "approval" }, "waiting           for approval"],
  [
    { type: "waiting", for: "time", notBefore: "2026-11-30T05:00:00.000Z", until: "2026-12-07T05:00:00.000Z" },
    "waiting           for its time, 2026-11-30T05:00:00Z · at most until 2026-12-07T05:00:00Z",
  ],
  [
    { type: "waiting", for: "concurrency", group: "deploys", key: "shop", by: "ops", via: "portal" },
    "waiting           for a slot of deploys (shop) · started early by ops via portal",
  ],
  [
    { type: "waiting", for: "pause", group: "deploys", reason: "lunch" },
    "waiting           for the end of a pause · lunch",
  ],
  [{ type: "approved", by: "ada", via: "portal", reason: "tested" }, "approved          by ada via portal · tested"],
  [{ type: "rejected", by: "ada", reason: null }, "rejected          by ada"],
  [{ type: "released" }, "released"],
  [{ type: "released", by: "ops" }, "released          by ops"],
  [{ type: "started", cause: "delivery" }, "started           the receiver accepted it"],
  [{ type: "started", cause: "toString" }, "started           toString"],
  [{ type: "ended", status: "failed", cause: "gate" }, "ended             failed, it did not start"],
  [{ type: "ended", status: "failed", cause: "an\neclipse" }, "ended             failed, an\\neclipse"],
  [{ type: "ended", status: "failed", cause: null }, "ended             failed"],
  [
    { type: "ended", status: "cancelled", cause: "rejected", by: "ada", via: "portal", reason: "no" },
    "ended             cancelled, rejected by ada via portal · no",
  ],
  [
    { type: "ended", status: "cancelled", cause: "replaced", by: "bo", replacedBy: "01a2" },
    "ended             cancelled, replaced by the run 01a2",
  ],
  [
    { type: "ended", status: "cancelled", cause: "cancel", by: "ops", reason: "wrong" },
    "ended             cancelled, by ops · wrong",
  ],
])("an event is one line: %j", (event, line) => {
  expect(eventText({ seq: 2, at: ANSWERED.at, ...event }, output)).toBe(`2026-11-27T12:14:55Z  ${line}`);
});
