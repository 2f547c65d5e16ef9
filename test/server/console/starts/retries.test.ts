/** Automatic retries in the console: what a failed run says while one waits, where it leads, and why none follows. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callback } from "../../../../src/client/index.ts";
import { type RunningReceiver, startReceiver } from "../../../support/receiver/server.ts";
import { sharedServer } from "../../installation.ts";
import { until } from "../../until.ts";
import { describeInBrowser } from "../../watched-browser.ts";
import { lookAt } from "../accessible.ts";
import { button, dialog, fakeTime, field, run, Site, sentOn, untilRunIs, WIDE } from "../site.ts";

const ENV = "prod";

describeInBrowser("an automatic retry", (browser) => {
  const site = new Site("of-console-retries", sharedServer("of-console-retries"));
  let receiver: RunningReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver?.close());

  /** A run of the action that its job fails, and the id of its retry. */
  async function failed(name: string): Promise<{ readonly id: string; readonly retryId: string }> {
    const owner = site.client(ENV, await site.newToken("owner"));
    const payload = { url: "{{ run.callbackUrl }}", token: "{{ run.callbackToken }}" };
    await owner.actions.put(name, {
      trigger: { type: "webhook", url: `${receiver.url}/${name}`, payload },
      retry: { attempts: 2, delaySeconds: 3600 },
    });
    const { id } = await owner.actions.run(name);
    await until("the job is asked", () => receiver.inbox(name).length > 0);
    const { url, token } = JSON.parse(receiver.inbox(name)[0]?.body ?? "");
    await callback(url, token).fail("It broke.");
    const retryOf = async () => (await owner.runs.get(id, { include: "details" })).details?.retry?.runId ?? null;
    await until("the service retries it", async () => (await retryOf()) !== null);
    return { id, retryId: (await retryOf()) ?? "" };
  }

  async function open(path: string): Promise<Page> {
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    await site.signIn(page, path, await site.newToken("member"));
    return page;
  }

  it("is told by the run that failed, which offers no other one, and leads to the run that waits and back", async () => {
    const found: string[] = [];
    const { id, retryId } = await failed("waits");
    const page = await open(`${ENV}/runs/${id}`);
    await untilRunIs(page, "failed");
    await run(page)
      .getByText(/^Automatic retry 1 starts/)
      .waitFor();
    await run(page)
      .getByText(/^Automatic retry not before/)
      .waitFor();
    await run(page).getByText("Until it starts, nobody else can retry this run.").waitFor();
    expect(await button(page, "Retry run").count()).toBe(0);
    await lookAt(page, "a run that is retried", found);
    await run(page)
      .getByText(/^Automatic retry 1/)
      .getByRole("link")
      .click();
    await page.waitForURL((url) => url.pathname.endsWith(retryId));
    await run(page).getByText("the service, as an automatic retry").waitFor();
    await run(page).getByText("Retry of", { exact: true }).waitFor();

    // Somebody cancels it while it waits.
    await site.client(ENV).runs.cancel(retryId, { reason: "not today" });
    await site.goTo(page, `${ENV}/runs/${id}`);
    await run(page)
      .getByText(/^Automatic retry 1 does not start/)
      .waitFor();
    await button(page, "Retry run").waitFor();
    expect(found).toEqual([]);
  });

  it("that ends while its run is looked at makes room for a retry by hand", async () => {
    const { id, retryId } = await failed("ends");
    const page = await open(`${ENV}/runs/${id}`);
    await run(page)
      .getByText(/^Automatic retry 1 starts/)
      .waitFor();
    await site.client(ENV).runs.cancel(retryId);
    const isOffered = async () => {
      await page.clock.runFor(6000);
      return (await button(page, "Retry run").count()) > 0;
    };
    await until("a retry is offered", isOffered);
  });

  it("that has no run yet is told, and leads to its run when it has one", async () => {
    const { id } = await failed("coming");
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    const text = await site.client(ENV).runs.getText(id, { include: "details" });
    const read = JSON.parse(text);
    let isComing = true;
    await page.route(`**/action-runs/${id}?*`, (route) => {
      const json = { ...read, details: { ...read.details, retry: { ...read.details.retry, runId: null } } };
      return isComing ? route.fulfill({ json }) : route.fulfill({ json: read });
    });
    await site.signIn(page, `${ENV}/runs/${id}`, await site.newToken("member"));
    const told = run(page).getByText(/^Automatic retry 1 starts/);
    await told.waitFor();
    expect([await told.getByRole("link").count(), await button(page, "Retry run").count()]).toEqual([0, 0]);
    isComing = false;
    await page.clock.runFor(3000);
    await told.getByRole("link").waitFor();
  });

  it("that the page does not know of yet refuses a retry by hand, in words", async () => {
    const { id } = await failed("unknown");
    const page = await browser.newPage(site.origin, WIDE);
    let isBehind = true;
    await page.route(`**/action-runs/${id}?*`, async (route) => {
      const response = await sentOn(route);
      const read = await response.json();
      await route.fulfill({ response, json: isBehind ? { ...read, details: { ...read.details, retry: null } } : read });
    });
    await site.signIn(page, `${ENV}/runs/${id}`, await site.newToken("member"));
    await button(page, "Retry run").click();
    isBehind = false;
    const asked = dialog(page, "Retry run");
    await button(asked, "Retry run").click();
    await asked.getByText(/^The service retries this run by itself: run/).waitFor();
    await browser.expectFault(/409/);
    await button(asked, "Close").last().click();
    await run(page)
      .getByText(/^Automatic retry 1 starts/)
      .waitFor();
  });

  it("is stored from fields, and told by the page of the action", async () => {
    const found: string[] = [];
    const client = site.client(ENV);
    await client.actions.put("ruled", { trigger: { type: "webhook", url: `${receiver.url}/ruled` } });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/actions/ruled/edit`, await site.newToken("admin"));
    const editor = page.getByRole("main");
    await editor.getByRole("checkbox", { name: "The service retries a failed run by itself" }).check();
    await field(editor, "Retries").fill("9");
    await button(editor, "Save").click();
    await editor.locator(".field-error").waitFor();
    await browser.expectFault(/400/);
    await field(editor, "Retries").fill("2");
    await field(editor, "Seconds before each retry").fill("60, 600");
    await editor.getByRole("checkbox", { name: "nobody reported an end in time" }).check();
    await editor.getByText("After a timeout, the first job may still run.").waitFor();
    await lookAt(page, "the fields of retries", found);
    await button(editor, "Save").click();
    await page.getByText(/^2 retries, 1m 00s and 10m 00s after the end, if the job reported a failure/).waitFor();
    // The preview may have been refused, too. It is gone now.
    await browser.settled(page);
    expect(browser.takeFaults().filter((fault) => !fault.includes("400"))).toEqual([]);
    expect((await client.actions.get("ruled")).definition.retry).toEqual({
      attempts: 2,
      delaySeconds: [60, 600],
      on: ["failed", "delivery", "timeout"],
    });
    expect(found).toEqual([]);
  });
});
