/**
 * GET /openapi.json, and GET /docs, the API explorer. src/dev/assets.ts makes their files as static assets, so the Worker's
 * bundle contains neither the explorer nor the code that makes the document. People type API tokens into the page. So the
 * policy below lets it run scripts of this host only and call no other host, whatever the explorer tries.
 */

import { type Context, Hono } from "hono";
import type { AppEnv } from "../app-env.ts";

/** The page among the assets. The Worker runs before the assets, so the page never goes out without its headers. */
const PAGE = "/docs/page.html";

const HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    // The explorer writes style attributes, which a nonce can't allow.
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  // The page names the scripts of this version, so a browser must revalidate it each time.
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
  if (asset.status !== 200 && asset.status !== 304) throw new Error(`${path} is missing: ${asset.status}`);
  c.header("ETag", asset.headers.get("ETag") ?? undefined);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  // A 304 has no body, so it has no Content-Type (RFC 9110, section 15.4.5).
  if (asset.status === 200) c.header("Content-Type", asset.headers.get("Content-Type") ?? undefined);
  return asset.body === null ? c.body(null, asset.status) : c.body(asset.body);
}
