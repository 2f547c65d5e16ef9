/** Changes one field's schema in a copy of the project. The document, the client's types and the tests must notice. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { collect, ROOT } from "../../src/dev/wrangler.ts";
import { sharedServer } from "../server/installation.ts";
import { Project } from "./project.ts";

const WIRE = "src/runs/api/responses/runs.ts";
const FIELD = "actionName: text";
/** What the helpers of all tests do with each response, as test/openapi/openapi.test.ts checks. */
const CHECK = `
const { expectDescribed } = await import("./test/server/load.ts");
const [url, text] = process.argv.slice(1);
expectDescribed("GET", url, new Response(text, { headers: { "Content-Type": "application/json" } }), text);
`;

describe("a schema that differs from the responses", () => {
  const project = new Project();
  // As npm's scripts run, without Vitest's variables.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^VITEST|^NODE_ENV$/.test(name)));
  const run = (...args: readonly string[]) => runIn(env, ...args);
  const runIn = async (env: NodeJS.ProcessEnv, ...args: readonly string[]) => {
    const child = spawn(process.execPath, args, { cwd: project.folder, env });
    const printed = collect(child);
    const [status] = await once(child, "close");
    return { status, printed: printed() };
  };

  beforeAll(() => {
    cpSync(join(ROOT, "test"), join(project.folder, "test"), { recursive: true });
    const wire = readFileSync(join(project.folder, WIRE), "utf8");
    expect(wire).toContain(FIELD);
    writeFileSync(join(project.folder, WIRE), wire.replace(FIELD, "actionName: z.number()"));
  });
  afterAll(() => project.remove());

  test("changes the document", async () => {
    const { status, printed } = await run("src/dev/openapi.ts");
    expect(status).toBe(0);
    const { ActionRun } = JSON.parse(printed).components.schemas;
    expect(ActionRun.properties.actionName).toMatchObject({ type: "number" });
  });

  // The tools are installed before any test of this folder.
  test("changes the client's types, which are made with neither npm nor a network once the tools are installed", async () => {
    const made = await runIn({ ...env, PATH: join(project.folder, "no-programs") }, "src/dev/generate.ts");
    expect(made).toEqual({ status: 0, printed: "" });
    expect(readFileSync(join(project.folder, "src/client/openapi.ts"), "utf8")).toContain("actionName: number;");
  });

  test("fails the client's type check", async () => {
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const { status, printed } = await run(tsc, "-p", "test/client/tsconfig.json", "--pretty", "false");
    expect(status).not.toBe(0);
    expect(printed).toMatch(/^(test\/client\/reference\.ts\(.*\n)+$/);
  });

  test("fails the tests that get such a response", async () => {
    const { runs, token } = sharedServer("of-drift-test");
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const created = await fetch(runs, { method: "POST", headers, body: '{"actionName":"deploy"}' });
    const url = `${runs}/${((await created.json()) as { id: string }).id}`;
    const text = await (await fetch(url, { headers })).text();
    const checked = await run("--input-type=module", "-e", CHECK, url, text);
    expect(checked.status).not.toBe(0);
    expect(checked.printed).toContain("otherwise than described");
    expect(checked.printed).toContain("#/actionName");
  });
});
