/**
 * `npm run generate`: makes the client's types from the OpenAPI document, which is made from the schemas that validate
 * requests. Git does not keep them.
 */

import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { documentFromSource } from "./document.ts";
import { runTool } from "./tools.ts";
import { ROOT } from "./wrangler.ts";

const TYPES = join(ROOT, "src", "client", "openapi.ts");

const folder = mkdtempSync(join(tmpdir(), "action-runs-openapi-"));
try {
  const document = join(folder, "openapi.json");
  writeFileSync(document, JSON.stringify(await documentFromSource()));
  const made = join(folder, "openapi.ts");
  runTool("openapi-typescript/bin/cli.js", document, "-o", made);
  if (!existsSync(TYPES) || readFileSync(TYPES, "utf8") !== readFileSync(made, "utf8")) replace(TYPES, made);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Called only for a change, because a running server restarts each time. Replaces the file at once, so nobody
 * reads half.
 */
function replace(file: string, by: string): void {
  const beside = `${file}.${process.pid}.tmp`;
  copyFileSync(by, beside);
  renameSync(beside, file);
}
