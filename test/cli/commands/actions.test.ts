/** `action`, `retry`, `cancel`, labels and details: what each command sends, prints and exits with. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import * as api from "../../support/api/api-objects.ts";
import type { Settings } from "../command.ts";
import { cli } from "../in-process.ts";
import { json, RUN } from "../misbehaving.ts";
import { ENVIRONMENT, saying, service } from "../service.ts";

const folder = mkdtempSync(join(tmpdir(), "action-runs-actions-"));
afterAll(() => rmSync(folder, { recursive: true }));

const DEFINITION = {
  description: "Deploys the shop.",
  trigger: { type: "webhook", url: "https://ci.example.com/hooks", headers: { Authorization: null } },
};
const LISTED = { name: "deploy", version: 3, changedAt: "2026-11-25T13:21:48.373Z", definition: DEFINITION };
const DETAILS = {
  ...api.DETAILS,
  source: "action",
  action: { name: "deploy", version: 3 },
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  labels: ["nightly", "team:shop"],
  externalUrl: "https://ci.example.com/jobs/42",
  heartbeat: { at: "2026-11-25T13:22:48.373Z", message: "testing", progress: 0.5 },
  cancel: {
    by: "ops",
    reason: "wrong branch",
    requestedAt: "2026-11-25T13:23:48.373Z",
    until: "2026-11-25T13:24:48.373Z",
  },
  erasedAt: "2026-11-25T13:25:48.373Z",
} satisfies Required<Schemas["ActionRunDetails"]>;

describe("action put", () => {
  test.each([
    [[], {}],
    [["--if-version", "3"], { "if-match": '"3"' }],
    [["--if-new"], { "if-none-match": "*" }],
  ])("with %j stores the definition of a file, and prints it as the service has it", async (more, expected) => {
    const { server, sent, run } = await saying(200, DEFINITION, { ETag: '"4"' });
    const file = join(folder, "deploy.json");
    writeFileSync(file, JSON.stringify(DEFINITION));
    const ended = await run("action", "put", "deploy", "--body", `@${file}`, ...more);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual(DEFINITION);
    expect(sent()).toEqual([[`PUT ${ENVIRONMENT}/actions/deploy`, DEFINITION]]);
    expect(server.requests[0]?.headers).toMatchObject(expected);
  });
});

test("action put warns about what is left of an example, stores it all the same, and quotes no secret", async () => {
  const { sent, run } = await saying(201, DEFINITION, { ETag: '"1"' });
  const trigger = {
    url: "https://api.github.com/repos/YOUR_ORG/YOUR_REPOSITORY/dispatches",
    headers: { Authorization: "Bearer abcdef YOUR_TOKEN" },
  };
  const put = (definition: object) => run("action", "put", "deploy", "--body", JSON.stringify(definition));
  const ended = await put({ trigger });
  expect(ended.code).toBe(0);
  expect(JSON.parse(ended.stdout)).toEqual(DEFINITION);
  expect(ended.stderr).toBe(
    "action-runs: The action is stored, but trigger.url has YOUR_ORG, trigger.headers.Authorization has YOUR_TOKEN. " +
      "Replace the texts of the example by your own, or the job can't start.\n",
  );
  expect(sent()).toHaveLength(1);
  expect((await put({ description: "Is this YOUR own, or FOR_YOUR_EYES?" })).stderr).toBe("");
});

describe("action get, list and delete", () => {
  test("get prints the definition alone as JSON, and the version for people", async () => {
    const { run } = await saying(200, DEFINITION, { ETag: 'W/"3"' });
    const asJson = await run("action", "get", "deploy");
    expect(JSON.parse(asJson.stdout)).toEqual(DEFINITION);
    const text = await run("action", "get", "deploy", "--no-json");
    expect(text.stdout).toMatch(/^version: +3$/m);
    expect(text.stdout).toContain('"Authorization": null');
  });

  test("list prints the service's entries, or a table", async () => {
    const { server, run } = await saying(200, [LISTED, { ...LISTED, name: "hello", definition: {} }]);
    expect(JSON.parse((await run("action", "list")).stdout)).toHaveLength(2);
    const { stdout } = await run("action", "list", "--no-json");
    expect(stdout).toMatch(/^ACTION +VERSION +CHANGED +CALLS +DESCRIPTION\n/);
    expect(stdout).toMatch(/^deploy +3 +2026-11-25T13:21:48Z +https:\/\/ci\.example\.com\/hooks +Deploys the shop\.$/m);
    expect(stdout).toMatch(/^hello +3 +\S+ +nothing/m);
    expect(server.requests[0]?.line).toBe(`GET ${ENVIRONMENT}/actions`);
  });

  test("list names the gates, and says what is offered to agents, if anything is", async () => {
    const gated = { approval: { required: 2, allowSelf: false }, concurrency: { group: "deploys" } };
    const definitions = [{}, { ...gated, agents: {} }, { approval: { required: 1 } }];
    const { run } = await saying(
      200,
      definitions.map((definition) => ({ ...LISTED, definition })),
    );
    const { stdout } = await run("action", "list", "--no-json");
    expect(stdout).toMatch(/^ACTION +VERSION +CHANGED +CALLS +GATES +AGENTS +DESCRIPTION\n/);
    expect(stdout).toMatch(/nothing\n.*nothing +2 approvals, deploys +offered\n.*nothing +approval\n$/);
  });

  test("delete says what it deleted", async () => {
    const { server, run } = await saying(204, null);
    const ended = await run("action", "delete", "deploy", "--if-version", "3");
    expect(ended).toEqual({ code: 0, stdout: '{"deleted":"deploy"}\n', stderr: "" });
    expect(server.requests[0]).toMatchObject({
      line: `DELETE ${ENVIRONMENT}/actions/deploy`,
      headers: { "if-match": '"3"' },
    });
  });
});

/** A service whose action has this schema, and that makes runs of it. */
async function withSchema(parametersSchema: unknown) {
  const { server, run } = await service(({ method, url = "" }, response) => {
    if (method === "POST") return json(response, 201, RUN);
    if (url.includes("/action-runs/")) {
      return json(response, 200, { ...RUN, parameters: { old: 1 }, details: DETAILS });
    }
    json(response, 200, { trigger: DEFINITION.trigger, parametersSchema }, { ETag: '"3"' });
  });
  const posted = () => server.requests.flatMap(({ line, body }) => (line.startsWith("POST") ? [JSON.parse(body)] : []));
  return { server, posted, run };
}

