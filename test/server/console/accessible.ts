/** What axe finds on a page as it is shown, and what scrolls sideways: light and dark, wide and narrow. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import type { Look } from "../watched-browser.ts";
import { NARROW, WIDE } from "./site.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const EVERY_RULE = {
  type: "tag",
  values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
};
const CONTRAST = { type: "rule", values: ["color-contrast"] };
type Looks = readonly (readonly [Look, object])[];
/** A dialog has the same elements wide and narrow. Narrow is dark. */
const LOOKS_OF_DIALOG: Looks = [
  [WIDE, EVERY_RULE],
  [NARROW, EVERY_RULE],
];
/** A page has columns that are only in the wide one. In other colours they can only fail the rule for colours. */
const LOOKS: Looks = [...LOOKS_OF_DIALOG, [{ ...WIDE, colorScheme: "dark" }, CONTRAST]];

/** Violations of axe's rules, and what scrolls sideways although it is not code. */
async function faultsOf(page: Page, rules: object): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(AXE);
  return page.evaluate<string[]>(`(async () => {
    // Behind an open dialog, the page is inert, and it is looked at without the dialog.
    const { violations } = await axe.run(document.querySelector("dialog[open]") ?? document, {
      // The page has no frames, and no rule here reads its style sheets.
      resultTypes: ["violations"], iframes: false, preload: false, runOnly: ${JSON.stringify(rules)}
    });
    const wide = [document.documentElement, ...document.querySelectorAll("body *:not(pre, textarea, input)")]
      .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0
        && (element === document.documentElement || /auto|scroll/.test(getComputedStyle(element).overflowX)));
    return [
      ...violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
        id + ": " + html.slice(0, 160) + " " + failureSummary.replaceAll(/\\s+/g, " "))),
      ...wide.map((element) => "scrolls sideways: " + element.outerHTML.slice(0, 160)),
      // The parts of the frame scroll, and never all of it.
      ...(document.querySelector(".frame") !== null && document.documentElement.scrollHeight > innerHeight
        ? ["the document scrolls down"] : []),
    ];
  })()`);
}

/** Adds the faults of the page to `found`, in every look. `name`: what is shown. */
export async function lookAt(page: Page, name: string, found: string[]): Promise<void> {
  const isDialog = await page.evaluate<boolean>(`document.querySelector("dialog[open]") !== null`);
  for (const [{ width, colorScheme }, rules] of isDialog ? LOOKS_OF_DIALOG : LOOKS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    for (const fault of await faultsOf(page, rules))
      found.push(`${name}, ${width}, ${colorScheme}: ${fault}`);
  }
  await page.setViewportSize({ width: WIDE.width, height: 800 });
}
