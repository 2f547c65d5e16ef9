/**
 * The assets of src/dev/assets.ts with headers of our own: GET /console, GET /docs and GET /openapi.json. The Worker
 * runs before the assets, so a page never goes out without its headers.
 */

import { type Context, Hono } from "hono";
import { html } from "hono/html";
import * as z from "zod";
import { sha256Hex } from "../base/json.ts";
import { DEFINITION_NAME, PATH_NAME } from "../base/limits.ts";
import { ApiError } from "../http/errors.ts";
import { type Described, forAnyone } from "../http/operation.ts";
import type { AppEnv } from "../http/request-context.ts";
import { signInIssuer } from "../settings/issuers.ts";

const CONSOLE_PAGE = "/console/page.html";

const IN_ENVIRONMENT = `(?:runs|bulk-operations)(?:/[0-9A-Fa-f-]{36})?|approvals|groups|(?:actions|schedules|notifications)(?:/-/new|/${DEFINITION_NAME}(?:/edit)?)?`;
const PATHS = new RegExp(`^/console/-/${PATH_NAME}/${PATH_NAME}/(?:tokens|audit|${PATH_NAME}/(?:${IN_ENVIRONMENT}))$`);

/** The page holds an API token. So it may run scripts of this host only, and call no other host. */
const pageHeaders = (style: string, ...more: readonly string[]) => ({
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    style,
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    ...more,
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  // The page names the scripts of this version, so a browser must revalidate it each time.
  "Cache-Control": "no-cache",
});

const CONSOLE_HEADERS = pageHeaders("style-src 'self'", "require-trusted-types-for 'script'", "trusted-types 'none'");

const DESCRIBED_HEADERS = ["ETag", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Referrer-Policy"];
const PAGE_RESPONSES = {
  200: { description: "The page", text: { "text/html": "<!doctype html>…" }, headers: DESCRIBED_HEADERS },
  304: { description: "Not modified", headers: DESCRIBED_HEADERS },
};

/** The hyphen keeps its pages apart from an organization `console`, because no name begins with a hyphen. */
export const consolePages = new Hono<AppEnv>();

const OPEN_CONSOLE: Described = DESCRIBE && {
  operationId: "openConsole",
  summary: "Open the console",
  description:
    "Returns a web page where people watch, start, cancel and retry runs. People sign in there with an API token, " +
    "with `ROOT_TOKEN`, or at an issuer. Each view has an address below `/console/-/`.",
  responses: PAGE_RESPONSES,
};
consolePages.get("/console", forAnyone(OPEN_CONSOLE, sendConsole));

consolePages.get("/console/sign-in", sendOfSignIn);

consolePages.get("/console/cli", sendOfSignIn);

consolePages.all("/console/-/*", (c, next) => {
  if (!PATHS.test(c.req.path)) throw new ApiError("not_found");
  return next();
});

consolePages.get("/console/-/*", sendConsole);

/** The pages of a sign-in exist only where people can sign in. */
function sendOfSignIn(c: Context<AppEnv>): Promise<Response> {
  if (signInIssuer(c.env) === null) throw new ApiError("not_found", NO_SIGN_IN);
  return sendConsole(c);
}

const NO_SIGN_IN = "Nobody can sign in at an issuer here, because no entry of OIDC_ISSUERS has a clientId.";

/** The page says how the issuer is called at which people sign in. */
async function sendConsole(c: Context<AppEnv>): Promise<Response> {
  const issuer = signInIssuer(c.env);
  if (issuer === null) return sendAsset(c, CONSOLE_PAGE, CONSOLE_HEADERS);
  const asset = await readAsset(c, CONSOLE_PAGE);
  const meta = html`<meta name="sign-in" content="${issuer.name}">`;
  const page = (await asset.text()).replace("<title>", (title) => `${meta}\n    ${title}`);
  // The asset's ETag stays the same when the name changes. A proxy may add W/ to this one.
  const tag = (await sha256Hex(page)).slice(0, 32);
  setHeaders(c, { ETag: `"${tag}"`, ...CONSOLE_HEADERS });
  if (c.req.header("If-None-Match")?.includes(tag)) return c.body(null, 304);
  c.header("Content-Type", asset.headers.get("Content-Type") ?? undefined);
  return c.body(page);
}

/** The explorer writes style attributes, which a nonce can't allow. */
const DOCS_HEADERS = pageHeaders("style-src 'unsafe-inline'");

export const docsRoutes = new Hono<AppEnv>();

const GET_OPEN_API: Described = DESCRIBE && {
  operationId: "getOpenApi",
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
};
docsRoutes.get(
  "/openapi.json",
  forAnyone(GET_OPEN_API, (c) => sendAsset(c, "/openapi.json", { "Cache-Control": "no-cache" })),
);

const EXPLORE_API: Described = DESCRIBE && {
  operationId: "exploreApi",
  summary: "Open the API explorer",
  description:
    "Returns a web page where you can read about each endpoint and try it. The page loads nothing from other hosts.",
  responses: PAGE_RESPONSES,
};
docsRoutes.get(
  "/docs",
  forAnyone(EXPLORE_API, (c) => sendAsset(c, "/docs/page.html", DOCS_HEADERS)),
);

function setHeaders(c: Context<AppEnv>, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
}

/** `path`: the asset's own path, which need not be the request's. Throws if the asset is missing. */
async function readAsset(c: Context<AppEnv>, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const asset = await c.env.ASSETS.fetch(new URL(path, c.req.url), { headers });
  if (asset.status !== 200 && asset.status !== 304) throw new Error(`${path} is missing: ${asset.status}`);
  return asset;
}

async function sendAsset(
  c: Context<AppEnv>,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const known = c.req.header("If-None-Match");
  const asset = await readAsset(c, path, known === undefined ? {} : { "If-None-Match": known });
  c.header("ETag", asset.headers.get("ETag") ?? undefined);
  setHeaders(c, headers);
  // A 304 has no body, so it has no Content-Type (RFC 9110, section 15.4.5).
  if (asset.status === 200) c.header("Content-Type", asset.headers.get("Content-Type") ?? undefined);
  return asset.body === null ? c.body(null, asset.status as 200 | 304) : c.body(asset.body);
}