describe("-p name=value of an action with a schema", () => {
  const SCHEMA = {
    properties: {
      count: { type: "integer" },
      ratio: { type: "number" },
      dry: { type: "boolean" },
      version: { type: "string" },
      nothing: { type: "null" },
      list: { type: "array" },
      deep: { type: "object" },
      many: { type: ["integer", "null"] },
      one: { oneOf: [{ type: "integer" }] },
      other: { $ref: "#/$defs/x" },
      odd: { type: "constructor" },
    },
  };

  test.each([
    ["count=2", { count: 2 }],
    ["count=-0", { count: 0 }],
    ["count=2.0", { count: 2 }],
    ["ratio=1e-3", { ratio: 0.001 }],
    ["dry=false", { dry: false }],
    ["version=1.10", { version: "1.10" }],
    ["version=true", { version: "true" }],
    ["version=", { version: "" }],
    ["nothing=null", { nothing: null }],
    ['list=[1,"a"]', { list: [1, "a"] }],
    ['deep={"a":{}}', { deep: { a: {} } }],
    ['count:="2"', { count: "2" }],
    ["many=2", { many: "2" }],
    ["one=2", { one: "2" }],
    ["other=2", { other: "2" }],
    ["odd=2", { odd: "2" }],
    ["unknown=2", { unknown: "2" }],
    ["constructor=2", { constructor: "2" }],
  ])("%s sends %j", async (pair, parameters) => {
    const { posted, run } = await withSchema(SCHEMA);
    expect(await run("action", "run", "deploy", "-p", pair)).toMatchObject({ code: 0, stderr: "" });
    expect(await run("retry", RUN.id, "-p", pair)).toMatchObject({ code: 0, stderr: "" });
    expect(posted()).toEqual([{ parameters }, { parameters: { old: 1, ...parameters } }]);
  });

  test.each([
    ["count=2.5", "a whole number"],
    ["count=two", "a whole number"],
    ["count=", "a whole number"],
    ["count=9007199254740993", "can't keep all digits"],
    ["ratio=1e400", "a number"],
    ["dry=yes", "true or false"],
    ["nothing=", "null"],
    ["list={}", "a JSON array"],
    ["deep=[]", "a JSON object"],
    ["deep=null", "a JSON object"],
  ])("%s is a usage error that names the parameter, and no run is made", async (pair, what) => {
    const { posted, run } = await withSchema(SCHEMA);
    for (const command of [
      ["action", "run", "deploy"],
      ["retry", RUN.id],
    ]) {
      const refused = await run(...command, "-p", pair);
      expect([refused.code, refused.stdout]).toEqual([2, ""]);
      expect(refused.stderr).toContain(`what ${pair.split("=")[0]} is. `);
      expect(refused.stderr).toContain(what);
    }
    expect(posted()).toEqual([]);
  });

  test.each([undefined, true, false, [], "x", { properties: null }, { properties: { count: true } }])(
    "is text if the schema is %j",
    async (schema) => {
      const { posted, run } = await withSchema(schema);
      expect(await run("action", "run", "deploy", "-p", "count=2")).toMatchObject({ code: 0 });
      expect(posted()).toEqual([{ parameters: { count: "2" } }]);
    },
  );

  test("asks for no schema without a text, and for a mistake asks nothing", async () => {
    const { server, run } = await withSchema(SCHEMA);
    expect(await run("action", "run", "deploy", "-p", "count:=2")).toMatchObject({ code: 0 });
    expect(server.requests).toHaveLength(1);
    expect(await run("action", "run", "deploy", "-p", "count=2", "-p", "count")).toMatchObject({ code: 2 });
    expect(server.requests).toHaveLength(1);
  });
});

