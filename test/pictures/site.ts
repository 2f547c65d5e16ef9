/** Starts a throwaway server that is full of runs, and a browser for pictures of its console. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { type Browser, chromium, type Page, type Request } from "playwright-core";
import { atEnd } from "../../src/dev/children.ts";
import { EXAMPLE_PATH, freePort, migrateLocally, newSecrets, startServer } from "../../src/dev/server.ts";
import { seed } from "./seeds.ts";

export interface TemporaryServer {
  readonly url: string;
  /** The operator's token. */
  readonly token: string;
}

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

/** A server with its own secrets and an empty database, both in this folder. */
async function startTemporaryServer(folder: string): Promise<TemporaryServer> {
  const file = join(folder, "secrets.env");
  const state = join(folder, "state");
  const secrets = newSecrets();
  // The receivers of webhooks are on this machine. Webhooks may go to this machine only with this setting.
  writeFileSync(file, `${secrets}ALLOW_INSECURE_WEBHOOKS=true\n`, { mode: 0o600 });
  await migrateLocally(undefined, state);
  // With --env-file, the server does not read .dev.vars.
  const { url } = await startServer(await freePort(), ["--persist-to", state, "--env-file", file]);
  return { url, token: parseEnv(secrets).ROOT_TOKEN ?? "" };
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
  await page.getByRole("button", { name: "Signed in as" }).waitFor();
}

/**
 * The path of Chromium; undefined if it is missing. The variable CHROMIUM overrides it. The headless shell comes first,
 * because it draws the same pages with two thirds of the CPU.
 */
export const CHROMIUM = [
  process.env.CHROMIUM,
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
].find((path) => path !== undefined && existsSync(path));

/**
 * The requests of a page that have no response yet. An event stream counts as answered when it begins, so Playwright's
 * `networkidle` never comes on a page that follows runs.
 */
export class PendingRequests {
  readonly #requests = new Set<Request>();

  constructor(page: Page) {
    const answered = (request: Request) => this.#requests.delete(request);
    page.on("request", (request) => this.#requests.add(request));
    page.on("requestfinished", answered);
    page.on("requestfailed", answered);
    page.on("response", (response) => {
      if (response.headers()["content-type"]?.startsWith("text/event-stream")) answered(response.request());
    });
  }

  get isEmpty(): boolean {
    return this.#requests.size === 0;
  }
}
