/** `action-runs login` without a token, against the service and a real issuer. */

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createClient } from "../../../src/client/index.ts";
import { cleanEnv, cli, type Started, start } from "../../cli/command.ts";
import { COMMAND_LINE, hasTerminal, Terminal } from "../../cli/terminal.ts";
import { serve } from "../../support/node-server.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { HttpBrowser, send } from "./http-browser.ts";
import { newPeopleSite, type PeopleSite } from "./people-issuer.ts";

let site: PeopleSite;
let home: string;
let opened: string;
let settings: Record<string, string>;
beforeAll(async () => {
  site = await newPeopleSite();
  await operator().tokens.create({
    name: "platform",
    role: "owner",
    mayApprove: true,
    trust: { for: "people", issuer: site.issuer.url, claims: { groups: "deployers" } },
  });
});
afterAll(() => site?.close());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "action-runs-home-"));
  opened = join(home, "opened");
  const browser = join(home, "browser");
  writeFileSync(browser, `#!/bin/sh\nprintf %s "$*" >"${opened}.part" && mv "${opened}.part" "${opened}"\n`);
  chmodSync(browser, 0o700);
  settings = { HOME: home, BROWSER: browser };
  return () => rmSync(home, { recursive: true });
});

function operator() {
  const { origin, installation } = site;
  return createClient({ baseUrl: origin, token: installation.token, org: "acme", project: "shop", env: "prod" });
}

const profile = () => join(home, ".config", "action-runs", "default.json");
const flags = () => ["--url", site.origin, "--env", "prod"];

interface Asked {
  readonly challenge: string;
  readonly port: number;
  readonly characters: string;
}

/** What the command printed. */
async function askedBy(printed: () => string): Promise<Asked> {
  await until("the command prints its address", () => /cli\?challenge=\S+\s/.test(printed()));
  const [, address = ""] = /(http:\S+\/console\/cli\?\S+)/.exec(printed()) ?? [];
  const [, characters = ""] = /type these\s+characters\s+there:\s+([A-Z2-7]{6})\s/.exec(printed()) ?? [];
  const { searchParams } = new URL(address);
  return { challenge: searchParams.get("challenge") ?? "", port: Number(searchParams.get("port")), characters };
}

async function agree(browser: HttpBrowser, asked: Asked): Promise<string> {
  return (await browser.post<{ code: string }>("/session/login-codes", asked)).code;
}

const JSON_BODY = { "Content-Type": "application/json" };
const broughtTo = (port: number, code: string) =>
  `http://127.0.0.1:${port}/?${new URLSearchParams({ code, iss: site.origin })}`;
const bring = (port: number, code: string) => send(broughtTo(port, code));

function stderrOf({ child }: Started): () => string {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  return () => text;
}

