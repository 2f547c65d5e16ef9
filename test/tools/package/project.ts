/** An empty folder of a user, into which the package is installed as `npm pack` makes it. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../src/dev/wrangler.ts";

/** Uses the whole client. It names no global of Node, because a page has none. */
const USE = `
import { ActionRunsError, callback, createClient, verifyWebhook, WebhookVerificationError } from "action-runs/client";

export async function use(baseUrl: string, token: string, org: string) {
  const client = createClient({ baseUrl, token, org, project: "shop", env: "prod" });
  const created = await client.runs.create({ actionName: "deploy", parameters: { version: "1.2.3" } });
  const { status: first } = await client.runs.get(created.id);
  await callback(created.callback.url, created.callback.token).succeed({ url: "https://shop.example" });
  const ended = await client.runs.wait(created.id);
  const types: string[] = [];
  for await (const event of client.runs.watch(created.id)) types.push(event.type);
  let listed = 0;
  for await (const run of client.runs.list({ status: ["succeeded"] })) if (run.id === created.id) listed++;
  let followed = false;
  for await (const { runs, caughtUp } of client.runs.follow()) {
    followed ||= runs.some(({ id, status }) => id === created.id && status === "succeeded");
    if (caughtUp) break;
  }
  const refused = await client.runs.cancel(created.id).catch((error: unknown) => error);
  const code = refused instanceof ActionRunsError ? refused.code : null;
  let forged: WebhookVerificationError | null = null;
  try {
    verifyWebhook("{}", new Headers(), "whsec_AAAA");
  } catch (error) {
    if (error instanceof WebhookVerificationError) forged = error;
  }
  return { statuses: [first, ended.status], types, listed, followed, code, isForged: forged !== null };
}
`;
/** What `use` must give in each runtime. */
export const USED = {
  statuses: ["pending", "succeeded"],
  types: ["created", "started", "ended"],
  listed: 1,
  followed: true,
  code: "run_succeeded",
  isForged: true,
};

/** Only the types can find this error. */
const MISTAKE = `
import { createClient } from "action-runs/client";

const client = createClient({ baseUrl: "", token: "", org: "", project: "", env: "" });
export const wrong: number = (await client.runs.wait("")).status;
`;

/** In JavaScript, because Node 22 runs TypeScript only if it is told to. */
const MAIN = `
import { use } from "./use.js";

console.log(JSON.stringify(await use(...process.argv.slice(2))));
`;

/** With the declarations of the packages checked, and without those of Node. A page's project has no others. */
const STRICT = {
  strict: true,
  skipLibCheck: false,
  types: [],
  target: "es2022",
  lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"],
};
const NODENEXT = { compilerOptions: { ...STRICT, module: "nodenext" }, files: ["use.ts", "mistake.ts"] };
const BUNDLER = {
  compilerOptions: { ...STRICT, module: "esnext", moduleResolution: "bundler", noEmit: true },
  files: ["use.ts", "mistake.ts"],
};

/** A module that an earlier build left. The source no longer has it. */
const LEFT_OVER = join(ROOT, "dist", "client", "left-from-before.js");

export interface Project {
  readonly folder: string;
  /** The files of the installed package, and the packages that came with it. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
  /** Where the command line begins. */
  readonly main: string;
  remove(): void;
}

export function installPackage(): Project {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-package-"));
  const run = (cwd: string, ...args: string[]) =>
    execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  mkdirSync(join(LEFT_OVER, ".."), { recursive: true });
  writeFileSync(LEFT_OVER, "");
  // The output of the build comes before the name.
  const packed = run(ROOT, "pack", "--silent", "--pack-destination", folder).trim().split("\n").at(-1);
  const written = {
    "package.json": '{ "private": true, "type": "module" }',
    "tsconfig.json": JSON.stringify(NODENEXT),
    "tsconfig.bundler.json": JSON.stringify(BUNDLER),
    "use.ts": USE,
    "mistake.ts": MISTAKE,
    "main.js": MAIN,
  };
  for (const [name, text] of Object.entries(written)) writeFileSync(join(folder, name), text);
  run(folder, "install", "--no-audit", "--no-fund", `./${packed}`);
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
    packages: Record<string, unknown>;
  };
  const installed = join(folder, "node_modules", "action-runs");
  return {
    folder,
    files: readdirSync(installed, { recursive: true, encoding: "utf8" }).filter(
      (path) => !statSync(join(installed, path)).isDirectory(),
    ),
    packages: Object.keys(lock.packages).map((path) => path.replace("node_modules/", "")),
    main: join(installed, "bin", "action-runs.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
