/** `login` and the profiles that it saves. */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { profilePath } from "../../../src/cli/settings.ts";
import { cleanEnv, type Settings } from "../command.ts";
import { cli } from "../in-process.ts";
import { type BadServer, badServer, json } from "../misbehaving.ts";
import { COMMAND_LINE, hasTerminal, Terminal } from "../terminal.ts";

const GOOD = "terr_good-token";
const OPERATOR = "root_good-token";
/** What each token opens: a project, and an environment of it. */
const OPENS: Readonly<Record<string, { readonly project: string | null; readonly envName: string | null }>> = {
  [`Bearer ${GOOD}`]: { project: "acme/shop", envName: null },
  [`Bearer ${GOOD}-of-prod`]: { project: "acme/shop", envName: "prod" },
  [`Bearer ${GOOD}-of-nowhere`]: { project: "acme/\x1b[2Jshop", envName: "prod" },
  [`Bearer ${OPERATOR}`]: { project: null, envName: null },
};
let server: BadServer;
let home: string;
beforeAll(async () => {
  server = await badServer(({ headers, url }, response) => {
    if (url === "/") return json(response, 200, { name: "action-runs" });
    const opened = OPENS[headers.authorization ?? ""];
    if (opened === undefined) return json(response, 401, { error: "No.", code: "unauthorized" });
    if (url === "/whoami") return json(response, 200, opened);
    if (url?.startsWith("/acme/shop/")) return json(response, 200, []);
    return json(response, 404, { error: "Nothing here.", code: "not_found" });
  });
});
afterAll(() => server.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "action-runs-home-"));
  return () => rmSync(home, { recursive: true });
});

const environmentFlags = () => ["--url", `${server.url}/`, "--org", "acme", "--project", "shop", "--env", "prod"];
const folder = () => join(home, ".config", "action-runs");
const login = (token: string, ...more: readonly string[]) =>
  cli(["login", ...environmentFlags(), ...more], { HOME: home }, token);

describe("login", () => {
  test("saves a profile that only its owner can read, and later commands use it", async () => {
    const ended = await login(`${GOOD}\n`);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).not.toContain(GOOD);
    const { path } = JSON.parse(ended.stdout);
    expect(path).toBe(join(folder(), "default.json"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder())).toEqual(["default.json"]);
    expect(await cli(["list"], { HOME: home })).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
  });

  test("removes the access of others to an existing folder and file", async () => {
    mkdirSync(folder(), { recursive: true, mode: 0o755 });
    writeFileSync(join(folder(), "default.json"), "{}", { mode: 0o644 });
    await login(GOOD);
    expect(statSync(join(folder(), "default.json")).mode & 0o777).toBe(0o600);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
  });

  test("saves no token that the server refuses, and keeps the old one", async () => {
    expect(await login("terr_wrong")).toMatchObject({ code: 3, stdout: "" });
    expect(existsSync(folder())).toBe(false);
    await login(GOOD);
    expect((await login("terr_wrong")).code).toBe(3);
    expect(readFileSync(join(folder(), "default.json"), "utf8")).toContain(GOOD);
  });

  test("asks for a missing environment before somebody agrees in the browser", async () => {
    const ended = await cli(["login", "--browser", "--url", server.url], { HOME: home });
    expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining("--env is missing. Use --env")]);
  });

  test.each([
    ["{", "is no profile"],
    [
      JSON.stringify({ url: "http://127.0.0.1:1", token: `ters_${"0".repeat(43)}` }),
      "keeps a session of a lost server",
    ],
  ])("replaces the file %j, which %s", async (text) => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), "default.json"), text);
    expect(await login(GOOD)).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(join(folder(), "default.json"), "utf8")).toContain(GOOD);
  });

  test("sends no token to another service", async () => {
    const other = await badServer((_, response) => json(response, 200, []));
    const ended = await cli(["login", ...environmentFlags(), "--url", other.url], { HOME: home }, GOOD);
    expect(ended).toMatchObject({ code: 6, stdout: "" });
    expect(ended.stderr).toContain("not from action-runs");
    expect(other.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    await other.close();
  });

  test("prints what to try next", async () => {
    const { stdout } = await login(GOOD, "--no-json");
    expect(stdout).toMatch(/\nSaved\. Only you can read the file\. Try it: action-runs list\n$/);
  });

  test.each(["", "\n", "two words"])("refuses %j as a token", async (token) => {
    expect(await login(token)).toMatchObject({ code: 2, stdout: "" });
    expect(existsSync(folder())).toBe(false);
  });

  test.each([
    [`${GOOD}-of-prod`, [], 0, "acme shop prod"],
    [GOOD, ["--env", "dev"], 0, "acme shop dev"],
    [GOOD, ["--env", "dev", "--org", "acme", "--project", "shop"], 0, "acme shop dev"],
    [GOOD, [], 2, "--env is missing. Use --env or ACTION_RUNS_ENV."],
    [GOOD, ["--env", "Dev"], 2, "env can't be"],
    [GOOD, ["--env", "dev", "--org", "umbrella"], 2, "--org: the token opens only acme."],
    [GOOD, ["--env", "dev", "--project", "shpo"], 2, "--project: the token opens only shop."],
    [`${GOOD}-of-prod`, ["--env", "dev"], 2, "--env: the token opens only prod."],
    [OPERATOR, ["--env", "dev", "--project", "any"], 2, "--org is missing."],
    [OPERATOR, ["--env", "dev", "--project", "any", "--org", "umbrella"], 0, "umbrella any dev"],
  ])("takes the environment from the token %s and the options %j: %i %s", async (token, options, code, said) => {
    const ended = await cli(["login", "--url", server.url, ...options], { HOME: home }, token);
    expect(ended.code).toBe(code);
    if (code === 0) {
      const { org, project, env } = JSON.parse(ended.stdout);
      expect([org, project, env].join(" ")).toBe(said);
    } else expect(ended.stderr).toContain(said);
    expect(existsSync(folder())).toBe(code === 0);
  });

  test("saves profiles under their names", async () => {
    await login(GOOD, "--profile", "staging");
    expect((await cli(["list"], { HOME: home })).code).toBe(2);
    expect((await cli(["list"], { HOME: home, ACTION_RUNS_PROFILE: "staging" })).code).toBe(0);
  });
});

