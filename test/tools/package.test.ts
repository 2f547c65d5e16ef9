/** The package as users get it: packed, installed in an empty folder, type-checked, bundled, and run in each runtime. */

import { execFile, execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { ROOT } from "../../src/dev/wrangler.ts";
import { companyServer, forwardProxy } from "../cli/company-network.ts";
import { json, RUN } from "../cli/misbehaving.ts";
import { sharedServer } from "../server/installation.ts";
import { describeInBrowser } from "../server/watched-browser.ts";
import { installPackage, type Project, USED } from "./package/project.ts";
import { type Runtime, runtimes } from "./package/runtimes.ts";

/** Those that this machine has. */
const RUNTIMES = runtimes();

describe("npm pack", () => {
  let project: Project;
  beforeAll(() => {
    project = installPackage();
  });
  afterAll(() => project.remove());

  const org = "of-package-test";
  const { origin, token } = sharedServer(org);
  const settings = () => ({
    ...process.env,
    ACTION_RUNS_URL: origin,
    ACTION_RUNS_TOKEN: token,
    ACTION_RUNS_ORG: org,
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
  });
  const ask = ({ start: [program, ...options] }: Runtime, ...args: readonly string[]) =>
    execFileSync(program, [...options, project.main, ...args], {
      cwd: project.folder,
      encoding: "utf8",
      env: settings(),
    });

  test("installs what the client and the command line need, and nothing of the service", () => {
    expect([...project.packages].sort()).toEqual([
      "",
      "@stablelib/base64",
      "action-runs",
      "ansi-regex",
      "commander",
      "eventsource-parser",
      "fast-sha256",
      "get-east-asian-width",
      "openapi-fetch",
      "openapi-typescript-helpers",
      "standardwebhooks",
      "string-width",
      "strip-ansi",
      "undici",
    ]);
    const isBuilt = (path: string) =>
      /^dist\/(cli|cli\/commands|cli\/definitions|cli\/exec|client|words)\/[a-z-]+(\.d\.ts|\.js)$/.test(path);
    expect(project.files.filter((path) => !isBuilt(path)).sort()).toEqual([
      "LICENSE",
      "README.md",
      "bin/action-runs.js",
      "dist/base/near-names.d.ts",
      "dist/base/near-names.js",
      "dist/base/visible-text.d.ts",
      "dist/base/visible-text.js",
      "package.json",
    ]);
    expect(project.files).not.toContain("dist/client/left-from-before.js");
  });

  test.each(["tsconfig.bundler.json", "tsconfig.json"])(
    "has a client whose types accept correct code and reject a mistake, with %s",
    (config) => {
      const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
      const args = [tsc, "-p", config, "--pretty", "false"];
      const { stdout } = spawnSync(process.execPath, args, { cwd: project.folder, encoding: "utf8" });
      expect(stdout.match(/^\S.*: error /gm)).toEqual(["mistake.ts(5,14): error "]);
    },
  );

  // tsc has made use.js in the test above.
  test.each(RUNTIMES)("has a client that works in $name", ({ start: [program, ...options] }) => {
    const args = [...options, "main.js", origin, token, org];
    const told = execFileSync(program, args, { cwd: project.folder, encoding: "utf8" });
    expect(JSON.parse(told)).toEqual(USED);
  });

  test.each(RUNTIMES)("has a command line that works in $name", (runtime) => {
    expect(ask(runtime, "--version")).toBe(`${packageJson.version}\n`);
    expect(ask(runtime, "--help")).toContain("Usage: action-runs [options] [command]");
    // The client above has made it.
    const list = JSON.parse(ask(runtime, "list", "--status", "succeeded", "--json"));
    expect(list).toContainEqual(expect.objectContaining({ actionName: "deploy" }));
  });

  test("has a command line that npx finds", () => {
    const told = execFileSync("npx", ["action-runs", "whoami", "--json"], {
      cwd: project.folder,
      encoding: "utf8",
      env: settings(),
    });
    expect(JSON.parse(told)).toMatchObject({ name: "root" });
  });

  test.each(RUNTIMES)("has a command line that goes through a proxy, in $name", async ({ start, name }) => {
    const [program, ...options] = start;
    const company = await companyServer((_, response) => json(response, 200, RUN));
    const proxy = await forwardProxy();
    const proxies = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
    const trust = { NODE_EXTRA_CA_CERTS: company.authority };
    // Deno refuses the certificate of this server, because the authority is its own.
    const urls = name.startsWith("deno") ? [origin] : [company.url, origin];
    for (const url of urls) {
      const env = { ...settings(), ...proxies, ...trust, ACTION_RUNS_URL: url };
      const args = [...options, project.main, "create", "deploy", "--json"];
      const { stdout } = await promisify(execFile)(program, args, { env });
      expect(JSON.parse(stdout)).toMatchObject({ actionName: "deploy", status: "pending" });
    }
    const lines = [`CONNECT ${new URL(company.url).host}`, `POST ${origin}/${org}/shop/envs/prod/action-runs`];
    expect(proxy.lines).toEqual(lines.slice(-urls.length));
    await Promise.all([proxy.close(), company.close()]);
  });

  describeInBrowser("the client", (browser) => {
    test("works when a bundler for browsers has put it into one file", async () => {
      const bundle = await rolldown({
        input: join(project.folder, "use.js"),
        platform: "browser",
        onLog: (level, log) => {
          throw new Error(`${level}: ${log.message}`);
        },
      });
      // A module that stays an import, such as one of Node, would be in `imports`.
      const { output } = await bundle.generate({ format: "iife", name: "bundled" });
      expect(output.flatMap((file) => ("imports" in file ? file.imports : file.fileName))).toEqual([]);
      const page = await browser.newPage(origin, { width: 800, colorScheme: "light" });
      await page.goto(`${origin}/console`);
      await page.evaluate(output[0].code);
      const args = [origin, token, org].map((text) => JSON.stringify(text));
      expect(await page.evaluate(`bundled.use(${args})`)).toEqual(USED);
      // The client cancels a run that has ended.
      await browser.expectFault(/409/);
    });
  });
});
