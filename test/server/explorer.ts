/** Drives the API explorer in a real browser, and notes everything that must not happen. */

import { type Browser, chromium, type Page, type Request } from "playwright-core";
import { CHROMIUM } from "../../src/dev/chromium.ts";

const STARTS_WITHIN_MS = 60_000;
const APPEARS_WITHIN_MS = 20_000;
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

export class Explorer {
  /** Requests to other hosts, console messages, policy violations and exceptions of all pages so far. */
  readonly faults: string[] = [];
  readonly #browser: Browser;
  readonly #origin: string;

  private constructor(browser: Browser, origin: string) {
    this.#browser = browser;
    this.#origin = origin;
  }

  static async start(origin: string): Promise<Explorer> {
    const browser = await chromium.launch({
      executablePath: CHROMIUM ?? "",
      // A request to another host fails, and so does the test.
      args: ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost"],
      timeout: STARTS_WITHIN_MS,
    });
    return new Explorer(browser, origin);
  }

  stop(): Promise<void> {
    return this.#browser.close();
  }

  async closePages(): Promise<void> {
    for (const context of this.#browser.contexts()) await context.close();
  }

  async open(width: number, colorScheme: "light" | "dark"): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width, height: 800 }, colorScheme });
    context.setDefaultTimeout(APPEARS_WITHIN_MS);
    context.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (origin !== this.#origin && protocol !== "data:") this.faults.push(`request to ${request.url()}`);
    });
    context.on("console", (said) => {
      const isFault = said.type() === "error" || said.type() === "warning";
      if (isFault) this.faults.push(`${said.type()}: ${said.text()}`);
    });
    context.on("weberror", (thrown) => this.faults.push(`thrown: ${thrown.error().message}`));
    await context.addInitScript(
      `addEventListener("securitypolicyviolation", (refused) =>
        console.error("refused by the policy", refused.violatedDirective, refused.blockedURI))`,
    );
    const page = await context.newPage();
    page.on("websocket", (socket) => this.faults.push(`socket to ${socket.url()}`));
    await page.goto(`${this.#origin}/docs`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    return page;
  }
}

/** Uses the menu, which a narrow page hides behind a button. */
export async function goTo(page: Page, { summary }: Operation): Promise<void> {
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

/** How many CSS pixels the page can be scrolled sideways. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
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
