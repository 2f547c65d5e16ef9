/**
 * `npm run picture`: takes README's picture from the real console: runs of every status, and one at work beside them.
 * Run it again when the console looks different.
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { runToEnd } from "../../src/dev/children.ts";
import { ROOT } from "../../src/dev/wrangler.ts";
import { openSite, signInToConsole } from "./site.ts";

const PICTURE = join(ROOT, "docs", "console.png");
const MAX_BYTES = 200_000;
const SIZE = { width: 1360, height: 860 };

async function main(): Promise<number> {
  const { browser, site } = await openSite(null);
  const page = await browser.newPage({ viewport: SIZE, colorScheme: "light", reducedMotion: "reduce" });
  await signInToConsole(page, site);
  await page.getByRole("table", { name: "Runs" }).getByRole("link", { name: "deploy" }).first().click();
  await page.getByRole("region", { name: "Run", exact: true }).waitFor();
  await page.getByRole("list", { name: "Timeline" }).getByText("Replacing 2 of 3 replicas").waitFor();
  await page.getByText("Looking for earlier runs").waitFor({ state: "detached" });
  mkdirSync(dirname(PICTURE), { recursive: true });
  await page.screenshot({ path: PICTURE });
  const { size } = statSync(PICTURE);
  console.log(`docs/console.png has ${size} bytes.`);
  if (size <= MAX_BYTES) return 0;
  console.error(`It may have ${MAX_BYTES} at most. Make the picture smaller.`);
  return 1;
}

runToEnd(main);
