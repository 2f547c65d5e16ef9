/** `npm run dev`, `npm run demo`, and an `npm start` that can't serve, in a fresh copy of the project. */

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort, makeDevVars } from "../../src/dev/server.ts";

import { serve } from "../support/node-server.ts";
import { Project, type Script } from "./project.ts";

/** All requests succeed, and one check fails. */
const STORIES_WITH_A_FAULT = {
  "story.ts": 'export const showRuns = async (demo) => demo.check("the first", false);',
  "dispatch-story.ts": 'export const showDispatch = async (demo) => demo.check("the second", true);',
  "action-story.ts": "export const showActions = async () => {};",
};

const project = new Project();
project.standInForServer(200, { status: "ready" }, { DB: null });
/** These scripts need nothing from a test, so they run while the first tests do. */
const inBackground = { demo: new Project(), brokenDemo: new Project(), unreadyStart: new Project() };
let demo: Script;
let brokenDemo: Script;
let unreadyStart: Script;

beforeAll(async () => {
  demo = inBackground.demo.run("run", "demo");
  inBackground.brokenDemo.standInForServer(200, { status: "ready" });
  for (const [file, source] of Object.entries(STORIES_WITH_A_FAULT))
    writeFileSync(join(inBackground.brokenDemo.folder, "src/dev", file), source);
  brokenDemo = inBackground.brokenDemo.run("run", "demo");
  inBackground.unreadyStart.standInForServer(503, { error: "CALLBACK_SIGNING_KEYS is not set." });
  writeFileSync(join(inBackground.unreadyStart.folder, ".dev.vars"), "");
  unreadyStart = inBackground.unreadyStart.run("start", "--", "--port", String(await freePort()));
});
afterAll(async () => {
  for (const each of [project, ...Object.values(inBackground)]) await each.remove();
});

const devVars = (of = project) => readFileSync(join(of.folder, ".dev.vars"), "utf8");

describe("npm start", () => {
  test("reports why the service is not ready, and does not change .dev.vars", async () => {
    expect(await unreadyStart.ended()).toBe(1);
    expect(unreadyStart.printed()).toContain("The service is not ready. CALLBACK_SIGNING_KEYS is not set.");
    expect(devVars(inBackground.unreadyStart)).toBe("");
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

describe("npm run demo", () => {
  test("passes all checks and exits 0, and neither needs nor creates a .dev.vars", async () => {
    const { folder } = inBackground.demo;
    expect({ code: await demo.ended(), printed: demo.printed() }).toMatchObject({ code: 0 });
    expect(demo.printed()).toContain("All 26 checks passed.");
    expect(demo.printed()).toContain("link to the console");
    for (const status of ["201", "200", "409", "401"]) expect(demo.printed()).toContain(`< ${status} `);
    expect(demo.printed()).toContain("Idempotent-Replayed: true");
    expect(demo.printed()).not.toMatch(/[0-9a-f]{64}/);
    expect(existsSync(join(folder, ".dev.vars"))).toBe(false);
    expect(existsSync(join(folder, ".wrangler/state"))).toBe(false);
  });

  test("exits non-zero if a check fails", async () => {
    expect(await brokenDemo.ended()).toBe(1);
    expect(brokenDemo.printed()).toContain("✗ FAILED: the first");
    expect(brokenDemo.printed()).toContain("✓ the second");
    expect(brokenDemo.printed()).not.toContain("checks passed");
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
