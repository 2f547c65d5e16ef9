/** The import rules of biome.json: each forbidden import is planted in a copy of the layout, and Biome must refuse it. */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

/** A file, what it imports, and the rule that forbids it; null for an import that is allowed. */
const PLANTED: readonly (readonly [file: string, imports: string, rule: string | null])[] = [
  ["src/http/planted.ts", "../auth/bearer.ts", "noRestrictedImports"],
  ["src/http/planted.ts", "../runs/run.ts", "noRestrictedImports"],
  ["src/http/planted.ts", "../actions/store.ts", "noRestrictedImports"],
  ["src/http/planted.ts", "../log.ts", null],
  ["src/auth/planted.ts", "../runs/run.ts", "noRestrictedImports"],
  ["src/auth/planted.ts", "../dispatch/delivery.ts", "noRestrictedImports"],
  ["src/auth/planted.ts", "../actions/store.ts", "noRestrictedImports"],
  ["src/auth/planted.ts", "../http/errors.ts", null],
  ["src/dispatch/planted.ts", "../runs/run.ts", "noRestrictedImports"],
  ["src/dispatch/planted.ts", "../auth/bearer.ts", "noRestrictedImports"],
  ["src/dispatch/planted.ts", "../actions/resolve.ts", "noRestrictedImports"],
  ["src/actions/planted.ts", "../runs/coordinator/coordinator.ts", "noRestrictedImports"],
  ["src/actions/planted.ts", "../runs/journal/journal.ts", "noRestrictedImports"],
  ["src/actions/planted.ts", "../runs/api/create.ts", null],
  ["src/actions/planted.ts", "../auth/bearer.ts", null],
  ...["../store.ts", "../../auth/bearer.ts", "../../dispatch/delivery.ts", "../../runs/run.ts", "hono"].map(
    (imports) => ["src/actions/schema/planted.ts", imports, "noRestrictedImports"] as const,
  ),
  ["src/actions/schema/planted.ts", "../../http/json.ts", null],
  ["src/actions/schema/planted.ts", "../../result.ts", null],
  ["src/runs/planted.ts", "./api/create.ts", "noRestrictedImports"],
  ["src/runs/planted.ts", "./journal/journal.ts", "noRestrictedImports"],
  ["src/runs/planted.ts", "../dispatch/delivery.ts", "noRestrictedImports"],
  ["src/runs/planted.ts", "../http/errors.ts", "noRestrictedImports"],
  ["src/runs/planted.ts", "./d1/list.ts", null],
  ["src/runs/api/planted.ts", "../coordinator/coordinator.ts", "noRestrictedImports"],
  ["src/runs/api/planted.ts", "../journal/journal.ts", "noRestrictedImports"],
  ["src/runs/api/planted.ts", "../projection/projection.ts", "noRestrictedImports"],
  ["src/runs/api/planted.ts", "../coordinator-client.ts", null],
  ["src/runs/api/planted.ts", "../../actions/resolve.ts", null],
  ...["coordinator", "journal", "projection"].flatMap((room) =>
    ["../api/create.ts", "../../actions/resolve.ts", "../../auth/bearer.ts", "hono", "hono/cors"].map(
      (imports) => [`src/runs/${room}/planted.ts`, imports, "noRestrictedImports"] as const,
    ),
  ),
  ["src/runs/journal/planted.ts", "../coordinator/ledger.ts", "noRestrictedImports"],
  ["src/runs/journal/planted.ts", "../projection/projection.ts", "noRestrictedImports"],
  ["src/runs/journal/planted.ts", "../d1/list.ts", "noRestrictedImports"],
  ["src/runs/projection/planted.ts", "../coordinator/ledger.ts", "noRestrictedImports"],
  ["src/runs/projection/planted.ts", "../d1/list.ts", null],
  ["src/client/planted.ts", "../uuid.ts", "noRestrictedImports"],
  ["src/client/planted.ts", "../http/limits.ts", "noRestrictedImports"],
  ["src/cli/planted.ts", "../uuid.ts", "noRestrictedImports"],
  ["src/cli/planted.ts", "../client/index.ts", null],
  ["src/cli/commands/planted.ts", "../../runs/run.ts", "noRestrictedImports"],
  ["src/cli/commands/planted.ts", "../../uuid.ts", "noRestrictedImports"],
  ["src/cli/commands/planted.ts", "../output.ts", null],
  ["src/cli/commands/planted.ts", "../../client/index.ts", null],
  ["src/console/planted.tsx", "../http/limits.ts", "noRestrictedImports"],
  ["src/console/planted.tsx", "../runs/run.ts", "noRestrictedImports"],
  ["src/console/planted.tsx", "../client/index.ts", null],
  ["src/console/planted.tsx", "../harmless-link.ts", null],
  ["src/console/run/planted.tsx", "../../runs/run.ts", "noRestrictedImports"],
  ["src/console/run/planted.tsx", "../runs/list.tsx", null],
  ["src/console/run/planted.tsx", "../../harmless-link.ts", null],
  ["src/console/run/planted.tsx", "../../result.ts", "noRestrictedImports"],
  ["src/console/run/planted.tsx", "../../client/index.ts", null],
];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "action-runs-rules-"));
  cpSync(join(ROOT, "biome.json"), join(folder, "biome.json"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The rules that Biome says are broken. */
function broken(files: Readonly<Record<string, string>>): readonly string[] {
  rmSync(join(folder, "src"), { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const biome = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
  const options = ["lint", "--vcs-enabled=false", "--reporter=json", "src"];
  const { stdout } = spawnSync(process.execPath, [biome, ...options], { cwd: folder, encoding: "utf8" });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { readonly category: string }[] };
  return diagnostics.map(({ category }) => category.replace(/^.*\//, ""));
}

it.each(PLANTED)("in %s, an import of %s breaks: %s", (file, imports, rule) => {
  const text = `import { thing } from "${imports}";\n\nconsole.log(thing);\n`;
  expect(broken({ [file]: text })).toEqual(rule === null ? [] : [rule]);
});

it("forbid a circle, of types alone as well", () => {
  const circle = (name: string, other: string) =>
    `import type { ${other} } from "./${other.toLowerCase()}.ts";\n\nexport type ${name} = ${other} | null;\n`;
  expect(broken({ "src/a.ts": circle("A", "B"), "src/b.ts": circle("B", "A") })).toContain("noImportCycles");
});
