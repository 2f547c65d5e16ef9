/** `npm run dev`, and an `npm start` that can't serve or ends, in a fresh copy of the project. */

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, makeDevVars } from "../../src/dev/server.ts";

import { serve } from "../support/node-server.ts";
import { Project, type Script } from "./project.ts";

const project = new Project();
project.standInForServer(200, { status: "ready" }, ["DB"]);
const ending = new Project();
ending.standInForServer(200, { status: "ready" });
/** It needs nothing from a test, so it runs while the first test does. */
const unready = new Project();
let unreadyStart: Script;

beforeAll(async () => {
  unready.standInForServer(503, { error: "CALLBACK_SIGNING_KEYS is not set." });
  writeFileSync(join(unready.folder, ".dev.vars"), "");
  unreadyStart = unready.run("start", "--", "--port", String(await freePort()));
});
afterAll(async () => {
  for (const one of [project, ending, unready]) await one.remove();
});

const devVars = (of = project) => readFileSync(join(of.folder, ".dev.vars"), "utf8");

describe("npm start", () => {
  test("reports why the service is not ready, and does not change .dev.vars", async () => {
    expect(await unreadyStart.ended()).toBe(1);
    expect(unreadyStart.printed()).toContain("The service is not ready. CALLBACK_SIGNING_KEYS is not set.");
    expect(devVars(unready)).toBe("");
  });

  test("says that the port which it was given is taken", async () => {
    const other = await serve(() => {});
    const { port } = new URL(other.url);
    const start = project.run("start", "--", "--port", port);
    expect(await start.ended()).toBe(1);
    expect(start.printed()).toContain(`Port ${port} can't be used`);
    await other.close();
  });
});

const ENDS: Readonly<Record<string, (script: Script) => unknown>> = {
  "its output is a closed pipe": ({ child }) => child.stdout?.destroy(),
  "its terminal is closed": ({ child }) => process.kill(-(child.pid ?? 0), "SIGHUP"),
  "Ctrl-C is pressed twice": ({ child }) => {
    for (let times = 0; times < 2; times++) process.kill(-(child.pid ?? 0), "SIGINT");
  },
};
test.concurrent.each(Object.entries(ENDS))("npm start leaves no process when %s", async (_, end) => {
  const script = ending.run("start", "--", "--port", "0");
  await script.until(/at work/);
  expect(script.processes()).toBeGreaterThan(2);
  await end(script);
  await script.untilAllAreGone();
  expect(script.processes()).toBe(0);
});

describe("npm run dev", () => {
  // Other tests assert that the server takes these flags and reads .dev.vars: closed.test.ts, first-minute.test.ts.
  test("migrates, passes flags on, makes .dev.vars private but does not change it, and ends with npm", async () => {
    const secrets = `CALLBACK_SIGNING_KEYS='${"signing-key!".repeat(4)}'\nROOT_TOKEN="a token" # mine\n`;
    const file = join(project.folder, ".dev.vars");
    writeFileSync(file, secrets);
    chmodSync(file, 0o640);
    const state = join(project.folder, "state");
    const flags = ["--port", String(await freePort()), "--persist-to", state, "--inspector-port", "0"];
    const dev = project.run("run", "dev", "--", ...flags);
    await dev.until(/at work/);
    expect(project.commands()).toEqual([flags]);
    expect(existsSync(join(state, "v3/d1"))).toBe(true);
    await dev.signalNpm("SIGTERM");
    expect(devVars()).toBe(secrets);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
});

describe(".dev.vars", () => {
  test("gets new secrets when it is created; an existing file, even an empty one, is not changed", () => {
    const [one, other] = [0, 1].map(() => mkdtempSync(join(tmpdir(), "action-runs-vars-")));
    const read = (folder = "") => readFileSync(join(folder, ".dev.vars"), "utf8");
    expect(makeDevVars(one ?? "")).toBe(true);
    expect(makeDevVars(other ?? "")).toBe(true);
    expect(read(one)).not.toBe(read(other));
    writeFileSync(join(one ?? "", ".dev.vars"), "");
    expect(makeDevVars(one ?? "")).toBe(false);
    expect(read(one)).toBe("");
    for (const folder of [one, other]) rmSync(folder ?? "", { recursive: true });
  });
});
