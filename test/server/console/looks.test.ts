/**
 * Every page and dialog of the console: axe finds nothing wrong, light and dark, wide and narrow; nothing scrolls
 * sideways, and little stands still, at 200 % and 400 % zoom; and the focus can be seen wherever Tab leads.
 */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Client } from "../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedServer } from "../installation.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { lookAt } from "./accessible.ts";
import { button, field, focusMark, job, Site, search, sessionMenu, signInHere, WIDE } from "./site.ts";

const ENV = "prod";
const FORM = {
  type: "object",
  required: ["version", "notify"],
  properties: {
    version: { type: "string", title: "Version", description: "As in the tag.", pattern: "^[0-9.]+$" },
    region: { type: "string", enum: ["eu-west-1", "us-east-1"], default: "eu-west-1" },
    replicas: { type: "integer", minimum: 1, maximum: 20, default: 3 },
    canary: { type: "boolean" },
    notify: { type: "array", items: { type: "string" } },
    stages: { type: "array", items: { enum: ["build", "test", "ship"] } },
    limits: { type: "object", properties: { cpu: { type: "number" }, note: { type: "string", maxLength: 900 } } },
    extra: { anyOf: [{ type: "string" }, { type: "object" }] },
  },
};

const FORM_OF_A_RETRY = {
  properties: { version: { type: "string" }, picks: { type: "array", items: { enum: ["a"] } } },
};
const ERROR = `java.lang.IllegalStateException: the rollout did not become ready within 300 s
\tat com.example.deploy.Rollout.await(Rollout.java:188)
Caused by: java.net.ConnectException: Connection refused
\t... 12 more`;

interface Scene {
  readonly name: string;
  readonly path: string;
  /** What is done before it is looked at. */
  readonly act?: (page: Page) => Promise<void>;
}

/** Clicks in the page, because each click of the test itself takes a tenth of a second. */
function click(elements: readonly { click(): void }[]): void {
  for (const element of elements) element.click();
}

