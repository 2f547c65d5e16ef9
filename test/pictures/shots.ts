/**
 * `npm run shots -- <folder>`: takes pictures of the console, for people to look at. It starts a server of its own and
 * fills the server with runs. With `--url` it uses a server that is running, with the operator's token in the variable
 * ROOT_TOKEN. `--only <texts>` takes only pictures whose names contain one of the texts, with a comma between them. The variable CHROMIUM names another
 * browser.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, Page } from "playwright-core";
import { runToEnd } from "../../src/dev/children.ts";
import { openSite, PendingRequests, SEEDED_PATH, signInToConsole, type TemporaryServer } from "./site.ts";

/** A wide one, one of half a screen, a phone, and one of 1280 x 800 pixels at 200 % zoom. */
const WINDOWS = [
  { width: 1440, height: 900 },
  { width: 1000, height: 900 },
  { width: 360, height: 900 },
  { width: 640, height: 400 },
];

interface Shot {
  readonly name: string;
  readonly path: string;
  /** What to do before the page is opened. */
  readonly given?: (page: Page) => Promise<void>;
  /** What to do before the picture. */
  readonly act?: (page: Page) => Promise<void>;
}

const CODE = "A".repeat(43);
const CHOICE_PATH = `/console/sign-in#code=${CODE}`;
const ISSUER = "https://login.example.com/realms/acme";
const TOKENS = [
  { project: "acme/shop", id: "1", name: "deployers", role: "member", envName: null, mayApprove: false },
  { project: "acme/shop", id: "2", name: "approvers", role: "viewer", envName: "production", mayApprove: true },
  { project: "acme/billing-and-invoices", id: "3", name: "on call", role: "admin", envName: null, mayApprove: false },
];

