/**
 * Builds the console: one script and one style, by the esbuild that wrangler itself builds with. So the console needs no
 * bundler among the project's packages.
 */

import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { ROOT, WRANGLER } from "./wrangler.ts";

const CONSOLE = join(ROOT, "src", "console");

const { buildSync } = createRequire(WRANGLER)("esbuild") as typeof import("esbuild");

/** The text of `main.js` and `style.css`. Throws if the source has an error, which esbuild prints. */
export function consoleBuild(): Readonly<Record<string, string>> {
  const { outputFiles } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: [join(CONSOLE, "main.tsx"), join(CONSOLE, "style.css")],
    // Nothing is written: assets.ts writes the files, under hashed names.
    write: false,
    outdir: CONSOLE,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2024",
    charset: "utf8",
    legalComments: "none",
    // The same whatever a tsconfig.json says.
    tsconfigRaw: {
      compilerOptions: { jsx: "react-jsx", jsxImportSource: "preact", verbatimModuleSyntax: true },
    },
  });
  return Object.fromEntries(outputFiles.map(({ path, text }) => [basename(path), text]));
}
