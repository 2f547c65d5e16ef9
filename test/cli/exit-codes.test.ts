/** The exit codes and messages of the command line, whatever the server answers. */

import { describe, expect, test } from "vitest";
import { type Settings, start } from "./command.ts";
import { cli } from "./in-process.ts";
import { badServer, html, json, RUN } from "./misbehaving.ts";
import { service, settingsFor } from "./service.ts";

const TOKEN = "terr_a-token-that-is-in-no-message";
const at = (url: string, more: Settings = {}) => settingsFor(url, { ACTION_RUNS_TOKEN: TOKEN, ...more });
const serve = async (...answer: Parameters<typeof badServer>) => (await service(...answer)).server;

describe("an error response of the service", () => {
  test.each([
    [400, "invalid_body", 2],
    [401, "unauthorized", 3],
    [403, "forbidden", 3],
    [404, "run_not_found", 4],
    [409, "run_running", 5],
    [413, "body_too_large", 2],
    [412, "precondition_failed", 5],
    [422, "idempotency_key_reused", 5],
    [422, "invalid_parameters", 2],
    [429, "too_many_requests", 6],
    [500, "internal_error", 6],
    [503, "database_unavailable", 6],
  ])("%i %s exits %i and prints the sentence, the code and the request id", async (status, code, exit) => {
    const body = { error: "The sentence of the service.", code };
    const server = await serve((_, response) => json(response, status, body, { "X-Request-Id": "abc-123" }));
    const ended = await cli(["cancel", RUN.id], at(server.url));
    expect(ended).toEqual({
      code: exit,
      stdout: "",
      stderr: `action-runs: The sentence of the service. (${code}, request abc-123)\n`,
    });
  });
});

describe("a server that is not the service", () => {
  test.each([200, 302, 404, 500, 502])("answers HTML with %i: exits 6 and prints none of it", async (status) => {
    const server = await serve((_, response) => html(response, status));
    const ended = await cli(["get", RUN.id], at(server.url));
    expect(ended).toMatchObject({ code: 6, stdout: "" });
    expect(ended.stderr).toMatch(/^action-runs: .*unexpected_answer/);
    expect(ended.stderr).not.toContain("<h");
  });

  test("hangs: exits 6 after --request-timeout", async () => {
    const server = await serve(() => {});
    const ended = await cli(["list", "--request-timeout", "1"], at(server.url));
    expect(ended).toMatchObject({ code: 6, stdout: "" });
    expect(ended.stderr).not.toContain(TOKEN);
  });

  test("does not listen: exits 6", async () => {
    const server = await badServer(() => {});
    await server.close();
    expect(await cli(["list"], at(server.url))).toMatchObject({ code: 6, stdout: "" });
  });

  test("fails twice and recovers: retries, and a create keeps its idempotency key", async () => {
    const server = await serve((_, response, count) =>
      count < 3
        ? html(response, 502)
        : json(response, 201, { ...RUN, callback: { url: "http://x", token: "t", expiresAt: "" } }),
    );
    const ended = await cli(["create", "deploy"], at(server.url, { ACTION_RUNS_RETRIES: "4" }));
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toMatchObject({ id: RUN.id });
    const keys = server.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });
});

describe("a wait that times out", () => {
  test.each([
    ["hangs", () => {}],
    [
      "never reports an end",
      (_: unknown, response: Parameters<typeof json>[0]) => setTimeout(() => json(response, 200, RUN), 300),
    ],
  ] as const)("at a server that %s exits 7 with a message, and prints nothing to stdout", async (_, answer) => {
    const server = await serve(answer);
    const ended = await cli(["get", RUN.id, "--wait", "--wait-timeout", "1"], at(server.url));
    expect(ended).toEqual({
      code: 7,
      stdout: "",
      stderr:
        `action-runs: The run ${RUN.id} did not end within 1 second. It continues. ` +
        `To wait again: action-runs get ${RUN.id} --wait\n`,
    });
  });

  test("while it shows events exits 7 too", async () => {
    const server = await serve(() => {});
    const args = ["get", RUN.id, "--no-json", "--wait", "--wait-timeout", "1"];
    const ended = await cli(args, at(server.url));
    expect(ended).toMatchObject({ code: 7, stdout: "" });
    expect(ended.stderr).toContain(`Waiting for the run ${RUN.id} to end, for at most 1 second.`);
  });
});

describe("a wait without events", () => {
  test("continues, and the exit code tells how the run ended", async () => {
    const server = await serve(({ url }, response) =>
      url?.includes("/events")
        ? json(response, 503, { error: "Too many watch.", code: "too_many_watchers" })
        : json(response, 200, { ...RUN, status: "failed", error: "It broke." }),
    );
    const ended = await cli(["get", RUN.id, "--no-json", "--wait"], at(server.url));
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringMatching(/^error: +It broke\.$/m) });
    expect(ended.stderr).toContain("Can't show events, but still waiting: Too many watch.");
    // The run stands apart from its events.
    expect(ended.stderr).toMatch(/\n\n$/);
  });

  test("because the token is refused ends at once, with one message", async () => {
    const server = await serve((_, response) => json(response, 401, { error: "No.", code: "unauthorized" }));
    const ended = await cli(["get", RUN.id, "--no-json", "--wait"], at(server.url));
    expect(ended).toMatchObject({ code: 3, stdout: "" });
    expect(ended.stderr.split("\n").slice(1)).toEqual(["action-runs: No. (unauthorized)", ""]);
  });
});

