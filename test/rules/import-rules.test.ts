/**
 * The import rules of biome.json: each forbidden import is planted in a copy of the layout, and Biome must refuse it.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

/** A file, what it imports, and the rule that forbids it; null for an import that is allowed. */
const PLANTED: readonly (readonly [file: string, imports: string, rule: string | null])[] = [
  ...refused("src/planted.ts", "./openapi/document.ts", "./dev/start.ts", "./client/index.ts", "./cli/main.ts"),
  ...refused("src/planted.ts", "./console/main.tsx", "./words/since.ts"),
  ...allowed("src/planted.ts", "./runs/api/run-routes.ts", "./settings/env.ts"),
  ...refused("src/base/planted.ts", "../settings/env.ts", "../http/errors.ts", "../runs/run.ts", "hono"),
  ...allowed("src/base/planted.ts", "./json.ts"),
  ...refused("src/settings/planted.ts", "../http/errors.ts", "../webhooks/dispatch.ts", "hono"),
  ...allowed("src/settings/planted.ts", "../base/result.ts", "./env.ts"),
  ...refused("src/http/planted.ts", "../auth/authentication.ts", "../database/read-d1.ts", "../runs/run.ts"),
  ...refused("src/http/planted.ts", "../actions/kind.ts", "../app.ts"),
  ...allowed("src/http/planted.ts", "../base/log.ts", "../settings/env.ts", "hono"),
  ...refused("src/database/planted.ts", "../auth/authentication.ts", "../runs/run.ts"),
  ...allowed("src/database/planted.ts", "../http/errors.ts", "../base/time.ts", "../settings/env.ts"),
  ...refused(
    "src/base/json-schema/planted.ts",
    "../../actions/kind.ts",
    "../../http/errors.ts",
    "../../settings/env.ts",
  ),
  ...refused("src/base/json-schema/planted.ts", "../../webhooks/dispatch.ts", "hono"),
  ...allowed("src/base/json-schema/planted.ts", "../json.ts"),
  ...refused("src/auth/planted.ts", "../runs/run.ts", "../webhooks/dispatch.ts", "../actions/kind.ts"),
  ...allowed("src/auth/planted.ts", "../http/errors.ts", "../database/read-d1.ts"),
  ...refused("src/webhooks/planted.ts", "../runs/run.ts", "../auth/authentication.ts", "../actions/resolve.ts"),
  ...refused("src/webhooks/planted.ts", "../database/read-d1.ts"),
  ...allowed("src/webhooks/planted.ts", "../settings/url-guard.ts", "../http/schemas.ts"),
  ...refused("src/definitions/planted.ts", "../actions/kind.ts", "../webhook-endpoints/kind.ts"),
  ...refused("src/definitions/planted.ts", "../runs/run.ts", "../webhooks/dispatch.ts"),
  ...allowed("src/definitions/planted.ts", "../auth/audit.ts", "../database/outage-cache.ts"),
  ...refused("src/actions/planted.ts", "../runs/run.ts", "../runs/api/create-run.ts", "../runs/d1/list.ts"),
  ...refused("src/actions/planted.ts", "../runs/coordinator/coordinator.ts", "../service/health-routes.ts"),
  ...allowed("src/actions/planted.ts", "../auth/authentication.ts", "../base/json-schema/validate.ts"),
  ...refused("src/runs/planted.ts", "./api/run-routes.ts", "./journal/journal.ts", "./d1/list.ts"),
  ...refused("src/runs/planted.ts", "../http/errors.ts", "../actions/kind.ts", "hono"),
  ...allowed("src/runs/planted.ts", "../base/result.ts", "../settings/key-ring.ts", "../webhooks/dispatch.ts"),
  ...refused("src/runs/d1/planted.ts", "../api/request-schemas.ts", "../journal/journal.ts", "hono"),
  ...refused("src/runs/d1/planted.ts", "../../http/schemas.ts", "../../actions/kind.ts"),
  ...refused("src/runs/d1/planted.ts", "../coordinator/ledger.ts", "../replication/replication.ts"),
  ...allowed("src/runs/d1/planted.ts", "../run.ts", "../../base/limits.ts", "../../database/d1-errors.ts"),
  ...refused("src/runs/journal/planted.ts", "../coordinator/ledger.ts", "../replication/replication.ts"),
  ...refused("src/runs/journal/planted.ts", "../d1/list.ts", "../api/run-routes.ts", "hono/cors"),
  ...refused("src/runs/journal/planted.ts", "../../actions/resolve.ts", "../../auth/authentication.ts"),
  ...allowed("src/runs/journal/planted.ts", "../run.ts", "../../webhooks/dispatch.ts"),
  ...refused("src/runs/replication/planted.ts", "../coordinator/ledger.ts", "../api/run-routes.ts", "hono"),
  ...refused("src/runs/replication/planted.ts", "../../webhooks/dispatch.ts", "../../database/read-d1.ts"),
  ...allowed("src/runs/replication/planted.ts", "../d1/list.ts", "../journal/journal.ts"),
  ...refused("src/runs/coordinator/planted.ts", "../api/run-routes.ts", "../../auth/authentication.ts", "hono"),
  ...refused("src/runs/coordinator/planted.ts", "../../actions/resolve.ts", "../../http/errors.ts"),
  ...refused("src/runs/coordinator/gates/planted.ts", "../../api/run-routes.ts", "../../../http/errors.ts"),
  ...allowed("src/runs/coordinator/planted.ts", "../journal/journal.ts", "../../webhooks/dispatch.ts"),
  ...allowed("src/runs/coordinator/gates/planted.ts", "../ledger.ts", "../../journal/journal.ts"),
  ...refused("src/runs/api/placement.ts", "../../auth/authentication.ts"),
  ...refused("src/runs/api/planted.ts", "../coordinator/coordinator.ts", "../journal/journal.ts"),
  ...refused("src/runs/api/planted.ts", "../replication/replication.ts", "../../service/health-routes.ts"),
  ...allowed("src/runs/api/planted.ts", "../protocol.ts", "../../actions/resolve.ts", "../run.ts", "../d1/list.ts"),
  ...refused("src/webhook-endpoints/planted.ts", "../runs/coordinator/coordinator.ts", "../actions/kind.ts"),
  ...refused("src/webhook-endpoints/planted.ts", "../runs/api/run-routes.ts", "../runs/journal/journal.ts"),
  ...allowed("src/webhook-endpoints/planted.ts", "../definitions/kind.ts", "../runs/endpoint-deliveries.ts"),
  ...refused("src/webhook-endpoints/send-delivery.ts", "hono"),
  ...refused("src/webhook-endpoints/delivery-content.ts", "hono"),
  ...refused("src/service/planted.ts", "../runs/run.ts", "../auth/authentication.ts"),
  ...allowed("src/service/planted.ts", "../database/read-d1.ts"),
  ...refused("src/service/page-routes.ts", "../database/read-d1.ts"),
  ...refused("src/openapi/planted.ts", "../dev/start.ts", "../client/index.ts", "../runs/journal/journal.ts"),
  ...refused("src/openapi/planted.ts", "../runs/run.ts", "../runs/api/responses/runs.ts", "../auth/authentication.ts"),
  ...allowed("src/openapi/planted.ts", "../app.ts", "../http/operation.ts"),
  ...refused("src/auth/responses.ts", "../runs/run.ts"),
  ...refused("src/runs/api/responses/planted.ts", "../../coordinator/coordinator.ts", "../../../service/readiness.ts"),
  ...allowed("src/runs/api/responses/planted.ts", "../../run.ts", "../../../http/response-schemas.ts"),
  ...refused("src/client/planted.ts", "../base/ids.ts", "../http/errors.ts", "../words/since.ts"),
  ...refused("src/words/planted.ts", "../client/index.ts", "../cli/output.ts", "../base/json.ts", "node:fs"),
  ...allowed("src/words/planted.ts", "../client/openapi.ts", "./durations.ts"),
  ...refused("src/cli/planted.ts", "../base/ids.ts", "../console/main.tsx"),
  ...allowed("src/cli/planted.ts", "../client/index.ts", "../words/since.ts", "../base/visible-text.ts"),
  ...refused("src/cli/commands/planted.ts", "../../runs/run.ts", "../../base/ids.ts"),
  ...allowed("src/cli/commands/planted.ts", "../output.ts", "../../client/index.ts", "../../words/since.ts"),
  ...refused("src/console/planted.tsx", "../base/limits.ts", "../runs/run.ts"),
  ...allowed("src/console/planted.tsx", "../client/index.ts", "../words/since.ts", "../base/visible-text.ts"),
  ...refused("src/console/run/planted.tsx", "../../runs/run.ts", "../../base/result.ts"),
  ...allowed("src/console/run/planted.tsx", "../runs/list-panel.tsx", "../../base/visible-text.ts"),
  ...allowed("src/console/run/planted.tsx", "../../client/index.ts", "../../words/since.ts"),
  ...allowed("src/console/run/planted.tsx", "../../../examples/webhook-endpoints/slack.json"),
  ...refused("src/console/run/planted.tsx", "../../../examples/gitlab/action.json"),
  ...refused("src/dev/planted.ts", "../runs/run.ts", "../app.ts", "../cli/main.ts"),
  ...refused("src/dev/pictures/planted.ts", "../../runs/run.ts", "../../app.ts"),
  ...allowed("src/dev/pictures/planted.ts", "../server.ts", "../../client/index.ts"),
  ...allowed("src/dev/planted.ts", "../client/index.ts"),
];

function refused(file: string, ...imports: readonly string[]) {
  return imports.map((one) => [file, one, "noRestrictedImports"] as const);
}

function allowed(file: string, ...imports: readonly string[]) {
  return imports.map((one) => [file, one, null] as const);
}

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
