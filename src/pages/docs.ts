/**
 * GET /openapi.json, and GET /docs, the API explorer. Their files are static assets, so the Worker's bundle contains
 * neither the explorer nor the code that makes the document. People type API tokens into the page. So the policy below
 * lets it run scripts of this host only and call no other host, whatever the explorer tries.
 */

import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { sendAsset } from "./asset.ts";

/** The page among the assets. */
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