describe.skipIf(!hasTerminal)("login on a terminal", () => {
  /** Types each answer when its question appears, and resolves with everything that was shown. */
  async function session(
    args: readonly string[],
    answers: readonly (readonly [question: string, answer: string])[],
    more: Settings = {},
  ) {
    const env = cleanEnv({ HOME: home, TERM: "xterm", ...more });
    const terminal = new Terminal(`${COMMAND_LINE} login ${args.join(" ")}`, env);
    for (const [question, answer] of answers) {
      await terminal.until(question);
      terminal.type(answer);
    }
    return { code: await terminal.ended, printed: terminal.printed };
  }
  const kept = (name = "default") => JSON.parse(readFileSync(join(folder(), `${name}.json`), "utf8"));

  test("asks for what is missing, hides only the token, and saves the profile", async () => {
    const { code, printed } = await session(environmentFlags().slice(0, 2), [
      ["Token: ", `${GOOD}\r`],
      ["Environment: ", "staging\r"],
    ]);
    expect({ code, printed }).toMatchObject({ code: 0, printed: expect.stringContaining("staging") });
    expect(printed).not.toContain(GOOD.slice(0, 6));
    expect(printed).not.toMatch(/Organization: |Project: /);
    expect(kept()).toMatchObject({ org: "acme", project: "shop", env: "staging", token: GOOD });
  });

  test("asks for another token if the server's names are not valid, and shows none of their control characters", async () => {
    const { code, printed } = await session(environmentFlags().slice(0, 2), [
      ["Token: ", `${GOOD}-of-nowhere\r`],
      ["Token: ", `${GOOD}-of-prod\r`],
    ]);
    expect([code, printed]).toEqual([0, expect.stringMatching(/whose name\s+is\s+not\s+valid/)]);
    expect(printed).not.toContain("\x1b[2J");
    expect(kept()).toMatchObject({ org: "acme", project: "shop", env: "prod" });
  });

  test("asks nothing if a proxy's address can't be used, because no answer would help", async () => {
    const { code, printed } = await session([], [], { HTTPS_PROXY: "socks5://127.0.0.1" });
    expect([code, printed.trim()]).toEqual([
      2,
      expect.stringMatching(
        /^action-runs: HTTPS_PROXY is not an http or https address of a proxy\.[^:]*such as http:.*$/,
      ),
    ]);
  });

  test("shows no control characters of the profile in its questions", async () => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), "default.json"), JSON.stringify({ env: "dev\x1b[2J" }));
    const { code, printed } = await session(environmentFlags().slice(0, 2), [
      ["Token: ", `${GOOD}\r`],
      ["Environment [dev", "staging\r"],
    ]);
    expect([code, printed]).toEqual([0, expect.not.stringContaining("\x1b[2J")]);
  });

  test("checks each answer at once, and asks again only for what was wrong", async () => {
    const other = await badServer((_, response) => json(response, 200, { name: "another-service" }));
    const gone = await badServer(() => {});
    await gone.close();
    const { code, printed } = await session(
      ["--profile", "staging"],
      [
        ["Server: ", "ftp://example.com\r"],
        ["Server: use an address", ""],
        ["Server [ftp://example.com]: ", `${gone.url}\r`],
        ["No response came from", ""],
        ["Server [", `${other.url}\r`],
        ["not from action-runs", ""],
        ["Server [", `${server.url}\r`],
        ["Token: ", "two words\r"],
        ["Token: this is not a token", ""],
        ["Token: ", "terr_wrong\r"],
        ["No. (unauthorized)", ""],
        ["Token: ", `${OPERATOR}\r`],
        ["Organization: ", "\r"],
        ["Organization: ", "acme\r"],
        ["Project: ", "The Shop\r"],
        ["project can't be", ""],
        ["Project [The Shop]: ", "shop\r"],
        ["Environment: ", "prod\r"],
      ],
    );
    expect(code).toBe(0);
    expect(printed).toContain("Saved. Only you can read the file. Try it: action-runs list --profile staging");
    expect(printed).not.toMatch(/good|terr_wrong/);
    expect(kept("staging")).toEqual({ url: server.url, org: "acme", project: "shop", env: "prod", token: OPERATOR });
    expect(other.requests.map(({ line, headers }) => [line, headers.authorization])).toEqual([["GET /", undefined]]);
    await other.close();
  });

  test("replaces a file that is no profile", async () => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), "default.json"), "{");
    const { code } = await session(environmentFlags(), [["Token: ", `${GOOD}\r`]]);
    expect({ code, ...kept() }).toMatchObject({ code: 0, token: GOOD });
  });

  test("asks again for a wrong option", async () => {
    const { code } = await session(
      [...environmentFlags().slice(0, 6), "--env", "PROD"],
      [
        ["Token: ", `${GOOD}\r`],
        ["env can't be", ""],
        ["Environment [PROD]: ", "prod\r"],
      ],
    );
    expect({ code, ...kept() }).toMatchObject({ code: 0, env: "prod", project: "shop" });
  });

  test("saves nothing if the input ends", async () => {
    const { code, printed } = await session(environmentFlags().slice(0, 4), [
      ["Token: ", `${OPERATOR}\r`],
      ["Project: ", "\x04"],
    ]);
    expect({ code, printed }).toMatchObject({
      code: 1,
      printed: expect.stringContaining("The input ended before the last question. Nothing was saved."),
    });
    expect(existsSync(folder())).toBe(false);
  });
});

