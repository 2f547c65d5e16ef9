/** Drives the API explorer in a real browser. */

import type { Page, Request } from "playwright-core";
import { until } from "../server/until.ts";
import type { Look, WatchedBrowser } from "../server/watched-browser.ts";

const METHODS = ["get", "post", "put", "patch", "delete"] as const;

interface Described {
  readonly operationId: string;
  readonly summary: string;
}

export interface Operation extends Described {
  readonly method: string;
  readonly path: string;
}

type Paths = Readonly<Record<string, Partial<Record<(typeof METHODS)[number], Described>>>>;

/** The operations in the OpenAPI document of the service at `origin`. */
export async function operationsAt(origin: string): Promise<Operation[]> {
  const { paths } = (await (await fetch(`${origin}/openapi.json`)).json()) as { paths: Paths };
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const described = item[method];
      return described === undefined ? [] : [{ ...described, method, path }];
    }),
  );
}

/**
 * Elements change at once. The explorer fades all of its elements, also for people who asked for less motion, and each
 * frame of that costs more than the rest.
 */
const STILL = `
  const still = new CSSStyleSheet();
  still.replaceSync("*, ::before, ::after { transition: none !important; animation: none !important; }");
  document.adoptedStyleSheets = [still];`;

export async function openExplorer(browser: WatchedBrowser, origin: string, look: Look): Promise<Page> {
  const page = await browser.newPage(origin, look);
  await page.addInitScript(STILL);
  await page.goto(`${origin}/docs`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

/** More than the height of all operations on a narrow screen. */
const ALL_IN_VIEW = 100_000;

/**
 * Lays out all operations, because the explorer makes only what is in view. From then on the page is invisible: painting
 * so much costs a third of it all.
 */
export async function drawAll(page: Page, width: number, operations: readonly Described[]): Promise<void> {
  await page.evaluate("document.documentElement.style.visibility = 'hidden'");
  await page.setViewportSize({ width, height: ALL_IN_VIEW });
  await until("all operations are drawn", async () => {
    const drawn = await page.locator("h3").allTextContents();
    return operations.every(({ summary }) => drawn.some((heading) => heading.includes(summary)));
  });
}

/** What is seen of these elements with this text. Asking for roles would read the names of everything on the page. */
const seen = (page: Page, element: "a" | "button", hasText: string) =>
  page.locator(`${element}:visible`, { hasText }).first();

/** Uses the menu, which a narrow page hides behind a button. */
async function goTo(page: Page, { summary }: Operation): Promise<void> {
  const menu = seen(page, "button", "Open Menu");
  if (await menu.isVisible()) await menu.click();
  await seen(page, "a", summary).click();
  await page.locator("h3", { hasText: summary }).first().waitFor();
}

/** Opens an operation's dialog. */
export async function openDialog(page: Page, operation: Operation): Promise<void> {
  await goTo(page, operation);
  await seen(page, "button", `Test Request(${operation.method} ${operation.path})`).click();
}

/** Sends what the open dialog of the operation holds, and returns the request. */
export async function send(page: Page, { method }: Operation): Promise<Request> {
  const sent = page.waitForRequest((request) => request.method() === method.toUpperCase());
  await page.getByRole("dialog").getByRole("button", { name: "Send" }).first().click();
  return sent;
}

export async function closeDialog(page: Page): Promise<void> {
  await seen(page, "button", "Close Client").click();
}

/** The relative luminance (WCAG, 0 to 1) of an element's `color` or `backgroundColor`. */
export function luminance(page: Page, element: string, property: string): Promise<number> {
  return page.evaluate<number>(`(() => {
    const color = getComputedStyle(document.querySelector("${element}")).${property};
    const [r, g, b] = color.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  })()`);
}
