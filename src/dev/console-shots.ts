/**
 * Takes pictures of the console, for people to look at: `node src/dev/console-shots.ts <folder>`. It starts a server of its own
 * and fills it with runs. `--url` takes them from a server that runs, with its operator's token in the variable ROOT_TOKEN.
 * `--only <text>` takes only those whose name contains the text. The variable CHROMIUM names another browser.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, Page } from "playwright-core";
import { IN_ENVIRONMENT, type Site, signIn, withSite } from "./console-site.ts";

const WIDTHS = [1440, 360];

interface Shot {
  readonly name: string;
  readonly path: string;
  /** What to do before the picture. */
  readonly act?: (page: Page) => Promise<void>;
}

const SHOTS: readonly Shot[] = [
  { name: "runs", path: `${IN_ENVIRONMENT}/runs` },
  { name: "runs-failed", path: `${IN_ENVIRONMENT}/runs?status=failed&label=team:payments` },
  { name: "runs-none-match", path: `${IN_ENVIRONMENT}/runs?actionName=no-such-action` },
  { name: "runs-refused", path: `${IN_ENVIRONMENT}/runs?status=exploded` },
  { name: "empty", path: "/console/-/acme/shop/empty/runs" },
  {
    name: "run",
    path: `${IN_ENVIRONMENT}/runs`,
    act: async (page) => {
      await page.getByRole("table", { name: "Runs" }).getByRole("link").first().click();
      await page.getByRole("region", { name: "Run", exact: true }).waitFor();
    },
  },
  { name: "help", path: `${IN_ENVIRONMENT}/runs`, act: (page) => page.keyboard.press("?") },
  { name: "actions", path: `${IN_ENVIRONMENT}/actions` },
  {
    name: "actions-refused",
    path: `${IN_ENVIRONMENT}/actions`,
    act: async (page) => {
      await page.getByRole("button", { name: "New action" }).click();
      await page.getByLabel("Name", { exact: true }).fill("refused");
      await page.getByLabel("Definition", { exact: true }).fill('{ "timeout": 0 }');
      await page.getByRole("button", { name: "Save" }).click();
      await page.locator("[aria-invalid]").waitFor();
    },
  },
  { name: "tokens", path: "/console/-/acme/shop/tokens" },
  {
    name: "tokens-refused",
    path: "/console/-/acme/shop/tokens",
    act: async (page) => {
      await page.getByRole("button", { name: "New token" }).click();
      await page.getByLabel("Name", { exact: true }).fill("root");
      await page.getByRole("button", { name: "Create token" }).click();
      await page.locator("[aria-invalid]").waitFor();
    },
  },
  {
    name: "tokens-lost",
    path: "/console/-/acme/shop/tokens",
    act: async (page) => {
      await page.getByRole("button", { name: "New token" }).click();
      await page.getByLabel("Name", { exact: true }).fill("ci");
      await page.route("**/tokens", (route) => route.abort());
      await page.getByRole("button", { name: "Create token" }).click();
      await page.getByRole("dialog").getByRole("alert").waitFor();
      await page.unrouteAll();
    },
  },
  { name: "audit", path: "/console/-/acme/shop/audit" },
];

async function take(browser: Browser, site: Site, folder: string, only: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of WIDTHS) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      const page = await context.newPage();
      page.on("console", (said) => console.error(`${said.type()}: ${said.text()}`));
      page.on("pageerror", (error) => console.error(error));
      const save = async (name: string) => {
        const isWide = await page.evaluate<boolean>("document.documentElement.scrollWidth > innerWidth");
        if (isWide) console.error(`${name} can be scrolled sideways at ${width} pixels.`);
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) });
      };
      await signIn(page, site, async () => {
        if ("sign-in".includes(only)) await save("sign-in");
      });
      for (const { name, path, act } of SHOTS.filter((shot) => shot.name.includes(only))) {
        await page.goto(site.url + path);
        await page.waitForLoadState("networkidle");
        await act?.(page);
        // Whatever moves has a moment to come to rest.
        await page.waitForTimeout(400);
        await save(name);
      }
      // Without the dialog of the last picture.
      await page.reload();
      await page.getByRole("button", { name: "Sign out" }).click();
      await context.close();
    }
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { url: { type: "string" }, only: { type: "string", default: "" } },
  });
  const [folder] = positionals;
  if (folder === undefined) throw new Error("Say which folder gets the pictures.");
  mkdirSync(folder, { recursive: true });
  const { url, only } = values;
  const given = url === undefined ? null : { url, token: process.env.ROOT_TOKEN ?? "" };
  await withSite(given, (browser, site) => take(browser, site, folder, only));
  console.log(`The pictures are in ${folder}.`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
