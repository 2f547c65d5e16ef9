/** What a job prints, at the console: live while it runs, and where a finished text opens. */

import type { Locator } from "playwright-core";
import { expect, it } from "vitest";
import { sharedServer } from "../installation.ts";
import { until } from "../until.ts";
import { describeInBrowser, overflow } from "../watched-browser.ts";
import { lookAt } from "./accessible.ts";
import { job, NARROW, run, Site, untilRunIs, WIDE } from "./site.ts";

const ENV = "tails";
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `line ${from + n}\n`).join("");

/** An element of the page, as far as a function that runs there needs it. */
interface Scrolled {
  scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

describeInBrowser("the output of a job", (browser) => {
  const site = new Site("of-console-tails", sharedServer("of-console-tails"));
  const fromEnd = (box: Locator) =>
    box.evaluate(({ scrollTop, scrollHeight, clientHeight }: Scrolled) => scrollHeight - scrollTop - clientHeight);
  const isAtEnd = async (box: Locator) => Math.abs(await fromEnd(box)) < 8;

  it.each([
    ["wide and light", WIDE],
    ["narrow and dark", NARROW],
  ])("is shown live and followed until somebody scrolls up, and again from its end on: %s", async (_how, look) => {
    const client = site.client(ENV);
    const created = await client.runs.create({ actionName: "build" });
    await job(created).heartbeat({ tail: `\u001b[32mgreen\u001b[0m\n${numbered(1, 100)}` });
    const page = await browser.newPage(site.origin, look);
    await site.signIn(page, `${ENV}/runs/${created.id}`);
    const box = run(page).getByRole("log", { name: "Newest output", exact: true });
    await box.getByText("green\nline 1\n").waitFor();
    await until("it shows its end", () => isAtEnd(box));
    expect([await overflow(page), (await box.boundingBox())?.height]).toEqual([0, expect.closeTo(320, -2)]);
    expect(await page.evaluate<string>(`getComputedStyle(document.querySelector(".live-tail")).fontFamily`)).toMatch(
      /mono/i,
    );
    expect((await job(created).heartbeat({})).watched).toBe(true);

    await job(created).heartbeat({ tail: numbered(90, 150) });
    await box.getByText("line 150").waitFor();
    await until("it follows", () => isAtEnd(box));
    // What came before is still there, once.
    expect(((await box.textContent()) ?? "").match(/^line 9\d$/gm)).toHaveLength(10);

    await box.evaluate((element: Scrolled) => {
      element.scrollTop = 40;
    });
    await browser.settled(page);
    await job(created).heartbeat({ tail: `${numbered(140, 200)}half` });
    await box.getByText(/line 200\nhalf$/).waitFor();
    expect(await box.evaluate(({ scrollTop }: Scrolled) => scrollTop)).toBe(40);

    await box.focus();
    await page.keyboard.press("End");
    await until("it is at its end", () => isAtEnd(box));
    await browser.settled(page);
    await job(created).heartbeat({ tail: `${numbered(140, 250)}` });
    await box.getByText("line 250").waitFor();
    await until("it follows again", () => isAtEnd(box));

    await job(created).succeed();
    await untilRunIs(page, "succeeded");
    await until("it is gone", async () => (await box.count()) === 0);
  });

  it("is only text", async () => {
    const client = site.client(ENV);
    const created = await client.runs.create({ actionName: "build" });
    const marks = "\u0301".repeat(4000);
    await job(created).heartbeat({ tail: `<img src=x onerror=alert(1)>\n\u202egnp.exe\u001b]0;x\u0007\n${marks}\n` });
    const page = await browser.newPage(site.origin, NARROW);
    await site.signIn(page, `${ENV}/runs/${created.id}`);
    const box = run(page).getByRole("log");
    await box.getByText("<img src=x onerror=alert(1)>\n\\u202egnp.exe\\u001b]0;x\\u0007").waitFor();
    expect([await box.locator("*").count(), await overflow(page)]).toEqual([0, 0]);
    const found: string[] = [];
    await browser.settled(page);
    await lookAt(page, "a run with output", found);
    expect(found).toEqual([]);
  });

  it("opens at the first line that looks like an error, or else at its end, and the page stays at its top", async () => {
    const client = site.client(ENV);
    const failed = await client.runs.create({ actionName: "build" });
    const log = `${numbered(1, 900)}Error: no such host\n${numbered(901, 2000)}`;
    await job(failed).fail("the build failed", { log });
    const succeeded = await client.runs.create({ actionName: "build" });
    await job(succeeded).succeed({ log: numbered(1, 2000) });
    const page = await browser.newPage(site.origin, WIDE);
    await site.signIn(page, `${ENV}/runs/${failed.id}`);
    /** Whether the box of the lines has a line with these words in sight. */
    const shows = (words: string) =>
      page.evaluate<boolean>(`(() => {
        const box = document.querySelector(".lines");
        const { top, bottom } = box.getBoundingClientRect();
        return [...box.querySelectorAll(".line")].some((line) => {
          const at = line.getBoundingClientRect();
          return line.textContent.includes("${words}") && at.top >= top - 1 && at.bottom <= bottom + 1;
        });
      })()`);
    const scrolled = () => page.evaluate<number>("scrollY");
    await page.locator(".line").filter({ hasText: "no such host" }).waitFor();
    await until("the error is in sight", () => shows("Error: no such host"));
    expect(await scrolled()).toBe(0);
    await site.goTo(page, `${ENV}/runs/${succeeded.id}`);
    await page
      .locator(".line")
      .filter({ hasText: /line 2000$/ })
      .waitFor();
    await until("the end is in sight", () => shows("line 2000"));
    expect(await scrolled()).toBe(0);
    // All is drawn, and the end is still in sight.
    await until("all is drawn", async () => (await page.locator(".line").count()) === 2000);
    await until("the end is in sight again", () => shows("line 2000"));
  });
});
