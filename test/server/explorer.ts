/** Drives the API explorer in a real browser. */

import type { Page, Request } from "playwright-core";
import type { Look, WatchedBrowser } from "./watched-browser.ts";

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

export async function openExplorer(browser: WatchedBrowser, origin: string, look: Look): Promise<Page> {
  return openIn(await browser.newPage(origin, look), origin);
}

/** Everything is in view for this page, because the explorer draws only what is. */
const ALL_IN_VIEW = `
  globalThis.IntersectionObserver = class {
    constructor(tell) { this.tell = tell; }
    observe(target) { setTimeout(() => this.tell([{ target, isIntersecting: true, intersectionRatio: 1 }], this)); }
    unobserve() {}
    disconnect() {}
  };`;

/** Opens the explorer with all operations drawn. */
export async function openWholeExplorer(browser: WatchedBrowser, origin: string, look: Look): Promise<Page> {
  const page = await browser.newPage(origin, look);
  await page.addInitScript(ALL_IN_VIEW);
  return openIn(page, origin);
}

async function openIn(page: Page, origin: string): Promise<Page> {
  await page.goto(`${origin}/docs`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

/** Uses the menu, which a narrow page hides behind a button. */
async function goTo(page: Page, { summary }: Operation): Promise<void> {
  const menu = page.getByRole("button", { name: "Open Menu" });
  if (await menu.isVisible()) await menu.click();
  await page.getByRole("link", { name: summary }).first().click();
  await page.getByRole("heading", { name: summary }).waitFor();
}

/** Opens an operation, sends it unchanged, and returns the request. */
export async function send(page: Page, operation: Operation): Promise<Request> {
  const { method, path } = operation;
  await goTo(page, operation);
  await page
    .getByRole("button", { name: `Test Request (${method} ${path})` })
    .first()
    .click();
  const sent = page.waitForRequest((request) => request.method() === method.toUpperCase());
  await page.getByRole("dialog").getByRole("button", { name: "Send" }).first().click();
  return sent;
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
