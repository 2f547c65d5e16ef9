/**
 * Static assets with headers of our own: GET /console, GET /docs and GET /openapi.json. src/dev/assets.ts makes them, so the
 * Worker's bundle contains none, nor the code that makes the document. The Worker runs before the assets, so a page never
 * goes out without its headers.
 */

import { type Context, Hono } from "hono";
import * as z from "zod";
import { DEFINITION_NAME, PATH_NAME } from "../base/limits.ts";
import { ApiError } from "../http/errors.ts";
import { forAnyone } from "../http/operation.ts";
import type { AppEnv } from "../http/request-context.ts";

const CONSOLE_PAGE = "/console/page.html";

const IN_ENVIRONMENT = `(?:runs|bulk-operations)(?:/[0-9A-Fa-f-]{36})?|approvals|groups|(?:actions|schedules|notifications)(?:/-/new|/${DEFINITION_NAME}(?:/edit)?)?`;
const PATHS = new RegExp(`^/console/-/${PATH_NAME}/${PATH_NAME}/(?:tokens|audit|${PATH_NAME}/(?:${IN_ENVIRONMENT}))$`);

const PAGE_HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  // The page names the scripts of this version, so a browser must revalidate it each time.
  "Cache-Control": "no-cache",
};

/** The page holds an API token. So its policy lets nothing but our own script run, and no text become markup. */
const CONSOLE_HEADERS = {
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
  ...PAGE_HEADERS,
};

const DESCRIBED_HEADERS = ["ETag", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Referrer-Policy"];
const PAGE_RESPONSES = {
  200: { description: "The page", text: { "text/html": "<!doctype html>…" }, headers: DESCRIBED_HEADERS },
  304: { description: "Not modified", headers: DESCRIBED_HEADERS },
};

/**
 * GET /console and the addresses of its pages. All of them answer with one page, and its script shows what the address
 * names. The hyphen keeps pages apart from an organization whose name is `console`, because no name begins with a hyphen.
 */
export const consolePages = new Hono<AppEnv>()
  .get(
    "/console",
    forAnyone(
      DESCRIBE && {
        operationId: "openConsole",
        tag: "Service",
        summary: "Open the console",
        description:
          "Returns a web page where people watch, start, cancel and retry runs. People sign in there with an API token or `ROOT_TOKEN`. Each view has an address below `/console/-/`.",
        responses: PAGE_RESPONSES,
      },
      (c) => sendAsset(c, CONSOLE_PAGE, CONSOLE_HEADERS),
    ),
  )
  .all("/console/-/*", (c, next) => {
    if (!PATHS.test(c.req.path)) throw new ApiError("not_found");
    return next();
  })
  .get("/console/-/*", (c) => sendAsset(c, CONSOLE_PAGE, CONSOLE_HEADERS));

/**
 * People type API tokens into the API explorer. So its policy lets it run scripts of this host only and call no other
 * host, whatever it tries.
 */
const DOCS_HEADERS = {
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
  ...PAGE_HEADERS,
};

export const docsRoutes = new Hono<AppEnv>()
  .get(
    "/openapi.json",
    forAnyone(
      DESCRIBE && {
        operationId: "getOpenApi",
        tag: "Service",
        summary: "Get the OpenAPI document",
        description: "Returns the OpenAPI 3.1 document of this version of the service. Requires no token.",
        responses: {
          200: {
            description: "The OpenAPI document",
            json: z.record(z.string(), z.unknown()).meta({ examples: [{ openapi: "3.1.0" }] }),
            headers: ["ETag"],
          },
          304: { description: "Not modified", headers: ["ETag"] },
        },
      },
      (c) => sendAsset(c, "/openapi.json", { "Cache-Control": "no-cache" }),
    ),
  )
  .get(
    "/docs",
    forAnyone(
      DESCRIBE && {
        operationId: "exploreApi",
        tag: "Service",
        summary: "Open the API explorer",
        description:
          "Returns a web page where you can read about each endpoint and try it. The page loads nothing from other hosts.",
        responses: PAGE_RESPONSES,
      },
      (c) => sendAsset(c, "/docs/page.html", DOCS_HEADERS),
    ),
  );

/** `path`: the asset's own path, which need not be the request's. Throws if the asset is missing. */
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
