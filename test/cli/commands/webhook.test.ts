/** `webhook`: what each command sends, prints and exits with. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

import type { Schemas } from "../../../src/client/index.ts";
import { ENDPOINT, revokedAlone } from "../../support/api/api-objects.ts";
import { cli } from "../in-process.ts";
import { badServer, json, RUN } from "../misbehaving.ts";
import { settingsFor } from "../service.ts";

const SECRET = "whsec_bWFkZSBieSB0aGUgc2VydmljZQ==";
const LISTED = { name: "chat", version: 3, changedAt: RUN.createdAt, definition: ENDPOINT };
const DELIVERY: Schemas["Delivery"] = {
  runId: RUN.id,
  actionName: "deploy",
  title: null,
  subject: null,
  type: "action_run.failed",
  state: "failed",
  nextAttemptAt: null,
  attempts: [
    { at: RUN.createdAt, status: 503, durationMs: 12, reason: "answered 503", excerpt: "busy" },
    { at: RUN.createdAt, status: 400, durationMs: 12, reason: "answered 400", excerpt: null },
  ],
};
const RECOVERY = { since: RUN.createdAt, until: null, include: "failed", messages: 7, isOver: false } as const;
const STATUS: Schemas["EndpointStatus"] = {
  origin: "https://hooks.slack.com",
  disabledReason: null,
  disabledAt: null,
  recover: RECOVERY,
  createdBy: "root",
  changedBy: "an-admin",
  changedAt: RUN.createdAt,
  newestDelivery: DELIVERY,
  incomplete: false,
  health: { state: "failing", failingSince: RUN.createdAt, lastSuccessAt: null, isProbed: true },
};
const TESTED = { status: 404, durationMs: 87, outcome: "failed", reason: "answered 404", excerpt: "no_service" };

/** What each request is answered with: the status, the body and the headers. */
const ANSWERS: Readonly<Record<string, readonly [number, unknown?, Record<string, string>?]>> = {
  "PUT /chat": [201, { ...ENDPOINT, signingSecret: SECRET }, { ETag: '"1"' }],
  "PUT /pager": [200, ENDPOINT, { ETag: '"4"' }],
  "GET /chat": [200, ENDPOINT, { ETag: '"3"' }],
  "GET ": [200, [LISTED, { ...LISTED, name: "pager", definition: { ...ENDPOINT, disabled: true } }]],
  "DELETE /chat": [204],
  "GET /chat/status": [200, STATUS],
  "GET /chat/deliveries": [200, [DELIVERY]],
  [`POST /chat/deliveries/${RUN.id}/resend`]: [202],
  "POST /chat/recover": [202, RECOVERY],
  "POST /chat/test": [200, TESTED],
  "POST /pager/test": [200, { ...TESTED, status: 200, outcome: "delivered" }],
  "POST /chat/enable": [204],
  "POST /chat/rotate-secret": [200, { signingSecret: SECRET, graceEndsAt: RUN.createdAt }],
  "POST /pager/rotate-secret": [409, { error: "Or send gracePeriodSeconds 0.", code: "too_many_signing_secrets" }],
};
const server = await badServer(({ method, url = "" }, response) => {
  if (url.includes("/tokens/")) {
    const webhookEndpoints = [{ envName: "prod", name: "chat" }];
    return json(response, 200, {
      ...revokedAlone(RUN.id),
      webhookEndpoints,
      actions: [{ envName: "prod", name: "deploy" }],
      schedules: [{ envName: "prod", name: "nightly" }],
      approvedRuns: [{ envName: "prod", id: RUN.id }],
    });
  }
  const [path = ""] = url.split("?");
  const asked = `${method} ${path.replace("/acme/shop/envs/prod/webhook-endpoints", "")}`;
  const [status, body, headers] = ANSWERS[asked] ?? [
    404,
    { error: "No such webhook endpoint. GET …/webhook-endpoints lists them.", code: "webhook_endpoint_not_found" },
  ];
  if (body === undefined) response.writeHead(status).end();
  else json(response, status, body, headers);
});
const folder = mkdtempSync(join(tmpdir(), "action-runs-webhook-"));
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const settings = settingsFor(server.url);
const webhook = (args: readonly string[], more: Record<string, string> = {}, input = "") =>
  cli(["webhook", ...args], { ...settings, ...more }, input);
const last = () => {
  const { line = "", body = "", headers = {} } = server.requests.at(-1) ?? {};
  return { line, body: body === "" ? null : (JSON.parse(body) as unknown), headers };
};

