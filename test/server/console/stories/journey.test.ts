/** What people do at the console, in a browser: by pointer, and by the keyboard alone. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callback } from "../../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../../support/receiver/server.ts";
import { sharedServer } from "../../installation.ts";
import { until } from "../../until.ts";
import { describeInBrowser } from "../../watched-browser.ts";
import {
  button,
  dialog,
  fakeTime,
  field,
  focusMark,
  hasFocus,
  job,
  poll,
  run,
  runs,
  Site,
  search,
  sentOn,
  sessionMenu,
  signInHere,
  tabTo,
  untilRunIs,
  WIDE,
} from "../site.ts";

/** Ten times what the design says, for busy machines. */
const SHOWN_WITHIN_MS = 20_000;
const FORM = {
  type: "object",
  required: ["version"],
  properties: { version: { type: "string", title: "Version" }, replicas: { type: "integer", default: 3 } },
};

const site = new Site("of-console-journey", sharedServer("of-console-journey"));

describeInBrowser("the console", (browser) => {
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver?.close());

  /** Stores the action `deploy`, whose webhook calls an inbox of the environment's name. */
  async function storeAction(env: string): Promise<void> {
    await site
      .client(env)
      .actions.put(
        "deploy",
        { parametersSchema: FORM, trigger: { type: "webhook", url: `${receiver.url}/${env}` } },
        { ifVersion: null },
      );
  }

  interface Dispatched {
    readonly run: { readonly callbackUrl: string; readonly callbackToken: string };
    readonly parameters: unknown;
  }

  /**
   * What the receiver got to start a run's job, and the job's way to report. `n`: how many came before, and this one.
   */
  async function dispatched(env: string, n: number) {
    await until(`dispatch ${n}`, () => receiver.inbox(env).length >= n);
    const { run: asked, parameters } = JSON.parse(receiver.inbox(env)[n - 1]?.body ?? "") as Dispatched;
    return { parameters, report: callback(asked.callbackUrl, asked.callbackToken) };
  }

  /** Reports an end, and says how long the page took to show it. */
  async function endedAfterMs(page: Page, report: ReturnType<typeof callback>): Promise<number> {
    await report.succeed({ url: "https://shop.example/1.4.2" });
    const reportedAt = Date.now();
    await untilRunIs(page, "succeeded");
    return Date.now() - reportedAt;
  }

  function idIn(page: Page): string {
    return new URL(page.url()).pathname.split("/").at(-1) ?? "";
  }

  it("leads from the sign-in to a run, its end as it happens, a retry with another parameter, and a cancel", async () => {
    const env = "pointer";
    await storeAction(env);
    const page = await browser.newPage(site.origin, WIDE);
    await page.goto(`${site.origin}/console`);
    await signInHere(page, await site.newToken("member"), env);

    await page.getByRole("navigation").getByRole("link", { name: "Actions", exact: true }).click();
    await page.getByRole("link", { name: "deploy", exact: true }).click();
    await button(page, "Run action").click();
    await field(page, "Version").fill("1.4.2");
    await button(page.getByRole("dialog"), "Run action").click();

    const first = await dispatched(env, 1);
    expect(first.parameters).toEqual({ version: "1.4.2", replicas: 3 });
    await untilRunIs(page, "running");
    await first.report.heartbeat({ message: "Replacing 2 of 3 replicas", progress: 0.64 });
    await run(page).getByText("Replacing 2 of 3 replicas").first().waitFor();
    await run(page).getByRole("list", { name: "Timeline", exact: true }).getByText("64%").waitFor();
    expect(await endedAfterMs(page, first.report)).toBeLessThan(SHOWN_WITHIN_MS);
    await run(page).getByText("https://shop.example/1.4.2").first().waitFor();

    const before = page.url();
    await button(run(page), "Retry run").click();
    await field(page, "Version").fill("1.4.3");
    await button(page.getByRole("dialog"), "Retry run").click();
    await page.waitForURL((url) => url.href !== before);
    expect((await dispatched(env, 2)).parameters).toEqual({ version: "1.4.3", replicas: 3 });
    await untilRunIs(page, "running");

    await button(run(page), "Cancel run").click();
    await field(page, "Reason").fill("the wrong version");
    await field(page, "Grace (seconds)").fill("0");
    await button(page.getByRole("dialog"), "Cancel run").click();
    await untilRunIs(page, "cancelled");
    await run(page).getByText("the wrong version").first().waitFor();
    expect(await site.client(env).runs.get(idIn(page), { include: "details" })).toMatchObject({
      status: "cancelled",
      details: { retryOf: new URL(before).pathname.split("/").at(-1) },
    });
  });

  it("repeats a retry whose response was lost, and makes another run for other parameters", async () => {
    const env = "lost";
    await storeAction(env);
    const client = site.client(env);
    const { id } = await client.actions.run("deploy", { parameters: { version: "1" } });
    await dispatched(env, 1);
    await client.runs.cancel(id, { graceSeconds: 0 });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${env}/runs/${id}`);

    /** Sends what the dialog holds. The service gets each try, and the page gets no response. */
    async function loseResponses(): Promise<void> {
      await page.route(`**/${id}/retry*`, async (route) => {
        await sentOn(route);
        await route.abort();
      });
      await button(page.getByRole("dialog"), "Retry run").click();
      await page.getByRole("dialog").getByRole("alert").waitFor();
      await page.unrouteAll({ behavior: "wait" });
      await browser.expectFault(/ERR_FAILED/);
    }
    async function made(): Promise<string> {
      await button(page.getByRole("dialog"), "Retry run").click();
      await page.waitForURL((url) => !url.pathname.endsWith(id));
      return idIn(page);
    }
    async function listed(): Promise<number> {
      return (await site.client(env).runs.list({ limit: 10 }).page()).entries.length;
    }

    await button(run(page), "Retry run").click();
    await loseResponses();
    const repeated = await made();
    expect([await listed(), receiver.inbox(env).length]).toEqual([2, 2]);

    await page.goto(site.at(`${env}/runs/${id}`));
    await button(run(page), "Retry run").click();
    await field(page, "Version").fill("2");
    await loseResponses();
    await field(page, "Version").fill("3");
    const changed = await made();
    expect([await listed(), changed === repeated]).toEqual([4, false]);
    expect((await client.runs.get(changed)).parameters).toEqual({ version: "3" });
  });

  it("shows a refusal beside the field that it points to, and gives that field the focus", async () => {
    const env = "refused";
    const short = { type: "string", title: "Version", maxLength: 3, pattern: "^[0-9]+$" };
    const target = { type: "object", title: "Target", properties: { region: { title: "Region", pattern: "^eu" } } };
    const parametersSchema = { type: "object", properties: { version: short, target } };
    await site.client(env).actions.put("deploy", { parametersSchema }, { ifVersion: null });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${env}/actions/deploy`);
    const open = page.getByRole("dialog");

    /** Presses the button. The field's error has the words, and nothing else has an error. */
    async function refused(verb: string, label: string, words: string, within = open): Promise<void> {
      await button(within, verb).click();
      const wrong = within.locator("[aria-invalid]");
      await wrong.waitFor();
      const [at] = await wrong.all();
      if (at === undefined) throw new Error("No field is wrong.");
      const described = (await at.getAttribute("aria-describedby"))?.split(" ").at(-1);
      const said = {
        fields: await wrong.count(),
        isNamed: (await field(within, label).getAttribute("id")) === (await at.getAttribute("id")),
        hasFocus: await hasFocus(at),
        error: await page.locator(`[id="${described}"]`).textContent(),
        besides: await within.getByRole("alert").count(),
      };
      const error = expect.stringContaining(words);
      expect(said).toEqual({ fields: 1, isNamed: true, hasFocus: true, error, besides: 0 });
      await browser.expectFault(/40[03]|422/);
    }

    await button(page, "Run action").click();
    await field(open, "Version").fill("1.x");
    await refused("Run action", "Version", "/version");
    await field(open, "Version").fill("1");
    await field(open, "Region").fill('"us"');
    await refused("Run action", "Region", "/target/region");
    await field(open, "Region").fill('"eu"');
    await field(open, "Entity").fill("the shop");
    await refused("Run action", "Entity", "Send a uuid");
    await field(open, "Entity").fill("");
    await field(open, "Labels").fill(`a\n${"b".repeat(65)}`);
    await refused("Run action", "Labels", "Line 2: has 65 characters");
    await button(open, "Cancel").click();

    await page.getByRole("link", { name: "Edit", exact: true }).click();
    const editor = page.locator("main");
    await field(editor, "Timeout (minutes)").fill("0");
    await refused("Save", "Timeout (minutes)", "0 was sent", editor);
    await editor.getByRole("tab", { name: "JSON" }).click();
    await field(editor, "Definition").fill('{ "timeout": 0 }');
    await refused("Save", "Definition", "timeout: 0 was sent", editor);
    await button(editor, "Cancel").click();
    await button(dialog(page, "Leave without saving?"), "Leave").click();
    await button(page, "Run action").waitFor();

    const { id } = await site.client(env).runs.create({ actionName: "deploy" });
    await page.goto(site.at(`${env}/runs/${id}`));
    await button(run(page), "Cancel run").click();
    await field(open, "Reason").fill("x".repeat(1025));
    await refused("Cancel run", "Reason", "Has 1025 bytes");
    await button(open, "Keep the run").click();

    await page.getByRole("navigation").getByRole("link", { name: "Tokens", exact: true }).click();
    await button(page, "New token").click();
    await field(open, "Name").fill("root");
    await refused("Create token", "Name", "root");
    await field(open, "Name").fill("ci");
    await field(open, "Environment").fill("No");
    await refused("Create token", "Environment", "Send");
  });

  it("says why a run can't be retried, if its trigger or its action is gone", async () => {
    const env = "gone";
    await storeAction(env);
    const client = site.client(env);
    const ofAction = await client.actions.run("deploy", { parameters: { version: "1" } });
    const trigger = { type: "webhook", url: `${receiver.url}/${env}` } as const;
    const ofTrigger = await client.runs.create({ actionName: "once", trigger });
    for (const { id } of [ofAction, ofTrigger]) await client.runs.cancel(id, { graceSeconds: 0 });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${env}/runs/${ofAction.id}`);
    await button(run(page), "Retry run").waitFor();

    await page.goto(site.at(`${env}/runs/${ofTrigger.id}`));
    await run(page).getByText("the service does not keep such a trigger").waitFor();
    expect(await button(run(page), "Retry run").count()).toBe(0);

    await client.actions.delete("deploy");
    await page.goto(site.at(`${env}/runs/${ofAction.id}`));
    await run(page).getByText("Its action deploy is deleted").waitFor();
    expect(await button(run(page), "Retry run").count()).toBe(0);
    await browser.expectFault(/404/);
  });

  it("lets people do all of that with the keyboard alone, and always shows where the focus is", async () => {
    const env = "keyboard";
    await storeAction(env);
    // With two environments, the sign-in asks for one.
    await storeAction("another");
    const page = await browser.newPage(site.origin, WIDE);
    const { keyboard } = page;
    await page.goto(`${site.origin}/console`);
    await field(page, "Token").waitFor();
    await keyboard.type(await site.newToken("owner"));
    await keyboard.press("Enter");
    const environment = field(page, "Environment");
    await environment.waitFor();
    expect(await hasFocus(environment)).toBe(true);
    await keyboard.type(env);
    await keyboard.press("Enter");
    await sessionMenu(page).waitFor();

    await keyboard.press("g");
    await keyboard.press("a");
    await page.getByRole("link", { name: "deploy", exact: true }).waitFor();
    // A new page takes the focus once it is painted.
    await page.waitForFunction("document.activeElement?.matches('main')");
    await keyboard.press("j");
    expect(await focusMark(page)).toBe("visible");
    await keyboard.press("Enter");
    await page.getByRole("heading", { name: "deploy", exact: true }).waitFor();
    await tabTo(page, button(page, "Run action"));
    await keyboard.press("Enter");
    await field(page, "Version").waitFor();
    expect([await hasFocus(field(page, "Version")), await focusMark(page)]).toEqual([true, "visible"]);
    await keyboard.type("1.4.2");
    await keyboard.press("Enter");

    const { report } = await dispatched(env, 1);
    await untilRunIs(page, "running");
    await tabTo(page, button(run(page), "Cancel run"));
    expect(await endedAfterMs(page, report)).toBeLessThan(SHOWN_WITHIN_MS);
    // The button went with the status.
    expect(await focusMark(page)).toBe("a part of the page has the focus");

    const before = page.url();
    await keyboard.press("r");
    await field(page, "Version").waitFor();
    expect(await hasFocus(field(page, "Version"))).toBe(true);
    await keyboard.press("Control+a");
    await keyboard.type("1.4.3");
    await tabTo(page, button(page.getByRole("dialog"), "Retry run"));
    await keyboard.press("Enter");
    await page.waitForURL((url) => url.href !== before);
    expect((await dispatched(env, 2)).parameters).toEqual({ version: "1.4.3", replicas: 3 });
    await untilRunIs(page, "running");

    await keyboard.press("c");
    await field(page, "Reason").waitFor();
    expect(await hasFocus(field(page, "Reason"))).toBe(true);
    await keyboard.type("the wrong version");
    await tabTo(page, field(page, "Grace (seconds)"));
    await keyboard.type("0");
    await keyboard.press("Enter");
    await untilRunIs(page, "cancelled");
    await run(page).getByText("the wrong version").first().waitFor();

    await keyboard.press("Escape");
    await run(page).waitFor({ state: "detached" });
    await keyboard.press("j");
    const row = runs(page).getByRole("link", { name: "deploy", exact: true }).first();
    expect([await hasFocus(row), await focusMark(page)]).toEqual([true, "visible"]);
    await keyboard.press("Enter");
    await run(page).waitFor();
    await keyboard.press("Escape");
    await run(page).waitFor({ state: "detached" });
    expect([await hasFocus(row), await focusMark(page)]).toEqual([true, "visible"]);
    await tabTo(page, sessionMenu(page));
    await keyboard.press("Enter");
    await tabTo(page, button(page, "Sign out"));
    await keyboard.press("Enter");
    await field(page, "Token").waitFor();
  });

  it("keeps the focus on its row while rows come and statuses change", async () => {
    const env = "focus";
    const client = site.client(env);
    await client.runs.create({ actionName: "first" });
    const watched = await client.runs.create({ actionName: "watched" });
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    await site.signIn(page, `${env}/runs`);
    const row = runs(page).getByRole("row").filter({ hasText: "watched" });
    await row.waitFor();
    await page.keyboard.press("j");
    const link = row.getByRole("link", { name: "watched", exact: true });
    expect([await hasFocus(link), await focusMark(page)]).toEqual([true, "visible"]);

    await client.runs.create({ actionName: "newest" });
    await job(watched).succeed();
    await poll(page);
    await row.getByText("succeeded", { exact: true }).waitFor();
    await button(page, "1 new").waitFor();
    expect([await hasFocus(link), await focusMark(page)]).toEqual([true, "visible"]);

    await button(page, "1 new").focus();
    await page.keyboard.press("Enter");
    await runs(page).getByRole("link", { name: "newest", exact: true }).waitFor();
    expect(await runs(page).getByRole("row").count()).toBe(4);
    expect(await focusMark(page)).toBe("a part of the page has the focus");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    expect(await hasFocus(runs(page).getByRole("link", { name: "newest", exact: true }))).toBe(true);
  });

  it("has keys that can be switched off, and that do nothing in fields and with modifiers", async () => {
    const env = "keys";
    await site.client(env).runs.create({ actionName: "deploy" });
    const page = await browser.newPage(site.origin, WIDE);
    const { keyboard } = page;
    await site.signIn(page, `${env}/runs`);
    const link = runs(page).getByRole("link", { name: "deploy", exact: true });
    await link.waitFor();
    for (const modifier of ["Control", "Alt", "Meta"]) {
      await keyboard.press(`${modifier}+j`);
      await keyboard.press(`${modifier}+?`);
    }
    expect([await hasFocus(link), await page.getByRole("dialog").count()]).toEqual([false, 0]);

    await keyboard.press("/");
    await keyboard.type("j?/gt");
    expect(await search(page).inputValue()).toBe("j?/gt");
    expect([await page.getByRole("dialog").count(), page.url()]).toEqual([0, site.at(`${env}/runs`)]);
    await keyboard.press("Escape");
    expect(await search(page).inputValue()).toBe("");

    const help = dialog(page, "Keyboard shortcuts");
    await keyboard.press("?");
    await help.waitFor();
    const isOn = help.getByRole("checkbox", { name: "Use keyboard shortcuts", exact: true });
    await tabTo(page, isOn);
    await keyboard.press("Space");
    await keyboard.press("Escape");
    await help.waitFor({ state: "detached" });
    async function pressAll(): Promise<void> {
      for (const key of ["j", "?", "g", "t"]) await keyboard.press(key);
    }
    await pressAll();
    expect([await hasFocus(link), await help.count()]).toEqual([false, 0]);
    // This browser remembers it.
    await page.reload();
    await link.waitFor();
    await pressAll();
    expect([await hasFocus(link), await help.count(), page.url()]).toEqual([false, 0, site.at(`${env}/runs`)]);

    await sessionMenu(page).click();
    await button(page, "Keyboard shortcuts ?").click();
    await isOn.check();
    await keyboard.press("Escape");
    await keyboard.press("j");
    expect(await hasFocus(link)).toBe(true);
    await keyboard.press("g");
    await keyboard.press("t");
    await page.getByRole("heading", { name: "Tokens", exact: true }).waitFor();
  });
});
