/** The command line against the real service, as people, programs and CI jobs use it. */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cleanEnv, jobOf, jsonLines, type Settings, start } from "../../cli/command.ts";
import { cli } from "../../cli/in-process.ts";
import { settingsFor } from "../../cli/service.ts";
import { COMMAND_LINE, hasTerminal } from "../../cli/terminal.ts";
import { revokedAlone } from "../../support/api/api-objects.ts";
import { sharedServer } from "../installation.ts";

const ORG = "of-cli-test";
const shared = sharedServer(ORG);
const settings = settingsFor(shared.origin, { ACTION_RUNS_TOKEN: shared.token, ACTION_RUNS_ORG: ORG });
const folder = mkdtempSync(join(tmpdir(), "action-runs-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: readonly string[]) => cli(args, settings);

interface Created {
  readonly id: string;
  readonly callback: { readonly url: string; readonly token: string };
}

async function create(...args: readonly string[]): Promise<Created> {
  const created = await run("create", "deploy", ...args);
  expect(created).toMatchObject({ code: 0, stderr: "" });
  return JSON.parse(created.stdout);
}

describe("create, get, list, cancel", () => {
  test("work together on one run, and a second cancel is a conflict", async () => {
    const given = ["-p", "version=1.4.2", "-p", "replicas:=3", "--parameters", '{"a":1}', "--timeout", "5"];
    const created = await create(...given, "--entity-id", "6b1f0c0e-6d7e-4a53-8d63-7a3f0a6d2b11");
    expect(created).toMatchObject({ status: "pending", parameters: { a: 1, version: "1.4.2", replicas: 3 } });
    const got = await run("get", created.id);
    expect(JSON.parse(got.stdout)).toMatchObject({ id: created.id, entityId: "6b1f0c0e-6d7e-4a53-8d63-7a3f0a6d2b11" });
    const listed = await run("list", "--status", "pending", "--action-name", "deploy", "--limit", "1");
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id: created.id }]);
    const cancelled = await run("cancel", created.id);
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ status: "cancelled" });
    expect(await run("cancel", created.id)).toMatchObject({ code: 5, stdout: "" });
  });

  test("one key gives one run; the same key for another body is a conflict", async () => {
    const [one, two] = await Promise.all([1, 2].map(() => create("--idempotency-key", "deploy-42")));
    expect(one?.id).toBe(two?.id);
    expect((await run("create", "other", "--idempotency-key", "deploy-42")).code).toBe(5);
  });

  test("a whole body comes from stdin, and options go over its members", async () => {
    const body = JSON.stringify({ actionName: "from-body", timeout: 3 });
    const created = await cli(["create", "--body", "@-", "-p", "x=y"], settings, body);
    expect(JSON.parse(created.stdout)).toMatchObject({ actionName: "from-body", parameters: { x: "y" } });
  });

  test("tables are for people", async () => {
    const { id } = await create();
    const table = await run("list", "--no-json", "--limit", "1");
    expect(table.stdout).toMatch(
      new RegExp(`^RUN +STATUS +AGE +TOOK +CREATED +BY +ACTION\n${id}  pending .* root  deploy\n$`),
    );
    expect(table.stderr).toContain("There are more");
    expect((await run("get", id, "--no-json")).stdout).toMatch(/^status: +pending$/m);
  });

  test("what is not there is 4, what is refused is 2, what is not allowed is 3", async () => {
    expect((await run("get", "01a212de-9b55-8003-a8a9-dd2c148ea617")).code).toBe(4);
    const refused = await run("create", "deploy", "--recommendations", "{}", "--entity-id", "no-uuid");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("--entity-id: ");
    const stranger = { ...settings, ACTION_RUNS_TOKEN: "terr_nobody" };
    expect((await cli(["list"], stranger)).code).toBe(3);
  });

  // Not in the runtime's tests: these load all of zod, while the service ships without its default messages.
  test.each([
    ["[]", "send a JSON object."],
    ['{"actionName":"deploy","colour":1}', 'Unrecognized key: "colour"'],
    ['{"actionName":"deploy","colour":1,"size":2}', 'Unrecognized keys: "colour", "size"'],
  ])("a wrong body gets a sentence, which is zod's if no schema has one: %s", async (body, sentence) => {
    const headers = { Authorization: `Bearer ${shared.token}`, "Content-Type": "application/json" };
    const answer = await fetch(shared.runs, { method: "POST", headers, body });
    const { error, code } = (await answer.json()) as { error: string; code: string };
    expect([error, code]).toEqual([sentence, "invalid_body"]);
  });
});

