/** Webhook endpoints in the console: one is made, tested, told, repaired, rotated and disabled, with a real receiver. */

import { text } from "node:stream/consumers";
import type { Locator, Page } from "playwright-core";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serve } from "../../support/node-server.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { lookAt } from "./accessible.ts";
import { button, dialog, fakeTime, field, hasFocus, job, poll, Site, tabTo, WIDE } from "./site.ts";

interface Heard {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

describeInBrowser("the console's notifications", (browser) => {
  const site = new Site("of-notifications", sharedServer("of-notifications"));
  const heard: Heard[] = [];
  let answer = 204;
  let receiver: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    receiver = await serve(async (request, response) => {
      heard.push({
        path: request.url ?? "",
        headers: request.headers as Record<string, string>,
        body: await text(request),
      });
      response.writeHead(answer, { "Content-Type": "text/plain" });
      response.end(answer === 204 ? undefined : "not today");
    });
  });
  afterAll(() => receiver.close());

  const deliveries = (page: Page): Locator => page.getByRole("list", { name: "Deliveries" });
  const listed = (page: Page, state: string): Locator =>
    deliveries(page)
      .getByRole("listitem")
      .filter({ hasText: state })
      .filter({ has: page.getByRole("link") });

  /** A run of the stored action that fails, and its id. */
  async function failedRun(): Promise<string> {
    const run = await site.client("prod").actions.run("deploy");
    await job(run).fail("It broke.");
    return run.id;
  }

  it("makes an endpoint, tries it before it is stored, and sees who is told and who is not", async () => {
    const found: string[] = [];
    const operator = site.client("prod");
    await operator.actions.put("deploy", {});
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    const admin = await operator.tokens.create({ name: "ada", role: "admin" });
    await site.signIn(page, "prod/notifications", admin.token);
    await page.getByRole("heading", { name: "Nobody is told yet when a run ends" }).waitFor();
    await lookAt(page, "no endpoints", found);

    // A chat: its payload is an example's, and its URL is asked for.
    await page.getByRole("link", { name: /^Slack/ }).click();
    await page.getByRole("heading", { name: "New endpoint", level: 1 }).waitFor();
    const making = page.getByRole("main");
    await field(making, "Name").fill("desk");
    await button(making, "Save").click();
    await making.getByText("Fill this in.").waitFor();
    await lookAt(page, "a chat without its URL", found);
    await making.getByRole("tab", { name: "JSON" }).click();
    expect(await field(making, "Definition").inputValue()).toContain("{{ event.summary }}");
    await making.getByRole("tab", { name: "Fields" }).click();

    // A program of one's own, tried before it is stored.
    await making.getByRole("radio", { name: /^Your own program/ }).check();
    await field(making, "URL").fill(`${receiver.url}/nowhere`);
    answer = 404;
    await button(making, "Send test").click();
    await making.getByText("The test message did not arrive.").waitFor();
    await making.getByText("not today").waitFor();
    await lookAt(page, "a test that failed", found);
    answer = 204;
    await field(making, "URL").fill(`${receiver.url}/runs`);
    await making.getByRole("checkbox", { name: "cancelled" }).check();
    await making.getByRole("checkbox", { name: /^Only if the outcome differs/ }).uncheck();
    await button(making, "Send test").click();
    await making.getByText("The test message arrived.").waitFor();
    expect(heard.map(({ path }) => path)).toEqual(["/nowhere", "/runs"]);
    expect(JSON.parse(heard[1]?.body ?? "")).toMatchObject({ data: { test: true } });
    expect((await operator.webhookEndpoints.list().page()).entries).toEqual([]);

    await button(making, "Save").click();
    const shown = dialog(page, "The signing secret");
    const secret = await field(shown, "Signing secret").inputValue();
    await lookAt(page, "the signing secret", found);
    await page.keyboard.press("Escape");
    await button(shown, "Done").click();
    await page.getByRole("heading", { name: "desk", level: 1 }).waitFor();

    // A run fails, its delivery is signed with that secret, and the page shows both.
    const id = await failedRun();
    await until("the receiver hears", async () => heard.length === 3);
    const told = heard[2];
    expect(new Webhook(secret).verify(told?.body ?? "", told?.headers ?? {})).toMatchObject({
      type: "action_run.failed",
      data: { run: { id } },
    });
    await poll(page);
    await listed(page, "delivered").waitFor();
    await page.getByText("working").waitFor();
    await lookAt(page, "an endpoint", found);

    // By the keyboard alone: the attempts, and the button that sends the delivery again.
    await tabTo(page, listed(page, "delivered").getByRole("link"));
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await listed(page, "delivered").locator("time").last().waitFor();
    await page.keyboard.press("ArrowLeft");
    expect(await hasFocus(button(page, `Resend the message about the failed run ${id.slice(-8)}`))).toBe(true);
    await page.keyboard.press("Enter");
    await until("it is sent again", async () => heard.length === 4);
    expect(heard[3]?.headers["webhook-id"]).toBe(told?.headers["webhook-id"]);

    // The receiver refuses one, and gets it when it is repaired.
    answer = 400;
    const refused = await failedRun();
    await until("the receiver refuses", async () => heard.length === 5);
    await poll(page);
    await listed(page, "failed").filter({ hasText: "answered 400" }).waitFor();
    await field(page, "State").selectOption("failed");
    await listed(page, "delivered").waitFor({ state: "detached" });
    await listed(page, "failed").waitFor();
    expect(new URL(page.url()).search).toBe("?state=failed");
    expect(await deliveries(page).getByRole("listitem").getByText("failed run").allInnerTexts()).toEqual([
      `failed run ${refused.slice(-8)}`,
    ]);
    answer = 204;
    await button(page, "Recover").click();
    await lookAt(page, "recover", found);
    await button(dialog(page, "Recover messages of desk"), "Recover").click();
    await until("it is recovered", async () => heard.length === 6);
    expect(heard[5]?.body).toContain(refused);
    await poll(page);
    await page.getByText("Last recovery").waitFor();

    await button(page, "Rotate secret").click();
    const rotating = dialog(page, "Rotate the secret of desk?");
    await lookAt(page, "rotate", found);
    await button(rotating, "Rotate secret").click();
    const next = await field(dialog(page, "The new signing secret"), "Signing secret").inputValue();
    expect([next.startsWith("whsec_"), next === secret]).toEqual([true, false]);
    await button(page, "Done").click();

    // Somebody disables it, and its stored URL stays.
    await button(page, "Disable").click();
    await button(dialog(page, "Disable desk?"), "Disable endpoint").click();
    await page.getByText("Somebody disabled this endpoint").waitFor();
    await lookAt(page, "a disabled endpoint", found);
    await button(page, "Enable").click();
    await page.getByText("Somebody disabled this endpoint").waitFor({ state: "detached" });
    // The receiver wants no deliveries any more, so the service disables it.
    answer = 410;
    await failedRun();
    await until("the service has disabled it", async () => {
      return (await operator.webhookEndpoints.status("desk")).disabledReason !== null;
    });
    await poll(page);
    await page.getByText(/^The service disabled this endpoint/).waitFor();
    await lookAt(page, "an endpoint that the service disabled", found);
    answer = 204;
    await button(page, "Enable").click();
    await page.getByText(/^The service disabled this endpoint/).waitFor({ state: "detached" });

    await page.getByRole("link", { name: "Edit", exact: true }).click();
    const editing = page.getByRole("heading", { name: "Edit desk", level: 1 });
    await field(page, "Actions").fill("deploy");
    // An empty field keeps the stored URL.
    await field(page, "URL").fill(`${receiver.url}/elsewhere`);
    await field(page, "URL").fill("");
    await lookAt(page, "edit", found);
    await button(page, "Save").click();
    await editing.waitFor({ state: "detached" });
    expect((await operator.webhookEndpoints.get("desk")).definition).toMatchObject({
      actionNames: ["deploy"],
      disabled: false,
    });
    await page.getByRole("link", { name: "Notifications", exact: true }).click();
    const row = page.getByRole("table", { name: "Endpoints" }).getByRole("row").filter({ hasText: "desk" });
    await row.getByText("127.0.0.1").waitFor();
    await lookAt(page, "endpoints", found);

    await row.getByRole("link", { name: "desk" }).click();
    await button(page, "Delete").click();
    await button(dialog(page, "Delete desk?"), "Delete endpoint").click();
    await page.getByRole("heading", { name: "Nobody is told yet when a run ends" }).waitFor();
    expect(found).toEqual([]);
  });