const SENT = { url: "https://hooks.example.com/a-secret", events: ["action_run.failed"] };

test("put sends what a file, stdin or the variable has, and shows a new signing secret once", async () => {
  const file = join(folder, "chat.json");
  writeFileSync(file, JSON.stringify(SENT));
  const asJson = await webhook(["put", "chat", "--body", `@${file}`, "--if-new"]);
  expect(asJson).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(asJson.stdout)).toEqual({ ...ENDPOINT, signingSecret: SECRET });
  expect(last()).toMatchObject({ body: SENT, headers: { "if-none-match": "*" } });

  const text = await webhook(["put", "chat", "--body", "@-", "--no-json"], {}, JSON.stringify(SENT));
  expect(text.stdout.split(SECRET)).toHaveLength(2);
  expect(text.stdout).toContain("Give the signing secret to your receiver now.");

  const byVariable = { ACTION_RUNS_WEBHOOK_PUT_BODY: JSON.stringify(SENT) };
  const again = await webhook(["put", "pager", "--if-version", "3", "--no-json"], byVariable);
  expect(again.stdout).toMatch(/^version: +4$/m);
  expect(again.stdout).not.toContain("signing secret:");
  expect(last()).toMatchObject({ body: SENT, headers: { "if-match": '"3"' } });
});

test.each([
  [SENT, "url"],
  [{ url: null, signingSecret: SECRET }, "signingSecret"],
  [{ url: null, headers: { Accept: null, Authorization: "Bearer hush" } }, "headers.Authorization"],
  [{ url: null, secrets: { key: "hush" } }, "secrets.key"],
])("put and test refuse a secret on the command line: %j", async (definition, member) => {
  const before = server.requests.length;
  for (const command of ["put", "test"] as const) {
    const ended = await webhook([command, "chat", "--body", JSON.stringify(definition)]);
    expect(ended).toEqual({
      code: 2,
      stdout: "",
      stderr:
        `action-runs: --body: ${member} is a secret, and other users can read command lines. Use @file, @- for stdin, ` +
        `or the variable ACTION_RUNS_WEBHOOK_${command.toUpperCase()}_BODY.\n`,
    });
  }
  expect(server.requests).toHaveLength(before);
  const withoutSecrets = await webhook(["put", "pager", "--body", '{"url":null,"disabled":true}']);
  expect(withoutSecrets.code).toBe(0);
});

test("put warns about what is left of an example, and quotes no secret", async () => {
  const body = JSON.stringify({ ...SENT, url: "https://hooks.slack.com/services/hush/YOUR_KEY" });
  const ended = await webhook(["put", "chat", "--body", "@-"], {}, body);
  expect(ended.code).toBe(0);
  expect(ended.stderr).toBe(
    "action-runs: The endpoint is stored, but url has YOUR_KEY. Replace the text of the example by your own, or no " +
      "message can arrive.\n",
  );
});

test("get prints what put accepts, list what sends, delete what is gone", async () => {
  expect(JSON.parse((await webhook(["get", "chat"])).stdout)).toEqual(ENDPOINT);
  expect((await webhook(["get", "chat", "--no-json"])).stdout).toMatch(/^version: +3$/m);
  expect(JSON.parse((await webhook(["list", "-n", "1"])).stdout)).toEqual([LISTED]);
  const { stdout } = await webhook(["list", "--no-json"]);
  expect(stdout).toMatch(/^ENDPOINT +SENDS +EVENTS +ACTIONS +VERSION +CHANGED\n/);
  expect(stdout).toMatch(/^chat +yes +failed, succeeded if changed +deploy +3 +2026-11-25T13:21:48Z$/m);
  expect(stdout).toMatch(/^pager +no /m);
  const deleted = await webhook(["delete", "chat", "--if-version", "3"]);
  expect(deleted).toEqual({ code: 0, stdout: '{"deleted":"chat"}\n', stderr: "" });
  expect(last().headers).toMatchObject({ "if-match": '"3"' });
});

test("test exits with 0 only if the message was delivered, and says what came back", async () => {
  const failed = await webhook(["test", "chat", "--type", "action_run.succeeded", "--no-json"]);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(
    /^outcome: +failed\nstatus: +404\ntook: +87ms\nreason: +answered 404\nanswer: +no_service$/m,
  );
  expect(last().body).toEqual({ type: "action_run.succeeded" });
  expect(await webhook(["test", "pager", "--run", RUN.id])).toMatchObject({ code: 0, stderr: "" });
  expect(last().body).toEqual({ runId: RUN.id });
  await webhook(["test", "pager", "--body", "@-"], {}, JSON.stringify(SENT));
  expect(last().body).toEqual({ definition: SENT });
});

