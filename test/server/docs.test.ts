/** GET /docs, the API explorer: how its files are served, and how a person uses it in a real browser. */

import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { luminance, type Operation, openExplorer, operationsAt, send } from "./explorer.ts";
import { sharedPlace } from "./place.ts";
import { until } from "./until.ts";
import { describeInBrowser, overflow } from "./watched-browser.ts";

const NARROW = 360;
const WIDE = 1280;
const ALL_OPERATIONS_HEIGHT = 100_000;
const BOOKMARK = "x-d1-bookmark";

const { origin, token } = sharedPlace("of-docs-test");

describe("GET /docs", () => {
  it("allows only its own origin to serve scripts and receive requests, and can't be framed", async () => {
    const { status, headers } = await fetch(`${origin}/docs`);
    expect([status, headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = headers.get("Content-Security-Policy")?.split("; ");
    for (const rule of [
      "default-src 'none'",
      "script-src 'self'",
      "connect-src 'self'",
      "frame-ancestors 'none'",
    ])
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
    const again = await fetch(`${origin}${path}`, {
      headers: { "If-None-Match": headers.get("ETag") ?? "" },
    });
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

describeInBrowser("the explorer", (browser) => {
  let operations: readonly Operation[];
  /** On a wide screen. It takes seconds to draw, so tests share it, and it remembers the bookmarks of earlier tests. */
  let page: Page;

  beforeAll(async () => {
    operations = await operationsAt(origin);
    page = await openExplorer(browser, origin, { width: WIDE, colorScheme: "light" }, { isKept: true });
    await page.getByPlaceholder("Token").first().fill(token);
  });

  function operation(id: string): Operation {
    const found = operations.find(({ operationId }) => operationId === id);
    if (found === undefined) throw new Error(`The document has no operation ${id}.`);
    return found;
  }

  /** Closes what `send` has opened, when the page shows the response. */
  async function closeClient(status: string | RegExp): Promise<void> {
    await page.getByRole("dialog").getByText(status).first().waitFor();
    await page.getByRole("button", { name: "Close Client" }).first().click();
  }

  it("lists every operation of the document", async () => {
    expect(operations.length).toBeGreaterThan(9);
    const links = await page.getByRole("link").allTextContents();
    for (const { summary } of operations) {
      expect(links.filter((text) => text.includes(summary))).not.toEqual([]);
    }
  });

  it("sends the bookmark of each response with the next request, until the page is closed", async () => {
    const answered: (string | undefined)[] = [undefined];
    for (const id of ["createActionRun", "listActionRuns", "createActionRun"]) {
      const sent = await send(page, operation(id));
      expect((await sent.allHeaders())[BOOKMARK]).toBe(answered.at(-1));
      const { [BOOKMARK]: bookmark } = (await (await sent.response())?.allHeaders()) ?? {};
      expect(bookmark).toMatch(/./);
      answered.push(bookmark);
      await closeClient(/^20[01] /);
    }
    const tokens = await send(page, operation("listApiTokens"));
    expect(await tokens.allHeaders()).not.toHaveProperty(BOOKMARK);
    const stored = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])");
    for (const bookmark of answered.slice(1)) expect(stored).not.toContain(bookmark);

    await page.reload();
    await page.getByPlaceholder("Token").first().fill(token);
    const list = await send(page, operation("listActionRuns"));
    expect(await list.allHeaders()).not.toHaveProperty(BOOKMARK);
    await closeClient(/^200 /);
  });

  it("creates a run with a typed token, shows the response, and stores the token nowhere", async () => {
    const sent = await send(page, operation("createActionRun"));
    const run = (await (await sent.response())?.json()) as { id: string; status: string };
    expect(run.status).toBe("pending");
    await page.getByRole("dialog").getByText(run.id).first().waitFor();
    await closeClient("201 Created");

    const kept = await fetch(`${sent.url()}/${run.id}`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    expect(await kept.json()).toMatchObject({ id: run.id, status: "pending" });
    const stored = await page.evaluate(
      "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])",
    );
    expect(stored).not.toContain(token);
  });

  it("sends no optional parameter unless the user enables it", async () => {
    const list = await send(page, operation("listActionRuns"));
    expect((await list.response())?.status()).toBe(200);
    expect(new URL(list.url()).search).toBe("");
    await closeClient(/^200 /);
    const create = await send(page, operation("createActionRun"));
    expect(create.headers()).not.toHaveProperty("idempotency-key");
  });

  it.each(["light", "dark"] as const)("is readable and usable on a narrow screen, %s", async (scheme) => {
    const narrow = await openExplorer(browser, origin, { width: NARROW, colorScheme: scheme });
    const text = await luminance(narrow, "h1", "color");
    const ground = await luminance(narrow, "body", "backgroundColor");
    expect(ground < 0.1).toBe(scheme === "dark");
    expect((Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)).toBeGreaterThan(7);
    await narrow.getByPlaceholder("Token").first().fill(token);
    const sent = await send(narrow, operation("createActionRun"));
    expect((await sent.response())?.status()).toBe(201);
    expect(await overflow(narrow)).toBe(0);
  });

  it("shows no operation wider than a narrow screen", async () => {
    const narrow = await openExplorer(browser, origin, { width: NARROW, colorScheme: "light" });
    expect(await overflow(narrow)).toBe(0);
    // The explorer draws what is in view. So all operations are drawn, and are measured at once.
    await narrow.setViewportSize({ width: NARROW, height: ALL_OPERATIONS_HEIGHT });
    const missing = async () => {
      const drawn = await narrow.locator("h3").allTextContents();
      return operations.filter(({ summary }) => !drawn.some((heading) => heading.includes(summary)));
    };
    await until("all operations are drawn", async () => (await missing()).length === 0);
    expect(await overflow(narrow)).toBe(0);
  });
});
