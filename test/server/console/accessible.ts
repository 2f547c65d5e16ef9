/**
 * What axe finds on a page as it is shown, what scrolls sideways, and what stands in the way in a low window: light and
 * dark, wide and narrow.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import type { Look } from "../watched-browser.ts";
import { NARROW, WIDE } from "./site.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const EVERY_RULE = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };
const CONTRAST = { type: "rule", values: ["color-contrast"] };
/** The rules about colours and places. The same elements can fail no other rule in another width or other colours. */
const RULES_OF_LOOKS = {
  type: "rule",
  values: ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
};
/** What of the page is looked at, and how. */
type Looks = readonly (readonly [Look, object, within: string])[];
const ALL = "html";
/** Narrow is dark. A table has columns that are only in the wide page. */
const LOOKS: Looks = [
  [WIDE, EVERY_RULE, ALL],
  [{ ...WIDE, colorScheme: "dark" }, CONTRAST, "main table"],
  [NARROW, RULES_OF_LOOKS, ALL],
];

/** A window of 1280 x 800 pixels at 200 % zoom, and at 400 %. */
const LOW = [
  { width: 640, height: 400 },
  { width: 320, height: 200 },
];

/** What scrolls sideways although it is not code, nor one line of links or filters. */
const SCROLLS_SIDEWAYS = `[document.documentElement,
  ...document.querySelectorAll("body *:not(pre, textarea, input, .top nav, .runs-head, .chosen)")]
  .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0
    && (element === document.documentElement || /auto|scroll/.test(getComputedStyle(element).overflowX)))
  .map((element) => "scrolls sideways: " + element.outerHTML.slice(0, 160))`;

/** In a low window, at least two thirds of it scroll. The rest may stand still, such as the head of a table. */
const STANDS_STILL = `(() => {
  const styleOf = (element) => getComputedStyle(element);
  const scroller = document.querySelector("dialog[open]")
    ?? [...document.querySelectorAll("main :is(.page, .runs, .run-room)")]
      .find((element) => element.clientHeight > 0 && styleOf(element).overflowY === "auto")
    ?? document.documentElement;
  const sticky = [...scroller.querySelectorAll("*")].filter((element) => styleOf(element).position === "sticky");
  const highest = (edge) => Math.max(0, ...sticky.filter((element) => styleOf(element)[edge] !== "auto")
    .map(({ offsetHeight }) => offsetHeight));
  const free = Math.min(scroller.clientHeight, innerHeight) - highest("top") - highest("bottom");
  const content = scroller.scrollHeight > scroller.clientHeight ? free : innerHeight;
  return content < innerHeight * 2 / 3 ? ["only " + content + " pixels of " + innerHeight + " scroll"] : [];
})()`;

/** Violations of axe's rules, and what scrolls sideways although it is not code. */
async function faultsOf(page: Page, rules: object, within: string): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(AXE);
  return page.evaluate<string[]>(`(async () => {
    // What stands still would hide half of what is behind it, and that can be scrolled.
    document.documentElement.style.setProperty("--stands", "relative");
    // Behind an open dialog, the page is inert, and it is looked at without the dialog.
    const { violations } = await axe.run(document.querySelector("dialog[open]") ?? ${JSON.stringify(within)}, {
      // The page has no frames, and no rule here reads its style sheets.
      resultTypes: ["violations"], iframes: false, preload: false, runOnly: ${JSON.stringify(rules)}
    });
    document.documentElement.style.removeProperty("--stands");
    return [
      ...violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
        id + ": " + html.slice(0, 160) + " " + failureSummary.replaceAll(/\\s+/g, " "))),
      ...${SCROLLS_SIDEWAYS},
      // The parts of the frame scroll, and never all of it.
      ...(document.querySelector(".frame") !== null && document.documentElement.scrollHeight > innerHeight
        ? ["the document scrolls down"] : []),
    ];
  })()`);
}

/** Adds the faults of the page to `found`, in every look. `name`: what is shown. */
export async function lookAt(page: Page, name: string, found: string[]): Promise<void> {
  const isDialog = (await page.locator("dialog[open]").count()) > 0;
  for (const [{ width, colorScheme }, rules, within] of LOOKS) {
    // A dialog is looked at alone, and all of it.
    if (within !== ALL && (isDialog || (await page.locator(within).count()) === 0)) continue;
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    for (const fault of await faultsOf(page, rules, within)) found.push(`${name}, ${width}, ${colorScheme}: ${fault}`);
  }
  for (const size of LOW) {
    await page.setViewportSize(size);
    const faults = await page.evaluate<string[]>(`[...${SCROLLS_SIDEWAYS}, ...${STANDS_STILL}]`);
    for (const fault of faults) found.push(`${name}, ${size.width} x ${size.height}: ${fault}`);
  }
  await page.setViewportSize({ width: WIDE.width, height: 800 });
}
