/**
 * `npm run generate`: the client's types, made from the document, which is made from the schemas that requests are
 * validated with. What it makes is not kept in git.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDocument } from "./document.ts";
import { ROOT } from "./wrangler.ts";

// Run by npm and not installed: it wants an older compiler than the one that checks this project.
const GENERATOR = ["openapi-typescript@7.13.0", "typescript@5.9.3"];
const TYPES = join(ROOT, "src", "client", "openapi.ts");

const folder = mkdtempSync(join(tmpdir(), "action-runs-openapi-"));
try {
  const document = join(folder, "openapi.json");
  writeFileSync(document, JSON.stringify(await makeDocument()));
  mkdirSync(join(ROOT, "src", "client"), { recursive: true });
  const packages = GENERATOR.map((name) => `--package=${name}`);
  const options = ["--default-non-nullable=false"];
  const made = spawnSync(
    "npm",
    ["exec", "--yes", ...packages, "--", "openapi-typescript", document, "-o", TYPES, ...options],
    { encoding: "utf8", shell: process.platform === "win32" },
  );
  if (made.status !== 0) throw new Error(`openapi-typescript failed:\n${made.stdout}${made.stderr}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