test("status and deliveries say how it goes", async () => {
  expect(JSON.parse((await webhook(["status", "chat"])).stdout)).toEqual(STATUS);
  const { stdout } = await webhook(["status", "chat", "--no-json"]);
  expect(stdout).toMatch(/^sends to: +https:\/\/hooks\.slack\.com$/m);
  expect(stdout).toMatch(/^health: +failing since 2026-11-25T13:21:48Z · tried once a minute$/m);
  expect(stdout).toMatch(new RegExp(`^newest delivery: failed · run ${RUN.id} failed · answered 400 at `, "m"));
  expect(stdout).toMatch(/^recovery: +failed messages .* · 7 so far · under way$/m);
  expect(stdout).toMatch(/^changed: +2026-11-25T13:21:48Z by an-admin$/m);
  const listed = await webhook(["deliveries", "chat", "--state", "failed", "--no-json"]);
  expect(listed.stdout).toMatch(new RegExp(`^${RUN.id} +deploy +failed +failed +2 +\\w+ +answered 400$`, "m"));
  expect(last().line).toMatch(/\?state=failed$/);
  expect(JSON.parse((await webhook(["deliveries", "chat"])).stdout)).toEqual([DELIVERY]);
});

test("resend, recover, enable and rotate-secret do it, and print what to do next", async () => {
  const resent = await webhook(["resend", "chat", RUN.id, "--type", "action_run.failed"]);
  expect(resent).toEqual({ code: 0, stdout: `{"resent":"${RUN.id}"}\n`, stderr: "" });
  expect(last().body).toEqual({ type: "action_run.failed" });
  const short = await webhook(["resend", "chat", RUN.id.slice(-8)]);
  expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining("is not a whole id") });

  const since = "2026-01-31T12:00:00.750Z";
  const recovered = await webhook(["recover", "chat", "--since", since, "--include", "failed", "--no-json"]);
  expect(last().body).toEqual({ since: "2026-01-31T12:00:00.000Z", include: "failed" });
  expect(recovered.stdout).toContain("To see how far it is: action-runs webhook status chat");

  expect(await webhook(["enable", "chat"])).toMatchObject({ code: 0, stdout: '{"enabled":"chat"}\n' });

  const rotated = await webhook(["rotate-secret", "chat", "--grace-period", "1h", "--no-json"]);
  expect(last().body).toEqual({ gracePeriodSeconds: 3600 });
  expect(rotated.stdout.split(SECRET)).toHaveLength(2);
  expect(rotated.stdout).toMatch(/^old secret: +counts until 2026-11-25T13:21:48Z$/m);
  const tooMany = await webhook(["rotate-secret", "pager"]);
  expect(tooMany).toMatchObject({ code: 5, stderr: expect.stringContaining("Or use --grace-period 0.") });
});

test("token revoke names the endpoints, actions and schedules that the token stored, because they stay", async () => {
  const ended = await cli(["token", "revoke", RUN.id, "--no-json"], settings);
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  expect(ended.stdout).toBe(
    `Revoked ${RUN.id}.\nWhat was stored with it stays. Check what you don't know:\n` +
      "  webhook endpoint: prod/chat\n  action: prod/deploy\n  schedule: prod/nightly\n" +
      `Waiting runs that it approved need another approval:\n  prod/${RUN.id}\n`,
  );
});

test.each([
  [["recover", "chat", "--since", "soon", "--include", "failed"], /Use a duration such as 30m/],
  [["recover", "chat", "--since", "1h"], /--include/],
  [["recover", "chat", "--since", "1h", "--include", "all"], /failed, missing/],
  [["test", "chat", "--type", "action_run.failed", "--run", RUN.id], /cannot be used with/],
  [["deliveries", "chat", "--sate", "failed"], /Did you mean --state\?/],
  [["delet", "chat"], /Did you mean delete\?/],
  [["get", "a/b"], /Use 1 to 63 letters/],
])("%j is a usage error that says what to do, and sends nothing", async (args, sentence) => {
  const before = server.requests.length;
  const ended = await webhook(args);
  expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(sentence) });
  expect(server.requests).toHaveLength(before);
});

test("an endpoint that does not exist exits with 4, in the words of the command line", async () => {
  const ended = await webhook(["status", "gone"]);
  expect(ended.code).toBe(4);
  expect(ended.stderr).toContain("`action-runs webhook list` lists them.");
});
