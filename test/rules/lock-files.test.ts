/** All packages that build and check this project come from a lock file. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";

const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly inBundle?: boolean;
}

test.each(["", "tools/", "tools/node-red/", "tools/mcp/"])(
  "%spackage.json has exact versions, and its lock file the hash of each package",
  (folder) => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(`${folder}package.json`));
    for (const version of Object.values({ ...dependencies, ...devDependencies }))
      expect(version).toMatch(/^(npm:@?[\w/-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
    const lock = JSON.parse(read(`${folder}package-lock.json`)) as { packages: Record<string, Locked> };
    const { "": _, ...packages } = lock.packages;
    expect(Object.keys(packages).length).toBeGreaterThan(10);
    for (const [name, { version, integrity, resolved, inBundle }] of Object.entries(packages)) {
      expect(version, name).toBeDefined();
      if (inBundle !== true) expect(integrity, name).toMatch(/^sha512-/);
      // A registry's host or a local path would apply to everybody else too.
      expect(resolved, name).toBeUndefined();
    }
  },
);

test("no build script runs a package that is not in a lock file", () => {
  const files = [".ci/run", "package.json", ...readdirSync(join(ROOT, "src/dev")).map((name) => `src/dev/${name}`)];
  for (const file of files.filter((name) => statSync(join(ROOT, name)).isFile()))
    expect(read(file), file).not.toMatch(/\bnpx\b(?! --no-install)|\bnpm["', ]+(exec|x|install|i|add)\b|\bdlx\b/);
});

test("the client's types are generated with the generator's default settings", () => {
  expect(read("src/dev/generate.ts").match(/"--?[a-z][\w-]*/g)).toEqual(['"-o']);
});