describe("a profile", () => {
  test("sends its token to no other server", async () => {
    await login(GOOD);
    const other = await badServer((_, response) => json(response, 200, []));
    const ended = await cli(["list"], { HOME: home, ACTION_RUNS_URL: other.url });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(other.requests).toEqual([]);
    await other.close();
  });

  test.each([
    [["list", "--profile", "zzz"], {}],
    [["list"], { ACTION_RUNS_PROFILE: "zzz" }],
    [["get", "x", "--profile", "zzz"], { ACTION_RUNS_TOKEN: GOOD }],
  ] as const)("that does not exist is reported with the existing ones: %j %j", async (args, more) => {
    await login(GOOD);
    await login(GOOD, "--profile", "staging");
    writeFileSync(join(folder(), "no\x1b profile.json"), "{}");
    const where = { ACTION_RUNS_URL: server.url, ACTION_RUNS_ORG: "acme", ACTION_RUNS_PROJECT: "shop" };
    const before = server.requests.length;
    const ended = await cli(args, { ...where, ACTION_RUNS_ENV: "prod", HOME: home, ...more });
    expect(ended).toEqual({
      code: 2,
      stdout: "",
      stderr:
        "action-runs: There is no profile zzz. You can use default or staging. " +
        "Create it with: action-runs login --profile zzz\n",
    });
    expect(server.requests).toHaveLength(before);
  });

  test("that does not exist is reported with the way to create it", async () => {
    const ended = await cli(["list", "--profile", "default"], { HOME: home });
    expect(ended).toMatchObject({
      code: 2,
      stderr: "action-runs: There is no profile default. Create it with: action-runs login --profile default\n",
    });
  });

  test("that is not named may be missing, but a missing setting names the existing profiles", async () => {
    await login(GOOD, "--profile", "staging");
    const ended = await cli(["list"], { HOME: home });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/--url, ACTION_RUNS_URL, or action-runs login\. .*--profile staging/);
    const where = { ACTION_RUNS_URL: server.url, ACTION_RUNS_ORG: "acme", ACTION_RUNS_PROJECT: "shop" };
    const settings = { ...where, ACTION_RUNS_ENV: "prod", ACTION_RUNS_TOKEN: GOOD, HOME: home };
    expect((await cli(["list"], settings)).code).toBe(0);
  });

  test.each(["{", "[]1", '{"token": 5}', "null"])(
    "with the content %j is refused, and the content is not shown",
    async (text) => {
      mkdirSync(folder(), { recursive: true });
      writeFileSync(join(folder(), "default.json"), text);
      const ended = await cli(["list"], { HOME: home });
      expect(ended.code).toBe(2);
      expect(ended.stderr).toContain("is not a profile");
    },
  );

  test.each([
    [{ XDG_CONFIG_HOME: "/xdg", HOME: "/home/me" }, "linux", "/xdg/action-runs/default.json"],
    [{ XDG_CONFIG_HOME: "relative", HOME: "/home/me" }, "linux", "/home/me/.config/action-runs/default.json"],
    [{ HOME: "/home/me" }, "darwin", "/home/me/.config/action-runs/default.json"],
    [{ APPDATA: "/appdata", XDG_CONFIG_HOME: "/xdg" }, "win32", "/appdata/action-runs/default.json"],
  ] as const)("with %j on %s is saved at %s", (env, platform, path) => {
    expect(profilePath("default", env, platform)).toBe(path);
  });
});
