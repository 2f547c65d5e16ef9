/**
 * The first screen: what stands on it before anything is read, how little stands above the first run of a phone, one
 * stop of Tab for all rows, the menu of the session, and times in UTC.
 */

import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser, overflow } from "../watched-browser.ts";
import { button, hasFocus, job, NARROW, PHONE, run, runs, Site, sessionMenu, signOut, tabTo, WIDE } from "./site.ts";

const ENV = "prod";
/** The frame with one line of filters and the search stands above it. */
const FIRST_RUN_PX = 260;
const HEADER_PX = 48;
const LONG = `warehouse/${"importer-of-".repeat(6)}price-lists`;

describeInBrowser("the first screen of the console", (browser) => {
  const site = new Site("of-first-screen", sharedServer("of-first-screen"));

  beforeAll(async () => {
    const client = site.client(ENV);
    await client.actions.put("prod-deploy", {
      title: "deploy {{ parameters.service }} {{ parameters.version }}",
      subject: "{{ parameters.service }}",
      labels: ["team:a", "region:eu", "tier:1", "nightly", "a-label-that-is-long"],
    });
    const parameters = { service: LONG, version: "1.4.2" };
    for (let count = 0; count < 30; count++) await client.actions.run("prod-deploy", { parameters });
    await job(await client.runs.create({ actionName: "prod-deploy" })).fail("Exit code 137");
  });

  const rows = (page: Page) => runs(page).locator("tbody").getByRole("row");
  const rowsTop = async (page: Page) => (await rows(page).first().boundingBox())?.y ?? Number.POSITIVE_INFINITY;

  it("has the first run near the top on a phone, with filters in one line that scrolls", async () => {
    const page = await browser.newPage(site.origin, PHONE);
    await site.signIn(page, `${ENV}/runs`);
    await rows(page).first().waitFor();
    expect(await rowsTop(page)).toBeLessThanOrEqual(FIRST_RUN_PX);
    expect((await page.getByRole("banner").boundingBox())?.height).toBe(HEADER_PX);
    await site.goTo(page, `${ENV}/runs?actionName=prod-deploy&label=team:a&label=region:eu&label=tier:1`);
    await browser.settled(page);
    expect(await rowsTop(page)).toBeLessThanOrEqual(FIRST_RUN_PX);
    const statuses = page.getByRole("group", { name: "Status" }).getByRole("button");
    const tops = await Promise.all((await statuses.all()).map(async (one) => (await one.boundingBox())?.y));
    expect([tops.length, new Set(tops).size]).toEqual([5, 1]);
    expect(await page.getByRole("navigation", { name: "The last runs" }).isVisible()).toBe(false);
    await page.setViewportSize({ width: WIDE.width, height: 800 });
    expect(await page.getByRole("navigation", { name: "The last runs" }).isVisible()).toBe(true);
  });

  /** How much moved by itself since the page began (layout-shift entries), without what an input caused. */
  const shift = (page: Page) => page.evaluate<number>("globalThis.shift");

  it("stands before the runs are read, and nothing moves when they come", async () => {
    for (const look of [WIDE, NARROW]) {
      const page = await browser.newPage(site.origin, look);
      await site.signIn(page, `${ENV}/runs`);
      await page.addInitScript(`
        globalThis.shift = 0;
        new PerformanceObserver((list) => {
          for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) globalThis.shift += value;
        }).observe({ type: "layout-shift", buffered: true });
      `);
      const held = Promise.withResolvers<void>();
      await page.route("**/action-runs?*", async (route) => {
        await held.promise;
        await route.continue();
      });
      await page.reload();
      const skeleton = page.locator(".runs .skeleton");
      await skeleton.waitFor();
      const isAnimated = () =>
        skeleton.evaluate((element: { getAnimations(): object[] }) => element.getAnimations().length);
      expect([await sessionMenu(page).isVisible(), await isAnimated()]).toEqual([true, 0]);
      const top = (await skeleton.boundingBox())?.y ?? 0;
      held.resolve();
      await rows(page).first().waitFor();
      await browser.settled(page);
      expect(Math.abs((await rowsTop(page)) - top)).toBeLessThan(2);
      expect(await shift(page)).toBeLessThan(0.02);
      await page.unrouteAll({ behavior: "wait" });
      await page.emulateMedia({ reducedMotion: "no-preference" });
    }
  });

  it("has a frame in the page itself, before any script has run", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    const held = Promise.withResolvers<void>();
    await page.route("**/main-*.js", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.goto(site.at(`${ENV}/runs`), { waitUntil: "commit" });
    const headerHeight = async () => (await page.locator(".top").boundingBox())?.height;
    await until("the page has its style", async () => (await headerHeight()) === HEADER_PX);
    expect(await page.locator(".skeleton").isVisible()).toBe(true);
    held.resolve();
    await button(page, "Sign in").waitFor();
    expect(await page.locator(".skeleton").count()).toBe(0);
  });

  it("shows a run in one line with its title, the end of its subject, and the labels that fit", async () => {
    for (const path of [`${ENV}/runs?label=team:a`, `${ENV}/runs/${await firstId()}?label=team:a`]) {
      const page = await browser.newPage(site.origin, { ...WIDE, width: 1440 });
      await site.signIn(page, path);
      const row = rows(page).first();
      await row.getByRole("link", { name: `deploy ${LONG} 1.4.2`, exact: true }).waitFor();
      await browser.settled(page);
      expect((await row.boundingBox())?.height).toBeLessThanOrEqual(38);
      expect(await row.getByText("by hand").count()).toBe(0);
      const shown = await row.locator(".labels button").count();
      expect(shown).toBeLessThan(5);
      await row.getByText(`+${5 - shown}`, { exact: true }).waitFor();
      // The text ends inside its box, and begins before it.
      const [from, to] = await row
        .locator(".row-subject")
        .evaluate((box: Boxed & { readonly firstElementChild: Boxed }) => {
          const [outer, inner] = [box.getBoundingClientRect(), box.firstElementChild.getBoundingClientRect()];
          return [inner.left - outer.left, outer.right - inner.right];
        });
      expect([(from ?? 0) < -20, Math.abs(to ?? 9) < 2]).toEqual([true, true]);
    }
  });

  it("keeps a title of piled-up accents and a subject that is read from the right inside their row", async () => {
    const title = `a${"\u0301".repeat(110)}`;
    await site.client("hostile").runs.create({ actionName: "deploy", title, subject: "\u05d0".repeat(120) });
    for (const look of [WIDE, NARROW]) {
      const page = await browser.newPage(site.origin, look);
      await site.signIn(page, "hostile/runs");
      const row = rows(page).first();
      await row.waitFor();
      const clipped = await row
        .locator(".row-main")
        .evaluate((box: Styled) => box.ownerDocument.defaultView.getComputedStyle(box).overflow);
      expect([clipped, ((await row.boundingBox())?.height ?? 99) < (look === WIDE ? 39 : 58)]).toEqual(["clip", true]);
      expect(await overflow(page)).toBe(0);
    }
  });

  interface Styled {
    readonly ownerDocument: { readonly defaultView: { getComputedStyle(of: object): { readonly overflow: string } } };
  }

  interface Boxed {
    getBoundingClientRect(): { readonly left: number; readonly right: number };
  }

  async function firstId(): Promise<string> {
    const { entries } = await site
      .client(ENV)
      .runs.list({ label: ["team:a"], limit: 1 })
      .page();
    return entries[0]?.id ?? "";
  }

  it("marks a run that no stored action made, in the list and beside it", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs?status=failed`);
    const row = rows(page).first();
    await row.getByText("by hand", { exact: true }).waitFor();
    await row.getByRole("link", { name: "prod-deploy", exact: true }).click();
    await run(page).getByText("by hand", { exact: true }).waitFor();
  });

  it("has one stop of Tab for all rows, arrows from row to row, and arrows within a row", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs?label=team:a`);
    const link = (row: number) => rows(page).nth(row).getByRole("link").first();
    const box = (row: number) => rows(page).nth(row).getByRole("checkbox");
    await link(0).waitFor();
    await browser.settled(page);
    const { keyboard } = page;
    expect(await runs(page).locator("tbody").locator("[tabindex='0']").count()).toBe(1);
    await tabTo(page, link(0));
    await keyboard.press("ArrowDown");
    await keyboard.press("ArrowDown");
    expect(await hasFocus(link(2))).toBe(true);
    await keyboard.press("ArrowLeft");
    expect(await hasFocus(box(2))).toBe(true);
    await keyboard.press("Space");
    await page.getByText("1 run selected", { exact: true }).waitFor();
    await keyboard.press("ArrowUp");
    expect(await hasFocus(box(1))).toBe(true);
    await keyboard.press("ArrowRight");
    await keyboard.press("ArrowRight");
    expect(await hasFocus(rows(page).nth(1).locator(".labels button").first())).toBe(true);
    // Tab leaves the rows, and comes back to where it was.
    await keyboard.press("Tab");
    expect(await runs(page).locator("tbody :focus").count()).toBe(0);
    await keyboard.press("Shift+Tab");
    expect(await hasFocus(rows(page).nth(1).locator(".labels button").first())).toBe(true);
    expect(await runs(page).locator("tbody").locator("[tabindex='0']").count()).toBe(1);
    // Enter on a label filters by it, and the rows of the next list are one stop as well.
    await keyboard.press("?");
    await page.getByText("From row to row").waitFor();
    expect(await page.evaluate("document.activeElement?.matches('dialog')")).toBe(true);
    await keyboard.press("Escape");
    expect(await hasFocus(rows(page).nth(1).locator(".labels button").first())).toBe(true);
  });

  it("has a menu that the keyboard opens, walks through and closes, and the run beside stays open", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs/${await firstId()}`);
    await run(page).waitFor();
    const { keyboard } = page;
    const menu = sessionMenu(page);
    expect(await menu.getAttribute("aria-expanded")).toBe("false");
    await menu.focus();
    await keyboard.press("ArrowDown");
    const zone = page.getByRole("checkbox", { name: "Show times in UTC", exact: true });
    expect([await menu.getAttribute("aria-expanded"), await hasFocus(zone)]).toEqual(["true", true]);
    await keyboard.press("ArrowUp");
    expect(await hasFocus(button(page, "Sign out"))).toBe(true);
    await keyboard.press("Escape");
    await zone.waitFor({ state: "hidden" });
    expect([await menu.getAttribute("aria-expanded"), await hasFocus(menu)]).toEqual(["false", true]);
    expect(await run(page).count()).toBe(1);
    await keyboard.press("Enter");
    await keyboard.press("Tab");
    expect(await hasFocus(zone)).toBe(true);
    await keyboard.press("Escape");
    await signOut(page);
    await button(page, "Sign in").waitFor();
  });

  it("shows old times as dates, and all of them in UTC if this browser was asked to", async () => {
    const page = await browser.newPage(site.origin, WIDE);
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setTimezoneOverride", { timezoneId: "Asia/Kolkata" });
    await page.clock.setFixedTime(Date.now() + 3 * 86_400_000);
    await site.signIn(page, `${ENV}/runs?status=failed`);
    const time = rows(page).first().locator(".col-created time");
    const at = new Date((await time.getAttribute("datetime")) ?? "");
    const inZone = (timeZone: string) => new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone }).format(at);
    await time.waitFor();
    expect(await time.textContent()).toMatch(new RegExp(`^\\d+ \\w{3,4} ${inZone("Asia/Kolkata")}$`));
    await sessionMenu(page).click();
    await page.getByRole("checkbox", { name: "Show times in UTC", exact: true }).check();
    expect(await time.textContent()).toContain(inZone("UTC"));
    expect(await time.getAttribute("title")).toContain("UTC");
    await page.reload();
    await time.waitFor();
    expect(await time.textContent()).toContain(inZone("UTC"));
  });
});
