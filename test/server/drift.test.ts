/** Changes one field's schema in a copy of the project. The document, the client's types and the tests must notice. */

import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { Project } from "./project.ts";

const WIRE = "src/openapi/run-schemas.ts";
const FIELD = "triggeredBy: z.string()";

describe("a schema that differs from the responses", () => {
  const project = new Project();
  // As npm's scripts run, without Vitest's variables.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^VITEST|^NODE_ENV$/.test(name)),
  );
  const run = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: project.folder,
      encoding: "utf8",
      env,
    });
    return { status, printed: stdout + stderr };
  };
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const answers = ["run", "--project", "runtime", "test/runs/d1/list.test.ts"];
  const types = ["-p", "test/client/tsconfig.json"];
  let before = "";

  beforeAll(() => {
    for (const name of ["test", "vitest.config.ts"]) {
      cpSync(join(ROOT, name), join(project.folder, name), { recursive: true });
    }
    before = run("src/dev/openapi.ts").printed;
    expect(run("src/dev/generate.ts").status).toBe(0);
    expect(run(tsc, ...types)).toEqual({ status: 0, printed: "" });

    const wire = readFileSync(join(project.folder, WIRE), "utf8");
    expect(wire).toContain(FIELD);
    writeFileSync(join(project.folder, WIRE), wire.replace(FIELD, "triggeredBy: z.number()"));
  });
  afterAll(() => project.remove());

  test("changes the document", () => {
    const after = run("src/dev/openapi.ts");
    expect(after.status).toBe(0);
    expect(after.printed).not.toBe(before);
  });

  test("fails the client's type check", () => {
    expect(run("src/dev/generate.ts").status).toBe(0);
    const checked = run(tsc, ...types);
    expect(checked.status).not.toBe(0);
    expect(checked.printed).toContain("reference.ts");
  });

  test("fails the tests that get such a response", () => {
    const tested = run(vitest, ...answers);
    expect(tested.status).not.toBe(0);
    expect(tested.printed).toContain("otherwise than described");
  });
});
