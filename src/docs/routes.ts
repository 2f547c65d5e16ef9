/**
 * GET /openapi.json, and GET /docs: the API explorer, a page over it. Their files are static assets, made by
 * src/dev/assets.ts; none of the explorer's code may get into the Worker's bundle, nor what makes the document.
 *
 * People type API tokens into this page, so it runs no script and talks to no host but our own: the policy below holds
 * even where the explorer would do otherwise.
 */

import { type Context, Hono } from "hono";
import type { AppEnv } from "../app-env.ts";

/** Where the assets keep the page. The Worker is asked before them, so nobody gets it without its headers. */
const PAGE = "/docs/page.html";

const HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    // The explorer writes style elements and style attributes, and no nonce covers an attribute.
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  // It names the scripts of this version: kept, but asked after each time.
  "Cache-Control": "no-cache",
};

export const docsRoutes = new Hono<AppEnv>()
  .get("/openapi.json", (c) => sendAsset(c, "/openapi.json", { "Cache-Control": "no-cache" }))
  .get("/docs", (c) => sendAsset(c, PAGE, HEADERS));

async function sendAsset(
  c: Context<AppEnv>,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const known = c.req.header("If-None-Match");
  const asset = await c.env.ASSETS.fetch(new URL(path, c.req.url), {
    headers: known === undefined ? {} : { "If-None-Match": known },
  });
  if (asset.status !== 200 && asset.status !== 304) throw new Error(`${path} is not there: ${asset.status}`);
  c.header("ETag", asset.headers.get("ETag") ?? undefined);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  // A 304 has no body, so it names no type (RFC 9110, section 15.4.5).
  if (asset.status === 200) c.header("Content-Type", asset.headers.get("Content-Type") ?? undefined);
  return asset.body === null ? c.body(null, asset.status) : c.body(asset.body);
}
