/**
 * GET /console and the addresses of its pages. All of them answer with one page, and its script shows what the address
 * names. The hyphen keeps pages apart from an organization whose name is `console`, because no name begins with a
 * hyphen. The page holds an API token. So the policy lets nothing but our own script run, and no text become markup.
 */

import { Hono } from "hono";
import { DEFINITION_NAME, PATH_NAME } from "../base/limits.ts";
import type { AppEnv } from "../http/app-env.ts";
import { ApiError } from "../http/errors.ts";
import { sendAsset } from "./asset.ts";

/** The page among the assets. */
const PAGE = "/console/page.html";

const IN_ENVIRONMENT = `(?:runs|bulk-operations)(?:/[0-9A-Fa-f-]{36})?|approvals|groups|(?:actions|notifications)(?:/${DEFINITION_NAME})?`;
const PATHS = new RegExp(`^/console/-/${PATH_NAME}/${PATH_NAME}/(?:tokens|audit|${PATH_NAME}/(?:${IN_ENVIRONMENT}))$`);

const HEADERS = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  // The page names the scripts of this version, so a browser must revalidate it each time.
  "Cache-Control": "no-cache",
};

export const consolePages = new Hono<AppEnv>()
  .get("/console", (c) => sendAsset(c, PAGE, HEADERS))
  .all("/console/-/*", (c, next) => {
    if (!PATHS.test(c.req.path)) throw new ApiError("not_found");
    return next();
  })
  .get("/console/-/*", (c) => sendAsset(c, PAGE, HEADERS));