describeInBrowser("the console's looks", (browser) => {
  const site = new Site("of-console-looks", sharedServer("of-console-looks"));
  let receiver: RunningReceiver;
  const ids = new Map<string, string>();
  let bulkId = "";

  beforeAll(async () => {
    receiver = await startReceiver();
    receiver.script("failing", [{ status: 503, body: "upstream connect error:\nconnection refused\n" }]);
    const client = site.client(ENV);
    const parameters = { version: "1.4.2", replicas: 3, flags: { canary: true, notify: ["#deploys"] }, note: null };
    const labels = ["team:payments", "region:eu-west-1", "tier:1", "nightly"];
    const failing = (retry: { maxAttempts: number; initialDelayMs: number }) =>
      client.runs.create({
        actionName: "deploy-storefront",
        parameters,
        labels,
        trigger: { type: "webhook", url: `${receiver.url}/failing`, retry },
      });
    const failed = await failing({ maxAttempts: 3, initialDelayMs: 100 });
    const waiting = await failing({ maxAttempts: 6, initialDelayMs: 60_000 });
    const running = await client.runs.create({ actionName: "backup", parameters, recommendations: { cpu: 4 } });
    await job(running).heartbeat({
      message: "copied 36 of 210 tables",
      progress: 0.17,
      externalUrl: "https://ci.example.com/jobs/42",
    });
    const stopping = await client.runs.create({
      actionName: "reindex",
      entityId: "01890a5d-ac96-774b-bcce-b302099a8057",
    });
    await job(stopping).heartbeat({ message: "reindexing" });
    await client.runs.cancel(stopping.id, { reason: "a newer version is on its way", graceSeconds: 3000 });
    const succeeded = await client.runs.create({ actionName: "build", parameters });
    await job(succeeded).succeed({ image: "registry.example.com/shop@sha256:0d1fe2c4", layers: [{ id: "a3f" }] });
    const explained = await client.runs.create({ actionName: "build", parameters: { ...parameters, note: "a" } });
    await job(explained).fail(ERROR, { log: "one\ntwo\n\nfour" });
    const cancelled = await client.runs.create({ actionName: "rotate-keys" });
    await client.runs.cancel(cancelled.id, { reason: "the wrong environment" });
    for (const [name, { id }] of Object.entries({
      failed,
      waiting,
      running,
      stopping,
      succeeded,
      explained,
      cancelled,
    }))
      ids.set(name, id);
    await client.actions.put("deploy-storefront", { description: "Its runs are above." });
    await client.actions.put(
      "deploy",
      {
        description: "Deploys the shop",
        parametersSchema: FORM,
        labels,
        trigger: {
          type: "webhook",
          url: `${receiver.url}/deploy`,
          headers: { Authorization: "Bearer {{ secrets.ci }}" },
          secrets: { ci: "a-secret-of-the-ci" },
        },
      },
      { ifVersion: null },
    );
    await client.actions.put("no-webhook", { parametersSchema: FORM_OF_A_RETRY }, { ifVersion: null });
    // A version whose webhook went to another host, so that its secrets are asked for.
    const moved = { type: "webhook", url: "http://localhost:1/deploy", headers: { Authorization: "Bearer x" } };
    await client.actions.put("versions", { timeout: 5, trigger: { ...moved, type: "webhook" } });
    await client.actions.put("versions", { description: "No webhook any more", labels });
    await client.tokens.create({ name: "ci", role: "member", envName: ENV });
    const ofAction = await client.actions.run("no-webhook", { parameters: { kept: "as it is" } });
    await job(ofAction).fail("no disk");
    ids.set("waiting for its job", (await client.actions.run("no-webhook", {})).id);
    ids.set("of an action", ofAction.id);
    await gatedRuns(client);
    const bulk = await client.bulkOperations.create({
      operation: "cancel",
      filter: { status: ["cancelled"] },
      maxRuns: 500,
    });
    bulkId = bulk.id;
    await client.runs.wait(failed.id);
  });

  /** One of each that is held back, and one that was rejected. */
  async function gatedRuns(client: Client): Promise<void> {
    const trigger = { type: "webhook", url: `${receiver.url}/gated` } as const;
    const concurrency = { group: "slots", key: "{{ parameters.service }}" };
    await client.actions.put("gated", { trigger, approval: { required: 2 }, concurrency });
    await client.actions.put("in-turn", { trigger, concurrency: { group: "turns" } });
    const parameters = { service: "checkout" };
    const run = async (action: string, name: string, more = {}) =>
      ids.set(name, (await client.actions.run(action, { parameters, ...more })).id);
    await run("gated", "waiting for approval");
    await run("gated", "rejected");
    // It is the one that runs, and looks as every other that runs.
    await client.actions.run("in-turn", { parameters });
    await run("in-turn", "in line");
    await run("in-turn", "waiting for its time", { notBefore: new Date(Date.now() + 9e6).toISOString() });
    // Somebody else's, because nobody decides about their own.
    const approver = await client.tokens.create({ name: "approver", role: "member", mayApprove: true });
    const { runs } = site.client(ENV, approver.token);
    await runs.reject(ids.get("rejected") ?? "", { reason: "not before the weekend" });
    await runs.approve(ids.get("waiting for approval") ?? "");
    const freeze = { reason: "a deploy freeze", until: new Date(Date.now() + 9e6).toISOString() };
    await client.pauses.put("paused", freeze);
    await site.client("frozen").pauses.put("-environment", freeze);
  }
  afterAll(() => receiver?.close());

  const opening =
    (...names: readonly (string | RegExp)[]) =>
    async (page: Page) => {
      for (const name of names) await button(page, name).last().click();
    };
  const runAt = (name: string) => `${ENV}/runs/${ids.get(name)}`;
  /** Lists the cancelled run alone. All runs are looked at once, and once beside the run that does not exist. */
  const ONE = "?status=cancelled";
  const ONE_RUN = `${ENV}/runs${ONE}`;
  const runAlone = (name: string) => `${runAt(name)}${ONE}`;

  const select = (page: Page) =>
    page.getByRole("checkbox", { name: "Select all runs of this page", exact: true }).check();

  function scenes(): readonly Scene[] {
    return [
      { name: "runs", path: `${ENV}/runs?label=team:payments` },
      { name: "all runs", path: `${ENV}/runs` },
      { name: "no run matches", path: `${ENV}/runs?actionName=none` },
      { name: "a filter that is refused", path: `${ENV}/runs?status=exploded` },
      {
        name: "a search with suggestions",
        path: `${ENV}/runs?label=team:payments&since=today`,
        act: async (page) => {
          await search(page).pressSequentially("re");
          await page.getByRole("option", { name: "reindex action", exact: true }).waitFor();
          await page.keyboard.press("ArrowDown");
        },
      },
      {
        name: "a search by text",
        path: ONE_RUN,
        act: async (page) => {
          await search(page).fill("index");
          await page.keyboard.press("Enter");
          await page.getByRole("list", { name: "Filters", exact: true }).getByText("index").waitFor();
        },
      },
      { name: "runs that are selected", path: `${ENV}/runs?label=nightly`, act: select },
      {
        name: "cancel the selected runs",
        path: `${ENV}/runs?label=nightly`,
        act: async (page) => {
          await select(page);
          await opening("Cancel runs")(page);
          await page.getByRole("dialog").getByText("can be cancelled").waitFor();
        },
      },
      { name: "bulk operations", path: `${ENV}/bulk-operations` },
      { name: "a bulk operation", path: `${ENV}/bulk-operations/${bulkId}` },
      { name: "no runs yet", path: "empty/runs" },
      { name: "the menu of the session", path: ONE_RUN, act: (page) => sessionMenu(page).click() },
      { name: "keys", path: ONE_RUN, act: (page) => page.keyboard.press("?") },
      { name: "another environment", path: ONE_RUN, act: (page) => page.locator("button.scope").click() },
      ...[...ids.keys()].map((name) => ({
        name: `a run that is ${name}`,
        path: runAlone(name),
        act: async (page: Page) => {
          const closed = page.locator("details:not([open]) > summary");
          while ((await closed.count()) > 0) await closed.evaluateAll(click);
        },
      })),
      {
        name: "cancel",
        path: runAlone("running"),
        act: async (page) => {
          await opening("Cancel run")(page);
          await field(page, "Grace (seconds)").fill("soon");
          await opening("Cancel run")(page);
        },
      },
      {
        name: "retry",
        path: runAlone("succeeded"),
        act: async (page) => {
          await opening("Retry run")(page);
          await field(page, "Parameters").fill("{");
          await opening("Retry run")(page);
          await page.locator("dialog summary").click();
        },
      },
      {
        name: "retry a run of an action",
        path: runAlone("of an action"),
        act: async (page) => {
          await opening("Retry run")(page);
          await field(page, "version").fill("2");
          await page.getByRole("checkbox", { name: "a", exact: true }).check();
        },
      },
      { name: "a comparison", path: `${runAlone("explained")}&compare=${ids.get("succeeded")}` },
      { name: "approvals", path: `${ENV}/approvals` },
      { name: "no approvals, in an environment that is paused", path: "frozen/approvals" },
      { name: "groups", path: `${ENV}/groups` },
      {
        name: "approve a run",
        path: runAlone("waiting for approval"),
        act: async (page) => {
          await opening("Approve")(page);
          await page.getByRole("heading", { name: "Request", exact: true }).waitFor();
        },
      },
      { name: "start now", path: runAlone("waiting for its time"), act: opening("Start now") },
      { name: "a pause without a reason", path: `${ENV}/groups`, act: opening("Pause the environment", "Pause") },
      { name: "edit a gated action", path: `${ENV}/actions/gated/edit` },
      { name: "no such run", path: `${ENV}/runs/01a212de-9b55-8003-a8a9-dd2c148ea617` },
      { name: "actions", path: `${ENV}/actions` },
      { name: "no actions", path: "empty/actions" },
      { name: "a new action", path: `${ENV}/actions/-/new`, act: opening("Save") },
      { name: "an action", path: `${ENV}/actions/deploy` },
      { name: "an action without a webhook", path: `${ENV}/actions/no-webhook`, act: opening("Run action") },
      { name: "run an action", path: `${ENV}/actions/deploy`, act: opening("Run action", "Run action") },
      {
        name: "a new action as JSON",
        path: `${ENV}/actions/-/new`,
        act: async (page) => {
          await page.getByRole("tab", { name: "JSON" }).click();
        },
      },
      {
        name: "a new action with any webhook",
        path: `${ENV}/actions/-/new`,
        act: async (page) => {
          await page.getByRole("radio", { name: "Any webhook" }).check();
          await page.getByLabel("New header", { exact: true }).fill("Authorization");
          await opening("Add header", "Add parameter")(page);
        },
      },
      { name: "an action with runs", path: `${ENV}/actions/deploy-storefront` },
      { name: "versions compared", path: `${ENV}/actions/versions`, act: opening(/^Compare version/) },
      {
        name: "a version that needs its secrets",
        path: `${ENV}/actions/versions`,
        act: async (page) => {
          await opening(/^Restore version/, "Restore")(page);
          await page.getByRole("dialog").getByLabel("Header Authorization", { exact: true }).waitFor();
        },
      },
      { name: "delete a version", path: `${ENV}/actions/versions`, act: opening(/^Delete version/) },
      { name: "edit an action", path: `${ENV}/actions/deploy/edit` },
      { name: "test an action", path: `${ENV}/actions/deploy`, act: opening("Send a test …") },
      { name: "a search of actions that finds none", path: `${ENV}/actions?q=nothing+has+this` },
      { name: "delete an action", path: `${ENV}/actions/deploy`, act: opening("Delete") },
      { name: "tokens", path: "tokens" },
      { name: "a new token without a name", path: "tokens", act: opening("New token", "Create token") },
      {
        name: "a new token",
        path: "tokens",
        act: async (page) => {
          await opening("New token")(page);
          await field(page.getByRole("dialog"), "Name").fill("ci");
          await opening("Create token")(page);
          await field(page, "New token value").waitFor();
        },
      },
      { name: "revoke a token", path: "tokens", act: (page) => button(page, "Revoke ci").first().click() },
      { name: "audit", path: "audit" },
      { name: "a project that the token does not open", path: "../../other/shop/tokens" },
    ];
  }

  it("are accessible on every page and in every dialog, light and dark, wide and narrow", async () => {
    const found: string[] = [];
    const page = await browser.newPage(site.origin, WIDE);
    await page.goto(site.at(`${ENV}/runs`));
    await field(page, "Token").fill("not a token");
    await button(page, "Sign in").click();
    await browser.settled(page);
    await lookAt(page, "sign in", found);
    const owner = { name: "an-owner", role: "owner", mayApprove: true } as const;
    await signInHere(page, (await site.client(ENV).tokens.create(owner)).token);
    for (const { name, path, act } of scenes()) {
      // Closes what stands around every page.
      await page.keyboard.press("Escape");
      await site.goTo(page, path);
      await browser.settled(page);
      await act?.(page);
      await browser.settled(page);
      await lookAt(page, name, found);
    }
    // Those of the run and the page that do not exist, and of the filter that is refused.
    await browser.expectFault(/status of 4(0[04]|22)/);
    expect(found).toEqual([]);
  });

  /** Whether the focused element has the focus for the first time since `seen` was emptied. */
  function hasFocusFirst(page: Page): Promise<boolean> {
    return page.evaluate<boolean>(`(() => {
      const { seen } = globalThis;
      return seen.size < seen.add(document.activeElement).size;
    })()`);
  }

  it("show the focus at every stop of Tab and Shift+Tab on every page", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    // The lowest window in which parts of the page stand still.
    await page.setViewportSize({ width: WIDE.width, height: 480 });
    await site.signIn(page, `${ENV}/runs`);
    for (const [keys, path, opened] of [
      // Backwards, because the heads of tables and runs stand still above what is scrolled.
      ["Shift+Tab", `${ENV}/runs`, []],
      ["Shift+Tab", runAt("failed"), []],
      ["Tab", `${ENV}/actions`, []],
      ["Tab", `${ENV}/actions/deploy`, []],
      // The buttons of an editor stand still below what is scrolled.
      ["Tab", `${ENV}/actions/deploy/edit`, []],
      ["Tab", `${ENV}/notifications/-/new`, []],
      ["Tab", "tokens", []],
      ["Tab", "audit", []],
    ] as const) {
      const where = `${keys} on ${path} ${opened}`;
      // Closes the dialog of the page before.
      await page.keyboard.press("Escape");
      await site.goTo(page, path);
      await browser.settled(page);
      await opening(...opened)(page);
      await page.evaluate("globalThis.seen = new Set()");
      let stops = 0;
      // Once around, until an element has the focus again. Between the last and the first, the browser itself has it.
      for (let presses = 0; ; presses++) {
        expect(presses, where).toBeLessThan(200);
        await page.keyboard.press(keys);
        const mark = await focusMark(page);
        if (mark === "nothing has the focus") continue;
        expect(mark, where).toBe("visible");
        if (!(await hasFocusFirst(page))) break;
        stops++;
      }
      expect(stops, where).toBeGreaterThan(5);
    }
  });
});
