/** `schedule`: what each command sends, prints and exits with. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import { json, RUN } from "../misbehaving.ts";
import { ENVIRONMENT, saying, service } from "../service.ts";

const folder = mkdtempSync(join(tmpdir(), "action-runs-schedules-"));
afterAll(() => rmSync(folder, { recursive: true }));

const DEFINITION = {
  action: "backup",
  cron: "30 2 * * *",
  timezone: "Europe/Berlin",
  parameters: { full: true },
  labels: ["team:data"],
  disabled: false,
} satisfies Schemas["Schedule"];
const LISTED: Schemas["ListedSchedule"] = {
  name: "nightly",
  version: 3,
  changedAt: RUN.createdAt,
  nextAt: "2026-11-26T01:30:00.000Z",
  definition: DEFINITION,
};
const STATUS: Schemas["ScheduleStatus"] = {
  name: "nightly",
  version: 3,
  changedAt: RUN.createdAt,
  changedBy: "ana",
  createdBy: "ben",
  disabledAt: null,
  disabledReason: null,
  nextTimes: [
    { at: "2026-11-26T01:30:00.000Z", local: "2026-11-26T02:30:00.000+01:00" },
    { at: "2026-11-27T01:30:00.000Z", local: "2026-11-27T02:30:00.000+01:00" },
  ],
  lastTime: { at: "2026-11-25T01:30:00.000Z", outcome: "started", runId: RUN.id },
};
const ONE = `${ENVIRONMENT}/schedules/nightly`;

describe("schedule put", () => {
  const { parameters, labels, disabled, ...times } = DEFINITION;

  test.each<[string, readonly string[], object]>([
    ["options", ["--action", "backup", "--cron", times.cron, "--timezone", times.timezone], times],
    ["a file", ["--body", "@FILE"], DEFINITION],
    [
      "a file and options, which override its members",
      ["--body", "@FILE", "--cron", "@daily", "-p", "keep:=7", "--label", "x", "--label", "y"],
      { ...DEFINITION, cron: "@daily", parameters: { full: true, keep: 7 }, labels: ["x", "y"] },
    ],
  ])("sends what %s say", async (_, args, expected) => {
    const file = join(folder, "nightly.json");
    writeFileSync(file, JSON.stringify({ ...times, parameters, labels, disabled }));
    const { sent, run } = await saying(201, DEFINITION, { ETag: '"1"' });
    const ended = await run("schedule", "put", "nightly", ...args.map((one) => one.replace("FILE", file)));
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual(DEFINITION);
    expect(sent()).toEqual([[`PUT ${ONE}`, expected]]);
  });

  test("calls a member that the service refuses by its option", async () => {
    const refused = { error: "cron: has an unknown name; send one of @daily, or five fields.", code: "invalid_body" };
    const { run } = await saying(400, refused);
    const ended = await run("schedule", "put", "nightly", "--cron", "@yearly");
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain("action-runs: --cron: has an unknown name");
  });
});

test("get prints what put accepts, list the next time of each, versions what differs, delete what is gone", async () => {
  const { run, server } = await service(({ method, url = "" }, response) => {
    if (method === "DELETE") return void response.writeHead(204).end();
    if (url.endsWith("/schedules"))
      return json(response, 200, [LISTED, { ...LISTED, name: "off", nextAt: null, definition: DEFINITION }]);
    if (!url.endsWith("/versions")) return json(response, 200, DEFINITION, { ETag: '"3"' });
    const version = { version: 3, changedAt: RUN.createdAt, actor: RUN.id, actorName: "ana", definition: DEFINITION };
    json(response, 200, [version, { ...version, version: 2, definition: { ...DEFINITION, cron: "@daily" } }]);
  });
  expect(JSON.parse((await run("schedule", "get", "nightly")).stdout)).toEqual(DEFINITION);
  expect((await run("schedule", "get", "nightly", "--no-json")).stdout).toMatch(/^schedule: +nightly\nversion: +3$/m);
  const { stdout } = await run("schedule", "list", "--no-json");
  expect(stdout).toMatch(/^SCHEDULE +NEXT +ACTION +CRON +TIME ZONE +VERSION +CHANGED\n/);
  expect(stdout).toMatch(/^nightly +2026-11-26T01:30:00Z +backup +30 2 \* \* \* +Europe\/Berlin +3 /m);
  expect(stdout).toMatch(/^off +disabled /m);
  expect((await run("schedule", "versions", "nightly", "--no-json")).stdout).toMatch(/^3 +\S+ +ana +cron$/m);
  const deleted = await run("schedule", "delete", "nightly", "--if-version", "3");
  expect(deleted).toEqual({ code: 0, stdout: '{"deleted":"nightly"}\n', stderr: "" });
  expect(server.requests.at(-1)).toMatchObject({ line: `DELETE ${ONE}`, headers: { "if-match": '"3"' } });
});

describe("schedule status", () => {
  const shown = async (status: Schemas["ScheduleStatus"], definition: Schemas["Schedule"] = DEFINITION) => {
    const { run } = await service(({ url = "" }, response) =>
      json(response, 200, url.endsWith("/status") ? status : definition, { ETag: '"3"' }),
    );
    return (await run("schedule", "status", "nightly", "--no-json")).stdout;
  };

  test("says the next times in UTC and in the zone, and what became of the last one", async () => {
    const text = await shown(STATUS);
    expect(text).toMatch(/^runs: +backup at 30 2 \* \* \* in Europe\/Berlin$/m);
    expect(text).toMatch(/^disabled: +no$/m);
    expect(text).toMatch(
      /^next times: +2026-11-26T01:30:00Z {2}2026-11-26T02:30\+01:00\n +2026-11-27T01:30:00Z {2}2026-11-27T02:30\+01:00$/m,
    );
    expect(text).toMatch(new RegExp(`^last time: +2026-11-25T01:30:00Z started · run ${RUN.id}$`, "m"));
    expect(text).toMatch(/^changed: +2026-11-25T13:21:48Z by ana\ncreated: +by ben$/m);
  });

  test("says who disabled it", async () => {
    const off = { ...STATUS, nextTimes: [], lastTime: null };
    expect(await shown(off, { ...DEFINITION, disabled: true })).toMatch(/^disabled: +by its definition$/m);
    const reason = "The token ana was revoked.";
    const byService = await shown({ ...off, disabledAt: RUN.createdAt, disabledReason: reason });
    expect(byService).toMatch(/^disabled: +by the service at 2026-11-25T13:21:48Z: The token ana was revoked\.$/m);
    expect(byService).not.toMatch(/^(next times|last time):/m);
  });

  test("prints what the service says as JSON", async () => {
    const { run } = await saying(200, STATUS);
    expect(JSON.parse((await run("schedule", "status", "nightly")).stdout)).toEqual(STATUS);
  });
});

test("schedule run runs the action now, with the parameters and labels of the schedule, among its runs", async () => {
  const { sent, run } = await service(({ method }, response) =>
    method === "POST" ? json(response, 201, RUN) : json(response, 200, DEFINITION, { ETag: '"3"' }),
  );
  const ended = await run("schedule", "run", "nightly");
  expect(JSON.parse(ended.stdout)).toEqual(RUN);
  const { parameters } = DEFINITION;
  const body = { parameters, labels: ["team:data", "schedule:nightly"] };
  expect(sent()).toEqual([
    [`GET ${ONE}`, null],
    [`POST ${ENVIRONMENT}/actions/backup/runs`, body],
  ]);
});