describe("report and heartbeat", () => {
  test("a heartbeat starts the run, a report ends it, and only another report is a conflict", async () => {
    const created = await create();
    const job = jobOf(created);
    const beat = await cli(["heartbeat", "--progress", "40%", "-m", "testing"], job);
    expect(JSON.parse(beat.stdout)).toMatchObject({ status: "running" });
    const report = ["report", "SUCCESS", "--output", '{"url":"https://x.example"}', "--idempotency-key", "job-7"];
    for (const _ of [1, 2]) {
      const reported = await cli(report, job);
      expect(reported).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(reported.stdout)).toMatchObject({ status: "succeeded", output: { url: "https://x.example" } });
    }
    expect(await cli(["report", "failed"], job)).toMatchObject({ code: 5, stdout: "" });
  });

  test.each([
    ["failed", ["--error", "@-"], "3 tests failed"],
    ["failure", [], "The job failed."],
    ["cancelled", [], "The job was cancelled."],
    ["ABORTED", [], "The job was cancelled."],
  ] as const)("%s with %j fails the run: %s", async (outcome, more, error) => {
    const created = await create();
    const reported = await cli(["report", outcome, ...more], jobOf(created), "3 tests failed");
    expect(JSON.parse(reported.stdout)).toMatchObject({ status: "failed", error });
  });

  test("a token of another run is not allowed", async () => {
    const [one, other] = [await create(), await create()];
    const job = { ...jobOf(one), CALLBACK_TOKEN: other.callback.token };
    expect((await cli(["heartbeat"], job)).code).toBe(3);
    expect((await cli(["heartbeat", "--token-stdin"], job, one.callback.token)).code).toBe(0);
  });
});

describe("the end of a run", () => {
  const ends = [
    ["succeeded", 0],
    ["failed", 1],
  ] as const;

  test.each(ends)("watch follows a run that %s, and exits %i", async (outcome, code) => {
    const created = await create();
    const watching = start(["watch", created.id], settings);
    await watching.until(/"created"/);
    await cli(["heartbeat", "--progress", "0.5"], jobOf(created));
    await watching.until(/"progress":0.5/);
    await cli(["report", outcome], jobOf(created));
    const watched = await watching.ended;
    expect(watched).toMatchObject({ code, stderr: "" });
    const events = jsonLines(watched.stdout);
    expect(events.map(({ type }) => type)).toEqual(["created", "started", "heartbeat", "ended"]);
    const later = await run("watch", created.id, "--after", String(events.at(-1).seq));
    expect(later).toMatchObject({ code, stdout: "" });
    const told = await run("watch", created.id, "--no-json");
    expect(told.stdout).toContain("[##########----------] 50 %");
    expect(told.stdout).toMatch(new RegExp(`^status: +${outcome}$`, "m"));
  });

  test.each(ends)("create --wait waits until the run %s, and exits %i", async (outcome, code) => {
    const waiting = start(["create", "deploy", "--wait", "--no-json"], settings);
    await waiting.until(/token: .*shown only here/);
    const [{ id }] = JSON.parse((await run("list", "-n", "1")).stdout);
    const url = `${shared.runs}/${id}/callback`;
    await waiting.until(/expires:/);
    const token = /token: +(\S+)/.exec(waiting.printed())?.[1] ?? "";
    await cli(["report", outcome], { CALLBACK_URL: url, CALLBACK_TOKEN: token });
    const ended = await waiting.ended;
    expect(ended.code).toBe(code);
    expect(ended.stdout).toMatch(new RegExp(`^status: +${outcome}$`, "m"));
    const [waitsFor, ...events] = ended.stderr.trimEnd().split("\n");
    expect(waitsFor).toContain(`Waiting for the run ${id} to end.`);
    expect(events.map((line) => line.split(/ +/)[1])).toEqual(["created", "started", "ended"]);
    expect(events[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}created/);
  });

  test("a cancelled run counts as failed, and a short wait times out", async () => {
    const { id } = await create();
    const short = await run("get", id, "--wait", "--wait-timeout", "1");
    expect(short).toMatchObject({ code: 7, stdout: "" });
    expect(short.stderr).toContain("did not end within 1 second.");
    await run("cancel", id);
    const waited = await run("get", id, "--wait");
    expect(waited.code).toBe(1);
    expect(JSON.parse(waited.stdout)).toMatchObject({ id, status: "cancelled" });
    expect((await run("get", id)).code).toBe(0);
  });
});

