/**
 * Makes the static assets: the OpenAPI document, the API explorer and the console. wrangler runs this before it deploys
 * (`[build]`), serve.ts before it serves, and vitest.config.ts before tests that need them. Names of scripts and styles
 * contain a hash, so browsers may cache them forever. The Worker serves the pages that name them.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, parse } from "node:path";
import { rolldown } from "rolldown";
import { esbuild } from "./bundle.ts";
import { documentFromSource } from "./document.ts";
import { readIfThere, replaceFile } from "./files.ts";
import { ROOT } from "./wrangler.ts";

/** One file of this package. It is no dependency, because its own ones would add 290 MB to every install. */
const PACKAGE = "@scalar/api-reference@1.72.1";
const FILE = "package/dist/browser/standalone.js";
/** The file's hash. People type tokens into the explorer, so nothing but this file may be served. */
const SHA256 = "bf091006bdc3af6067af77c2f534812e3e633e94a94e87138069f570f33b762c";
const KEPT = join(ROOT, ".wrangler", "explorer", `${SHA256.slice(0, 16)}.js`);

/** The build's text, or null if the file is missing and the registry can't be reached. */
function explorerBuild(): string | null {
  const kept = readIfThere(KEPT);
  if (kept !== null && sha256(kept) === SHA256) return kept;
  const fetched = fetchBuild();
  if (fetched === null || sha256(fetched) !== SHA256) return null;
  replaceFile(KEPT, fetched);
  return fetched;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function fetchBuild(): string | null {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-explorer-"));
  const run = (program: string, ...args: readonly string[]) =>
    spawnSync(program, args, { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });
  try {
    const packed = run("npm", "pack", PACKAGE, "--silent", "--prefer-offline");
    const tarball = packed.stdout?.trim().split("\n").at(-1) ?? "";
    if (packed.status !== 0 || run("tar", "-xzf", tarball, FILE).status !== 0) return null;
    return readFileSync(join(folder, FILE), "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const SRC = join(ROOT, "src");
const CONSOLE = join(SRC, "console");
export const ASSETS = join(ROOT, ".wrangler", "assets");
const HASH_CHARACTERS = 16;

const HASHED_HEADERS = `
  Cache-Control: public, max-age=31536000, immutable
  Cross-Origin-Resource-Policy: same-origin
  X-Content-Type-Options: nosniff
`;

/** Used if the explorer's build can't be fetched. The rest of the service still works. */
const WITHOUT_EXPLORER = `console.error("The API explorer's script is missing: the npm registry could not be reached during the build.");
document.querySelector("#explorer").textContent =
  "The API explorer is missing: the npm registry could not be reached during the build. See /openapi.json instead.";
`;

/** Makes the folder hold exactly the files of this checkout. */
export async function makeAssets(): Promise<void> {
  // Throws if the source has an error.
  const consoleFiles = { "main.js": await consoleScript(), "style.css": consoleStyle() };
  const hashed = [
    ...putPage("docs", join(SRC, "service", "explorer", "page.html"), explorerFiles()),
    ...putPage("console", join(CONSOLE, "page.html"), consoleFiles),
  ];
  put("/openapi.json", JSON.stringify(await documentFromSource()));
  // Not a pattern: browsers would cache the 404 of an old version for a new script forever.
  put("/_headers", hashed.map((path) => path + HASHED_HEADERS).join(""));
}

function explorerFiles(): Readonly<Record<string, string>> {
  const build = explorerBuild();
  if (build !== null) {
    return { "start.js": readFileSync(join(SRC, "service", "explorer", "start.js"), "utf8"), "explorer.js": build };
  }
  console.error(
    "Can't fetch the API explorer from the npm registry, so GET /docs will not show it. Everything else works.",
  );
  return { "start.js": "", "explorer.js": WITHOUT_EXPLORER };
}

/** Rolldown, which Vitest brings, makes 3 KiB less than wrangler's esbuild, and `h` 1 KiB less than the JSX runtime. */
async function consoleScript(): Promise<string> {
  const build = await rolldown({
    input: join(CONSOLE, "main.tsx"),
    cwd: ROOT,
    platform: "browser",
    // The same whatever a tsconfig.json says.
    tsconfig: false,
    transform: {
      target: "es2024",
      jsx: { runtime: "classic", pragma: "createElement", pragmaFrag: "Fragment" },
      inject: { createElement: ["preact", "h"], Fragment: ["preact", "Fragment"] },
    },
  });
  const { output } = await build.generate({ format: "esm", minify: true, comments: false });
  await build.close();
  return output[0].code;
}

function consoleStyle(): string {
  const { outputFiles } = esbuild.buildSync({
    absWorkingDir: ROOT,
    entryPoints: [join(CONSOLE, "style.css")],
    // Nothing is written here: `putPage` writes the files, under hashed names.
    write: false,
    outdir: CONSOLE,
    bundle: true,
    minify: true,
    target: "es2024",
    charset: "utf8",
    legalComments: "none",
  });
  return outputFiles[0]?.text ?? "";
}

/** Puts a page, and the files that it names as `./file`, under hashed names. Removes those of other versions. */
function putPage(folder: string, page: string, files: Readonly<Record<string, string>>): readonly string[] {
  let html = readFileSync(page, "utf8");
  const paths = Object.entries(files).map(([name, content]) => {
    const path = `/${folder}/assets/${hashedName(name, content)}`;
    put(path, content);
    html = html.replace(`"./${name}"`, `"${path}"`);
    return path;
  });
  put(`/${folder}/page.html`, html);
  const current = paths.map((path) => basename(path));
  for (const name of readdirSync(join(ASSETS, folder, "assets"))) {
    if (!current.includes(name)) rmSync(join(ASSETS, folder, "assets", name));
  }
  return paths;
}

function hashedName(name: string, content: string): string {
  const { name: stem, ext } = parse(name);
  return `${stem}-${sha256(content).slice(0, HASH_CHARACTERS)}${ext}`;
}

function put(path: string, content: string): void {
  replaceFile(join(ASSETS, path), content);
}

if (import.meta.main) await makeAssets();
