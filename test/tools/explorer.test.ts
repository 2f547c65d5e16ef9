/** GET /docs, the API explorer: how its files are served, and how a person uses it in a real browser. */

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { sharedServer } from "../server/installation.ts";
import { until } from "../server/until.ts";
import { describeInBrowser, overflow } from "../server/watched-browser.ts";
import {
  closeDialog,
  drawAll,
  luminance,
  type Operation,
  openDialog,
  openExplorer,
  operationsAt,
  send,
} from "./explorer.ts";

const NARROW = 360;
const WIDE = 1280;

const { origin, token } = sharedServer("of-docs-test");

describe("GET /docs", () => {
  it("allows only its own origin to serve scripts and receive requests, and can't be framed", async () => {
    const { status, headers } = await fetch(`${origin}/docs`);
    expect([status, headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = headers.get("Content-Security-Policy")?.split("; ");
    for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"])
      expect(policy).toContain(rule);
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("X-Request-Id")).not.toBeNull();
  });

  it("is revalidated each time, and not sent again if it is unchanged", async () => {
    const { headers } = await fetch(`${origin}/docs`);
    expect(headers.get("Cache-Control")).toBe("no-cache");
    const again = await fetch(`${origin}/docs`, { headers: { "If-None-Match": headers.get("ETag") ?? "" } });
    expect(again.status).toBe(304);
    expect(again.headers.get("Content-Security-Policy")).toBe(headers.get("Content-Security-Policy"));
  });

  it.each(["/docs", "/openapi.json"])("has no Content-Type in a 304 from %s", async (path) => {
    const { headers } = await fetch(`${origin}${path}`);
    const again = await fetch(`${origin}${path}`, { headers: { "If-None-Match": headers.get("ETag") ?? "" } });
    expect([again.status, again.headers.get("Content-Type"), await again.text()]).toEqual([304, null, ""]);
    expect(again.headers.get("ETag")).toBe(headers.get("ETag"));
  });

  it("names its scripts by their content, so that browsers can cache them forever", async () => {
    const page = await (await fetch(`${origin}/docs`)).text();
    const scripts = [...page.matchAll(/<script[^>]* src="([^"]*)"/g)].map(([, path]) => path);
    expect(scripts).toHaveLength(2);
    for (const path of scripts) {
      expect(path).toMatch(/^\/docs\/assets\/[a-z]+-[0-9a-f]{16}\.js$/);
      const { status, headers } = await fetch(`${origin}${path}`);
      expect([status, headers.get("Content-Type")]).toEqual([200, "text/javascript; charset=utf-8"]);
      expect(headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    }
  });

  it("lets nobody cache the 404 of a script from another version", async () => {
    const { status, headers } = await fetch(`${origin}/docs/assets/start-0123456789abcdef.js`);
    expect([status, headers.get("Cache-Control")]).toEqual([404, null]);
  });

  it.each([
    ["POST", "/docs", 405, "method_not_allowed"],
    ["GET", "/docs/page.html", 404, "not_found"],
    ["GET", "/_headers", 404, "not_found"],
    ["POST", "/acme/shop/envs/prod/action-runs", 401, "unauthorized"],
    ["DELETE", "/docs/assets", 404, "not_found"],
  ])("leaves everything except scripts to the Worker: %s %s", async (method, path, status, code) => {
    const answer = await fetch(`${origin}${path}`, { method });
    expect([answer.status, await answer.json()]).toEqual([status, expect.objectContaining({ code })]);
  });
});

/** A request that the explorer sent, and what came of it. */
interface Sent {
  readonly url: string;
  readonly status: number | undefined;
  readonly sentHeaders: Readonly<Record<string, string>>;
  readonly body: { readonly id?: string; readonly status?: string };
  /** The dialog with the response. */
  readonly shown: string;
}

interface Colors {
  readonly text: number;
  readonly ground: number;
}

describeInBrowser("the explorer", (browser) => {
  let operations: readonly Operation[];

  beforeAll(async () => {
    operations = await operationsAt(origin);
  });

  function operation(id: string): Operation {
    const found = operations.find(({ operationId }) => operationId === id);
    if (found === undefined) throw new Error(`The document has no operation ${id}.`);
    return found;
  }

  /** Sends what the open dialog holds, and waits until it shows the response. */
  async function sendOpen(page: Page, id: string, status: RegExp): Promise<Sent> {
    const request = await send(page, operation(id));
    const response = await request.response();
    const body: Sent["body"] = await response?.json();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(status).first().waitFor();
    // The status can be drawn before the body.
    if (body.id !== undefined) await dialog.getByText(body.id).first().waitFor();
    return {
      url: request.url(),
      status: response?.status(),
      sentHeaders: await request.allHeaders(),
      body,
      shown: (await dialog.textContent()) ?? "",
    };
  }

  /** Opens an operation, sends it unchanged, and closes what that has opened. */
  async function ask(page: Page, id: string, status: RegExp): Promise<Sent> {
    await openDialog(page, operation(id));
    const sent = await sendOpen(page, id, status);
    await closeDialog(page);
    return sent;
  }

  /** The colors of the page's text and ground, as luminances. */
  async function colorsOf(page: Page): Promise<Colors> {
    return { text: await luminance(page, "h1", "color"), ground: await luminance(page, "body", "backgroundColor") };
  }

  /**
   * With a typed token, first on a wide screen, and after a reload on a narrow one. The explorer takes seconds to draw,
   * so this is played once, for several tests. Most of it is narrow, because there all operations are drawn anyway.
   */
  async function play() {
    const page = await openExplorer(browser, origin, { width: WIDE, colorScheme: "light" });
    const links = await page.getByRole("link").allTextContents();
    await page.getByPlaceholder("Token").first().fill(token);
    const created = await ask(page, "createActionRun", /^201 /);

    await page.setViewportSize({ width: NARROW, height: 800 });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.reload();
    await page.getByPlaceholder("Token").first().fill(token);
    const dark = await colorsOf(page);
    await openDialog(page, operation("createActionRun"));
    const createdAfterReload = await sendOpen(page, "createActionRun", /^201 /);
    const dialogIsWiderBy = await overflow(page);
    await closeDialog(page);
    const listed = await ask(page, "listActionRuns", /^200 /);
    const stored = await page.evaluate<string>(
      "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])",
    );
    await page.emulateMedia({ colorScheme: "light" });
    await until("the explorer is light", async () => (await colorsOf(page)).text < 0.1);
    const light = await colorsOf(page);
    await drawAll(page, NARROW, operations);
    const pageIsWiderBy = await overflow(page);
    return {
      links,
      created,
      createdAfterReload,
      listed,
      stored,
      colors: { dark, light },
      dialogIsWiderBy,
      pageIsWiderBy,
    };
  }
  let story: Awaited<ReturnType<typeof play>>;
  beforeAll(async () => {
    story = await play();
  });

  it("lists every operation of the document", () => {
    expect(operations.length).toBeGreaterThan(9);
    for (const { summary } of operations) {
      expect(story.links.filter((text) => text.includes(summary))).not.toEqual([]);
    }
  });

  it("creates a run with a typed token, shows the response, and stores the token nowhere", async () => {
    const { url, body, shown } = story.created;
    expect(body.status).toBe("pending");
    expect(shown).toContain("201 Created");
    expect(shown).toContain(body.id);
    const kept = await fetch(`${url}/${body.id}`, { headers: { Authorization: `Bearer ${token}` } });
    expect(await kept.json()).toMatchObject({ id: body.id, status: "pending" });
    expect(story.stored).not.toContain(token);
  });

  it("sends no optional parameter unless the user enables it", () => {
    expect(story.listed.status).toBe(200);
    expect(new URL(story.listed.url).search).toBe("");
    expect(story.created.sentHeaders).not.toHaveProperty("idempotency-key");
  });

  it.each(["dark", "light"] as const)("is readable on a narrow screen, %s", (scheme) => {
    const { text, ground } = story.colors[scheme];
    expect(ground < 0.1).toBe(scheme === "dark");
    expect((Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)).toBeGreaterThan(7);
  });

  it("is usable on a narrow screen, and shows no operation wider than it", () => {
    const { createdAfterReload, dialogIsWiderBy, pageIsWiderBy } = story;
    expect([createdAfterReload.status, dialogIsWiderBy, pageIsWiderBy]).toEqual([201, 0, 0]);
  });
});
