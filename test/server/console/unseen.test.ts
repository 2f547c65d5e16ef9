/** Texts that look the same are told apart at the console, where somebody decides about them, sends or copies them. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningReceiver, startReceiver } from "../../support/receiver/server.ts";
import { sharedServer } from "../installation.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { button, dialog, field, run, Site, WIDE } from "./site.ts";

const ENV = "prod";
/** What each of them looks like is `main`, if nothing shows what nobody sees. */
const BRANCHES = new Map([
  ["main", "main"],
  ["main\u200b", "main\\u200b"],
  ["\u202emain", "\\u202emain"],
  ["main\u{e0065}\u{e0076}", "main\\udb40\\udc65\\udb40\\udc76"],
]);

describeInBrowser("the console's texts", (browser) => {
  const site = new Site("of-console-unseen", sharedServer("of-console-unseen"));
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    const payload = { ref: "{{ parameters.branch }}", url: "{{ run.callbackUrl }}" };
    await site
      .client(ENV)
      .actions.put("deploy", {
        trigger: { type: "webhook", url: `${receiver.url}/deploy`, payload },
        parametersSchema: { properties: { branch: { type: "string", title: "Branch" } } },
        approval: { allowSelf: true },
      });
  });
  afterAll(() => receiver?.close());

  async function open(page: Page, parameters: Record<string, string>, labels: readonly string[] = []) {
    const { id } = await site.client(ENV).actions.run("deploy", { parameters, labels: [...labels] });
    await site.goTo(page, `${ENV}/runs/${id}`);
    await run(page).getByText("waits for approval", { exact: true }).waitFor();
  }

  it("give an approver another text for each of four branches", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs`);
    const texts = new Set<string>();
    for (const [branch, shown] of BRANCHES) {
      await open(page, { branch });
      await button(run(page), "Approve").click();
      const asked = dialog(page, "Approve deploy?");
      await asked.getByText(`POST ${receiver.url}/deploy`).waitFor();
      const text = (await asked.textContent()) ?? "";
      expect(text).toContain(`branch: "${shown}"`);
      expect(text).toContain(`ref: "${shown}"`);
      texts.add(text.replaceAll(/\d+ \w+ ago|in \d+ \w+|[0-9a-f-]{36}/g, ""));
      await button(asked, "Close").last().click();
    }
    expect(texts.size).toBe(4);
  });

  it("are copied as they are seen, also with a selection, and the JSON is that of the same value", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await site.signIn(page, `${ENV}/runs`);
    const branch = [...BRANCHES.keys()].join("");
    await open(page, { branch, "\u200b": "name" });
    await button(run(page), "Copy parameters").click();
    await page.getByText("Copied").first().waitFor();
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(copied).toMatch(/^[\n -~]+$/);
    expect(JSON.parse(copied)).toEqual({ branch, "\u200b": "name" });
    await page.keyboard.press("Control+a");
    const selected = await page.evaluate<string>("getSelection().toString()");
    expect(selected).toContain(`"${[...BRANCHES.values()].join("")}"`);
    expect(selected).not.toMatch(/[\u200b\u202e\u{e0065}]/u);
  });

  it("stay as they are in a field, which says what nobody sees in it", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions/deploy`);
    await button(page, "Run action").click();
    const form = dialog(page, "Run deploy");
    await field(form, "Branch").fill("main");
    expect(await form.getByText("It has a character that nobody sees").count()).toBe(0);
    await field(form, "Branch").fill("main\u200b");
    await form.getByText("It has a character that nobody sees: \\u200b").waitFor();
    expect(await field(form, "Branch").inputValue()).toBe("main\u200b");
    await button(form, "Run action").click();
    await run(page).getByText('"main\\u200b"').first().waitFor();
    for await (const newest of site.client(ENV).runs.list()) {
      expect(newest.parameters).toEqual({ branch: "main\u200b" });
      break;
    }
  });
});
