/** Starts a throwaway server that is full of runs, and a browser for pictures of its console. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { atEnd } from "./children.ts";
import { CHROMIUM } from "./chromium.ts";
import { seed } from "./console-seeds.ts";
import { EXAMPLE_PATH } from "./example-place.ts";
import { startTemporaryServer, type TemporaryServer } from "./temporary-server.ts";

/** The path of the environment that has the runs. */
export const SEEDED_PATH = `/console/-/${EXAMPLE_PATH}`;

/** A browser, and a server that is full of runs or `given`. Both end with the command (`runToEnd`). */
export async function openSite(
  given: TemporaryServer | null,
): Promise<{ readonly browser: Browser; readonly site: TemporaryServer }> {
  if (CHROMIUM === undefined) throw new Error("There is no Chromium. Set CHROMIUM to its path.");
  const browser = await chromium.launch({ executablePath: CHROMIUM });
  atEnd(() => browser.close());
  return { browser, site: given ?? (await seededServer()) };
}

async function seededServer(): Promise<TemporaryServer> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-site-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startTemporaryServer(folder);
  console.log("Filling the server with runs, which takes a minute …");
  await seed(server.url, server.token);
  return server;
}

/** Opens the list of runs and signs in. `before`: called before the form is filled. */
export async function signInToConsole(
  page: Page,
  { url, token }: TemporaryServer,
  before = async () => {},
): Promise<void> {
  await page.goto(`${url}${SEEDED_PATH}/runs`);
  await page.getByLabel("Token", { exact: true }).waitFor();
  await before();
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}