describe("action versions", () => {
  const version = (n: number, actorName: string, definition: object) => ({
    version: n,
    changedAt: `2026-11-2${n}T13:21:48.373Z`,
    actor: "root",
    actorName,
    definition,
  });
  const trigger = { url: "https://ci.example.com", headers: { Authorization: null } };
  const VERSIONS = [
    version(4, "ada\u001b[31m", { trigger }),
    version(3, "root", { trigger }),
    version(2, "root", { trigger: { ...trigger, url: "https://old.example.com" }, labels: ["a"] }),
    version(1, "root", { trigger: { url: "https://old.example.com" }, labels: ["b"] }),
  ];

  test("says who stored each, when, and what differs from the one before", async () => {
    const { server, run } = await saying(200, VERSIONS);
    const { stdout } = await run("action", "versions", "deploy", "--no-json");
    expect(stdout.split("\n").map((line) => line.replaceAll(/ +/g, " ").trim())).toEqual([
      "VERSION CHANGED BY DIFFERS IN",
      expect.stringMatching(/^4 2026-11-24T13:21:48Z ada.*31m nothing$/),
      "3 2026-11-23T13:21:48Z root trigger.url, labels",
      "2 2026-11-22T13:21:48Z root trigger.headers, labels",
      "1 2026-11-21T13:21:48Z root",
      "",
    ]);
    expect(stdout).not.toContain("\u001b");
    const few = await run("action", "versions", "deploy", "--no-json", "--limit", "2");
    expect(few.stdout).toMatch(/\n3 .*trigger.url, labels\n$/);
    expect(server.requests[0]?.line).toBe(`GET ${ENVIRONMENT}/actions/deploy/versions`);
  });

  test("prints the service's entries as JSON", async () => {
    const { run } = await saying(200, VERSIONS);
    const { stdout } = await run("action", "versions", "deploy", "--json", "--limit", "3");
    expect(JSON.parse(stdout)).toEqual(VERSIONS.slice(0, 3));
  });
});

describe("a definition that is tried", () => {
  const request = {
    method: "POST",
    url: "https://ci.example.com/hooks",
    headers: { Authorization: null },
    payload: [1],
  };

  test("preview shows the request, the title and the subject of a definition that is not stored", async () => {
    const preview = { request, title: "deploy 1.4.2", subject: "checkout" };
    const { sent, run } = await saying(200, preview);
    const args = ["action", "preview", "deploy", "-p", "version=1.4.2", "--body", JSON.stringify(DEFINITION)];
    const ended = await run(...args);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual(preview);
    const text = await run(...args, "--no-json");
    expect(text.stdout).toMatch(/^title: +deploy 1\.4\.2$/m);
    expect(text.stdout).toMatch(/^request: +POST https:\/\/ci\.example\.com\/hooks$/m);
    expect(text.stdout).toContain("null stands in the place of each secret.");
    const body = { definition: DEFINITION, parameters: { version: "1.4.2" } };
    expect(sent()).toEqual(Array(2).fill([`POST ${ENVIRONMENT}/actions/deploy/preview`, body]));
  });

  test.each([
    ["delivered", 0],
    ["refused", 1],
    ["not_made", 1],
  ] as const)("test exits by what became of it: %s", async (outcome, code) => {
    const result = { status: 202, durationMs: 87, outcome, reason: "answered 202", excerpt: "queued" };
    const { sent, run } = await saying(200, result);
    const ended = await run("action", "test", "deploy", "--no-json");
    expect(ended).toMatchObject({ code, stderr: "" });
    expect(ended.stdout).toMatch(/^status: +202\ntook: +87ms\nreason: +answered 202\nanswer: +queued$/m);
    expect(sent()).toEqual([[`POST ${ENVIRONMENT}/actions/deploy/test`, {}]]);
  });
});

