/**
 * What the tests of the console share: environments of the shared server, pages that are signed in, and the console's
 * parts by name.
 */

import type { APIResponse, Locator, Page, Route } from "playwright-core";
import { type Client, callback, createClient, type Schemas } from "../../../src/client/index.ts";
import type { Session } from "../../../src/console/session/sign-in.ts";
import { callTool } from "../../pictures/agent.ts";
import { type Look, twoFrames } from "../watched-browser.ts";

/** An address of the console that no page has. */
const NOWHERE = "/console/-";
export const WIDE: Look = { width: 1280, colorScheme: "light" };
export const NARROW: Look = { width: 360, colorScheme: "dark" };
export const PHONE: Look = { ...NARROW, hasTouch: true };

export type Role = "owner" | "admin" | "member" | "viewer";

/** One organization of a server, with the project `shop`. */
export class Site {
  readonly origin: string;
  /** The operator's. */
  readonly token: string;
  readonly #org: string;

  constructor(org: string, { origin, token }: { readonly origin: string; readonly token: string }) {
    this.#org = org;
    this.origin = origin;
    this.token = token;
  }

  client(env: string, token = this.token): Client {
    return createClient({ baseUrl: this.origin, token, org: this.#org, project: "shop", env });
  }

  async newToken(role: Role, envName?: string): Promise<string> {
    const scope = envName === undefined ? {} : { envName };
    return (await this.client("none").tokens.create({ name: `a-${role}`, role, ...scope })).token;
  }

  /** What a tool returns to an agent that has the token. */
  askAsAgent(env: string, token: string, tool: string, args: object) {
    const path = `/${this.#org}/shop/envs/${env}`;
    return callTool({ baseUrl: this.origin, path, token }, "test-agent", tool, args);
  }

  /** The address of a page: `prod/runs`, `tokens`. */
  at(path: string): string {
    return `${this.origin}/console/-/${this.#org}/shop/${path}`;
  }

  /** Opens an address and signs in there, as people do. */
  async signInByHand(page: Page, path: string, token = this.token): Promise<void> {
    await page.goto(this.at(path));
    await signInHere(page, token);
  }

  /**
   * Opens an address with a session that began without the sign-in page. That page costs as much as the one behind it.
   */
  async signIn(page: Page, path: string, token = this.token): Promise<void> {
    const project = `${this.#org}/shop`;
    const begun = await page.request.post(`${this.origin}/session`, {
      // The service begins sessions only for its own pages. The response's cookie is then the browser's.
      headers: { Authorization: `Bearer ${token}`, Origin: this.origin, "Sec-Fetch-Site": "same-origin" },
      data: { project },
    });
    const { pageKey, ...holder }: Session["holder"] & { pageKey: string } = await begun.json();
    const envName = /^([^/?]+)\//.exec(path)?.[1] ?? "prod";
    const scope = { o: this.#org, p: "shop", envName };
    const session: Session = { pageKey, holder, renewedAt: Date.now(), scope };
    const stored = ["action-runs.session", JSON.stringify(session)].map((text) => JSON.stringify(text)).join();
    const isStored = await page.addInitScript(`localStorage.setItem(${stored})`);
    await page.goto(this.at(path));
    // Later pages find what this one has left.
    await isStored.dispose();
    await sessionMenu(page).waitFor();
  }

  /**
   * Shows another page as the browser's back and forward do: nothing is loaded again. The page begins anew, also if it
   * was open before.
   */
  async goTo(page: Page, path: string): Promise<void> {
    for (const href of [NOWHERE, this.at(path)]) {
      await page.evaluate(
        `history.pushState(null, "", ${JSON.stringify(href)}); dispatchEvent(new PopStateEvent("popstate"))`,
      );
      await twoFrames(page);
    }
  }
}

/** At the sign-in page. If it asks for an environment, this types one. */
export async function signInHere(page: Page, token: string, envName = "prod"): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await button(page, "Sign in").click();
  const isIn = sessionMenu(page);
  const isAsked = button(page, "Open");
  await isIn.or(isAsked).waitFor();
  if (!(await isAsked.isVisible())) return;
  await field(page, "Environment").fill(envName);
  await isAsked.click();
  await isIn.waitFor();
}

/** The button of the header's menu. It says who is signed in. */
export function sessionMenu(page: Page): Locator {
  return page.getByRole("button", { name: /^Signed in as / });
}

export async function signOut(page: Page): Promise<void> {
  await sessionMenu(page).click();
  await button(page, "Sign out").click();
}

/** The job's way to report. Only a run that no trigger starts tells it here. */
export function job({ callback: told }: Schemas["StartedActionRun"]) {
  if (told === undefined) throw new Error("A trigger starts this run, so only its receiver can report.");
  return callback(told.url, told.token);
}

/** Sends a request of the page on. It comes from the page, which only the browser itself can say. */
export function sentOn(route: Route): Promise<APIResponse> {
  return route.fetch({ headers: { ...route.request().headers(), "sec-fetch-site": "same-origin" } });
}

export function button(within: Page | Locator, name: string | RegExp): Locator {
  return within.getByRole("button", { name, exact: true });
}

export function field(within: Page | Locator, label: string): Locator {
  return within.getByLabel(label, { exact: true });
}

/** The field that searches the runs. */
export function search(page: Page): Locator {
  return page.getByRole("combobox", { name: "Search the runs", exact: true });
}

/** The filters of the list, as their chips say them. */
export function chips(page: Page): Promise<string[]> {
  return page.getByRole("list", { name: "Filters", exact: true }).getByRole("listitem").allInnerTexts();
}

export function runs(page: Page): Locator {
  return page.getByRole("table", { name: "Runs", exact: true });
}

export function run(page: Page): Locator {
  return page.getByRole("region", { name: "Run", exact: true });
}

export function dialog(page: Page, name: string): Locator {
  return page.getByRole("dialog", { name, exact: true });
}

/** Resolves when the open run is shown with this status. */
export async function untilRunIs(page: Page, status: string): Promise<void> {
  await run(page).getByText(status, { exact: true }).first().waitFor();
}

/**
 * Puts a clock into the page that goes as usual, and that `poll` can move forward. Call it before the page is opened.
 */
export async function fakeTime(page: Page): Promise<void> {
  await page.clock.install();
}

/** The page is hidden or shown, as the browser says it. */
export function show(page: Page, state: "visible" | "hidden"): Promise<void> {
  return page.evaluate(`
    Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  `);
}

/** Something between the page and the service does not let the feed of changes through, so the list polls. */
export async function withoutFeed(page: Page): Promise<void> {
  const body = "<h1>A proxy's page</h1>";
  await page.route("**/action-runs/changes*", (route) => route.fulfill({ contentType: "text/html", body }));
}

/** The time of the next poll comes at once. */
export async function poll(page: Page): Promise<void> {
  await page.clock.runFor(6000);
}

/** An element of the page, as far as a function that runs there needs it. */
interface InDocument {
  readonly ownerDocument: { readonly activeElement: unknown };
}

export function hasFocus(target: Locator): Promise<boolean> {
  return target.evaluate((element: InDocument) => element === element.ownerDocument.activeElement);
}

const FRAMES_MAX = 60;
const FRAME_MS = 16;

/**
 * What is focused and how: `visible`, or why it is not. Parts of the page that scripts focus need no mark. The browser
 * lays out what it has skipped outside of the window (`content-visibility`) in a later frame, so this waits for some.
 */
export async function focusMark(page: Page): Promise<string> {
  for (let frames = 0; ; frames++) {
    const mark = await focusMarkNow(page);
    if (!mark.startsWith("the focus can't be seen") || frames === FRAMES_MAX) return mark;
    await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
  }
}

function focusMarkNow(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const at = document.activeElement;
    if (at === null || at === document.body) return "nothing has the focus";
    if (at.matches("main, h1, section, div")) return "a part of the page has the focus";
    // The browser marks its own button in such a field.
    if (at.matches("[type=datetime-local]:not(:focus-visible)")) return "visible";
    const isMarked = [null, "::after"].some((part) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(at, part);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    });
    const { left, right, top, bottom } = at.getBoundingClientRect();
    const isInView = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
    // What lies in the middle of the part of it that is in the window.
    const over = document.elementFromPoint(
      (Math.max(left, 0) + Math.min(right, innerWidth)) / 2,
      (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2,
    );
    const isCovered = over !== null && !at.contains(over) && !over.contains(at);
    return isMarked && isInView && !isCovered
      ? "visible"
      : "the focus can't be seen on " + at.outerHTML.slice(0, 120) + (isCovered ? " behind " + over.outerHTML.slice(0, 120) : "");
  })()`);
}

const STOPS_MAX = 120;

/**
 * Presses Tab until the target has the focus. Throws if the focus can't be seen on the way, or if Tab does not lead
 * there.
 */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  for (let stops = 0; stops < STOPS_MAX; stops++) {
    await page.keyboard.press("Tab");
    const mark = await focusMark(page);
    if (mark.startsWith("the focus can't be seen")) throw new Error(mark);
    if (await hasFocus(target)) return;
  }
  throw new Error(`Tab does not lead to ${target}`);
}
