/**
 * Many runs at once: somebody selects runs, cancels what matches and follows it. A colleague who may change nothing sees
 * it on a phone, and an operation is stopped half-way.
 */

import type { Locator, Page } from "playwright-core";
import { expect, it } from "vitest";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser, overflow } from "../watched-browser.ts";
import { button, dialog, field, hasFocus, PHONE, run, runs, Site, WIDE } from "./site.ts";

const ENV = "bulk";
/** More than a page of the list has. */
const HANGING = 60;
/** An operation of this many takes some seconds, at 20 runs a second. */
const MANY = 160;

describeInBrowser("the console's bulk operations", (browser) => {
  const site = new Site("of-console-bulk", sharedServer("of-console-bulk"));
  const client = site.client(ENV);
  const create = (actionName: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => client.runs.create({ actionName })));
  const box = (page: Page, row: number) => runs(page).getByRole("row").nth(row).getByRole("checkbox");
  const bar = (page: Page) => page.getByRole("region", { name: "Selection", exact: true });
  const shows = (page: Page, text: string) => bar(page).getByText(text, { exact: true }).waitFor();
  const status = (within: Page | Locator, word: string) => within.getByText(word, { exact: true }).waitFor();

  it("select by pointer and keys, cancel all that match once, and stop half-way while a viewer watches", async () => {
    await create("other", 1);
    await create("hang", HANGING);
    const [member, viewer] = [await site.newToken("member", ENV), await site.newToken("viewer", ENV)];
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs?actionName=hang`, member);
    await box(page, 3).click();
    await box(page, 6).click({ modifiers: ["Shift"] });
    await shows(page, "4 runs selected");
    // The focus is on the first box. The next row is selected, and `x` leaves it out.
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await shows(page, "3 runs selected");
    await page.getByRole("link", { name: "Older runs", exact: true }).click();
    await page.getByRole("link", { name: "Newest runs", exact: true }).waitFor();
    await shows(page, "3 runs selected");
    await box(page, 1).click();
    await shows(page, "4 runs selected");
    await page.getByRole("status").getByText("4 runs selected.", { exact: true }).last().waitFor({ state: "attached" });
    await button(page, /^pending/).click();
    await bar(page).waitFor({ state: "detached" });

    await page.getByRole("checkbox", { name: "Select all runs of this page" }).check();
    await shows(page, "50 runs selected");
    await button(bar(page), `Select all ${HANGING} runs that match`).click();
    await shows(page, `All ${HANGING} runs that match are selected`);
    // Beside an open run, the keys still mean the selection.
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await button(run(page), "Cancel run").waitFor();
    await page.keyboard.press("c");
    const asked = dialog(page, "Cancel runs");
    await asked.getByText(`${HANGING} can be cancelled.`).waitFor();
    await field(asked, "Reason").fill("<b>they hang</b>");
    await page.keyboard.press("Enter");
    expect((await client.bulkOperations.list().page()).entries).toEqual([]);
    await button(asked, `Cancel ${HANGING} runs`).dblclick();
    await page.getByRole("heading", { name: `Cancel of ${HANGING} runs`, exact: true }).waitFor();
    expect(await hasFocus(page.locator("main"))).toBe(true);
    await status(page.locator("main"), "completed");
    expect((await client.bulkOperations.list().page()).entries).toHaveLength(1);
    await page.getByText(`${HANGING} accepted`, { exact: true }).waitFor();
    const ended = async () => (await client.runs.summary()).cancelled === HANGING;
    await until("the database counts the cancelled runs", ended);
    expect((await client.runs.summary()).pending).toBe(1);
    await page.getByRole("table").getByRole("link").first().click();
    await run(page).getByText("<b>they hang</b>").first().waitFor();

    const phone = await browser.newPage(site.origin, PHONE);
    await site.signIn(phone, `${ENV}/runs`, viewer);
    await runs(phone).waitFor();
    expect(await phone.getByRole("checkbox").count()).toBe(0);
    await create("hang", MANY);
    const { id } = await client.bulkOperations.create({
      operation: "cancel",
      filter: { actionName: "hang", status: ["pending"] },
      maxRuns: MANY,
    });
    await site.goTo(phone, `${ENV}/bulk-operations`);
    const seen = phone.getByRole("row").filter({ hasText: `Cancel of ${MANY} runs` });
    await seen.getByText(new RegExp(`^[1-9]\\d* of ${MANY}$`)).waitFor();
    expect([await button(seen, /^Stop/).count(), await overflow(phone)]).toEqual([0, 0]);
    await site.goTo(page, `${ENV}/bulk-operations/${id}`);
    await button(page, "Stop").click();
    await button(dialog(page, "Stop the operation?"), "Stop").click();
    await status(page.locator("main"), "stopped");
    await page.getByText("Somebody stopped the operation.").waitFor();
    await status(seen, "stopped");
    const { accepted, remaining } = (await client.bulkOperations.get(id)).counts;
    expect([accepted > 0, Number(remaining) > 0, accepted + Number(remaining)]).toEqual([true, true, MANY]);
    const pending = async () => (await client.runs.summary({ actionName: "hang" })).pending;
    await until("the database counts the runs that are left", async () => (await pending()) === remaining);

    // On a phone, the bar is at the bottom of the screen, also if the list is short.
    await site.signIn(phone, `${ENV}/runs?actionName=other`, member);
    await box(phone, 1).click();
    await shows(phone, "1 run selected");
    const { y = 0, height = 0 } = (await bar(phone).boundingBox()) ?? {};
    expect([y + height, height < 120, await overflow(phone)]).toEqual([800, true, 0]);
  });
});
