/**
 * What wrangler.toml serves as static assets: the OpenAPI document, and the files of the API explorer. wrangler runs this
 * before it serves or deploys (`[build]`), vitest.config.ts before the tests. A script's name holds a hash of what is in
 * it, so that browsers may keep it for good. The page, which names them, is no address of its own: GET /docs serves it.
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

/** What Cloudflare answers with a script, for which it does not ask the Worker. */
const SCRIPT_HEADERS = `
  Cache-Control: public, max-age=31536000, immutable
  Cross-Origin-Resource-Policy: same-origin
  X-Content-Type-Options: nosniff
`;

/** Where the explorer's build can't be had: the rest of the service works all the same. */
const WITHOUT_EXPLORER = `console.error("The API explorer's build could not be fetched when this was made.");
document.querySelector("#explorer").textContent =
  "The API explorer could not be fetched when this was made. What it shows is in /openapi.json.";
`;

/**
 * Makes the folder hold the files of this checkout and no others. What is right is not written again, for a server that
 * is running starts anew when a file changes.
 */
export async function makeAssets(): Promise<void> {
  const start = readFileSync(join(PAGE, "start.js"), "utf8");
  const build = explorerBuild();
  if (build === null) {
    console.error("The API explorer could not be fetched from the npm registry: GET /docs will only say so.");
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
  // By full names: a pattern would also have a 404 kept for good, and while a new version is rolled out, a browser
  // that has its page may ask the old one for its scripts.
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

/** All at once, so that a server that starts just now finds no half of a file. */
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