describe("login with the browser", () => {
  it("opens it, keeps a session that only its owner can read, and works as the person", async () => {
    const command = start(["login", "--browser", ...flags()], settings);
    const asked = await askedBy(stderrOf(command));
    await until("the browser is opened", () => existsSync(opened));
    const { challenge, port, characters } = asked;
    const query = new URLSearchParams({ challenge, port: String(port) });
    expect(readFileSync(opened, "utf8")).toBe(`${site.origin}/console/cli?${query}`);
    // The characters are in no address.
    expect(readFileSync(opened, "utf8")).not.toContain(characters);
    const browser = new HttpBrowser(site);
    await browser.beginSession("ada");
    await expect(agree(browser, { ...asked, characters: "AAAAAA" })).rejects.toThrow(/not those of this command line/);
    const { status, body } = await bring(port, await agree(browser, asked));
    expect([status, body]).toEqual([200, expect.stringContaining("You are signed in on the command line.")]);
    const ended = await command.ended;
    expect(ended.code).toBe(0);
    expect(statSync(profile()).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(readFileSync(profile(), "utf8"));
    expect(kept).toEqual({
      url: site.origin,
      org: "acme",
      project: "shop",
      env: "prod",
      token: expect.stringMatching(/^ters_[\w-]{43}$/),
    });
    expect(ended.stdout + ended.stderr).not.toContain(kept.token.slice(5));

    const run = (...args: readonly string[]) => cli(args, settings);
    const me = JSON.parse((await run("whoami", "--json")).stdout);
    expect(me).toMatchObject({ person: "ada@example.com", role: "member", mayApprove: false, issuer: site.issuer.url });
    const created = JSON.parse((await run("create", "deploy", "--json")).stdout);
    expect(created.triggeredBy).toBe("ada@example.com");
    const refused = await run("token", "create", "x", "--role", "viewer");
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/lacks tokens:manage/)]);
    // Somebody ends it at the console.
    await operator().sessions.end(me.sessionId);
    const over = await run("list");
    expect([over.code, over.stderr]).toEqual([3, expect.stringContaining("Run `action-runs login` again.")]);
  });

  it("ignores what other pages send to its port, and waits on", async () => {
    const command = start(["login", "--browser", ...flags()], settings);
    const stderr = stderrOf(command);
    const asked = await askedBy(stderr);
    const url = `http://127.0.0.1:${asked.port}`;
    const browser = new HttpBrowser(site);
    await browser.beginSession("ada");
    const code = await agree(browser, asked);
    const junk = [
      await send(`${url}/`),
      await send(`${url}/favicon.ico`),
      await send(broughtTo(asked.port, "x")),
      await send(`${url}/?code=${code}`),
      await send(`${broughtTo(asked.port, code)}&x=1`),
      await send(broughtTo(asked.port, code), { method: "POST" }),
      // A script of another page, and a name that resolves to this machine.
      await send(broughtTo(asked.port, code), { headers: { "Sec-Fetch-Mode": "no-cors" } }),
      await send(broughtTo(asked.port, code), { headers: { Host: `evil.example:${asked.port}` } }),
    ];
    expect(junk.map(({ status }) => status)).toEqual(junk.map(() => 404));
    // The code of a sign-in that belongs to another command line.
    const another = start(["login", "--browser", ...flags()], { ...settings, BROWSER: "/bin/true" });
    const ofAnother = await agree(browser, await askedBy(stderrOf(another)));
    another.child.kill();
    const { status, body } = await bring(asked.port, ofAnother);
    expect([status, body]).toEqual([400, expect.stringContaining("does not belong to the command line")]);
    await until("the command says so", () => /Still waiting/.test(stderr()));
    expect((await bring(asked.port, code)).status).toBe(200);
    expect((await command.ended).code).toBe(0);
    await another.ended;
  });

  it("sends the code to no other server than the one whose page the person saw", async () => {
    // A server of somebody else leads the browser on to the page of the real one, and waits for the code.
    const got: string[] = [];
    const evil = await serve(async (request, response) => {
      if (request.url === "/session/sign-in") return response.writeHead(303, { Location: "/console" }).end();
      if (request.method === "POST") got.push(await text(request));
      response.writeHead(request.method === "POST" ? 401 : 200, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ name: "action-runs", error: "no", code: "sign_in_code_invalid" }));
    });
    const command = start(["login", "--browser", "--url", evil.url, "--env", "prod"], settings);
    const stderr = stderrOf(command);
    const asked = await askedBy(stderr);
    const browser = new HttpBrowser(site);
    await browser.beginSession("ada");
    expect((await bring(asked.port, await agree(browser, asked))).status).toBe(400);
    await until("the command says so", () => stderr().includes(`another server: ${site.origin}. Still waiting.`));
    command.child.kill();
    await command.ended;
    await evil.close();
    const stolen = await Promise.all(
      got.map((body) => send(`${site.origin}/session/login`, { method: "POST", headers: JSON_BODY, body })),
    );
    expect(stolen.map((answer) => answer.status)).toEqual([]);
  });

  it("says who signed in, because everybody on the machine can read its address and bring a code of their own", async () => {
    const command = start(["login", "--browser", ...flags()], settings);
    const stderr = stderrOf(command);
    const asked = await askedBy(stderr);
    const somebody = new HttpBrowser(site);
    await somebody.beginSession("bob");
    await bring(asked.port, await agree(somebody, asked));
    await command.ended;
    expect(stderr()).toContain("You are signed in as bob@example.com.");
  });

  it("ends with the next login, and with logout, which removes the profile, also if it has ended before", async () => {
    const logIn = async () => {
      const command = start(["login", "--browser", ...flags()], settings);
      const asked = await askedBy(stderrOf(command));
      const browser = new HttpBrowser(site);
      await browser.beginSession("ada");
      await bring(asked.port, await agree(browser, asked));
      await command.ended;
      return JSON.parse(readFileSync(profile(), "utf8")).token as string;
    };
    const state = async (token: string) => {
      const headers = { Authorization: `Bearer ${token}` };
      return (await fetch(`${site.origin}/whoami`, { headers })).status;
    };
    for (let n = 0; n < 2; n++) {
      const former = await logIn();
      const token = await logIn();
      await cli(["login", ...flags()], settings, token);
      expect([await state(former), await state(token)]).toEqual([401, 200]);
      const { sessionId } = JSON.parse((await cli(["whoami", "--json"], settings)).stdout);
      if (n === 1) await operator().sessions.end(sessionId);
      const { code, stdout } = await cli(["logout", "--json"], settings);
      expect([code, JSON.parse(stdout)]).toEqual([0, { profile: "default", path: profile(), sessionEnded: true }]);
      expect([existsSync(profile()), await state(token)]).toEqual([false, 401]);
    }
    expect((await cli(["logout"], settings)).code).toBe(0);
  });

  it("gives up after five codes that are not its own, and saves nothing", async () => {
    const command = start(["login", "--browser", ...flags()], settings);
    const { port } = await askedBy(stderrOf(command));
    for (let n = 0; n < 5; n++) expect((await bring(port, String(n).repeat(43))).status).toBe(400);
    const { code, stderr } = await command.ended;
    expect([code, stderr]).toEqual([3, expect.stringContaining("began in another browser. Sign in again.")]);
    expect(existsSync(profile())).toBe(false);
  });

  it("ends with Ctrl-C", async () => {
    const command = start(["login", "--browser", ...flags()], settings);
    await askedBy(stderrOf(command));
    command.child.kill("SIGINT");
    await command.ended;
    expect(existsSync(profile())).toBe(false);
  });

  it("is refused where nobody can sign in, and beside a token", async () => {
    const { origin } = sharedServer("acme");
    const nowhere = await cli(["login", "--browser", "--url", origin, "--env", "prod"], settings);
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringMatching(/^action-runs: Nobody can sign in/)]);
    const both = await cli(["login", "--browser", "--token-stdin", ...flags()], settings, "terr_x");
    expect(both.code).toBe(2);
    expect(existsSync(profile())).toBe(false);
  });
});

describe.skipIf(!hasTerminal)("login on a terminal", () => {
  it("signs in with the browser if the token stays empty", async () => {
    const terminal = new Terminal(
      `${COMMAND_LINE} login --url ${site.origin}`,
      cleanEnv({ ...settings, TERM: "xterm" }),
    );
    await terminal.until("Token (leave it empty to sign in with your browser): ");
    terminal.type("\r");
    const asked = await askedBy(() => terminal.printed);
    const browser = new HttpBrowser(site);
    await browser.beginSession("bob");
    await bring(asked.port, await agree(browser, asked));
    await terminal.until("Environment: ");
    terminal.type("prod\r");
    expect(await terminal.ended).toBe(0);
    expect(JSON.parse(readFileSync(profile(), "utf8"))).toMatchObject({ env: "prod", project: "shop" });
  });
});
