/**
 * `npm run generate`: the client's types, made from the document, which is made from the schemas that requests are
 * validated with. What it makes is not kept in git.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeDocument } from "./document.ts";
import { runTool } from "./tools.ts";
import { ROOT } from "./wrangler.ts";

const TYPES = join(ROOT, "src", "client", "openapi.ts");

const folder = mkdtempSync(join(tmpdir(), "action-runs-openapi-"));
try {
  const document = join(folder, "openapi.json");
  writeFileSync(document, JSON.stringify(await makeDocument()));
  mkdirSync(join(ROOT, "src", "client"), { recursive: true });
  runTool("openapi-typescript/bin/cli.js", document, "-o", TYPES);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
