/**
 * The first minute of a developer: `npm start` in a fresh copy of the project, its link in a browser, and the action
 * `hello`, whose job runs on this machine.
 */

import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../../src/dev/server.ts";
import { button, dialog, field, run, sessionMenu, untilRunIs, WIDE } from "../server/console/site.ts";
import { describeInBrowser } from "../server/watched-browser.ts";
import { Project, type Script } from "./project.ts";

const COLUMNS = 80;
const LINES_MAX = 12;

const project = new Project();
let port: number;
let start: Script;
/** What a person reads before the server's log. */
let printed: string;

beforeAll(async () => {
  port = await freePort();
  start = project.run("start", "--", "--port", String(port));
  const all = await start.until(/Ctrl-C.*\n/);
  printed = all.slice(all.indexOf("Preparing"), all.indexOf("\n", all.indexOf("Ctrl-C")));
});
afterAll(() => project.remove());

const inProject = (file: string) => readFileSync(join(project.folder, file), "utf8");
const link = () => /^http\S+\/console\S+$/m.exec(printed)?.[0] ?? "";

it("prints a link, a command and what is next in 12 lines of a terminal, and no secret", () => {
  const rows = printed.split("\n").map((line) => Math.max(1, Math.ceil(line.length / COLUMNS)));
  expect(rows.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(LINES_MAX);
  expect(printed).toContain(`The API is at http://localhost:${port}, `);
  expect(link()).toMatch(new RegExp(`^http://localhost:${port}/console/-/acme/shop/production/runs#code=[\\w-]{43}$`));
  const secrets = inProject(".dev.vars");
  expect(secrets).toMatch(/^CALLBACK_SIGNING_KEYS=[0-9a-f]{64}\nROOT_TOKEN=root_[0-9a-f]{64}\n$/);
  expect(start.printed()).not.toContain(project.rootToken());
  // Only the owner may read them. The settings of this server alone are in no file.
  for (const file of [".dev.vars", ".wrangler/env"])
    expect([file, statSync(join(project.folder, file)).mode & 0o777]).toEqual([file, 0o600]);
  expect(secrets).not.toContain("ALLOW_INSECURE_WEBHOOKS");
});

it("prints a command that runs the action to its end, with the command line of the clone", async () => {
  const command = /^\. \.wrangler\/env && npx .*$/m.exec(printed)?.[0] ?? "";
  const told = JSON.parse(await project.paste(`${command} -p seconds:=1`)) as object;
  expect(told).toMatchObject({ actionName: "hello", status: "succeeded", triggeredBy: "root" });
});

it("does not let a request's Host header choose where jobs report", async () => {
  const headers = {
    Host: "evil.example",
    Authorization: `Bearer ${project.rootToken()}`,
    "Content-Type": "application/json",
  };
  const path = "/acme/other/envs/production/action-runs";
  const asking = request({ host: "localhost", port, method: "POST", path, headers });
  asking.end('{"actionName":"deploy"}');
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  const { callback } = (await json(answer)) as { readonly callback: { readonly url: string } };
  expect(callback.url).toContain(`http://localhost:${port}/acme/`);
});

describeInBrowser("the link of npm start", (browser) => {
  async function runHello(page: Page, seconds: number): Promise<void> {
    await page.getByRole("navigation").getByRole("link", { name: "Actions", exact: true }).click();
    await page.getByRole("link", { name: "hello", exact: true }).click();
    await button(page, "Run action").click();
    await field(page, "Seconds").fill(String(seconds));
    await button(dialog(page, "Run hello"), "Run action").click();
  }

  /** Resolves when the open run has shown its progress, its heartbeats and its end. */
  async function untilItSucceeded(page: Page): Promise<void> {
    const timeline = run(page).getByRole("list", { name: "Timeline", exact: true });
    await timeline.getByText("Second 1 of 2 is over.").waitFor();
    await timeline.getByText("50%").waitFor();
    await untilRunIs(page, "succeeded");
    await run(page).getByText("Hello from the job on this machine").first().waitFor();
  }

  it("leads to a run of hello with its progress, a retry, and a cancel that stops the job", async () => {
    const page = await browser.newPage(`http://localhost:${port}`, WIDE);
    await page.goto(link());
    await sessionMenu(page).waitFor();
    // A code that was used is worth nothing, but it is not in the history either.
    expect(page.url()).toBe(link().replace(/#.*/, ""));
    await runHello(page, 2);
    await untilItSucceeded(page);

    const first = page.url();
    await button(run(page), "Retry run").click();
    await button(page.getByRole("dialog"), "Retry run").click();
    await page.waitForURL((url) => url.href !== first);
    await untilItSucceeded(page);

    await runHello(page, 60);
    await run(page)
      .getByText(/Second \d+ of 60 is over\./)
      .first()
      .waitFor();
    await button(run(page), "Cancel run").click();
    await button(page.getByRole("dialog"), "Cancel run").click();
    await untilRunIs(page, "cancelled");
    await run(page).getByText("The job stopped because its run was cancelled.").first().waitFor();
  });
});

it("ends with all its processes on Ctrl-C", async () => {
  await start.signalAll("SIGINT");
});