describe("a usage error", () => {
  test.each([
    [["frobnicate"]],
    [[]],
    [["list", "--frobnicate"]],
    [["list", "--status", "done"]],
    [["list", "--limit", "0"]],
    [["get"]],
    [["get", ".."]],
    [["get", "x", "--wait", "--wait-timeout", "2592000"]],
    [["create"]],
    [["create", "deploy", "--parameters", "{not json"]],
    [["create", "deploy", "--parameters", "[1]"]],
    [["create", "deploy", "--parameters", "@/no/such/file"]],
    [["create", "deploy", "--param", "novalue"]],
    [["create", "deploy", "--param", "n:=nonsense"]],
    [["create", "deploy", "--timeout", "1.5"]],
    [["create", "deploy", "--token-stdin", "--parameters", "@-"]],
    [["list", "--token", "terr_x"]],
    [["list", "--url", "ftp://example.com"]],
    [["list", "--url", "http://me:pass@localhost"]],
    [["list", "--org", "../x"]],
    [["list", "--profile", "../x"]],
    [["report", "finished"]],
    [["report", "constructor"]],
    [["report", "succeeded", "--error", "no"]],
    [["report", "succeeded"]],
    [["heartbeat", "--progress", "2"]],
    [["exec"]],
    [["exec", "--", "true"]],
    [["action", "put", "deploy"]],
    [["action", "put", "..", "--body", "{}"]],
    [["action", "put", "deploy", "--body", "[]"]],
    [["action", "put", "deploy", "--body", "{}", "--if-new", "--if-version", "3"]],
    [["action", "get", "a/b"]],
    [["action", "delete", ""]],
    [["action", "run", "deploy", "--body", '{"actionName":"other"}']],
    [["retry"]],
    [["retry", ".."]],
    [["cancel", RUN.id, "--grace", "3601"]],
    [["cancel", RUN.id, "--pending-only", "--reason", "x"]],
    [["token", "create", "ci"]],
    [["token", "create", "ci", "--role", "king"]],
    [["completion", "fish"]],
  ])("%j exits 2, prints nothing to stdout and sends nothing", async (args) => {
    const server = await serve((_, response) => json(response, 200, []));
    const ended = await cli(args, at(server.url), "stdin");
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).not.toBe("");
    expect(ended.stderr).not.toMatch(/^ +at /m);
    expect(server.requests).toEqual([]);
  });

  test.each(["URL", "TOKEN", "ORG", "PROJECT", "ENV"])(
    "names a missing or empty ACTION_RUNS_%s and the ways to set it",
    async (name) => {
      const settings = at("http://127.0.0.1:9", { [`ACTION_RUNS_${name}`]: "" });
      const ended = await cli(["list"], settings);
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain(`ACTION_RUNS_${name}`);
      expect(ended.stderr).toContain("action-runs login");
    },
  );

  test("names the second option that would read stdin", async () => {
    const args = ["create", "deploy", "--parameters", "@-", "--trigger", "@-"];
    const ended = await cli(args, at("http://127.0.0.1:9"), "{}");
    expect(ended).toMatchObject({
      code: 2,
      stderr: "action-runs: --trigger: only one option can read stdin. Use a file for the other.\n",
    });
  });

  test("does not show a token that no header can carry", async () => {
    const ended = await cli(["list"], at("http://127.0.0.1:9", { ACTION_RUNS_TOKEN: "terr_secret\nX: y" }));
    expect(ended.code).toBe(2);
    expect(ended.stderr).not.toContain("terr_secret");
  });
});

describe("settings", () => {
  test("options override variables", async () => {
    const server = await serve((_, response) => json(response, 200, []));
    await cli(["list", "--url", server.url, "--env", "staging"], at("http://127.0.0.1:9"));
    expect(server.requests[0]?.line).toMatch(/^GET \/acme\/shop\/envs\/staging\/action-runs/);
  });

  test("an option has a variable with the names of its command and the option", async () => {
    const server = await serve((_, response) => json(response, 200, []));
    await cli(["list"], at(server.url, { ACTION_RUNS_LIST_STATUS: "failed", ACTION_RUNS_LIST_LIMIT: "" }));
    expect(server.requests[0]?.line).toContain("status=failed");
    const refused = await cli(["list"], at(server.url, { ACTION_RUNS_LIST_STATUS: "done" }));
    expect(refused.code).toBe(2);
  });

  test("--token-stdin reads the token without the line end", async () => {
    const server = await serve((_, response) => json(response, 200, []));
    const ended = await cli(["list", "--token-stdin"], at(server.url), "terr_from-stdin\n");
    expect(ended.stdout).toBe("[]\n");
    expect(server.requests[0]?.headers.authorization).toBe("Bearer terr_from-stdin");
  });
});

describe("a process", () => {
  test.each([
    ["that works", ["get", RUN.id], "", 0],
    ["with an error response", ["get", "other"], "", 4],
    ["with a usage error", ["frobnicate"], "", 2],
    ["with a token from stdin that no header can carry", ["list", "--token-stdin"], "two\nlines", 2],
    ["whose wait times out", ["get", RUN.id, "--wait", "--wait-timeout", "1"], "", 7],
  ])("%s prints and exits as the command line does inside this one", async (_, args, input, code) => {
    const server = await serve(({ url = "" }, response) => {
      if (url.includes("?")) return;
      if (url.endsWith(RUN.id)) return json(response, 200, RUN);
      json(response, 404, { error: "There is no such run.", code: "run_not_found" });
    });
    const ended = await start(args, at(server.url), input).ended;
    expect(ended.code).toBe(code);
    expect(ended).toEqual(await cli(args, at(server.url), input));
  });
});
