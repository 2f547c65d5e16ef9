/**
 * A release engineer with 40 actions and 3000 runs finds the run that failed: by typing, by suggestions, by times and
 * by the end of an id. Rows, counts and the open run say the same, and a filter that is refused says so at its chip.
 */

import type { Locator, Page } from "playwright-core";
import { expect, it } from "vitest";
import { sharedServer } from "../../installation.ts";
import { until } from "../../until.ts";
import { describeInBrowser, overflow } from "../../watched-browser.ts";
import { button, chips, fakeTime, job, NARROW, poll, run, runs, Site, search, untilRunIs, WIDE } from "../site.ts";
import { RELEASES } from "./many.ts";

const ENV = RELEASES.env;
const TWO_LINES_PX = 57;
const FAILED_LINE = "Exit code 137: out of memory";

describeInBrowser("the search among many runs", (browser) => {
  const site = new Site(RELEASES.org, sharedServer(RELEASES.org));
  const rows = (page: Page) => runs(page).locator("tbody").getByRole("row");
  const option = (page: Page, name: string) => page.getByRole("option", { name, exact: true });
  const problem = (page: Page, text: string) => page.getByRole("status").getByText(text, { exact: true });
  const query = (page: Page) => [...new URL(page.url()).searchParams].map((pair) => pair.join("="));

  async function open(path: string): Promise<Page> {
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, path, await site.newToken("member"));
    await browser.settled(page);
    return page;
  }

  async function enter(page: Page, text: string): Promise<void> {
    await search(page).fill(text);
    await search(page).press("Enter");
    await browser.settled(page);
  }

  it("turns a sentence into chips, and back", async () => {
    const page = await open(`${ENV}/runs`);
    await page.keyboard.press("/");
    await page.keyboard.type("failed DEPLOY label:shop-0 @ci since:7d");
    await page.keyboard.press("Enter");
    await until("the words are chips", async () => (await search(page).inputValue()) === "");
    await browser.settled(page);
    expect(query(page)).toEqual(["status=failed", "actionName=deploy", "label=shop-0", "triggeredBy=ci", "since=7d"]);
    expect(await chips(page)).toEqual(["status failed", "action deploy", "label shop-0", "by ci", "since 7d ago"]);
    // Every 120th run has the label and is a deploy of ci. Every 7th run failed.
    const shown = Math.ceil((7 * 86_400_000) / (120 * 7 * RELEASES.everyMs));
    expect(await rows(page).count()).toBeOneOf([shown - 1, shown]);
    expect(await button(page, new RegExp(`^failed ${await rows(page).count()}$`)).count()).toBe(1);
    // The error's first line, and no stack frame.
    const problems = await rows(page).locator(".row-problem").allTextContents();
    expect(new Set(problems)).toEqual(new Set([FAILED_LINE]));
    // No run here has an entity or a page of its job, so these have no column.
    // The first one has the checkboxes.
    const columns = ["Status", "Run", "Triggered by", "Created", "Took"];
    const heads = (await runs(page).getByRole("columnheader").allInnerTexts()).map((text) => text.split("\n")[0]);
    expect(heads.slice(1)).toEqual(columns);

    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await button(page, "Copy link").click();
    const copied = new URL(await page.evaluate<string>("navigator.clipboard.readText()"));
    const createdAfter = Date.parse(copied.searchParams.get("createdAfter") ?? "");
    expect(Math.abs(Date.now() - 7 * 86_400_000 - createdAfter)).toBeLessThan(600_000);
    expect([copied.searchParams.has("since"), new URL(page.url()).searchParams.get("since")]).toEqual([false, "7d"]);

    await search(page).focus();
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    await until("two chips are gone", () => query(page).length === 3);
    expect(query(page)).toEqual(["status=failed", "actionName=deploy", "label=shop-0"]);
    await button(page, "Remove action deploy").click();
    await button(page, "Clear the filters").click();
    await browser.settled(page);
    expect([query(page), await rows(page).count()]).toEqual([[], 50]);
  });

  it("offers what exists, by the pattern of a combobox, and chooses with keys and with the pointer", async () => {
    const page = await open(`${ENV}/runs`);
    const box = search(page);
    expect([await box.getAttribute("aria-expanded"), await box.getAttribute("aria-autocomplete")]).toEqual([
      "false",
      "list",
    ]);
    await box.pressSequentially("failed depl");
    await option(page, "deploy-docs action").waitFor();
    expect(await page.getByRole("option").allTextContents()).toEqual(["deploy action", "deploy-docs action"]);
    expect(await box.getAttribute("aria-expanded")).toBe("true");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await page.getByRole("option", { selected: true }).textContent()).toBe("deploy-docs action");
    const active = await box.getAttribute("aria-activedescendant");
    expect(await option(page, "deploy-docs action").getAttribute("id")).toBe(active);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await browser.settled(page);
    // The word before it is clear, so it is a chip too.
    expect([await chips(page), await box.inputValue()]).toEqual([["status failed", "action deploy-docs"], ""]);

    await box.pressSequentially("@night");
    await option(page, "nightly by").waitFor();
    await page.keyboard.press("Escape");
    expect([await page.getByRole("option").count(), await box.inputValue()]).toEqual([0, "@night"]);
    await page.keyboard.press("Escape");
    expect(await box.inputValue()).toBe("");

    await box.click();
    expect(await page.getByRole("option").allTextContents()).toEqual([
      "since 1h ago time",
      "since today time",
      "since yesterday time",
      "since 24h ago time",
      "since 7d ago time",
    ]);
    await option(page, "since today time").click();
    await browser.settled(page);
    expect(await chips(page)).toEqual(["status failed", "action deploy-docs", "since today"]);
    const midnight = await page.evaluate<string>("new Date(new Date().setHours(0, 0, 0, 0)).toISOString()");
    const asked = page.waitForRequest((request) => request.url().includes("limit=50"));
    await page.reload();
    expect(new URL((await asked).url()).searchParams.get("createdAfter")).toBe(midnight);
    await runs(page).or(page.getByText("No runs match the filters")).waitFor();
  });

  it("searches for a word that is no value of anything, so that no word leads nowhere", async () => {
    const page = await open(`${ENV}/runs`);
    await enter(page, "failed SERVICE-1");
    expect(await chips(page)).toEqual(["status failed", "text SERVICE-1"]);
    await rows(page).first().waitFor();
    const found = await rows(page).allInnerTexts();
    expect(found.length).toBeGreaterThan(1);
    for (const text of found) expect(text).toContain("build-service-1");
    // Two words are one text.
    await enter(page, "out of");
    expect(await chips(page)).toEqual(["status failed", "text out of"]);
    await rows(page).first().getByText(FAILED_LINE).waitFor();
    // Nobody counts these runs.
    expect(await button(page, /^failed \d/).count()).toBe(0);
    await enter(page, "zzz");
    await page.getByText("No runs match the filters").waitFor();
    expect(await chips(page)).toEqual(["status failed", "text zzz"]);
  });

  it("keeps what the service would refuse in the field, with what to type instead, and goes on listing", async () => {
    const page = await open(`${ENV}/runs`);
    await enter(page, "succeeded label: since:soon");
    await problem(page, "“label:” needs a value. Type it behind the colon.").waitFor();
    // What is clear is a chip already.
    expect([await chips(page), await search(page).inputValue()]).toEqual([["status succeeded"], "label: since:soon"]);
    expect(await rows(page).count()).toBe(50);
    for (const [typed, text] of [
      ["x", "“x” is too short. Type at least 2 characters."],
      ["until:never", "“until:never” names no time. Type a time such as 2h, yesterday, last tuesday or 2026-11-24."],
      ["entity:7", "“entity:7”: the id of an entity is a UUID."],
    ] as const) {
      await enter(page, typed);
      await problem(page, text).waitFor();
      expect([await search(page).inputValue(), await rows(page).count()]).toEqual([typed, 50]);
    }
  });

  it("lists the runs of days, by a word and by a calendar", async () => {
    const page = await open(`${ENV}/runs`);
    await enter(page, "yesterday");
    const midnights = await page.evaluate<readonly string[]>(
      "[1, 0].map((ago) => { const at = new Date(); return new Date(at.getFullYear(), at.getMonth(), at.getDate() - ago).toISOString(); })",
    );
    expect(query(page)).toEqual([`createdAfter=${midnights[0]}`, `createdBefore=${midnights[1]}`]);
    const ofYesterday = await rows(page).count();
    expect(ofYesterday).toBeGreaterThan(20);
    await button(page, "Clear the filters").click();
    await button(page, "Pick days").click();
    const days = page.getByRole("dialog", { name: "Runs of these days" });
    await button(days, "Show runs").click();
    await days.getByText("Pick at least one day.").waitFor();
    const day = await page.evaluate<string>(
      "(() => { const at = new Date(Date.now() - 86400000); return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((n) => String(n).padStart(2, '0')).join('-'); })()",
    );
    for (const label of ["From", "To, included"]) await days.getByLabel(label, { exact: true }).fill(day);
    await button(days, "Show runs").click();
    await browser.settled(page);
    expect(query(page)).toEqual([`createdAfter=${midnights[0]}`, `createdBefore=${midnights[1]}`]);
    expect(await rows(page).count()).toBe(ofYesterday);
  });

  it("opens the run whose whole id or end of an id is typed, and lists several", async () => {
    const client = site.client("ids");
    const { id } = await client.runs.create({ actionName: "find-me" });
    const ids = await open("ids/runs");
    await enter(ids, id.toUpperCase());
    await run(ids).getByRole("heading", { name: "find-me", exact: true }).waitFor();
    expect(new URL(ids.url()).pathname).toMatch(new RegExp(`/runs/${id}$`));
    await ids.goBack();
    await search(ids).fill(`pending ${id.slice(-8)}`);
    await search(ids).press("Enter");
    await run(ids).getByRole("heading", { name: "find-me", exact: true }).waitFor();
    expect(query(ids)).toEqual(["status=pending"]);

    await client.runs.create({ actionName: "twin", labels: ["Twin"] });
    await until(
      "the database knows the label",
      async () => (await client.runs.summary({ label: ["Twin"] })).pending === 1,
    );
    // The first field that has the value counts.
    await enter(ids, "TWIN");
    expect(await chips(ids)).toEqual(["status pending", "action twin"]);

    const page = await open(`${ENV}/runs`);
    // The 1000th run is far behind those that the page has. Only D1 knows it, so its page says that there is no run.
    const end = (999).toString(16).padStart(12, "0");
    await enter(page, end);
    const noRun = run(page).getByText("There is no such run here", { exact: true });
    await noRun.waitFor();
    expect(page.url()).toContain(`-8000-8000-${end}`);
    await page.goBack();
    await enter(page, "-000000000005");
    expect(await chips(page)).toEqual(["text -000000000005"]);
    await until("both runs are listed", async () => (await rows(page).count()) === 2);
    await browser.expectFault(/status of 404/);
  });

  it("shows a filter that is refused at its chip, and lists again without it", async () => {
    const page = await open(`${ENV}/runs?status=failed&entityId=abc`);
    const alert = page.getByRole("alert");
    await alert.getByText("entityId:").waitFor();
    const remove = button(page, "Remove entity abc");
    expect(await remove.getAttribute("aria-describedby")).toBe(await alert.getAttribute("id"));
    expect(await button(page, "Remove status failed").getAttribute("aria-describedby")).toBeNull();
    expect([await page.getByRole("heading", { name: "Runs" }).count(), await button(page, "Try now").count()]).toEqual([
      1, 0,
    ]);
    await remove.click();
    await browser.settled(page);
    expect([await rows(page).count(), await alert.count()]).toEqual([50, 0]);
    await browser.expectFault(/status of 400/);
  });

  it("shows a row in two lines on a phone, and the error in the second one", async () => {
    const page = await browser.newPage(site.origin, NARROW);
    await site.signIn(page, `${ENV}/runs?status=failed&label=shop-0`, await site.newToken("viewer"));
    const row = rows(page).first();
    await row.waitFor();
    expect(await overflow(page)).toBe(0);
    const boxOf = async (part: Locator) => (await part.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const [line, title, error] = await Promise.all([
      boxOf(row),
      boxOf(row.getByRole("link")),
      boxOf(row.locator(".row-problem")),
    ]);
    expect([title.x >= 0, error.x + error.width <= NARROW.width, error.width > 100]).toEqual([true, true, true]);
    // The parts of a row don't cover each other.
    expect(error.y).toBeGreaterThanOrEqual(title.y + title.height);
    expect(line.height).toBeLessThanOrEqual(TWO_LINES_PX);
  });

  it("shows rows, counts and the open run at the same instant", async () => {
    const env = "together";
    const client = site.client(env);
    const watched = await client.runs.create({ actionName: "watched" });
    const other = await client.runs.create({ actionName: "other" });
    await job(watched).heartbeat({ message: "at work" });
    const page = await browser.newPage(site.origin, WIDE);
    await fakeTime(page);
    // At each frame: what rows, counts and the open run say. The counts are of all runs, which are all in the table.
    await page.addInitScript(`
      globalThis.contradictions = [];
      const counted = (texts) => JSON.stringify(Object.fromEntries(
        ["pending", "running", "succeeded", "failed"].map((one) => [one, texts.filter((text) => text === one).length])));
      const look = () => {
        requestAnimationFrame(look);
        const table = document.querySelector("table[aria-label=Runs]");
        if (table === null || document.querySelector(".status-filter .number")?.textContent === "") return;
        const rows = [...table.querySelectorAll("tbody .col-status .status")].map(({ textContent }) => textContent);
        const filters = [...document.querySelectorAll(".status-filter")].slice(0, 4);
        const counts = JSON.stringify(Object.fromEntries(filters.map(({ textContent }) => {
          const [status, count] = textContent.trim().split(" ");
          return [status, Number(count)];
        })));
        const row = table.querySelector("tr.is-selected .status")?.textContent;
        const open = document.querySelector(".run-head .status")?.textContent;
        const isSame = counted(rows) === counts && (row === undefined || open === undefined || row === open);
        if (!isSame) contradictions.push([counted(rows), counts, row, open].join(" "));
      };
      look();
    `);
    await site.signIn(page, `${env}/runs/${watched.id}`, await site.newToken("member"));
    await untilRunIs(page, "running");
    await rows(page).nth(1).waitFor();
    await browser.settled(page);
    const counts = page.getByRole("group", { name: "Status", exact: true }).getByRole("button");
    const shown = async () => (await counts.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, " "));
    expect(await shown()).toEqual(["pending 1", "running 1", "succeeded 0", "failed 0", "cancelled 0"]);

    // Only events tell the page of this. Row and counts follow without a poll.
    await job(watched).fail("Exit code 1");
    await untilRunIs(page, "failed");
    await rows(page).filter({ hasText: "watched" }).getByText("Exit code 1").waitFor();
    await browser.settled(page);
    expect(await shown()).toEqual(["pending 1", "running 0", "succeeded 0", "failed 1", "cancelled 0"]);

    // Only a poll tells the page of this.
    await job(other).succeed();
    await poll(page);
    await rows(page).filter({ hasText: "other" }).getByText("succeeded").waitFor();
    expect(await shown()).toEqual(["pending 0", "running 0", "succeeded 1", "failed 1", "cancelled 0"]);
    expect(await page.evaluate("contradictions")).toEqual([]);
  });
});
