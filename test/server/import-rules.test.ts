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

const CASES = PLANTED.map(([file, imports, rule], n) => ({
  // Biome starts once for all cases, so each has a file of its own.
  path: file.replace("planted.", `planted-${n}.`),
  file,
  imports,
  rule,
}));
const CIRCLE = { "src/a.ts": typeOf("A", "B"), "src/b.ts": typeOf("B", "A") };

function typeOf(name: string, other: string): string {
  return `import type { ${other} } from "./${other.toLowerCase()}.ts";\n\nexport type ${name} = ${other} | null;\n`;
}

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string };
}

let folder: string;
let diagnostics: readonly Diagnostic[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "action-runs-rules-"));
  cpSync(join(ROOT, "biome.json"), join(folder, "biome.json"));
  const planted = CASES.map(({ path, imports }) => [
    path,
    `import { thing } from "${imports}";\n\nconsole.log(thing);\n`,
  ]);
  const files: Readonly<Record<string, string>> = { ...Object.fromEntries(planted), ...CIRCLE };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  diagnostics = lint(Object.keys(files).length);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Throws if Biome does not look at all `files` files. */
function lint(files: number): readonly Diagnostic[] {
  const biome = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
  const options = ["lint", "--vcs-enabled=false", "--reporter=json", "--max-diagnostics=none", "src"];
  const { stdout } = spawnSync(process.execPath, [biome, ...options], { cwd: folder, encoding: "utf8" });
  const { summary, diagnostics } = JSON.parse(stdout) as {
    readonly summary: { readonly unchanged: number };
    readonly diagnostics: readonly Diagnostic[];
  };
  expect(summary.unchanged).toBe(files);
  return diagnostics;
}

/** The rules that Biome says are broken in this file. */
function brokenIn(path: string): readonly string[] {
  return diagnostics
    .filter(({ location }) => location.path === path)
    .map(({ category }) => category.replace(/^.*\//, ""));
}

it.each(CASES)("in $file, an import of $imports breaks: $rule", ({ path, rule }) => {
  expect(brokenIn(path)).toEqual(rule === null ? [] : [rule]);
});

it("forbid a circle, of types alone as well", () => {
  for (const path of Object.keys(CIRCLE)) expect(brokenIn(path)).toContain("noImportCycles");
});
