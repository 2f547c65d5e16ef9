/**
 * The address says what the console shows: filters, pages and runs survive back, forward, a reload and a copied link.
 */

import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { sharedServer } from "../installation.ts";
import { forEachOf } from "../load.ts";
import { until } from "../until.ts";
import { describeInBrowser } from "../watched-browser.ts";
import { job, run, runs, Site, search, WIDE } from "./site.ts";

const ENV = "prod";
/** More than a page of the list. */
const BUILDS = 55;
const ENTITY = randomUUID();

/** What the address bar and the page say, as a screen reader reads the page. */
interface View {
  readonly address: string;
  readonly shown: string;
}

describeInBrowser("the console's addresses", (browser) => {
  const site = new Site("of-console-addresses", sharedServer("of-console-addresses"));
  /** The page's clock stands still, so that "2m ago" is the same each time. */
  let now: Date;
  let token: string;

  beforeAll(async () => {
    const root = site.client(ENV);
    token = await site.newToken("member", ENV);
    await forEachOf([...Array(BUILDS).keys()], async () => {
      await root.runs.create({ actionName: "build" });
    });
    const member = site.client(ENV, token);
    for (const labels of [["team:a", "region:eu"], ["team:a"], ["team:b"]]) {
      await member.runs.create({ actionName: "deploy", entityId: ENTITY, labels });
      const failed = await member.runs.create({ actionName: "deploy", labels });
      await job(failed).fail("Exit code 137: out of memory");
    }
    await until("the database counts every run", async () => {
      const { pending, failed } = await root.runs.summary();
      return pending === BUILDS + 3 && failed === 3;
    });
    now = new Date(Date.now() + 600_000);
  });

  async function open(path: string): Promise<Page> {
    const page = await browser.newPage(site.origin, WIDE);
    await page.clock.setFixedTime(now);
    await site.signIn(page, path, token);
    return page;
  }

  async function viewOf(page: Page): Promise<View> {
    return { address: page.url(), shown: await page.locator("main").ariaSnapshot() };
  }

  /** Resolves when the list has settled with this number of rows. */
  async function untilRows(page: Page, count: number): Promise<View> {
    const rows = runs(page).locator("tbody").getByRole("row");
    const isSettled = async () =>
      (await rows.count()) === count && (await runs(page).getAttribute("aria-busy")) === "false";
    await until(`${count} rows`, isSettled);
    await browser.settled(page);
    return viewOf(page);
  }

  async function expectView(page: Page, view: View): Promise<void> {
    const isSame = async () => JSON.stringify(await viewOf(page)) === JSON.stringify(view);
    // The comparison says what is different.
    await until("the same view", isSame).catch(() => {});
    expect(await viewOf(page)).toEqual(view);
  }

  it("give the same view after back, forward, a reload, and in another tab", async () => {
    const page = await open(`${ENV}/runs`);
    const views = [await untilRows(page, 50)];
    await page.getByRole("button", { name: /^failed/ }).click();
    views.push(await untilRows(page, 3));
    await runs(page).getByRole("button", { name: "team:a", exact: true }).first().click();
    views.push(await untilRows(page, 2));
    for (const [words, rows] of [
      ["pending action:deploy label:region:eu @a-member", 2],
      [`${ENTITY} since:2026-01-02T03:04`, 1],
    ] as const) {
      await search(page).fill(words);
      await search(page).press("Enter");
      await page.waitForURL((url) => url.href !== views.at(-1)?.address);
      views.push(await untilRows(page, rows));
    }
    await runs(page).getByRole("link", { name: "deploy", exact: true }).click();
    await run(page).getByRole("list", { name: "Timeline", exact: true }).getByText("Created").waitFor();
    await page.mouse.move(0, 0);
    await browser.settled(page);
    views.push(await viewOf(page));
    expect(new Set(views.map(({ address }) => address)).size).toBe(views.length);

    const query = new URL(page.url()).searchParams;
    expect(Object.fromEntries([...query.keys()].map((name) => [name, query.getAll(name)]))).toEqual({
      status: ["failed", "pending"],
      label: ["team:a", "region:eu"],
      actionName: ["deploy"],
      triggeredBy: ["a-member"],
      entityId: [ENTITY],
      createdAfter: [new Date("2026-01-02T03:04").toISOString()],
    });

    for (const view of views.slice(0, -1).reverse()) {
      await page.goBack();
      await expectView(page, view);
    }
    for (const view of views.slice(1)) {
      await page.goForward();
      await expectView(page, view);
    }
    await page.reload();
    await expectView(page, views.at(-1) ?? { address: "", shown: "" });
    for (const view of [views.at(-1), views.at(-2)]) {
      if (view === undefined) continue;
      const other = await open(view.address.slice(site.at("").length));
      await expectView(other, view);
    }
  });

  it("lead to older runs and back, also beside an open run and after a reload", async () => {
    const page = await open(`${ENV}/runs`);
    const newest = await untilRows(page, 50);
    await page.getByRole("link", { name: "Older runs", exact: true }).click();
    const older = await untilRows(page, BUILDS + 6 - 50);
    // These are not the last runs.
    await page.getByText(`${BUILDS + 6 - 50} runs from this page on, newest at the right.`).waitFor();
    expect(await page.getByRole("link", { name: "Older runs", exact: true }).count()).toBe(0);
    await page.reload();
    await expectView(page, older);
    await page.goBack();
    await expectView(page, newest);
  });

  it("show actions, tokens and the audit log again after a reload", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await page.clock.setFixedTime(now);
    await site.signIn(page, "tokens", await site.newToken("owner"));
    // What each page shows when its last response is there.
    for (const [path, shown] of [
      ["tokens", page.getByRole("table", { name: "Sessions" })],
      [`${ENV}/actions`, page.getByRole("main")],
      ["audit", page.getByRole("main")],
    ] as const) {
      await site.goTo(page, path);
      await shown.waitFor();
      await browser.settled(page);
      const view = await viewOf(page);
      expect(view.address).toBe(site.at(path));
      await page.reload();
      await expectView(page, view);
    }
  });

  it("say so if there is no such page, run or action, and what to do", async () => {
    const page = await open(`${ENV}/runs/01a212de-9b55-8003-a8a9-dd2c148ea617`);
    await run(page).getByText("There is no such run here", { exact: true }).waitFor();
    await page.goto(site.at(`${ENV}/actions/unknown`));
    await page.getByText("There is no action of this name", { exact: true }).waitFor();
    await page.goto(site.at("other/runs"));
    await page.getByText("Your session does not open this address", { exact: true }).waitFor();
    await page.getByRole("link", { name: "Go to your runs", exact: true }).click();
    await untilRows(page, 50);
    await browser.expectFault(/status of 404/);
  });
});
