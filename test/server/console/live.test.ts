/** The list of runs lives from the feed of changes, and polls where the feed does not work. */

import type { Page, Request } from "playwright-core";
import { expect, it } from "vitest";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { button, fakeTime, job, poll, runs, Site, show, WIDE, withoutFeed } from "./site.ts";

const ENV = "live";

describeInBrowser("the list of runs", (browser) => {
  const site = new Site("of-console-live", sharedServer("of-console-live"));
  const isList = (request: Request) => /\/action-runs\?.*limit=50\b/.test(request.url());
  const isFeed = (request: Request) => /\/changes\?.*after=/.test(request.url());

  /** How many requests of each kind were sent, and how many feeds are open. */
  function counted(page: Page) {
    const counts = { lists: 0, feeds: 0, open: 0 };
    page.on("request", (request) => {
      if (isList(request)) counts.lists++;
      if (isFeed(request)) counts.feeds++;
      if (isFeed(request)) counts.open++;
    });
    const ended = (request: Request) => {
      if (isFeed(request)) counts.open--;
    };
    page.on("requestfinished", ended);
    page.on("requestfailed", ended);
    return counts;
  }

  it("shows new runs and each change without asking for the list, closes the feed while it is hidden, and reads the list when it is shown again", async () => {
    const client = site.client(ENV);
    const first = await client.runs.create({ actionName: "first", labels: ["a"] });
    const page = await browser.newPage(site.origin, WIDE);
    const counts = counted(page);
    await fakeTime(page);
    await site.signIn(page, `${ENV}/runs?label=a`);
    const row = (name: string) => runs(page).getByRole("row").filter({ hasText: name });
    await row("first").waitFor();
    await until("the feed is open", () => counts.open === 1);
    // The list that is read after the feed has begun is the last one.
    const before = counts.lists;
    await until("the list was read again", async () => {
      await poll(page);
      await browser.settled(page);
      return counts.lists > before;
    });
    await poll(page);
    await browser.settled(page);
    const { lists } = counts;

    await job(first).heartbeat();
    await row("first").getByText("running", { exact: true }).waitFor();
    await client.runs.create({ actionName: "hidden", labels: ["b"] });
    const second = await client.runs.create({ actionName: "second", labels: ["a"] });
    await button(page, "1 new").waitFor();
    // A run that is held back changes, too.
    await job(second).succeed();
    expect(counts.lists).toBe(lists);
    await button(page, "1 new").click();
    await row("second").getByText("succeeded", { exact: true }).waitFor();

    await show(page, "hidden");
    await until("the feed is closed", () => counts.open === 0);
    await job(first).succeed();
    const { feeds } = counts;
    await page.clock.runFor(120_000);
    await browser.settled(page);
    expect([counts.open, counts.feeds]).toEqual([0, feeds]);
    const shown = counts.lists;
    await show(page, "visible");
    await row("first").getByText("succeeded", { exact: true }).waitFor();
    expect(counts.lists).toBeGreaterThan(shown);
    await until("the feed is open again", () => counts.open === 1);
  });

  it("polls as long as something does not let the feed through, or the service can't be reached", async () => {
    const client = site.client("polled");
    await client.runs.create({ actionName: "first" });
    const page = await browser.newPage(site.origin, WIDE);
    const counts = counted(page);
    await fakeTime(page);
    await withoutFeed(page);
    await site.signIn(page, "polled/runs");
    // The head of the table stands before any run is read.
    await runs(page).getByRole("row").filter({ hasText: "first" }).waitFor();
    for (const name of ["second", "third"]) {
      await client.runs.create({ actionName: name });
      await until(`${name} is shown by a poll`, async () => {
        await poll(page);
        await browser.settled(page);
        return (await button(page, "1 new").count()) === 1;
      });
      await button(page, "1 new").click();
      await runs(page).getByRole("row").filter({ hasText: name }).waitFor();
      await page.unroute("**/action-runs/changes*");
      await page.route("**/action-runs/changes*", (route) => {
        if (!isFeed(route.request())) return route.continue();
        const body = JSON.stringify({ error: "unavailable", code: "coordinator_unavailable" });
        return route.fulfill({ status: 503, contentType: "application/json", body });
      });
      // The feed is tried again.
      await page.clock.runFor(31_000);
      await until("the feed was tried again", () => counts.feeds > 0);
    }
    expect(await page.getByRole("alert").count()).toBe(0);
    // Chromium logs each 503.
    await browser.closePages();
    expect(new Set(browser.takeFaults())).toEqual(new Set([expect.stringMatching(/status of 503/)]));
  });
});