describe("a cancel", () => {
  test.each([
    ["", "SIGTERM", 143, "60"],
    // KILL comes after two thirds of the grace. The job's report must come before its end, on a busy machine as well.
    ["trap '' TERM;", "SIGKILL", 137, "9"],
  ])("ends a running job with %j by %s, and the run as cancelled", async (trap, signal, code, grace) => {
    const created = await create();
    const script = `${trap} echo ready; while :; do sleep 0.1; done`;
    const job = start(["exec", "--interval", "1", "--", "sh", "-c", script], jobOf(created));
    await job.until(/ready/);
    const asked = await run("cancel", created.id, "--reason", "wrong branch", "--grace", grace);
    const cancel = { by: "root", reason: "wrong branch" };
    expect(JSON.parse(asked.stdout)).toMatchObject({ status: "running", details: { cancel } });
    expect((await job.ended).code).toBe(code);
    const ended = JSON.parse((await run("get", created.id, "--details")).stdout);
    const error = `cancelled: sh was ended by ${signal}`;
    expect(ended).toMatchObject({ status: "cancelled", error, details: { cancel } });
    expect((await run("cancel", created.id)).code).toBe(5);
    const retried = await run("retry", created.id);
    expect(JSON.parse(retried.stdout)).toMatchObject({ status: "pending", actionName: "deploy" });
  });
});

describe("a stored action", () => {
  test("is put by an admin, run by a member, and found by its labels", async () => {
    const definition = {
      labels: ["team:shop"],
      parametersSchema: { type: "object", required: ["version"] },
      timeout: 5,
    };
    const put = await run("action", "put", "ship", "--if-new", "--body", JSON.stringify(definition));
    expect(put).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(put.stdout)).toMatchObject(definition);
    expect((await run("action", "put", "ship", "--if-new", "--body", "{}")).code).toBe(5);
    expect(JSON.parse((await run("action", "list")).stdout)).toMatchObject([{ name: "ship" }]);
    const created = await run("token", "create", "portal", "--role", "member");
    const member = { ...settings, ACTION_RUNS_TOKEN: JSON.parse(created.stdout).token };
    expect((await cli(["action", "put", "ship", "--body", "{}"], member)).code).toBe(3);
    expect((await cli(["action", "run", "ship"], member)).code).toBe(2);
    const started = await cli(["action", "run", "ship", "-p", "version=1.4.2", "--label", "nightly"], member);
    const { id } = JSON.parse(started.stdout);
    const retried = await cli(["cancel", id], member).then(() => cli(["retry", id], member));
    const again = JSON.parse(retried.stdout);
    const listed = await cli(["list", "--label", "nightly", "--label", "team:shop"], member);
    expect(JSON.parse(listed.stdout).map((one: Created) => one.id)).toEqual([again.id, id]);
    const { details } = JSON.parse((await cli(["get", again.id, "--details"], member)).stdout);
    expect(details).toMatchObject({ action: { name: "ship" }, retryOf: id, labels: ["nightly", "team:shop"] });
    expect((await run("action", "delete", "ship")).code).toBe(0);
    expect((await run("action", "get", "ship")).code).toBe(4);
    // The next test lists the tokens.
    expect((await run("token", "revoke", JSON.parse(created.stdout).id)).code).toBe(0);
  });
});