describe("a command that makes a run", () => {
  const inputs = ["-p", "version=1.4.2", "--label", "team:shop", "--label", "nightly", "--timeout", "5"];
  const body = { parameters: { version: "1.4.2" }, labels: ["team:shop", "nightly"], timeout: 5 };

  test.each([
    [["action", "run", "deploy", ...inputs], `POST ${ENVIRONMENT}/actions/deploy/runs`, body],
    [
      ["action", "run", "deploy", "--body", '{"labels":["x"]}'],
      `POST ${ENVIRONMENT}/actions/deploy/runs`,
      { labels: ["x"] },
    ],
    [["action", "run", "deploy"], `POST ${ENVIRONMENT}/actions/deploy/runs`, {}],
    [["create", "deploy", ...inputs], `POST ${ENVIRONMENT}/action-runs`, { actionName: "deploy", ...body }],
    [["retry", RUN.id], `POST ${ENVIRONMENT}/action-runs/${RUN.id}/retry`, {}],
    [
      ["retry", RUN.id, "--replace-parameters", "-f", '{"a":1}', "-p", "b:=2"],
      `POST ${ENVIRONMENT}/action-runs/${RUN.id}/retry`,
      { parameters: { a: 1, b: 2 } },
    ],
  ])("%j sends %s with %j, and prints the run", async (args, line, expected) => {
    const { server, sent, run } = await saying(201, RUN);
    const ended = await run(...args, "--idempotency-key", "k-1");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual(RUN);
    expect(sent().filter(([sent]) => sent.startsWith("POST"))).toEqual([[line, expected]]);
    expect(server.requests.at(-1)?.headers["idempotency-key"]).toBe("k-1");
  });

  const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  test.each([
    [TRACE, TRACE],
    [`01${TRACE.slice(2)}-more`, `01${TRACE.slice(2)}-more`],
    ["", undefined],
    [TRACE.toUpperCase(), undefined],
    [`${TRACE}\nX-Evil: 1`, undefined],
    [`${TRACE}-é`, undefined],
  ])("sends the variable TRACEPARENT %j as %j", async (TRACEPARENT, expected) => {
    const { server, settings } = await saying(201, RUN);
    for (const args of [
      ["create", "deploy"],
      ["action", "run", "deploy"],
      ["retry", RUN.id],
      ["cancel", RUN.id],
    ]) {
      await cli(args, { ...settings, TRACEPARENT });
    }
    const got = server.requests.map(({ headers }) => headers.traceparent);
    expect(got).toEqual([expected, expected, expected, undefined]);
  });

  test("shows no callback if the service sends none", async () => {
    const { run } = await saying(201, RUN);
    const ended = await run("action", "run", "deploy", "--no-json");
    expect(ended.stdout).toContain(RUN.id);
    expect(ended.stdout).not.toMatch(/callback|token/);
  });

  test.each([
    ["action", "run", "deploy"],
    ["retry", RUN.id],
  ])("%s %s … --wait exits as the run ended", async (...args) => {
    const failed = { ...RUN, status: "failed", error: "It broke." };
    const { server, run } = await saying(201, failed);
    const ended = await run(...args, "--wait");
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toEqual(failed);
    expect(server.requests.at(-1)?.line).toMatch(/^GET .*wait=/);
  });
});

test("a run that has begun says how to follow it", async () => {
  const { run } = await saying(201, RUN);
  const begun = await run("action", "run", "deploy", "--no-json");
  expect(begun.stdout.endsWith(`\n\nTo follow the run: action-runs watch ${RUN.id}\n`)).toBe(true);
});

describe("cancel", () => {
  const running = { ...RUN, status: "running", startedAt: RUN.createdAt, details: DETAILS };

  test.each([
    [[], {}],
    [["--reason", "wrong branch", "--grace", "0"], { reason: "wrong branch", graceSeconds: 0 }],
  ])("with %j asks the job to stop, and prints until when the run stays open", async (more, expected) => {
    const { sent, run } = await saying(202, running);
    const ended = await run("cancel", RUN.id, ...more, "--no-json");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(sent()).toEqual([[`POST ${ENVIRONMENT}/action-runs/${RUN.id}/cancel?include=details`, expected]]);
    expect(ended.stdout).toMatch(
      /^cancel: +requested by ops at 2026-11-25T13:23:48Z, ends by 2026-11-25T13:24:48Z\nreason: +wrong branch$/m,
    );
  });

  test("with --pending-only leaves a running run alone", async () => {
    const { sent, run } = await saying(409, { error: "It runs.", code: "run_running" });
    expect((await run("cancel", RUN.id, "--pending-only")).code).toBe(5);
    expect(sent()).toEqual([[`DELETE ${ENVIRONMENT}/action-runs/${RUN.id}`, null]]);
  });
});

