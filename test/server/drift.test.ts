/** One field's schema is changed in a copy of the project: the document, the client's types and the answers all tell. */

import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { Project } from "./project.ts";

const WIRE = "src/runs/api/response-schemas.ts";
const FIELD = "triggeredBy: z.string()";

describe("a field whose schema has drifted from what is answered", () => {
  const project = new Project();
  // As npm's scripts run, and without what Vitest told this process.
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
  }, 120_000);
  afterAll(() => project.remove());

  test("is told by the document", () => {
    const after = run("src/dev/openapi.ts");
    expect(after.status).toBe(0);
    expect(after.printed).not.toBe(before);
  });

  test("is told by the client's types", () => {
    expect(run("src/dev/generate.ts").status).toBe(0);
    const checked = run(tsc, ...types);
    expect(checked.status).not.toBe(0);
    expect(checked.printed).toContain("reference.ts");
  });

  test("is told by every answer that has it", () => {
    const tested = run(vitest, ...answers);
    expect(tested.status).not.toBe(0);
    expect(tested.printed).toContain("otherwise than described");
  });
});