describe("token and login", () => {
  test("a token is created, listed, used by login, rotated by its holder, and revoked", async () => {
    const created = await run("token", "create", "ci", "--role", "member", "--env-name", "prod");
    const { id, token } = JSON.parse(created.stdout);
    expect(token).toMatch(/^terr_/);
    const listed = await run("token", "list");
    expect(JSON.parse(listed.stdout)).toMatchObject([{ id, name: "ci", role: "member", envName: "prod" }]);
    expect(listed.stdout).not.toContain(token);
    const { ACTION_RUNS_TOKEN: _, ...here } = settings;
    const home = { ...here, HOME: join(folder, "home") };
    expect((await cli(["login"], home, token)).code).toBe(0);
    expect((await cli(["list", "-n", "1"], home)).code).toBe(0);
    expect((await cli(["token", "list"], home)).code).toBe(3);
    expect((await cli(["list", "--env", "staging"], home)).code).toBe(4);
    expect((await run("token", "list", "--no-json")).stdout).toMatch(/^TOKEN .*\n.* member .* ci\n$/);
    // The holder is a member, and rotates its own token. The profile still has the old secret.
    const told = await cli(["token", "rotate", id, "--overlap", "1h", "--no-json"], home);
    expect(told.stdout).toMatch(/^id: +\S+\nname: +ci\nold secret: +works until .*Z\ntoken: +terr_\S+ \(shown/);
    const secret = /terr_\S+/.exec(told.stdout)?.[0] ?? "";
    expect((await cli(["list", "-n", "1"], home)).code).toBe(0);
    expect(await cli(["token", "rotate", id], home)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("newest secret"),
    });
    expect((await cli(["login"], home, secret)).code).toBe(0);
    const again = JSON.parse((await run("token", "rotate", id, "--overlap", "0")).stdout);
    expect(again).toMatchObject({ id, oldSecretExpiresAt: null, children: [], moreChildren: false });
    expect((await run("token", "rotate", id, "--overlap", "2w")).code).toBe(2);
    expect((await run("token", "list", "--no-json")).stdout).toMatch(/LAST USED.*\n.* \d{4}-\d\d-\d\dT\d\dZ /);
    const revoked = JSON.parse((await run("token", "revoke", id)).stdout);
    expect(revoked).toEqual(revokedAlone(id));
    expect((await run("token", "revoke", id)).code).toBe(4);
    const entries = JSON.parse((await run("audit", "--limit", "4")).stdout);
    const byRoot = { target: id, targetName: "ci", actor: "root", scope: `${ORG}/shop/prod` };
    expect(entries).toMatchObject([
      { ...byRoot, action: "token_revoked" },
      { ...byRoot, action: "token_rotated" },
      { ...byRoot, action: "token_rotated", actor: id },
      { ...byRoot, action: "token_minted" },
    ]);
    expect((await run("audit", "--no-json", "-n", "1")).stdout).toMatch(/^AT .*\n.* token_revoked +ci .* root\n$/);
  });
});

describe("being interrupted", () => {
  test("Ctrl-C ends a watch without a message", async () => {
    const { id } = await create();
    const watching = start(["watch", id], settings);
    await watching.until(/"created"/);
    watching.child.kill("SIGINT");
    await once(watching.child, "close");
    expect(watching.child.signalCode).toBe("SIGINT");
    expect((await watching.ended).stderr).toBe("");
  });

  test("a reader that closes the pipe ends a list without a message", async () => {
    for (let made = 0; made < 3; made++) await create("-p", `text=${"x".repeat(60_000)}`);
    const line = `${COMMAND_LINE} list --all | head -c 10; exit \${PIPESTATUS[0]}`;
    const piped = spawnSync("bash", ["-c", line], { env: cleanEnv(settings), encoding: "utf8" });
    expect(piped).toMatchObject({ status: 141, stderr: "" });
  });
});

describe.skipIf(!hasTerminal)("on a terminal", () => {
  const terminal = (command: string, more: Settings = {}) =>
    spawnSync("script", ["-qec", `${COMMAND_LINE} ${command}`, "/dev/null"], {
      env: cleanEnv({ ...settings, TERM: "xterm", ...more }),
      encoding: "utf8",
    });

  test("get --wait shows events on it, and prints only the run as JSON to a redirected stdout", async () => {
    const created = await create();
    await cli(["report", "succeeded"], jobOf(created));
    const file = join(folder, "ended.json");
    const shown = terminal(`get ${created.id} --wait > "${file}"`, { NO_COLOR: "1" });
    expect(shown.status).toBe(0);
    expect(shown.stdout).toContain(`Waiting for the run ${created.id} to end.`);
    expect(shown.stdout).toMatch(/ended +succeeded, the job reported it/);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ id: created.id, status: "succeeded" });
  });

  test("list prints a table in colour, without colour if NO_COLOR is set, and JSON with --json", async () => {
    await create();
    const table = terminal("list -n 2").stdout;
    expect(table).toContain("\x1b[1mRUN");
    expect(table).toContain("\x1b[33mpending");
    const plain = terminal("list -n 2", { NO_COLOR: "1" }).stdout;
    expect(plain).toMatch(/^RUN +STATUS/);
    expect(plain).not.toContain("\x1b[");
    expect(JSON.parse(terminal("list -n 2 --json").stdout)).toHaveLength(2);
  });
});
