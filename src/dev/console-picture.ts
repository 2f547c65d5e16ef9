/**
 * `npm run picture`: takes README's picture from the real console: runs of every status, and one at work beside them.
 * Run it again when the console looks different.
 */

import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { signInToConsole, withSite } from "./console-site.ts";
import { ROOT } from "./wrangler.ts";

const PICTURE = join(ROOT, "docs", "console.png");
const MAX_BYTES = 200_000;
const SIZE = { width: 1360, height: 860 };

await withSite(null, async (browser, site) => {
  const page = await browser.newPage({ viewport: SIZE, colorScheme: "light", reducedMotion: "reduce" });
  await signInToConsole(page, site);
  await page.getByRole("table", { name: "Runs" }).getByRole("link", { name: "deploy" }).first().click();
  await page.getByRole("region", { name: "Run", exact: true }).waitFor();
  await page.getByRole("list", { name: "Timeline" }).getByText("Replacing 2 of 3 replicas").waitFor();
  mkdirSync(dirname(PICTURE), { recursive: true });
  await page.screenshot({ path: PICTURE });
});
const { size } = statSync(PICTURE);
console.log(`docs/console.png has ${size} bytes.`);
if (size > MAX_BYTES) {
  console.error(`It may have ${MAX_BYTES} at most. Make the picture smaller.`);
  process.exit(1);
}
process.exit(0);
