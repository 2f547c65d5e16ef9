/** The Grafana dashboard: Grafana's own types accept it. What its queries ask for is tested with the metrics. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { runTool } from "../../src/dev/tools.ts";
import { ROOT } from "../../src/dev/wrangler.ts";

const folder = mkdtempSync(join(tmpdir(), "action-runs-dashboard-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DASHBOARD = readFileSync(join(ROOT, "examples/grafana/dashboard.json"), "utf8");
const TYPES = join(ROOT, "tools/node_modules/@grafana/grafana-foundation-sdk/dist");
/** In JSON, an enum's member is its value, and a query has no marker of its kind. */
const PROGRAM = `
import type { Dashboard, Panel } from "${TYPES}/dashboard/index.js";
import type { Dataquery } from "${TYPES}/prometheus/index.js";
type Json<T> = T extends string ? (string extends T ? string : \`\${T}\`)
  : T extends number ? (\`\${T}\` extends \`\${infer N extends number}\` ? N : T)
  : T extends object ? { [K in keyof T as K extends "_implementsDataqueryVariant" ? never : K]: Json<T[K]> } : T;
type WithQueries = Json<Omit<Dashboard, "panels">> & { panels: (Json<Omit<Panel, "targets">> & { targets: Json<Dataquery>[] })[] };
`;

it("has only members that Grafana knows, with the values that it takes", () => {
  const faults = [
    ['"gridPos"', '"gridPosition"'],
    ['"type":"datasource"', '"type":"data source"'],
    ['"graphTooltip":1', '"graphTooltip":3'],
    ['"expr"', '"query"'],
  ] as const;
  // On one line, because the comment is about the next one. If the compiler accepts what comes there, it complains.
  const line = JSON.stringify(JSON.parse(DASHBOARD));
  const wrong = faults.map(([right, other], n) => {
    return `// @ts-expect-error\nexport const wrong${n}: WithQueries = ${line.replace(right, other)};`;
  });
  const file = join(folder, "dashboard.ts");
  writeFileSync(file, [PROGRAM, `export const dashboard: WithQueries = ${line};`, ...wrong].join("\n"));
  const strictly = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--skipLibCheck"];
  expect(() =>
    runTool("typescript/bin/tsc", ...strictly, "--module", "esnext", "--moduleResolution", "bundler", file),
  ).not.toThrow();
});

it("has an id and a place of its own for each panel", () => {
  const { panels } = JSON.parse(DASHBOARD) as {
    panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
  };
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    expect(x + w).toBeLessThanOrEqual(24);
    return Array.from({ length: w * h }, (_, n) => `${x + (n % w)} ${y + Math.floor(n / w)}`);
  });
  expect(new Set(cells).size).toBe(cells.length);
});
