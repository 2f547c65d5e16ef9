/**
 * The editor as a page: it has an address, asks before work is lost, shows the request while somebody types, says what
 * is wrong at the field, and sends a test. And the list of actions: its search, its last runs, and its Run buttons.
 */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedServer } from "../installation.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { lookAt } from "./accessible.ts";
import { button, dialog, field, hasFocus, job, NARROW, run, Site, WIDE } from "./site.ts";

const ENV = "prod";
const SECRET = "Bearer the-stored-header";

describeInBrowser("the editor", (browser) => {
  const site = new Site("of-console-editor", sharedServer("of-console-editor"));
  const client = site.client(ENV);
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    await client.actions.put("deploy", {
      description: "Deploys the shop",
      trigger: {
        type: "webhook",
        url: `${receiver.url}/deploy`,
        headers: { Authorization: SECRET, Accept: "text/plain" },
        secrets: { key: "the-stored-secret" },
        payload: { version: "{{ parameters.version }}", key: "{{ secrets.key }}", none: null },
      },
      parametersSchema: { type: "object", properties: { version: { type: "string" } }, additionalProperties: false },
    });
    await client.actions.put("by-hand", { description: "Somebody does it" });
    await client.actions.put("gated", { trigger: { type: "webhook", url: receiver.url }, approval: {} });
    await client.actions.run("deploy", { parameters: { version: "1.4.2" } });
    await job(await client.actions.run("by-hand")).fail("no");
  });
  afterAll(() => receiver?.close());

  const heading = (page: Page, name: string) => page.getByRole("heading", { name, level: 1, exact: true });
  const preview = (page: Page) => page.locator(".request-preview");
  const leaving = (page: Page) => dialog(page, "Leave without saving?");

  async function openEdit(look = WIDE): Promise<Page> {
    const page = await browser.newPage(site.origin, look);
    await site.signIn(page, `${ENV}/actions/deploy`, await site.newToken("admin"));
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await heading(page, "Edit deploy").waitFor();
    return page;
  }

  it("has an address, and asks before it is left with what is not saved", async () => {
    const page = await openEdit();
    expect(page.url()).toBe(site.at(`${ENV}/actions/deploy/edit`));
    // Nothing is typed, so nothing is asked.
    await page.goBack();
    await heading(page, "deploy").waitFor();
    await page.goForward();
    await heading(page, "Edit deploy").waitFor();

    await field(page, "Description").first().fill("Deploys the whole shop");
    for (const leave of [
      () => page.getByRole("link", { name: "Groups", exact: true }).click(),
      () => page.goBack(),
      () => button(page, "Cancel").click(),
    ]) {
      await leave();
      await leaving(page).waitFor();
      expect(page.url()).toBe(site.at(`${ENV}/actions/deploy/edit`));
      await button(leaving(page), "Keep editing").click();
      expect(await field(page, "Description").first().inputValue()).toBe("Deploys the whole shop");
    }
    // The browser asks in its own words, and the answer is to stay.
    await page.reload({ waitUntil: "commit", timeout: 2000 }).catch(() => {});
    await browser.expectFault(/^beforeunload/);
    expect(await field(page, "Description").first().inputValue()).toBe("Deploys the whole shop");

    await page.goBack();
    await button(leaving(page), "Leave").click();
    await heading(page, "deploy").waitFor();
    expect(page.url()).toBe(site.at(`${ENV}/actions/deploy`));
    // The step was taken back, so forward leads to the editor again, without what was typed.
    await page.goForward();
    await heading(page, "Edit deploy").waitFor();
    await page.reload();
    expect(await field(page, "Description").first().inputValue()).toBe("Deploys the shop");

    await field(page, "Description").first().fill("Deploys it");
    await button(page, "Save").click();
    await heading(page, "deploy").waitFor();
    expect((await client.actions.get("deploy")).definition.description).toBe("Deploys it");
  });

  it("shows the request with the parameters of the last run, and dots for secrets, while somebody types", async () => {
    const page = await openEdit();
    await preview(page).getByText("Those of the last run.").waitFor();
    await preview(page).getByText('"1.4.2"').waitFor();
    await preview(page).getByText(`POST ${receiver.url}/deploy`).waitFor();
    await preview(page).getByText('"••••••••"').waitFor();
    await preview(page).getByText("text/plain").waitFor();
    expect(await preview(page).locator("dd").allTextContents()).toEqual(["••••••••secret", "text/plain"]);
    await field(page, "Title").fill("ship {{ parameters.version }}");
    await preview(page).getByText("ship 1.4.2", { exact: true }).waitFor();
    await field(page, "URL").fill(`${receiver.url}/{{ parameters.version }}/x`);
    await preview(page).getByText(`${receiver.url}/1.4.2/x`).waitFor();
    await field(page, "With these parameters").fill('{ "version": "2.0" }');
    await preview(page).getByText(`${receiver.url}/2.0/x`).waitFor();
    // What is wrong is said with the form's labels, and never by a pointer.
    await field(page, "With these parameters").fill('{ "version": ".." }');
    await preview(page).getByText("URL: Has a part . or .. in its path").waitFor();
    await browser.expectFault(/400/);
    await field(page, "Body").fill('"{{ parameters.versoin }}"');
    await preview(page).getByText("Body: Uses the parameter versoin, which “Parameters” does not have.").waitFor();
    expect(await page.getByRole("main").textContent()).not.toMatch(/\/trigger|definition\./);
    await browser.expectFault(/400/);
    expect((await client.runs.list().page()).entries).toHaveLength(2);
  });

  it("has a header's value beside its name: a kept secret is dots, and another one replaces it", async () => {
    const page = await openEdit();
    const headers = page.getByRole("group", { name: "Headers" });
    expect(await field(headers, "Authorization").getAttribute("placeholder")).toBe("••••••••");
    expect(await field(headers, "Authorization").inputValue()).toBe("");
    expect(await field(headers, "Accept").inputValue()).toBe("text/plain");
    await field(headers, "New header").fill("Accept-Language");
    await page.keyboard.press("Enter");
    const added = field(headers, "Accept-Language");
    expect([await hasFocus(added), await added.getAttribute("type")]).toEqual([true, "text"]);
    await added.fill("de");
    await button(headers, "Remove the header Accept").click();
    await button(page, "Save").click();
    await heading(page, "deploy").waitFor();
    const { trigger } = (await client.actions.get("deploy")).definition;
    expect(trigger?.headers).toEqual({ Authorization: null, "Accept-Language": "de" });
  });

  it("says at the field what the service refuses, and leads there", async () => {
    const page = await openEdit();
    await field(page, "URL").fill("ftp://ci.example.com/x");
    await field(page, "Timeout (minutes)").fill("0");
    await button(page, "Save").click();
    const timeout = field(page, "Timeout (minutes)");
    await page.locator(".field-error").first().waitFor();
    const errors = await page.locator(".field-error").allTextContents();
    expect(errors.join()).not.toMatch(/trigger|timeout|\//);
    expect([await timeout.getAttribute("aria-invalid"), await hasFocus(timeout)]).toEqual(["true", true]);
    await browser.expectFault(/400/);
    await timeout.fill("5");
    await button(page, "Save").click();
    await page.locator(".field-error").getByText("https").waitFor();
    expect(await hasFocus(field(page, "URL"))).toBe(true);
    await browser.expectFault(/400/);
  });

  it("sends a test of what is not stored, for real and after a warning, and never around an approval", async () => {
    const found: string[] = [];
    const page = await openEdit();
    receiver.script("tested", [{ status: 202, body: "queued as 7" }]);
    await field(page, "URL").fill(`${receiver.url}/tested`);
    await button(page, "Send a test …").click();
    const test = dialog(page, "Test deploy");
    await test.getByText("This calls your CI for real.").waitFor();
    expect(receiver.inbox("tested")).toEqual([]);
    await field(test, "With these parameters").fill('{ "version": "9" }');
    await button(test, "Call it now").click();
    await test.getByText("The request arrived.").waitFor();
    await test.getByText("queued as 7").waitFor();
    await lookAt(page, "a test", found);
    const [request, ...others] = receiver.inbox("tested");
    expect([others, request?.headers.authorization, request?.headers["action-runs-test"]]).toEqual([
      [],
      SECRET,
      "true",
    ]);
    expect(JSON.parse(request?.body ?? "")).toEqual({ version: "9", key: "the-stored-secret", none: null });
    await button(test, "Close").first().click();
    // The editor still holds what was typed.
    expect(await field(page, "URL").inputValue()).toBe(`${receiver.url}/tested`);
    expect((await client.actions.get("deploy")).definition.trigger?.url).toBe(`${receiver.url}/deploy`);

    await site.goTo(page, `${ENV}/actions/gated`);
    await heading(page, "gated").waitFor();
    expect(await button(page, "Send a test …").isDisabled()).toBe(true);
    expect(await button(page, "Send a test …").getAttribute("title")).toContain("a test would go around it");
    expect(found).toEqual([]);
  });

  it("has Save in sight on a phone, and nothing that is too wide", async () => {
    const page = await openEdit(NARROW);
    await preview(page).getByText('"1.4.2"').waitFor();
    const seen = await page.evaluate<boolean>(`(() => {
      const { bottom, top } = [...document.querySelectorAll("button")].find((one) => one.textContent === "Save").getBoundingClientRect();
      return top > 0 && bottom <= innerHeight && document.documentElement.scrollWidth <= innerWidth;
    })()`);
    expect(seen).toBe(true);
  });

  it("lists actions with their last runs, finds one by a word, and runs it from there", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await site.signIn(page, `${ENV}/actions`, await site.newToken("member"));
    const table = page.getByRole("table", { name: "Actions", exact: true });
    const row = (name: string) => table.getByRole("row").filter({ has: page.getByRole("link", { name, exact: true }) });
    await row("by-hand").getByText("failed").waitFor();
    await row("by-hand").getByText("by root").waitFor();
    await row("gated").getByText("never").waitFor();
    // One request for all of them.
    expect(asked.filter((path) => path.endsWith("/newest"))).toHaveLength(1);
    expect(await page.getByRole("link", { name: "New action" }).count()).toBe(0);

    await field(page, "Search").fill("SOMEBODY hand");
    await row("deploy").waitFor({ state: "detached" });
    expect(await table.getByRole("row").count()).toBe(2);
    expect(page.url()).toBe(site.at(`${ENV}/actions?q=SOMEBODY+hand`));
    await field(page, "Search").fill("nothing");
    await page.getByText("No action has “nothing” in its name or description.").waitFor();
    await field(page, "Search").fill("hand");
    await button(page, "Run by-hand").click();
    await button(dialog(page, "Run by-hand"), "Run action").click();
    await run(page).getByText("pending", { exact: true }).first().waitFor();
  });
});
