/** The package as users get it: packed, installed in an empty project, type-checked and run. */

import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { companyServer, forwardProxy } from "../cli/company-network.ts";
import { json, RUN } from "../cli/misbehaving.ts";
import { sharedPlace } from "./place.ts";

/** Uses the whole client. */
const USE = `
import { ActionRunsError, callback, createClient, verifyWebhook, WebhookVerificationError } from "action-runs/client";

const [baseUrl = "", token = "", org = ""] = process.argv.slice(2);
const client = createClient({ baseUrl, token, org, project: "shop", env: "prod" });
const created = await client.runs.create({ actionName: "deploy", parameters: { version: "1.2.3" } });
await callback(created.callback.url, created.callback.token).succeed({ url: "https://shop.example" });
const ended = await client.runs.wait(created.id);
const types: string[] = [];
for await (const event of client.runs.watch(created.id)) types.push(event.type);
let listed = 0;
for await (const run of client.runs.list({ status: ["succeeded"] })) if (run.id === created.id) listed++;
const refused = await client.runs.cancel(created.id).catch((error: unknown) => error);
const code = refused instanceof ActionRunsError ? refused.code : null;
let forged = false;
try {
  verifyWebhook("{}", new Headers(), "whsec_AAAA");
} catch (error) {
  forged = error instanceof WebhookVerificationError;
}
console.log(JSON.stringify({ status: ended.status, types, listed, code, forged }));
`;
/** Only the types can find this error. */
const MISTAKE = `
import { createClient } from "action-runs/client";

const client = createClient({ baseUrl: "", token: "", org: "", project: "", env: "" });
export const wrong: number = (await client.runs.wait("")).status;
`;

const TSCONFIG = JSON.stringify({
  compilerOptions: {
    strict: true,
    noEmit: true,
    target: "es2024",
    module: "nodenext",
    lib: ["es2024", "dom", "dom.iterable", "dom.asynciterable"],
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules", "@types")],
  },
});

/** The project's Node, and those of this machine, which can be older. npm puts the project's own first. */
const NODES = new Set(
  [process.execPath, ...(process.env.PATH ?? "").split(delimiter).map((path) => join(path, "node"))]
    .filter((path) => existsSync(path))
    .map((path) => realpathSync(path)),
);

describe("npm pack", () => {
  const org = "of-package-test";
  const { origin, token } = sharedPlace(org);
  const folder = mkdtempSync(join(tmpdir(), "action-runs-package-"));
  const run = (program: string, args: readonly string[], cwd = folder) =>
    execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

  beforeAll(() => {
    const packed = run("npm", ["pack", "--silent", "--pack-destination", folder], ROOT).trim();
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    writeFileSync(join(folder, "tsconfig.json"), TSCONFIG);
    writeFileSync(join(folder, "use.ts"), USE);
    writeFileSync(join(folder, "mistake.ts"), MISTAKE);
    run("npm", ["install", "--no-audit", "--no-fund", `./${packed.split("\n").at(-1)}`]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("installs what the client and the command line need, and nothing of the service", () => {
    const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
      packages: Record<string, unknown>;
    };
    const names = Object.keys(lock.packages).map((path) => path.replace("node_modules/", ""));
    expect(names.sort()).toEqual([
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
  });

  test("has a client whose types accept correct code and reject a mistake", () => {
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const args = [tsc, "-p", ".", "--pretty", "false"];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    expect(stdout.match(/^\S.*: error /gm)).toEqual(["mistake.ts(5,14): error "]);
  });

  test("has a client that works", () => {
    const told = run(process.execPath, ["use.ts", origin, token, org]);
    expect(JSON.parse(told)).toEqual({
      status: "succeeded",
      types: ["created", "started", "ended"],
      listed: 1,
      code: "run_succeeded",
      forged: true,
    });
  });

  const settings = {
    ACTION_RUNS_URL: origin,
    ACTION_RUNS_TOKEN: token,
    ACTION_RUNS_ORG: org,
    ACTION_RUNS_PROJECT: "shop",
    ACTION_RUNS_ENV: "prod",
    // Otherwise the command would keep a bookmark in the state folder of whoever runs the tests.
    XDG_STATE_HOME: folder,
  };

  test("has a command line that works", () => {
    const told = execFileSync("npx", ["action-runs", "create", "deploy", "--json"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, ...settings },
    });
    expect(JSON.parse(told)).toMatchObject({ actionName: "deploy", status: "pending" });
  });

  test.each([...NODES])("has a command line that goes through a proxy, with %s", async (node) => {
    const company = await companyServer((_, response) => json(response, 200, RUN));
    const proxy = await forwardProxy();
    const main = join(folder, "node_modules", "action-runs", "bin", "action-runs.js");
    const proxies = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url };
    const trust = { NODE_EXTRA_CA_CERTS: company.authority };
    for (const url of [company.url, origin]) {
      const env = { ...settings, ...proxies, ...trust, ACTION_RUNS_URL: url };
      const { stdout } = await promisify(execFile)(node, [main, "create", "deploy", "--json"], { env });
      expect(JSON.parse(stdout)).toMatchObject({ actionName: "deploy", status: "pending" });
    }
    expect(proxy.lines).toEqual([
      `CONNECT ${new URL(company.url).host}`,
      `POST ${origin}/${org}/shop/envs/prod/action-runs`,
    ]);
    await Promise.all([proxy.close(), company.close()]);
  });
});
