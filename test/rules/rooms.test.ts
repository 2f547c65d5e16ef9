/**
 * The rooms: the table in docs/architecture.md says which room may import which, and Biome enforces it. In a copy of the
 * layout, each room imports every file of src, and Biome must refuse exactly what the room's row does not name.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

// Here, paths are those below src.
const FILES = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter((path) =>
  /\.tsx?$/.test(path),
);
const FOLDERS = [...new Set(FILES.map(dirname))].sort();

/** What each room may import: rooms, files, and `folder/*.ts` for the files of a folder without those below it. */
const TABLE = tableOf(readFileSync(join(ROOT, "docs/architecture.md"), "utf8"));

/** A file that imports everything, its room, and what it may import beside its room. */
type Planted = readonly [file: string, room: string, imports: readonly string[]];

const PLANTED: readonly Planted[] = [
  ...[...TABLE].flatMap(([room, imports]) => filesOf(room).map((file) => [file, room, imports] as const)),
  // Where an environment lives is found without knowing who asks.
  ["runs/api/placement.ts", "runs/api", ["runs/*.ts", "runs/d1", "base", "settings", "http", "database"]],
  // The pages are assets: their routes know only at which issuer people sign in.
  ["service/page-routes.ts", "service", ["base", "http", "settings/issuers.ts"]],
  // The schemas of responses, which the Worker does not contain, name those of runs.
  ["auth/responses.ts", "auth", [...(TABLE.get("auth") ?? []), "runs/api/responses"]],
  ["webhook-endpoints/send-delivery.ts", "webhook-endpoints", TABLE.get("webhook-endpoints") ?? []],
  ["webhook-endpoints/delivery-content.ts", "webhook-endpoints", TABLE.get("webhook-endpoints") ?? []],
];

const OUTSIDE = ["../package.json", "../examples/webhook-endpoints/slack.json", "../examples/gitlab/action.json"];
const PACKAGES = ["hono", "hono/cors", "node:fs"];

/** The rooms and files that know nothing of HTTP. */
const WITHOUT_HONO = [
  "base",
  "settings",
  "runs/*.ts",
  "runs/d1",
  "runs/journal",
  "runs/replication",
  "runs/coordinator",
  "runs/api/placement.ts",
  "webhook-endpoints/send-delivery.ts",
  "webhook-endpoints/delivery-content.ts",
];
const WITHOUT_NODE = ["words"];

const CIRCLE = { "a.ts": typeOf("A", "B"), "b.ts": typeOf("B", "A") };

function typeOf(name: string, other: string): string {
  return `import type { ${other} } from "./${other.toLowerCase()}.ts";\n\nexport type ${name} = ${other} | null;\n`;
}

function tableOf(document: string): ReadonlyMap<string, readonly string[]> {
  const rows = [...document.matchAll(/^\| `src\/([^`]+?)\/?` \|.*\|([^|]*)\|$/gm)];
  const rooms = rows.map(([, room = ""]) => room);
  // In a room of src/runs, `d1` means `runs/d1`.
  const within = (room: string, name: string) =>
    room.startsWith("runs/") && rooms.includes(`runs/${name}`) ? `runs/${name}` : name;
  return new Map(
    rows.map(([, room = "", cell = ""], at) => {
      const named = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => within(room, name));
      return [room, cell.includes("every room above") ? rooms.slice(0, at) : named];
    }),
  );
}

/** A file of the room itself, and one of a folder below it. */
function filesOf(room: string): readonly string[] {
  if (room.endsWith("*.ts")) return [room.replace("*", "planted")];
  const below = FOLDERS.find((folder) => folder.startsWith(`${room}/`));
  return [`${room}/planted.ts`, ...(below === undefined ? [] : [`${below}/planted.ts`])];
}

function mayImport([file, room, imports]: Planted, target: string): boolean {
  if (target.startsWith("hono")) return !WITHOUT_HONO.includes(room) && !WITHOUT_HONO.includes(file);
  if (target.startsWith("node:")) return !WITHOUT_NODE.includes(room);
  return [...imports, room].some((name) => covers(name, target.replace("../", "")));
}

function covers(name: string, target: string): boolean {
  const [folder, ending] = name.split("*");
  if (ending === undefined) return target === name || target.startsWith(`${name}/`);
  return join(folder ?? "", ".") === dirname(target) && target.endsWith(ending);
}

const targetsOf = (file: string) => [...FILES.filter((path) => path !== file), ...OUTSIDE, ...PACKAGES];

function textOf([file]: Planted): string {
  const specifier = (target: string) => {
    const path = relative(dirname(file), target);
    return PACKAGES.includes(target) ? target : path.startsWith(".") ? path : `./${path}`;
  };
  return targetsOf(file)
    .map((target) => `import "${specifier(target)}";\n`)
    .join("");
}

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string; readonly start: { readonly line: number } };
}

let folder: string;
let diagnostics: readonly Diagnostic[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "action-runs-rules-"));
  cpSync(join(ROOT, "biome.json"), join(folder, "biome.json"));
  const planted = PLANTED.map((one) => [one[0], textOf(one)] as const);
  const files = [...planted, ...Object.entries(CIRCLE)];
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, "src", path)), { recursive: true });
    writeFileSync(join(folder, "src", path), text);
  }
  diagnostics = lint(files.length);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Throws if Biome does not look at all `files` files. */
function lint(files: number): readonly Diagnostic[] {
  const biome = join(ROOT, "node_modules/@biomejs/biome/bin/biome");
  const options = ["lint", "--vcs-enabled=false", "--reporter=json", "--max-diagnostics=none", "src"];
  const limits = { encoding: "utf8", maxBuffer: 2 ** 28 } as const;
  const { stdout } = spawnSync(process.execPath, [biome, ...options], { cwd: folder, ...limits });
  const { summary, diagnostics } = JSON.parse(stdout) as {
    readonly summary: { readonly unchanged: number };
    readonly diagnostics: readonly Diagnostic[];
  };
  expect(summary.unchanged).toBe(files);
  return diagnostics;
}

const broken = (file: string, rule: string) =>
  diagnostics.filter(({ category, location }) => category.endsWith(`/${rule}`) && location.path === `src/${file}`);

it("the table has a row for each folder of src, and for each room of src/runs", () => {
  const rooms = FOLDERS.filter((path) => /^(runs\/)?[^/.]+$/.test(path) && path !== "runs");
  expect([...TABLE.keys()].sort()).toEqual([...rooms, "*.ts", "runs/*.ts"].sort());
});

it.each(PLANTED)("src/%s imports its room and what the table names for it, and nothing else", (...planted) => {
  const [file] = planted;
  const targets = targetsOf(file);
  const refused = broken(file, "noRestrictedImports").map(({ location }) => targets[location.start.line - 1]);
  expect(refused.sort()).toEqual(targets.filter((target) => !mayImport(planted, target)).sort());
});

it("Biome forbids a circle, of types alone as well", () => {
  for (const file of Object.keys(CIRCLE)) expect(broken(file, "noImportCycles")).not.toEqual([]);
});
