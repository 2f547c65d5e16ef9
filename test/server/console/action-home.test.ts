/**
 * A release engineer and an action: stored from fields and JSON in step, run at once, looked at with its runs and
 * versions, compared and restored. Refusals stand at their fields.
 */

import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callback } from "../../../src/client/index.ts";
import { PRODUCTS, triggerOf } from "../../../src/console/actions/products.ts";
import { secretsOf, withSecrets } from "../../../src/console/definitions/members.ts";

import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { lookAt } from "./accessible.ts";
import { button, dialog, field, hasFocus, run, Site, untilRunIs, WIDE } from "./site.ts";

const site = new Site("of-console-action", sharedServer("of-console-action"));
const ENV = "prod";
const client = site.client(ENV);

/** The page of the editor. */
const editor = (page: Page) => page.getByRole("main");
const tab = (within: Locator, name: string) => within.getByRole("tab", { name, exact: true });
const definitionIn = async (open: Locator) => JSON.parse(await field(open, "Definition").inputValue());

it.each(PRODUCTS.map((product) => [product.title, product] as const))(
  "the service accepts what the tile of %s makes",
  async (title, product) => {
    const trigger = triggerOf(product, ["version"]);
    const schema = { type: "object", properties: { version: {} }, additionalProperties: false };
    const definition = { trigger, parametersSchema: schema };
    const secrets = secretsOf(definition).map((pointer) => [pointer, "a-secret"] as const);
    expect(secrets).toHaveLength(product.secrets.length);
    const name = title.replaceAll(" ", "-");
    const stored = await client.actions.put(name, withSecrets(definition, new Map(secrets)) as object, {
      ifVersion: null,
    });
    expect(stored.version).toBeGreaterThan(0);
  },
);

