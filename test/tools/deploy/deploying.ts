/** Runs `npm run deploy` in a copy of the project, against a stand-in of Cloudflare. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { compileCacheIn, Project } from "../project.ts";
import { ACCOUNT, Cloudflare } from "./cloudflare.ts";

/** Leads requests to the Workers' hosts to the stand-in, because this machine can't resolve their names. */
const HOSTS = `
const real = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const { hostname, pathname } = new URL(String(input));
  return real(hostname === "127.0.0.1" ? input : process.env.CLOUDFLARE_API_BASE_URL + "/hosts/" + hostname + pathname, init);
};`;

export interface Ended {
  readonly code: number | null;
  readonly printed: string;
}

interface Running {
  /** On a terminal, somebody can be asked. Default: none. */
  readonly onTerminal?: boolean;
  /** What is typed on it. */
  readonly typed?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly started?: (child: ChildProcess) => void;
}

export const API_TOKEN = "an-api-token-of-cloudflare-for-tests";
/** What a deploy without a terminal gets. */
export const SECRETS = {
  CALLBACK_SIGNING_KEYS: "a-signing-key-for-tests-of-32-bytes-and-more",
  ROOT_TOKEN: "a-root-token-for-tests-of-32-characters",
} as const;

export class Site {
  readonly cloudflare = new Cloudflare();
  readonly project = new Project();
  /** Where secrets are kept. */
  readonly home = mkdtempSync(join(tmpdir(), "action-runs-home-"));
  #base = "";

  constructor() {
    // Other tests make the assets. Here they would take longer than all the rest.
    const file = join(this.project.folder, "wrangler.toml");
    writeFileSync(file, readFileSync(file, "utf8").replace("node src/dev/assets.ts", "true"));
    mkdirSync(join(this.project.folder, ".wrangler", "assets"), { recursive: true });
    writeFileSync(join(this.project.folder, ".wrangler", "assets", "openapi.json"), "{}");
  }

  async start(deployToml: string): Promise<this> {
    this.#base = await this.cloudflare.listen();
    this.write(deployToml);
    return this;
  }

  write(deployToml: string): void {
    writeFileSync(join(this.project.folder, "deploy.toml"), deployToml);
  }

  /** The file in which the first deploy of a Worker keeps its secrets. */
  keptIn(worker: string): string {
    return join(this.home, ".config", "action-runs", ACCOUNT.id, `${worker}.env`);
  }

  secrets(worker: string): Readonly<Record<string, string | undefined>> {
    return parseEnv(readFileSync(this.keptIn(worker), "utf8"));
  }

  /** What requests to a Worker get, by the names of the bindings. */
  bound(worker: string) {
    return Object.fromEntries(this.cloudflare.bindings(worker).map(({ name, ...binding }) => [name, binding]));
  }

  rows(database: string, sql: string) {
    return this.cloudflare.database(database).sql.prepare(sql).all();
  }

  deploy(args: readonly string[], running?: Running): Promise<Ended> {
    return this.#run(["src/dev/deploy/deploy.ts", ...args], running);
  }

  migrate(...args: readonly string[]): Promise<Ended> {
    return this.#run(["src/dev/migrate.ts", ...args]);
  }

  wrangler(...args: readonly string[]): Promise<Ended> {
    return this.#run([join(this.project.folder, "node_modules/wrangler/bin/wrangler.js"), ...args]);
  }

  async #run(
    args: readonly string[],
    { onTerminal = false, typed = "", env = {}, started }: Running = {},
  ): Promise<Ended> {
    const command = [process.execPath, "--no-warnings", ...args];
    const [program = "", ...rest] = onTerminal ? ["script", "-qec", command.join(" "), "/dev/null"] : command;
    const child = spawn(program, rest, {
      cwd: this.project.folder,
      env: {
        ...compileCacheIn(this.project.folder),
        PATH: process.env.PATH,
        HOME: this.home,
        // So that a test sees what stays there.
        TMPDIR: join(this.project.folder, ".wrangler"),
        XDG_CONFIG_HOME: join(this.home, ".config"),
        CLOUDFLARE_API_BASE_URL: this.#base,
        CLOUDFLARE_API_TOKEN: API_TOKEN,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(HOSTS)}`,
        ...env,
      },
      stdio: [onTerminal ? "pipe" : "ignore", "pipe", "pipe"],
      detached: true,
    });
    started?.(child);
    child.stdin?.write(typed);
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        printed += chunk;
      });
    }
    const [code] = await once(child, "close");
    return { code, printed: printed.replaceAll("\r", "") };
  }

  async close(): Promise<void> {
    await this.cloudflare.close();
    await this.project.remove();
    rmSync(this.home, { recursive: true, force: true });
  }
}
