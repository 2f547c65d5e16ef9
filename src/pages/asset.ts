/**
 * Sends a static asset with headers of our own. src/dev/assets.ts makes the assets, so the Worker's bundle contains
 * none of them. The Worker runs before the assets, so a page never goes out without its headers.
 */

import type { Context } from "hono";
import type { AppEnv } from "../http/app-env.ts";

/** `path`: the asset's own path, which need not be the request's. Throws if the asset is missing. */
export async function sendAsset(
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
