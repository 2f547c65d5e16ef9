/** Gates: what the commands about them send, ask, print and exit with. */

import { describe, expect, test } from "vitest";
import { approvalText } from "../../../src/cli/commands/gates.ts";
import { Output } from "../../../src/cli/output.ts";

import type { Schemas } from "../../../src/client/index.ts";
import * as api from "../../support/api/api-objects.ts";
import { cli } from "../in-process.ts";
import { json, RUN } from "../misbehaving.ts";
import { ENVIRONMENT, service } from "../service.ts";

const ONE = `${ENVIRONMENT}/action-runs/${RUN.id}`;
const AT = RUN.createdAt;
const BY_ADA = { by: "ada", byId: RUN.id, via: "portal", at: AT, reason: "tested" };
const WAITING = { ...api.WAITING, until: "2026-12-02T13:21:48.373Z", group: "deploys", key: "shop" };
const DETAILS = {
  ...api.DETAILS,
  source: "action",
  action: { name: "deploy", version: 3 },
  via: "portal",
  waiting: WAITING,
  approval: { required: 2, approvals: [BY_ADA] },
};
const HELD = { ...RUN, parameters: { version: "1.4.2" }, triggeredBy: "bo", details: DETAILS };
const APPROVAL: Schemas["RunApproval"] = {
  title: "deploy shop 1.4.2",
  subject: "shop",
  required: 2,
  allowSelf: false,
  tokens: [BY_ADA.byId],
  until: new Date(Date.now() + 7 * 86_400_000 - 60_000).toISOString(),
  approvals: [BY_ADA],
  refusals: { approve: null, reject: null },
  request: {
    method: "POST",
    url: "https://ci.example.com/hooks",
    headers: { Authorization: null },
    payload: { ref: "1.4.2", token: null },
  },
  action: { name: "deploy", version: 3, isChanged: true },
};
const PAUSE = {
  ...{ group: "deploys", reason: "lunch", from: AT, until: AT, active: true },
  ...{ by: "ada", via: "portal", at: AT },
};
const PLANNED = { ...PAUSE, from: "2026-12-24T12:00:00.123Z", active: false };
const GROUP = { group: "deploys", key: "shop", limit: 1, holders: 1, waiters: 2, paused: "lunch" };

/** A service that answers as the first pattern says that matches. */
function serve(...answers: readonly (readonly [RegExp, number, unknown])[]) {
  return service(({ method, url }, response) => {
    const [, status = 404, body] = answers.find(([pattern]) => pattern.test(`${method} ${url}`)) ?? [];
    if (body === undefined && status < 300) return response.writeHead(status).end();
    json(response, status, body ?? { error: "No.", code: "not_found" });
  });
}

