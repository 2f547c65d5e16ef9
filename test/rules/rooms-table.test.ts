/** The table of rooms in docs/architecture.md says what biome.json enforces. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

interface Rules {
  readonly overrides: readonly {
    readonly includes: readonly string[];
    readonly linter: {
      readonly rules: {
        readonly style: {
          readonly noRestrictedImports: {
            readonly options: { readonly patterns: readonly { readonly group: readonly string[] }[] };
          };
        };
      };
    };
  }[];
}

const document = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
const { overrides } = JSON.parse(readFileSync(join(ROOT, "biome.json"), "utf8")) as Rules;

/** What the table's last column names, by the room of its first. */
const table = new Map(
  [...document.matchAll(/^\| `src\/([^`]+?)\/?` \|.*\|([^|]*)\|$/gm)].map(([, room = "", imports = ""]) => [
    room,
    [...imports.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name).sort(),
  ]),
);

/** What biome.json lets through, as the table spells it, by the files that a rule is about. */
const enforced = new Map(
  overrides.map(({ includes: [files = ""], linter }) => [
    files,
    (linter.rules.style.noRestrictedImports.options.patterns[0]?.group ?? [])
      .filter((pattern) => pattern.startsWith("!"))
      .map((pattern) => spelled(pattern, files)),
  ]),
);

/** `!../../base/**` is `base`, and `!../*.ts` in a room of `src/runs` is `runs/*.ts`. */
function spelled(pattern: string, files: string): string {
  const name = pattern.replace(/^!(\.\.\/)+/, "").replace(/\/\*\*$/, "");
  return name === "*.ts" && files.startsWith("src/runs/") ? "runs/*.ts" : name;
}

const folders = (room: string) =>
  readdirSync(join(ROOT, "src", room), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => (room === "" ? name : `${room}/${name}`));

function foldersOfCode(room: string): readonly string[] {
  const hasCode = (folder: string) => readdirSync(join(ROOT, "src", folder)).some((name) => /\.tsx?$/.test(name));
  return folders(room).filter(hasCode);
}

it("has a row for each folder of src, and for each room of src/runs", () => {
  const rooms = [...folders("").filter((room) => room !== "runs"), ...folders("runs"), "*.ts", "runs/*.ts"];
  expect([...table.keys()].sort()).toEqual(rooms.sort());
});

// The files of src/ itself may import every room of the Worker, which their row says in words.
const rows = [...table].filter(([room]) => room !== "*.ts");
const withFolders = rows.filter(([room]) => !room.endsWith("*.ts") && foldersOfCode(room).length > 0);

it.each(rows)("biome.json lets %s import what its row names", (room, imports) => {
  const files = room.endsWith("*.ts") ? `src/${room}` : `src/${room}/*`;
  expect(enforced.get(files)?.sort()).toEqual(imports);
});

it.each(withFolders)("biome.json lets the folders of %s import what its row names", (room, imports) => {
  expect(enforced.get(`src/${room}/*/**`)?.sort()).toEqual(imports);
});
