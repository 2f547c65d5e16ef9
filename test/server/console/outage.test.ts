/** The service goes down and comes back: the console says so, keeps what it shows, and goes on by itself. */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Door, newDoor } from "../door.ts";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { button, fakeTime, job, poll, run, runs, Site, sentOn, untilRunIs, WIDE } from "./site.ts";

const ENV = "prod";
const STEP_MS = 2000;
/** Until the longest wait between two tries is over. */
const LONGEST_WAIT_MS = 61_000;

describeInBrowser("the console in an outage", (browser) => {
  let door: Door;
  let site: Site;

  beforeAll(async () => {
    const { origin, token } = sharedServer("of-console-outage");
    door = await newDoor(origin);
    await door.open();
    // The browser knows this name alone.
    site = new Site("of-console-outage", { origin: door.url.replace("127.0.0.1", "localhost"), token });
  });
  afterAll(() => door?.close());

  async function open(path: string): Promise<Page> {
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    await site.signIn(page, path, site.token);
    return page;
  }

  /** Resolves when the page has no alert any more. In steps, because a request that takes long is given up. */
  async function goesOn(page: Page): Promise<void> {
    const isBack = async () => {
      await page.clock.runFor(STEP_MS);
      await browser.settled(page);
      return (await page.getByRole("alert").count()) === 0;
    };
    await until("the page goes on", isBack);
  }

  it("says that the service is down, keeps what it shows, and goes on by itself", async () => {
    const client = site.client(ENV);
    const before = await client.runs.create({ actionName: "before" });
    const page = await open(`${ENV}/runs/${before.id}`);
    await untilRunIs(page, "pending");
    await runs(page).getByRole("link", { name: "before", exact: true }).waitFor();
    const actions = await open(`${ENV}/actions`);
    await actions.getByText("No action is stored here yet", { exact: true }).waitFor();

    await door.close();
    await page.clock.runFor(6000);
    const alerts = page.getByRole("alert");
    await alerts.first().waitFor();
    await alerts
      .getByText(/^Next try in \d+s$/)
      .first()
      .waitFor();
    expect(await runs(page).getByRole("link", { name: "before", exact: true }).count()).toBe(1);
    await untilRunIs(page, "pending");
    // A press tries at once.
    const tried = page.waitForEvent("requestfailed");
    await button(alerts.first(), "Try now").click();
    await tried;
    await actions.getByRole("link", { name: "Runs", exact: true }).click();
    await actions.getByRole("alert").first().waitFor();
    // Longer and longer waits, but never more than a minute.
    for (let tries = 0; tries < 5; tries++) {
      const next = page.waitForEvent("requestfailed");
      await page.clock.runFor(LONGEST_WAIT_MS);
      await next;
    }

    await door.open();
    const during = await client.runs.create({ actionName: "during" });
    await job(before).succeed({ url: "https://shop.example" });
    await goesOn(page);
    await untilRunIs(page, "succeeded");
    await run(page).getByText("https://shop.example").first().waitFor();
    await button(page, "1 new").click();
    const row = runs(page).getByRole("row").filter({ hasText: "during" });
    await row.getByText("pending", { exact: true }).waitFor();
    // Live again.
    await row.getByRole("link", { name: "during", exact: true }).click();
    await untilRunIs(page, "pending");
    await job(during).succeed();
    await untilRunIs(page, "succeeded");

    await goesOn(actions);
    await runs(actions).getByRole("link", { name: "before", exact: true }).waitFor();
    await browser.expectFault(
      /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/,
    );
  });

  it("counts down when the service says that it is unavailable, and tries again at the time that it names", async () => {
    await site.client(ENV).runs.create({ actionName: "deploy" });
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    await page.route(/\/action-runs\?/, (route) =>
      route.fulfill({
        status: 503,
        headers: { "Retry-After": "20" },
        json: { error: "The database is unavailable. Try again.", code: "database_unavailable" },
      }),
    );
    await site.signIn(page, `${ENV}/runs`);
    const alert = page.getByRole("alert");
    await alert.getByText("The database is unavailable. Try again.", { exact: true }).waitFor();
    await alert.getByText(/^Next try in 2[0-9]s$/).waitFor();
    await page.unroute(/\/action-runs\?/);
    await page.clock.runFor(15_000);
    await alert.getByText(/^Next try in \ds$/).waitFor();
    await page.clock.runFor(10_000);
    await runs(page).getByRole("link", { name: "deploy", exact: true }).first().waitFor();
    expect(await alert.count()).toBe(0);
    // More than one request can have had this answer, and the browser notes each of them a moment later.
    await browser.expectFault(/status of 503/);
  });

  it("says that a list can lack the newest changes, and reads the list again soon, also with the feed", async () => {
    await site.client("stale").runs.create({ actionName: "deploy" });
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    await page.route(/\/action-runs\?/, async (route) => {
      const response = await sentOn(route);
      await route.fulfill({ response, headers: { ...response.headers(), "Action-Runs-Stale": "true" } });
    });
    const isSaid = page.getByText(/newest changes can be missing/);
    await site.signIn(page, "stale/approvals");
    await isSaid.waitFor();
    await site.goTo(page, "stale/runs");
    await isSaid.waitFor();
    expect(await runs(page).getByRole("link", { name: "deploy", exact: true }).count()).toBe(1);
    // By then the feed has begun, and the list has been read after it.
    for (let polls = 0; polls < 2; polls++) {
      const read = page.waitForResponse(/\/action-runs\?/);
      await poll(page);
      await read;
      await browser.settled(page);
    }
    await isSaid.waitFor();
    await page.unrouteAll({ behavior: "wait" });
    await poll(page);
    await isSaid.waitFor({ state: "detached" });
  });

  it("says how many runs wait for approval, though the service's counts are behind", async () => {
    const { actions } = site.client("approvals");
    const trigger = { type: "webhook", url: "https://ci.example/release" } as const;
    await actions.put("release", { trigger, approval: {} });
    await actions.run("release");
    const page = await browser.newPage(site.origin, WIDE);
    const json = { pending: 7, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
    await page.route("**/action-runs/summary*", (route) => route.fulfill({ json }));
    await site.signIn(page, "approvals/runs");
    await page.getByRole("link", { name: "Approvals 1 waiting" }).waitFor();
  });
});
