/** `npm run generate`: makes the client's types from the OpenAPI document. Git does not keep them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { documentFromSource } from "./document.ts";
import { replaceFile } from "./files.ts";
import { runTool } from "./tools.ts";
import { ROOT } from "./wrangler.ts";

const folder = mkdtempSync(join(tmpdir(), "action-runs-openapi-"));
try {
  const document = join(folder, "openapi.json");
  writeFileSync(document, JSON.stringify(await documentFromSource()));
  const made = join(folder, "openapi.ts");
  runTool("openapi-typescript/bin/cli.js", document, "-o", made);
  replaceFile(join(ROOT, "src", "client", "openapi.ts"), readFileSync(made, "utf8"));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