describe("labels and details", () => {
  test("list --label sends each label", async () => {
    const { server, run } = await saying(200, []);
    expect((await run("list", "--label", "team:shop", "--label", "x y")).code).toBe(0);
    expect(server.requests[0]?.line).toContain("label=team%3Ashop&label=x%20y");
  });

  test("get --details asks for them and shows them; get does neither", async () => {
    const { server, run } = await saying(200, { ...RUN, details: DETAILS });
    const { stdout } = await run("get", RUN.id, "--details", "--no-json");
    for (const line of [
      /^stored action: +deploy, version 3$/m,
      /^labels: +nightly, team:shop$/m,
      /^trace: +00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01$/m,
      /^page: +https:\/\/ci\.example\.com\/jobs\/42$/m,
      /^heartbeat: +2026-11-25T13:22:48Z \[#{10}-{10}\] 50 % testing$/m,
    ])
      expect(stdout).toMatch(line);
    await run("get", RUN.id);
    expect(server.requests.map(({ line }) => line)).toEqual([
      `GET ${ENVIRONMENT}/action-runs/${RUN.id}?include=details`,
      `GET ${ENVIRONMENT}/action-runs/${RUN.id}`,
    ]);
  });
});

describe("heartbeat and report, in a job", () => {
  const inJob = async (status: number, body: unknown): Promise<Settings> => {
    const { server } = await saying(status, body);
    const url = `${server.url}${ENVIRONMENT}/action-runs/${RUN.id}/callback`;
    return { CALLBACK_URL: url, CALLBACK_TOKEN: "a-token", ACTION_RUNS_RETRIES: "0" };
  };
  const order = {
    ...DETAILS.cancel,
    reason: "::stop-commands::x ##[error]y ##vso[task.complete]z ##teamcity[x]",
    remainingMs: 1000,
  };

  test("heartbeat exits 8 if the run was cancelled, and 0 if it was not", async () => {
    const answer = { status: "running", deadlineAt: RUN.createdAt, cancel: null };
    expect((await cli(["heartbeat"], await inJob(200, answer))).code).toBe(0);
    const ended = await cli(["heartbeat"], await inJob(200, { ...answer, cancel: order }));
    expect(ended).toMatchObject({ code: 8, stderr: "" });
    expect(JSON.parse(ended.stdout)).toEqual({ ...answer, cancel: order });
    const over = await inJob(409, { error: "It was cancelled.", code: "run_cancelled" });
    expect(await cli(["heartbeat"], over)).toEqual({
      code: 8,
      stdout: "",
      stderr: "action-runs: It was cancelled. (run_cancelled)\n",
    });
  });

  test("heartbeat sends the end of a tail, and sends it not again to a service that refuses it", async () => {
    const answer = { status: "running", deadlineAt: RUN.createdAt, cancel: null, watched: true };
    const { server } = await service((_request, response) => {
      const body = server.requests.at(-1)?.body ?? "";
      if (body.includes('"tail":"old"')) json(response, 400, { error: "No.", code: "invalid_body", pointer: "/tail" });
      else json(response, 200, answer);
    });
    const url = `${server.url}${ENVIRONMENT}/action-runs/${RUN.id}/callback`;
    const settings = { CALLBACK_URL: url, CALLBACK_TOKEN: "a-token", ACTION_RUNS_RETRIES: "0" };
    const shown = await cli(["heartbeat", "--no-json", "--tail", "@-"], settings, `${"x".repeat(99_999)}\nend\n`);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringMatching(/^watched: +somebody follows the run$/m)]);
    const bodies = () => server.requests.map(({ body }) => JSON.parse(body));
    expect(bodies()).toEqual([{ tail: `${"x".repeat(8187)}\nend\n` }]);
    const again = await cli(["heartbeat", "--message", "m", "--tail", "old"], settings);
    expect([again.code, bodies().slice(1)]).toEqual([0, [{ message: "m", tail: "old" }, { message: "m" }]]);
  });

  test("heartbeat prints why the page is no link", async () => {
    const externalUrlRefused = "The URL is shown as text.";
    const answer = { status: "running", deadlineAt: RUN.createdAt, cancel: null, externalUrlRefused };
    const { code, stdout } = await cli(["heartbeat", "--no-json"], await inJob(200, answer));
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^page: +The URL is shown as text\.$/m)]);
  });
});
