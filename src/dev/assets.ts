/**
 * Makes the static assets: the OpenAPI document and the files of the API explorer. wrangler runs this module before it serves
 * or deploys (`[build]`), and vitest.config.ts before the tests. A script's name contains a hash of its content, so
 * browsers may cache it forever. GET /docs serves the page that names the scripts; the page has no address of its own.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { makeDocument } from "./document.ts";
import { explorerBuild } from "./explorer.ts";
import { ROOT } from "./wrangler.ts";

const PAGE = join(ROOT, "src", "docs", "page");
const ASSETS = join(ROOT, ".wrangler", "assets");
const SCRIPTS = "/docs/assets";
const HASH_CHARACTERS = 16;

/** The headers of a script. Cloudflare serves scripts without calling the Worker. */
const SCRIPT_HEADERS = `
  Cache-Control: public, max-age=31536000, immutable
  Cross-Origin-Resource-Policy: same-origin
  X-Content-Type-Options: nosniff
`;

/** Used if the explorer's build can't be fetched. The rest of the service still works. */
const WITHOUT_EXPLORER = `console.error("The API explorer's script is missing: the npm registry could not be reached during the build.");
document.querySelector("#explorer").textContent =
  "The API explorer is missing: the npm registry could not be reached during the build. See /openapi.json instead.";
`;

/**
 * Makes the folder hold exactly the files of this checkout. A file that is right is not written again, because a running
 * server restarts when a file changes.
 */
export async function makeAssets(): Promise<void> {
  const start = readFileSync(join(PAGE, "start.js"), "utf8");
  const build = explorerBuild();
  if (build === null) {
    console.error(
      "Can't fetch the API explorer from the npm registry, so GET /docs will not show it. Everything else works.",
    );
  }
  const explorer = build ?? WITHOUT_EXPLORER;
  const startPath = hashedPath("start", build === null ? "" : start);
  const explorerPath = hashedPath("explorer", explorer);
  const page = readFileSync(join(PAGE, "page.html"), "utf8")
    .replace('"./start.js"', `"${startPath}"`)
    .replace('"./explorer.js"', `"${explorerPath}"`);
  put(explorerPath, explorer);
  put(startPath, build === null ? "" : start);
  put("/docs/page.html", page);
  put("/openapi.json", JSON.stringify(await makeDocument()));
  // Full names, not a pattern. During a deploy an old version may answer 404 for a new script, and a pattern would let
  // browsers cache that 404 forever.
  put("/_headers", [startPath, explorerPath].map((path) => path + SCRIPT_HEADERS).join(""));

  const current = [basename(startPath), basename(explorerPath)];
  for (const name of readdirSync(join(ASSETS, SCRIPTS))) {
    if (!current.includes(name)) rmSync(join(ASSETS, SCRIPTS, name));
  }
}

function hashedPath(name: string, content: string): string {
  const hash = createHash("sha256").update(content).digest("hex");
  return `${SCRIPTS}/${name}-${hash.slice(0, HASH_CHARACTERS)}.js`;
}

/** Replaces the file at once, so that a server that is starting never reads half a file. */
function put(path: string, content: string): void {
  const file = join(ASSETS, path);
  if (readIfThere(file) === content) return;
  mkdirSync(dirname(file), { recursive: true });
  const temporary = join(dirname(ASSETS), `asset-${process.pid}`);
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

if (import.meta.main) await makeAssets();
