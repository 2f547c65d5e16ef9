/** Chromium, and a record of everything that no page of this service may do. */

import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterEach, beforeAll, describe, expect } from "vitest";
import { CHROMIUM, PendingRequests } from "../pictures/site.ts";

import { HANGS_AFTER_MS, until } from "./until.ts";

const HEIGHT = 800;

/** A list that is still that of the address before, and a search that asks what its words mean. */
const BUSY = 'table[aria-busy="true"], input[aria-busy="true"]';

export interface Look {
  readonly width: number;
  readonly colorScheme: "light" | "dark";
  readonly hasTouch?: boolean;
}

/** Each process of the tests has one, for all its files. It ends with the process. */
let ofThisProcess: Promise<Browser> | undefined;

function launchOnce(): Promise<Browser> {
  ofThisProcess ??= chromium.launch({
    executablePath: CHROMIUM ?? "",
    // A request to another host fails, and so does the test.
    args: ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"],
    timeout: HANGS_AFTER_MS,
  });
  return ofThisProcess;
}

/**
 * Tests in Chromium. After each of them there must be no fault, and its pages are closed. Without a Chromium
 * the tests are skipped, and a sentence says so. `what`: "the explorer".
 */
export function describeInBrowser(what: string, tests: (browser: WatchedBrowser) => void): void {
  const isMissing = CHROMIUM === undefined;
  if (isMissing) {
    process.stderr.write(
      `Chromium is missing, so ${what} is not tested in a browser. Install it with: apt-get install chromium.\n`,
    );
  }
  describe.skipIf(isMissing)(`${what} in a browser`, () => {
    const browser = new WatchedBrowser();
    beforeAll(() => browser.start());
    afterEach(async () => {
      await browser.closePages();
      expect(browser.takeFaults()).toEqual([]);
    });
    tests(browser);
  });
}

export class WatchedBrowser {
  #browser: Browser | null = null;
  #faults: string[] = [];
  readonly #expected: string[] = [];
  /** The requests of each page that have no response yet. */
  readonly #pending = new WeakMap<Page, PendingRequests>();

  async start(): Promise<void> {
    this.#browser = await launchOnce();
  }

  async closePages(): Promise<void> {
    for (const context of this.#browser?.contexts() ?? []) await context.close();
  }

  /**
   * What happened since the last call, each once: requests to other hosts, errors and warnings on the console,
   * violations of the policy, exceptions, dialogs of the browser, and new windows.
   */
  takeFaults(): readonly string[] {
    const faults = new Set(this.#faults.splice(0));
    for (const fault of this.#expected.splice(0)) faults.delete(fault);
    return [...faults];
  }

  /**
   * Removes the faults that a test causes. Waits for the first one, and throws if there is none. A page that asks several
   * times gets the same fault again, perhaps later.
   */
  async expectFault(pattern: RegExp): Promise<void> {
    const isExpected = (fault: string) => pattern.test(fault);
    await until(`a fault ${pattern}`, () => this.#faults.some(isExpected));
    this.#expected.push(...this.#faults.filter(isExpected));
    this.#faults = this.#faults.filter((fault) => !isExpected(fault));
  }

  /**
   * A page of its own session: it shares no storage with others. `origins`: where all its requests must go. That of the
   * service alone, unless people sign in elsewhere.
   */
  async newPage(origins: string | readonly string[], { width, colorScheme, hasTouch = false }: Look): Promise<Page> {
    if (this.#browser === null) throw new Error("The browser is not started.");
    const context = await this.#browser.newContext({
      viewport: { width, height: HEIGHT },
      colorScheme,
      hasTouch,
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(HANGS_AFTER_MS);
    await this.#watch(context, [origins].flat());
    const page = await context.newPage();
    this.#pending.set(page, new PendingRequests(page));
    page.on("websocket", (socket) => this.#faults.push(`socket to ${socket.url()}`));
    page.on("popup", (popup) => this.#faults.push(`window at ${popup.url()}`));
    page.on("dialog", async (dialog) => {
      this.#faults.push(`${dialog.type()}: ${dialog.message()}`);
      await dialog.dismiss();
    });
    return page;
  }

  /** Resolves when the page has drawn what it asked for. An event stream counts as answered when it begins. */
  async settled(page: Page): Promise<void> {
    await page.locator("main").waitFor();
    await twoFrames(page);
    const isAnswered = () => this.#pending.get(page)?.isEmpty === true;
    await until("the page has all responses", isAnswered);
    // On a busy machine, the request of a list can begin later than the two frames. Until then, the rows are the old ones.
    await until("the list is that of the address", async () => (await page.locator(BUSY).count()) === 0);
    await twoFrames(page);
  }

  async #watch(context: BrowserContext, allowed: readonly string[]): Promise<void> {
    context.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (!allowed.includes(origin) && protocol !== "data:") this.#faults.push(`request to ${request.url()}`);
    });
    context.on("console", (said) => {
      const isFault = said.type() === "error" || said.type() === "warning";
      if (isFault) this.#faults.push(`${said.type()}: ${said.text()}`);
    });
    context.on("weberror", (thrown) => this.#faults.push(`thrown: ${thrown.error().message}`));
    await context.addInitScript(
      `addEventListener("securitypolicyviolation", (refused) =>
        console.error("refused by the policy", refused.violatedDirective, refused.blockedURI))`,
    );
  }
}

/** Effects run after a frame, and what they change is drawn in the next. */
export function twoFrames(page: Page): Promise<void> {
  return page.evaluate(
    "new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => setTimeout(done)))))",
  );
}

/** How many CSS pixels the page can be scrolled sideways. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
}
