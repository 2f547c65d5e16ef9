/**
 * Takes pictures of the console, for people to look at: `node src/dev/console-shots.ts <folder>`. It starts a server of its own
 * and fills it with runs. `--url` takes them from a server that runs, with its operator's token in the variable ROOT_TOKEN.
 * `--only <text>` takes only those whose name contains the text. The variable CHROMIUM names another browser.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";
import { SEEDED, seed } from "./console-seeds.ts";
import { migrateLocally, newSecrets } from "./prepare.ts";
import { freePort, startServer } from "./server.ts";
import { onStopSignal } from "./wrangler.ts";

const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);
const IN_ENVIRONMENT = `/console/-/${SEEDED.org}/${SEEDED.project}/${SEEDED.env}`;
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
  { name: "tokens", path: "/console/-/acme/shop/tokens" },
  { name: "audit", path: "/console/-/acme/shop/audit" },
];

async function take(
  browser: Browser,
  url: string,
  token: string,
  folder: string,
  only: string,
): Promise<void> {
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
      await page.goto(`${url}${IN_ENVIRONMENT}/runs`);
      await page.getByLabel("Token", { exact: true }).waitFor();
      if ("sign-in".includes(only)) await save("sign-in");
      await page.getByLabel("Token", { exact: true }).fill(token);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
      for (const { name, path, act } of SHOTS.filter((shot) => shot.name.includes(only))) {
        await page.goto(url + path);
        await page.waitForLoadState("networkidle");
        await act?.(page);
        // Whatever moves has a moment to come to rest.
        await page.waitForTimeout(400);
        await save(name);
      }
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
  if (CHROMIUM === undefined) throw new Error("There is no Chromium. Set CHROMIUM to its path.");
  mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({ executablePath: CHROMIUM });
  const temporary = mkdtempSync(join(tmpdir(), "action-runs-shots-"));
  let stop = async () => {};
  const cleanUp = async () => {
    await browser.close();
    await stop();
    rmSync(temporary, { recursive: true, force: true });
  };
  onStopSignal(() => void cleanUp().finally(() => process.exit(130)));
  try {
    let { url } = values;
    let token = process.env.ROOT_TOKEN ?? "";
    if (url === undefined) {
      const secrets = join(temporary, "secrets.env");
      const state = join(temporary, "state");
      writeFileSync(secrets, newSecrets(), { mode: 0o600 });
      token = /^ROOT_TOKEN=(.*)$/m.exec(readFileSync(secrets, "utf8"))?.[1] ?? "";
      await migrateLocally(state);
      const server = await startServer({
        port: await freePort(),
        args: ["--persist-to", state, "--env-file", secrets],
        onSpawn: (stopServer) => {
          stop = stopServer;
        },
      });
      url = server.url;
      console.log("Filling the server with runs, which takes a minute …");
      await seed(url, token);
    }
    await take(browser, url, token, folder, values.only);
    console.log(`The pictures are in ${folder}.`);
  } finally {
    await cleanUp();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