  it("offers to disable the endpoints that a revoked token stored, and tells a member that the page is not theirs", async () => {
    const found: string[] = [];
    const operator = site.client("prod");
    const leaky = await operator.tokens.create({ name: "leaky", role: "admin" });
    const theirs = site.client("stage", leaky.token);
    await theirs.webhookEndpoints.put("stray", { url: receiver.url, events: ["action_run.*"] });
    await theirs.actions.put("changed", {});
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, "tokens");
    await button(page, "Revoke leaky").click();
    await button(dialog(page, "Revoke leaky?"), "Revoke token").click();
    const left = dialog(page, "What it stored");
    await left.getByRole("link", { name: "stage/stray" }).waitFor();
    await left.getByRole("link", { name: "stage/changed" }).waitFor();
    await lookAt(page, "endpoints of a revoked token", found);
    await button(left, "Disable the endpoint").click();
    await left.waitFor({ state: "detached" });
    const { definition } = await site.client("stage").webhookEndpoints.get("stray");
    expect(definition.disabled).toBe(true);

    const member = await browser.newPage(site.origin, WIDE);
    await site.signIn(member, "prod/notifications", await site.newToken("member"));
    await member.getByRole("heading", { name: "Your token does not open notifications", level: 1 }).waitFor();
    expect(await member.getByRole("navigation").getByRole("link").allInnerTexts()).toEqual([
      "Runs",
      "Actions",
      "Schedules",
      "Groups",
    ]);
    await site.goTo(member, "stage/notifications/stray");
    await member.getByRole("heading", { name: "Your token does not open notifications", level: 1 }).waitFor();
    await lookAt(member, "notifications of a member", found);
    expect(found).toEqual([]);
  });
});