describe("a decision", () => {
  test.each([
    [["approve", "--yes", "--reason", "tested"], { reason: "tested" }],
    [["reject", "--reason", "not today"], { reason: "not today" }],
    [["reject"], {}],
    [["release"], null],
    [["release", "--through-pause", "--reason", "the fix"], { throughPause: true, reason: "the fix" }],
  ] as const)("%j sends %j under its key, and prints the run", async ([command, ...more], body) => {
    const { server, sent, run } = await serve([/./, 200, HELD]);
    const ended = await run(command, RUN.id, ...more, "--idempotency-key", "k-1");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual(HELD);
    expect(sent()).toEqual([[`POST ${ONE}/${command}?include=details`, body]]);
    expect(server.requests[0]?.headers["idempotency-key"]).toBe("k-1");
  });

  test("that is missing is named on stderr to a script that waits for the end", async () => {
    const { run } = await serve([/wait=/, 200, { ...RUN, status: "succeeded" }], [/./, 200, HELD]);
    expect(await run("get", RUN.id, "--wait")).toMatchObject({
      code: 0,
      stderr: `action-runs: The run ${RUN.id} does not start yet: waits for approval, 1 of 2, at most until 2026-12-02T13:21:48Z.\n`,
    });
    const { run: started } = await serve([/./, 200, { ...RUN, status: "succeeded" }]);
    expect(await started("get", RUN.id, "--wait")).toMatchObject({ code: 0, stderr: "" });
  });

  test("that can't be read does not end the wait for a run that was just made", async () => {
    const answers = [
      [/^POST/, 201, RUN],
      [/include=details/, 404, { error: "No.", code: "run_not_found" }],
      [/wait=/, 200, { ...RUN, status: "succeeded" }],
    ] as const;
    const { run } = await serve(...answers);
    expect(await run("create", "deploy", "--wait")).toMatchObject({ code: 0 });
  });

  test("shows people that an agent asked, what the run still waits for, and who approved", async () => {
    const agent = 'x") via boss';
    const { run } = await serve([/./, 200, { ...HELD, details: { ...DETAILS, agent } }]);
    const { stdout } = await run("approve", RUN.id, "--yes", "--no-json");
    expect(stdout).toMatch(/^by: +bo via portal \(agent "x\\"\) via boss"\)$/m);
    expect(stdout).toMatch(/^gate: +waits for approval, 1 of 2\nat most until: +2026-12-02T13:21:48Z$/m);
    expect(stdout).toMatch(
      /^approvals: +1 of 2\n +by ada via portal at 2026-11-25T13:21:48Z · tested\nstored action: +deploy, version 3$/m,
    );
  });

  test.each([["--through-pause"], ["--reason", "x"]])(
    "a release with %s alone is a usage error, and nothing is sent",
    async (...more) => {
      const { server, run } = await serve([/./, 200, HELD]);
      expect(await run("release", RUN.id, ...more.filter((arg) => arg !== undefined))).toMatchObject({
        code: 2,
        stdout: "",
      });
      expect(server.requests).toEqual([]);
    },
  );

  test("shows who let a run through the pause, and why", async () => {
    const waiting = { ...WAITING, throughPause: { ...BY_ADA, reason: "the fix" } };
    const { run } = await serve([/./, 200, { ...HELD, details: { ...DETAILS, waiting } }]);
    const { stdout } = await run("get", RUN.id, "--no-json");
    expect(stdout).toMatch(/^let through: +the pause by ada via portal · the fix$/m);
  });

  test("without a terminal, approve needs --yes, and nothing is sent", async () => {
    const { server, run } = await serve([/./, 200, HELD]);
    const ended = await run("approve", RUN.id);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("use --yes to approve without a question");
    expect(server.requests).toEqual([]);
  });
});

describe("approve on a terminal", () => {
  const answers = [
    [/^GET .*\/approval$/, 200, APPROVAL],
    [/./, 200, HELD],
  ] as const;

  test("shows the parameters and the request before it asks, and approves after y", async () => {
    const { atTerminal, sent } = await serve(...answers);
    const ended = await atTerminal("y\n", "approve", RUN.id);
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toEqual(HELD);
    const shown = ended.stderr.slice(0, ended.stderr.indexOf("Approve this run? (y/N)"));
    for (const line of [
      /^parameters: +\{\n +"version": "1\.4\.2"$/m,
      /^if not approved: +fails in 6d 23h$/m,
      /^approvers: +only the tokens 01a212de-9b55-8003-a8a9-dd2c148ea617$/m,
      /^note: +The action has changed since\./m,
      /^request: +POST https:\/\/ci\.example\.com\/hooks$/m,
      /^headers: +\{\n +"Authorization": null$/m,
      /^payload: +\{\n +"ref": "1\.4\.2",$/m,
    ])
      expect(shown).toMatch(line);
    expect(sent().map(([line]) => line)).toEqual([
      expect.stringMatching(/^GET /),
      expect.stringMatching(/^GET /),
      `POST ${ONE}/approve?include=details`,
    ]);
  });

  test.each(["n\n", "\n", "yess\n", ""])("after %j approves nothing", async (typed) => {
    const { atTerminal, sent } = await serve(...answers);
    const ended = await atTerminal(typed, "approve", RUN.id);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/Nothing was approved\.\n$/);
    expect(sent().filter(([line]) => line.startsWith("POST"))).toEqual([]);
  });

  test("asks nothing about a run that needs no approval", async () => {
    const { atTerminal } = await serve(
      [/^GET .*\/approval$/, 404, { error: "It needs none.", code: "approval_not_found" }],
      [/./, 200, HELD],
    );
    const ended = await atTerminal("y\n", "approve", RUN.id);
    expect(ended).toMatchObject({ code: 4, stdout: "" });
    expect(ended.stderr).not.toContain("Approve this run?");
  });

  test.each([
    [true, /^note: +The action has changed since\./m],
    [null, /^note: +The service can't say now whether/m],
    [false, /^(?!note:)/],
  ])("says whether the action has changed since: %s, and hides an address with a secret", (isChanged, note) => {
    const { action, request } = APPROVAL;
    const hidden = request && { ...request, url: null };
    const approval = { ...APPROVAL, request: hidden, action: { ...action, isChanged } };
    const shown = approvalText(approval, new Output({ json: false }));
    expect(shown).toMatch(note);
    expect(shown).toMatch(/^request: +POST an address with a secret$/m);
  });
});

describe("a command that makes a run", () => {
  const gates = ["--not-before", "2026-11-30T06:00:00+01:00", "--gate-timeout", "60"];
  const body = { notBefore: "2026-11-30T06:00:00+01:00", waitTimeout: 60 };

  test.each([
    [["create", "deploy"], `POST ${ENVIRONMENT}/action-runs`, { actionName: "deploy", ...body }],
    [["action", "run", "deploy"], `POST ${ENVIRONMENT}/actions/deploy/runs`, body],
    [["retry", RUN.id], `POST ${ONE}/retry`, body],
  ])("%j sends its gates", async (args, line, expected) => {
    const { sent, run } = await serve([/./, 201, RUN]);
    expect(await run(...args, ...gates)).toMatchObject({ code: 0, stderr: "" });
    expect(sent()).toEqual([[line, expected]]);
  });

  test("repeats the same instant for +2h if the first try gets no answer", async () => {
    let tries = 0;
    const { server, settings } = await service((_, response) =>
      ++tries === 1 ? response.destroy() : json(response, 201, RUN),
    );
    const here = { ...settings, ACTION_RUNS_RETRIES: "1" };
    const before = Date.now();
    expect(await cli(["action", "run", "deploy", "--not-before", "+2h"], here)).toMatchObject({ code: 0 });
    const [first, second] = server.requests.map(({ body: text }) => JSON.parse(text).notBefore);
    expect(second).toBe(first);
    const aheadMs = Date.parse(first) - before;
    expect(aheadMs).toBeGreaterThanOrEqual(7_200_000);
    expect(aheadMs).toBeLessThan(7_260_000);
  });

  test("refuses what is no time, and names its own options in a refusal of the service", async () => {
    const error = "waitTimeout: send whole minutes. notBefore: is more than 30 days ahead.";
    const { sent, run } = await serve([/./, 400, { error, code: "invalid_body" }]);
    const unknown = await run("create", "deploy", "--not-before", "teatime");
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toContain("Use a duration such as 30m");
    expect(sent()).toEqual([]);
    const refused = await run("create", "deploy", ...gates, "--wait-timeout", "5");
    expect(refused.stderr).toContain("--gate-timeout: send whole minutes. --not-before: is more than");
  });
});

describe("pause and resume", () => {
  test.each([
    [["deploys"], "deploys"],
    [["--whole-env"], "-environment"],
  ])("with %j are about %s", async (args, group) => {
    const { sent, run } = await serve([/^PUT/, 200, { ...PAUSE, group }], [/^DELETE/, 204, undefined]);
    const paused = await run("pause", ...args, "--reason", "lunch", "--until", AT);
    expect(JSON.parse(paused.stdout)).toEqual({ ...PAUSE, group });
    expect(await run("resume", ...args)).toEqual({
      code: 0,
      stderr: "",
      stdout: `${JSON.stringify({ resumed: group })}\n`,
    });
    expect(sent()).toEqual([
      [`PUT ${ENVIRONMENT}/pauses/${group}`, { reason: "lunch", until: AT }],
      [`DELETE ${ENVIRONMENT}/pauses/${group}`, null],
    ]);
  });

  test.each([
    ["pause", "--reason", "x"],
    ["pause", "deploys", "--whole-env", "--reason", "x"],
    ["pause", "deploys"],
    ["pause", "a/b", "--reason", "x"],
    ["pause", "deploys", "--reason", "x", "--until", "noon"],
    ["pause", "deploys", "--reason", "x", "--from", "noon"],
    ["resume", "deploys", "--from", "noon"],
    ["resume"],
    ["resume", "deploys", "--whole-env"],
  ])("%s %s %s %s %s is a usage error, and nothing is sent", async (...args) => {
    const { server, run } = await serve([/./, 200, PAUSE]);
    expect(await run(...args.filter((arg) => arg !== undefined))).toMatchObject({ code: 2, stdout: "" });
    expect(server.requests).toEqual([]);
  });

  test("plan a pause, and remove the planned one by the instant that a table shows", async () => {
    const { sent, run } = await serve(
      [/^PUT/, 200, { ...PLANNED, warning: "No action." }],
      [/^GET/, 200, [PAUSE, PLANNED]],
      [/^DELETE/, 204, undefined],
    );
    const { from } = PLANNED;
    const { stdout } = await run("pause", "deploys", "--reason", "lunch", "--from", from, "--no-json");
    expect(stdout).toMatch(/^planned: +deploys\n.*\nbegins: +2026-12-24T12:00:00Z\nwarning: +No action\.\n$/s);
    expect(await run("resume", "deploys", "--from", "2026-12-24T13:00:00+01:00")).toMatchObject({ code: 0 });
    expect(sent()).toEqual([
      [`PUT ${ENVIRONMENT}/pauses/deploys`, { reason: "lunch", from }],
      [`GET ${ENVIRONMENT}/pauses`, null],
      [`DELETE ${ENVIRONMENT}/pauses/deploys?from=2026-12-24T12%3A00%3A00.123Z`, null],
    ]);
  });

  test("say who paused what, for how long and why", async () => {
    const { run } = await serve([/^PUT/, 200, { ...PAUSE, until: null }], [/^GET/, 200, [PAUSE, PLANNED]]);
    const { stdout } = await run("pause", "deploys", "--reason", "lunch", "--no-json");
    expect(stdout).toMatch(/^paused: +deploys\nreason: +lunch\nuntil: +somebody resumes it\nby: +ada via portal\n/);
    const listed = await run("group", "pauses", "--no-json");
    expect(listed.stdout).toMatch(
      /^GROUP +STATE +FROM +UNTIL +BY +REASON\ndeploys +paused +\S+Z +2026-11-25T13:21:48Z +ada via portal +lunch\ndeploys +planned +2026-12-24T12:00:00Z +\S+ +ada via portal +lunch\n$/,
    );
  });
});

test("group list prints one line for each key, or that there are none", async () => {
  const { sent, run } = await serve([/group=none/, 200, []], [/./, 200, [GROUP, { ...GROUP, key: "" }]]);
  const { stdout } = await run("group", "list", "--no-json");
  expect(stdout).toMatch(
    /^GROUP +KEY +LIMIT +RUNNING +WAITING +PAUSED\ndeploys +shop +1 +1 +2 +lunch\ndeploys +1 +1 +2 +lunch\n$/,
  );
  expect(JSON.parse((await run("group", "list", "-n", "1")).stdout)).toEqual([GROUP]);
  expect((await run("group", "list", "--group", "none", "--no-json")).stdout).toBe(
    "No action has a concurrency group.\n",
  );
  expect(sent().at(-1)?.[0]).toBe(`GET ${ENVIRONMENT}/concurrency-groups?group=none`);
});

describe("the filters of gates", () => {
  test("list sends them, and then a table says what each run waits for", async () => {
    const { sent, run } = await serve([/./, 200, [HELD]]);
    const { stdout } = await run("list", "--waiting", "approval", "--group", "deploys", "--no-json");
    expect(stdout).toMatch(/^RUN .* ACTION +WAITS\n.* deploy +waits for approval, 1 of 2\n$/);
    expect(sent()[0]?.[0]).toContain("?waiting=approval&group=deploys&include=details&");
    await run("summary", "--waiting", "any");
    expect(sent()[1]?.[0]).toMatch(/summary\?waiting=any$/);
    expect(await run("list", "--waiting", "godot")).toMatchObject({ code: 2, stdout: "" });
  });

  test("watch sends them to the feed, and refuses them for one run", async () => {
    const { sent, run } = await serve([/./, 401, { error: "No.", code: "unauthorized" }]);
    await run("watch", "--after", "0", "--waiting", "approval", "--group", "deploys");
    expect(sent()[0]?.[0]).toContain("/changes?waiting=approval&group=deploys&after=0");
    const refused = await run("watch", RUN.id, "--waiting", "any");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("are for all runs");
  });
});