describeInBrowser("an action's home", (browser) => {
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver?.close());

  async function refused(open: Locator, label: string, words: string): Promise<void> {
    await open.locator(".field-error").getByText(words).first().waitFor();
    const control = field(open, label);
    const described = (await control.getAttribute("aria-describedby"))?.split(" ").at(-1);
    expect([await hasFocus(control), await open.page().locator(`[id="${described}"]`).textContent()]).toEqual([
      true,
      expect.stringContaining(words),
    ]);
  }

  async function openNew(page: Page): Promise<Locator> {
    await page.getByRole("link", { name: "New action", exact: true }).click();
    await page.getByRole("heading", { name: "New action", level: 1 }).waitFor();
    return editor(page);
  }

  it("stores an action from fields and JSON, which say the same, and shows what its webhook was answered", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions`, await site.newToken("admin"));
    const open = await openNew(page);

    // A product's tile, its fields and the parameter that its webhook gets.
    await button(open, "Save").click();
    await refused(open, "Name", "Use 1 to 63 letters");
    await field(open, "Name").fill("deploy");
    await button(open, "Save").click();
    await refused(open, "Owner", "Fill this in.");
    await field(open, "Owner").fill("octo");
    await field(open, "Repository").fill("shop");
    await field(open, "Branch or tag").fill("release");
    await field(open, "Name of the parameter").fill("tag");
    await field(open, "GitHub token").fill("a-typed-secret");
    await tab(open, "JSON").click();
    const made = await definitionIn(open);
    expect(made).toMatchObject({
      parametersSchema: { properties: { tag: { type: "string" } }, required: ["tag"] },
      trigger: {
        url: "https://api.github.com/repos/octo/shop/actions/workflows/workflow-dispatch.yml/dispatches",
        payload: { ref: "release", inputs: { tag: "{{ parameters.tag }}" } },
        secrets: { githubToken: null },
      },
    });
    expect(await open.textContent()).not.toContain("a-typed-secret");
    // What the JSON says is in the fields, and what no field can show keeps the JSON.
    await field(open, "Definition").fill(JSON.stringify({ ...made, timeout: 7 }));
    await tab(open, "Fields").click();
    expect(await field(open, "Timeout (minutes)").inputValue()).toBe("7");
    expect(await field(open, "Owner").inputValue()).toBe("octo");
    await tab(open, "JSON").click();
    await field(open, "Definition").fill('{ "parametersSchema": { "type": "array" } }');
    await tab(open, "Fields").click();
    await open.getByText("The fields can't show “parametersSchema”").waitFor();
    expect(await tab(open, "JSON").getAttribute("aria-selected")).toBe("true");
    await field(open, "Definition").fill(JSON.stringify({ trigger: { ...made.trigger, url: "https://YOUR_HOST/x" } }));
    await open.getByText("trigger.url has YOUR_HOST").waitFor();
    await field(open, "Definition").fill(JSON.stringify(made));
    await tab(open, "Fields").click();

    // Any webhook. The service refuses, and each refusal stands at its field.
    await open.getByRole("radio", { name: "Any webhook" }).check();
    await field(open, "Name of the parameter").fill("version");
    await field(open, "Body").fill('{ "v": "{{ parameters.versoin }}", "run": "{{ run.x }}" }');
    await button(open, "Save").click();
    await refused(open, "Body", "{{ run.x }} is unknown");
    await browser.expectFault(/40[0-9]|422/);
    await field(open, "Body").fill('{ "v": "{{ parameters.versoin }}" }');
    await button(open, "Save").click();
    await refused(open, "Body", "Did you mean version? “Parameters” has version.");
    await browser.expectFault(/40[0-9]|422/);
    await field(open, "Body").fill(
      '{ "v": "{{ parameters.version }}", "url": "{{ run.callbackUrl }}", "token": "{{ run.callbackToken }}" }',
    );
    await field(open, "URL").fill(`${receiver.url}/home`);
    await field(open, "New header").fill("Authorization");
    await button(open, "Add header").click();
    await button(open, "Save").click();
    await refused(open, "Authorization", "The service has no stored value for this. Type the value.");
    await browser.expectFault(/40[0-9]|422/);
    // Beside the button that removes the header.
    const header = open.locator(".header-row").filter({ has: button(page, "Remove the header Authorization") });
    await field(header, "Authorization").fill("Bearer of the hook");
    expect(await open.getByRole("group", { name: "Secrets" }).count()).toBe(0);

    receiver.script("home", [{ status: 202, body: '{"queued":true}' }]);
    await button(open, "Save and run").click();
    const running = dialog(page, "Run deploy");
    await field(running, "version").fill("1.4.2");
    await button(running, "Run action").click();
    await run(page).getByText("202", { exact: true }).waitFor();
    await until("the request", () => receiver.inbox("home").length > 0);
    const [request] = receiver.inbox("home");
    expect(request?.headers.authorization).toBe("Bearer of the hook");
    const { v, url, token } = JSON.parse(request?.body ?? "");
    expect(v).toBe("1.4.2");
    await callback(url, token).succeed();
    await untilRunIs(page, "succeeded");

    // Its home.
    await page.goto(site.at(`${ENV}/actions/deploy`));
    await page.getByText("100 %").waitFor();
    await page.getByText("1 of 1").waitFor();
    // It is drawn when the width of the bars is known.
    await page.locator(".axis time").nth(1).waitFor();
    const newest = page.getByRole("table", { name: "The newest runs", exact: true });
    await newest.getByRole("link", { name: "succeeded" }).click();
    await untilRunIs(page, "succeeded");

    // A run that was sent under its name has a bar, and counts for nothing.
    await client.runs.create({ actionName: "deploy" });
    await page.goto(site.at(`${ENV}/actions/deploy`));
    await page.getByText("1 of 1").waitFor();
    await page.getByText("of the last 2, apart from those made by hand").waitFor();
  });

  it("compares two versions, restores one, asks for the secret that is missing, and deletes one", async () => {
    const name = "versions";
    const at = (path: string, headers = {}) => ({ type: "webhook", url: `${receiver.url}/${path}`, headers }) as const;
    const first = await client.actions.put(name, {
      timeout: 5,
      trigger: at("one", { Authorization: "Bearer one", Accept: "text/plain" }),
    });
    await client.actions.put(name, { timeout: 9, trigger: at("two", { Accept: "text/plain" }) });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions/${name}`, await site.newToken("owner"));
    const table = page.getByRole("table", { name: "Versions", exact: true });
    await table.waitFor();
    // A header that holds no secret is shown.
    await page.getByText("Accept: text/plain").first().waitFor();

    expect(await table.getByRole("cell").first().textContent()).toMatch(/^\d+ current$/);
    await button(page, `Compare version ${first.version}`).click();
    const compared = dialog(page, "Compare versions");
    const lines = (kind: string) => compared.locator(kind).allTextContents();
    expect(await lines("del")).toEqual([
      expect.stringContaining("/one"),
      expect.stringContaining('"Authorization": null'),
      expect.stringContaining('"timeout": 5'),
    ]);
    expect(await lines("ins")).toEqual([expect.stringContaining("/two"), expect.stringContaining('"timeout": 9')]);
    await button(compared, `Restore version ${first.version}`).click();

    const restoring = dialog(page, `Restore version ${first.version}?`);
    await button(restoring, "Restore").click();
    await refused(restoring, "Header Authorization", "The service has no stored value for this. Type the value.");
    await browser.expectFault(/422/);
    await field(restoring, "Header Authorization").fill("Bearer again");
    // Somebody else is faster.
    await client.actions.put(name, { timeout: 10, trigger: at("two", { Accept: "text/plain" }) });
    await button(restoring, "Restore").click();
    await restoring.getByText("Somebody changed this action meanwhile").waitFor();
    await browser.expectFault(/412/);
    expect((await client.actions.get(name)).definition.timeout).toBe(10);
    await button(restoring, "Cancel").click();
    // The head, and three versions.
    await table.getByRole("row").nth(3).waitFor();
    await button(page, `Restore version ${first.version}`).click();
    await button(restoring, "Restore").click();
    await field(restoring, "Header Authorization").fill("Bearer again");
    await button(restoring, "Restore").click();
    await page.getByText(`which equals version ${first.version}`).waitFor();
    await browser.expectFault(/422/);
    const restored = await client.actions.get(name);
    expect(restored.definition).toEqual(first.definition);
    await table.getByText("current").waitFor();
    await client.actions.run(name, {});
    await until("the request", () => receiver.inbox("one").length > 0);
    expect(receiver.inbox("one")[0]?.headers.authorization).toBe("Bearer again");

    await button(page, `Delete version ${first.version}`).click();
    await button(page.getByRole("dialog"), "Delete version").click();
    await page.getByText(`Version ${first.version} of ${name} is deleted.`).waitFor();
    await button(page, `Delete version ${first.version}`).waitFor({ state: "detached" });
    const { entries: versions } = await client.actions.versions(name).page();
    expect(versions.map(({ version }) => version)).not.toContain(first.version);
  });

  it("offers the action to agents and takes it back, from fields, and says why it can't without a trigger", async () => {
    const found: string[] = [];
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions`, await site.newToken("admin"));
    const open = await openNew(page);
    await field(open, "Name").fill("tool");
    await tab(open, "JSON").click();
    await field(open, "Definition").fill('{ "agents": {} }');
    await tab(open, "Fields").click();
    await button(open, "Save").click();
    await open.getByRole("alert").filter({ hasText: "An agent starts no job itself" }).waitFor();
    await browser.expectFault(/422/);
    await tab(open, "JSON").click();
    await field(open, "Definition").fill(JSON.stringify({ trigger: { type: "webhook", url: `${receiver.url}/tool` } }));
    await tab(open, "Fields").click();
    const offer = open.getByRole("checkbox", { name: "Offer to agents", exact: true });
    await offer.check();
    await field(open, "Description for agents").fill("x".repeat(1001));
    await button(open, "Save").click();
    await refused(open, "Description for agents", "at most 1000");
    await browser.expectFault(/400/);
    await field(open, "Description for agents").fill("Builds the shop");
    await lookAt(page, "the fields of agents", found);
    await button(open, "Save").click();
    await page.getByText("Offered as the tool run_tool", { exact: true }).waitFor();
    await page.getByText("Builds the shop", { exact: true }).waitFor();
    expect((await client.actions.get("tool")).definition.agents).toEqual({ description: "Builds the shop" });
    await lookAt(page, "an action that is offered to agents", found);

    await site.goTo(page, `${ENV}/actions`);
    const rows = page.getByRole("table", { name: "Actions", exact: true }).getByRole("row");
    await rows.filter({ hasText: "for agents" }).getByRole("link", { name: "tool", exact: true }).click();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await offer.uncheck();
    await button(open, "Save").click();
    await page.getByText("By an agent", { exact: true }).waitFor();
    expect(await page.getByText("Offered as").count()).toBe(0);
    expect((await client.actions.get("tool")).definition).not.toHaveProperty("agents");
    expect(found).toEqual([]);
  });

  it("without a webhook says who must start the job, and does not suggest to run it", async () => {
    await client.actions.put("by-hand", { description: "Somebody does it" });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions/by-hand`, await site.newToken("member"));
    await page.getByText("The creator of a run gets its callback token and must start the job").waitFor();
    expect(await button(page, "Run action").getAttribute("class")).not.toContain("is-primary");
    // A member may run it, and may not see its versions.
    expect(await page.getByRole("heading", { name: "Versions" }).count()).toBe(0);
    await button(page, "Run action").click();
    const start = button(dialog(page, "Run by-hand"), "Run action");
    expect(await start.getAttribute("class")).not.toContain("is-primary");
    await start.click();
    await untilRunIs(page, "pending");
  });
});
