/** Starts a throwaway server that is full of runs, and a browser for pictures of its console. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "./chromium.ts";
import { SEEDED, seed } from "./console-seeds.ts";
import { migrateLocally, newSecrets } from "./prepare.ts";
import { freePort, startServer } from "./server.ts";
import { onStopSignal } from "./wrangler.ts";

const STOPPED_BY_SIGNAL = 130;

/** The path of the environment that has the runs. */
export const SEEDED_PATH = `/console/-/${SEEDED.org}/${SEEDED.project}/${SEEDED.env}`;

export interface ConsoleSite {
  readonly url: string;
  /** The operator's token. */
  readonly token: string;
}

/**
 * Runs `work` with a browser and a server that is full of runs, or with `given`, and stops both at its end. The
 * variable CHROMIUM names another browser.
 */
export async function withSite(
  given: ConsoleSite | null,
  work: (browser: Browser, site: ConsoleSite) => Promise<void>,
): Promise<void> {
  if (CHROMIUM === undefined) throw new Error("There is no Chromium. Set CHROMIUM to its path.");
  const browser = await chromium.launch({ executablePath: CHROMIUM });
  const folder = mkdtempSync(join(tmpdir(), "action-runs-site-"));
  let stop = async () => {};
  const cleanUp = async () => {
    await browser.close();
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  onStopSignal(() => void cleanUp().finally(() => process.exit(STOPPED_BY_SIGNAL)));
  try {
    const site = given ?? (await seededServer(folder, (stopServer) => (stop = stopServer)));
    await work(browser, site);
  } finally {
    await cleanUp();
  }
}

async function seededServer(
  folder: string,
  onSpawn: (stop: () => Promise<void>) => void,
): Promise<ConsoleSite> {
  const secrets = join(folder, "secrets.env");
  const state = join(folder, "state");
  // The imagined CI product is on this machine. Webhooks may go to this machine only with this setting.
  writeFileSync(secrets, `${newSecrets()}ALLOW_INSECURE_WEBHOOKS=true\n`, { mode: 0o600 });
  await migrateLocally(state);
  const port = await freePort();
  const args = ["--persist-to", state, "--env-file", secrets];
  const { url } = await startServer({ port, args, onSpawn });
  const token = /^ROOT_TOKEN=(.*)$/m.exec(readFileSync(secrets, "utf8"))?.[1] ?? "";
  console.log("Filling the server with runs, which takes a minute …");
  await seed(url, token);
  return { url, token };
}

/** Opens the list of runs and signs in. `before`: called before the form is filled. */
export async function signInToConsole(
  page: Page,
  { url, token }: ConsoleSite,
  before = async () => {},
): Promise<void> {
  await page.goto(`${url}${SEEDED_PATH}/runs`);
  await page.getByLabel("Token", { exact: true }).waitFor();
  await before();
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}