const SHOTS: readonly Shot[] = [
  { name: "runs", path: `${SEEDED_PATH}/runs` },
  { name: "runs-failed", path: `${SEEDED_PATH}/runs?status=failed&label=team:payments` },
  { name: "runs-none-match", path: `${SEEDED_PATH}/runs?actionName=no-such-action` },
  { name: "runs-refused", path: `${SEEDED_PATH}/runs?status=exploded&since=today` },
  {
    name: "runs-search",
    path: `${SEEDED_PATH}/runs`,
    act: async (page) => {
      await page.getByRole("combobox").pressSequentially("failed depl");
      await page.getByRole("option").first().waitFor();
      await page.keyboard.press("ArrowDown");
    },
  },
  { name: "runs-selected", path: `${SEEDED_PATH}/runs?since=1d`, act: selectAll },
  { name: "bulk-cancel", path: `${SEEDED_PATH}/runs?waiting=any`, act: (page) => askFor(page, "Cancel runs") },
  { name: "bulk-retry", path: `${SEEDED_PATH}/runs?status=failed`, act: (page) => askFor(page, "Retry runs") },
  { name: "bulk-operations", path: `${SEEDED_PATH}/bulk-operations` },
  {
    name: "bulk-operation",
    path: `${SEEDED_PATH}/bulk-operations`,
    act: async (page) => {
      await page.getByRole("link", { name: "Retry of" }).first().click();
      await page.getByRole("table").waitFor();
    },
  },
  { name: "empty", path: "/console/-/acme/shop/empty/runs" },
  { name: "run", path: `${SEEDED_PATH}/runs`, act: openFirst },
  { name: "run-running", path: `${SEEDED_PATH}/runs?status=running`, act: openFirst },
  { name: "run-failed", path: `${SEEDED_PATH}/runs?status=failed&triggeredBy=ci`, act: openFirst },
  {
    name: "run-timeline",
    path: `${SEEDED_PATH}/runs?actionName=rollback`,
    act: async (page) => {
      await openFirst(page);
      await page.getByRole("list", { name: "Timeline" }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: "run-live",
    path: `${SEEDED_PATH}/runs?status=running&actionName=deploy`,
    act: async (page) => {
      await page.getByRole("table", { name: "Runs" }).getByRole("link").first().click();
      await page.getByRole("log").waitFor();
    },
  },
  {
    name: "session-menu",
    path: `${SEEDED_PATH}/runs`,
    act: (page) => page.getByRole("button", { name: "Signed in as" }).click(),
  },
  { name: "help", path: `${SEEDED_PATH}/runs`, act: (page) => page.keyboard.press("?") },
  { name: "actions", path: `${SEEDED_PATH}/actions` },
  {
    name: "actions-refused",
    path: `${SEEDED_PATH}/actions`,
    act: async (page) => {
      await page.getByRole("link", { name: "New action" }).click();
      await page.getByLabel("Name", { exact: true }).fill("refused");
      await page.getByRole("tab", { name: "JSON" }).click();
      await page.getByLabel("Definition", { exact: true }).fill('{ "timeout": 0 }');
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.locator("[aria-invalid]").waitFor();
    },
  },
  {
    name: "actions-secret-refused",
    path: `${SEEDED_PATH}/actions`,
    act: async (page) => {
      await page.getByRole("link", { name: "New action" }).click();
      await page.getByLabel("Name", { exact: true }).fill("refused");
      await page.getByRole("radio", { name: "Any webhook" }).check();
      await page.getByLabel("URL", { exact: true }).fill("https://ci.example.com/hook");
      await page.getByLabel("New header", { exact: true }).fill("Authorization");
      await page.getByRole("button", { name: "Add header" }).click();
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.locator("[aria-invalid]").waitFor();
    },
  },
  {
    name: "new-action",
    path: `${SEEDED_PATH}/actions`,
    act: (page) => page.getByRole("link", { name: "New action" }).click(),
  },
  {
    name: "edit-action",
    path: `${SEEDED_PATH}/actions`,
    act: async (page) => {
      await page.getByRole("table", { name: "Actions" }).getByRole("link").first().click();
      await page.getByRole("link", { name: "Edit", exact: true }).click();
      await page.locator(".request-preview code").first().waitFor();
    },
  },
  {
    name: "action",
    path: `${SEEDED_PATH}/actions`,
    act: async (page) => {
      await page.getByRole("table", { name: "Actions" }).getByRole("link").first().click();
    },
  },
  {
    name: "run-dialog",
    path: `${SEEDED_PATH}/actions/deploy`,
    act: (page) => page.getByRole("button", { name: "Run action" }).click(),
  },
  {
    name: "versions",
    path: `${SEEDED_PATH}/actions/resize`,
    act: (page) => page.getByRole("table", { name: "Versions" }).scrollIntoViewIfNeeded(),
  },
  { name: "schedule", path: `${SEEDED_PATH}/schedules/nightly` },
  {
    name: "run-in-line",
    path: `${SEEDED_PATH}/runs?waiting=concurrency`,
    act: async (page) => {
      await page.getByRole("table", { name: "Runs" }).getByRole("link").first().click();
      await page.getByText("in line for group").first().waitFor();
    },
  },
  {
    name: "run-failing",
    path: `${SEEDED_PATH}/runs?status=pending`,
    act: async (page) => {
      const row = page.getByRole("row").filter({ hasText: "could not be reached" });
      await row.getByRole("link").first().click();
      await page.getByRole("region", { name: "Run", exact: true }).getByText("Attempts so far").waitFor();
    },
  },
  { name: "approvals", path: `${SEEDED_PATH}/approvals` },
  {
    name: "approve",
    path: `${SEEDED_PATH}/approvals`,
    act: async (page) => {
      await page.getByRole("button", { name: "Approve" }).first().click();
      await page.getByRole("heading", { name: "Request" }).waitFor();
    },
  },
  { name: "agent-action", path: `${SEEDED_PATH}/actions/release`, act: (page) => toText(page, "By an agent") },
  { name: "agent-editor", path: `${SEEDED_PATH}/actions/release/edit`, act: (page) => toText(page, "Offer to agents") },
  { name: "agent-run", path: `${SEEDED_PATH}/runs?triggeredBy=ada@example.com`, act: openFirst },
  {
    name: "agent-approve",
    path: `${SEEDED_PATH}/approvals`,
    act: async (page) => {
      await page.getByRole("row").filter({ hasText: "claude-code" }).getByRole("button", { name: "Approve" }).click();
      await page.getByRole("heading", { name: "Request" }).waitFor();
    },
  },
  { name: "groups", path: `${SEEDED_PATH}/groups` },
  {
    name: "pause",
    path: `${SEEDED_PATH}/groups`,
    act: (page) => page.getByRole("button", { name: "Pause the environment" }).click(),
  },
  { name: "notifications", path: `${SEEDED_PATH}/notifications` },
  {
    name: "new-endpoint",
    path: `${SEEDED_PATH}/notifications`,
    act: (page) => page.getByRole("link", { name: "New endpoint" }).click(),
  },
  {
    name: "environments",
    path: `${SEEDED_PATH}/runs`,
    act: async (page) => {
      await page.getByTitle("Change the environment").click();
      await page.getByRole("list", { name: "Environments" }).waitFor();
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
  {
    name: "tokens-trust",
    path: "/console/-/acme/shop/tokens",
    act: async (page) => {
      await page.getByRole("button", { name: "New token" }).click();
      await page.getByLabel("Opened by", { exact: true }).selectOption("people");
    },
  },
  { name: "audit", path: "/console/-/acme/shop/audit" },
  { name: "sign-in-choice", path: CHOICE_PATH, given: (page) => withIssuer(page, TOKENS) },
  { name: "sign-in-none", path: CHOICE_PATH, given: (page) => withIssuer(page, []) },
  { name: "sign-in-refused", path: "/console/sign-in#error=proof_invalid", given: (page) => withIssuer(page, []) },
  { name: "sign-in-cli", path: `/console/cli?challenge=${CODE}&port=4711`, given: withPerson },
];

/** The service has no issuer, so this says in its place what a sign-in opens. */
async function withIssuer(page: Page, tokens: readonly object[]): Promise<void> {
  const person = { issuerName: "Example ID", subject: "00u1ada4fGq8xZ0aB5d7", person: "ada@example.com" };
  await page.route("**/session/sign-in", (route) =>
    route.fulfill({ json: { issuer: ISSUER, ...person, to: "/console", tokens } }),
  );
  await page.route(/\/console(\?|\/(?!assets)|$)/, async (route) => {
    const response = await route.fetch({ url: new URL("/console", route.request().url()).href });
    const meta = '<meta name="sign-in" content="Example ID"><title>';
    await route.fulfill({ response, body: (await response.text()).replace("<title>", meta) });
  });
}

/** The session of the page is one by sign-in, as far as the page knows. */
async function withPerson(page: Page): Promise<void> {
  await withIssuer(page, []);
  await page.addInitScript(`{
    const session = JSON.parse(localStorage.getItem("action-runs.session"));
    Object.assign(session.holder, { issuer: "${ISSUER}", person: "ada@example.com", name: "deployers" });
    localStorage.setItem("action-runs.session", JSON.stringify(session));
  }`);
}

async function openFirst(page: Page): Promise<void> {
  await page.getByRole("table", { name: "Runs" }).getByRole("link").first().click();
  await page.getByRole("region", { name: "Run", exact: true }).waitFor();
}

async function toText(page: Page, text: string): Promise<void> {
  await page.getByText(text, { exact: true }).scrollIntoViewIfNeeded();
}

async function selectAll(page: Page): Promise<void> {
  await page.getByRole("checkbox", { name: "Select all runs of this page" }).check();
}

async function askFor(page: Page, what: string): Promise<void> {
  await selectAll(page);
  await page.getByRole("button", { name: what }).click();
  await page.getByRole("dialog").getByText("can be").waitFor();
}

async function take(browser: Browser, site: TemporaryServer, folder: string, only: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const viewport of WINDOWS) {
      const { width } = viewport;
      const context = await browser.newContext({ viewport, colorScheme });
      const page = await context.newPage();
      const pending = new PendingRequests(page);
      page.on("console", (said) => console.error(`${said.type()}: ${said.text()}`));
      page.on("pageerror", (error) => console.error(error));
      const save = async (name: string) => {
        const isWide = await page.evaluate<boolean>("document.documentElement.scrollWidth > innerWidth");
        if (isWide) console.error(`${name} can be scrolled sideways at ${width} pixels.`);
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) });
      };
      const isAsked = (name: string) => only.split(",").some((text) => name.includes(text));
      await withIssuer(page, []);
      await signInToConsole(page, site, async () => {
        if (isAsked("sign-in")) await save("sign-in");
      });
      await page.unrouteAll();
      for (const { name, path, given, act } of SHOTS.filter((shot) => isAsked(shot.name))) {
        await given?.(page);
        await page.goto(site.url + path);
        await answered(page, pending);
        await act?.(page);
        await answered(page, pending);
        // Animations get a moment to end.
        await page.waitForTimeout(400);
        await save(name);
        await page.unrouteAll();
      }
      // This closes the dialog of the last picture.
      await page.goto(`${site.url}${SEEDED_PATH}/runs`);
      await page.getByRole("button", { name: "Signed in as" }).click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await context.close();
    }
  }
}

/** Waits until the page has all responses. */
async function answered(page: Page, pending: PendingRequests): Promise<void> {
  await page.locator("main").waitFor();
  do await page.waitForTimeout(100);
  while (!pending.isEmpty);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { url: { type: "string" }, only: { type: "string", default: "" } },
  });
  const [folder] = positionals;
  if (folder === undefined)
    throw new Error("The folder is missing. Name the folder for the pictures: npm run shots -- <folder>");
  mkdirSync(folder, { recursive: true });
  const { url, only } = values;
  const given = url === undefined ? null : { url, token: process.env.ROOT_TOKEN ?? "" };
  const { browser, site } = await openSite(given);
  await take(browser, site, folder, only);
  console.log(`The pictures are in ${folder}.`);
  return 0;
}

runToEnd(main);
