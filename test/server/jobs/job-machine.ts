/**
 * A machine that runs the jobs and reporters that we give to CI products: a folder with their files, and a way to the
 * shared server that notes each request. The test can answer a request itself, or let a response get lost.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { sharedServer } from "../installation.ts";
import type { Env, Step } from "./products.ts";

export interface Run {
  readonly id: string;
  readonly url: string;
  readonly token: string;
}

export interface Arrived {
  /** The method, the last part of the path, and the content type. */
  readonly what: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly key: string | undefined;
  readonly text: string;
  readonly body: unknown;
}

/** `what` of the requests of jobs. */
export const HEARTBEAT = "POST heartbeat application/json";
export const CALLBACK = "POST callback application/json";

/** A status, which gets an empty object as its body, or a whole response. "lose" sends none, "cut" only its beginning. */
export type Answer = number | Response | "lose" | "cut";

/** The exit code and all output. */
export interface Ended {
  readonly code: number | null;
  readonly printed: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** The file of a program of this computer. */
export function programFile(name: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

// Debian's image for Node has no curl; .ci/run installs it.
export const hasCurl = programFile("curl") !== undefined;
if (!hasCurl) console.warn("curl is missing, so neither the examples nor the reporters are run.");

/** A machine for all tests of a file. `org` is for this file alone. */
export class JobMachine {
  readonly folder = mkdtempSync(join(tmpdir(), "action-runs-job-machine-"));
  readonly arrived: Arrived[] = [];
  /** Each test begins with one that passes requests on. */
  answer: (request: Arrived) => Answer | Promise<Answer> = (request) => this.passOn(request);
  origin = "";
  readonly #shared: { readonly runs: string; readonly token: string };

  constructor(org: string) {
    this.#shared = sharedServer(org);
    const passOn = this.answer;
    let server: NodeServer;
    beforeAll(async () => {
      server = await serve((request, response) => this.#receive(request, response));
      this.origin = server.url;
    });
    beforeEach(() => {
      this.arrived.length = 0;
      this.answer = passOn;
    });
    afterAll(async () => {
      await server.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Copies files of this repository into a folder of the machine. */
  install(folder: string, ...files: readonly string[]): void {
    const to = join(this.folder, folder);
    mkdirSync(to, { recursive: true });
    for (const file of files) copyFileSync(join(ROOT, file), join(to, basename(file)));
  }

  run([file = "", ...args]: readonly string[], env: Env, cwd = this.folder): Running {
    const whole = { PATH: process.env.PATH ?? "", TMPDIR: this.folder, ...env };
    const child = spawn(file, args, { cwd, env: whole, stdio: ["ignore", "pipe", "pipe"] });
    const printed = Promise.all([text(child.stdout), text(child.stderr)]);
    const closed = once(child, "close") as Promise<[number | null]>;
    const ended = (async () => ({ code: (await closed)[0], printed: (await printed).join("") }))();
    return { child, ended };
  }

  /** Writes a step to a file, and runs the file as the product does. */
  step({ shell, script, env }: Step, cwd = this.folder): Promise<Ended> {
    const file = join(this.folder, "step");
    writeFileSync(file, script);
    return this.run([...shell, file], env, cwd).ended;
  }

  /** What the server answers to the operator. */
  async ask(method: string, path = "", body?: unknown): Promise<Record<string, unknown>> {
    const headers = { Authorization: `Bearer ${this.#shared.token}`, "Content-Type": "application/json" };
    const given = await fetch(`${this.#shared.runs}${path}`, { method, headers, body: JSON.stringify(body) });
    return (await given.json()) as Record<string, unknown>;
  }

  /** A run whose callback URL leads through this machine. */
  async newRun(): Promise<Run> {
    const made = await this.ask("POST", "", { actionName: "deploy" });
    const { url, token } = made.callback as { url: string; token: string };
    return { id: String(made.id), url: `${this.origin}${new URL(url).pathname}`, token };
  }

  /** What the server answers to a request of a job. */
  async passOn({ path, authorization, key, text: body }: Arrived): Promise<Response> {
    const headers = new Headers({ "Content-Type": "application/json" });
    if (authorization !== undefined) headers.set("Authorization", authorization);
    if (key !== undefined) headers.set("Idempotency-Key", key);
    const given = await fetch(new URL(path, this.#shared.runs), { method: "POST", headers, body });
    return new Response(await given.text(), { status: given.status, headers: { "Content-Type": "application/json" } });
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await text(request);
    const { authorization, "idempotency-key": key, "content-type": type } = request.headers;
    const path = request.url ?? "";
    const what = `${request.method} ${basename(path)} ${type}`;
    const arrived = { what, path, authorization, key: key?.toString(), text: sent, body: JSON.parse(sent) };
    this.arrived.push(arrived);
    const given = await this.answer(arrived);
    if (given === "lose") response.destroy();
    else if (given === "cut") response.writeHead(200, { "Content-Length": "99" }).write("{", () => response.destroy());
    else if (typeof given === "number") response.writeHead(given).end("{}");
    else response.writeHead(given.status, Object.fromEntries(given.headers)).end(await given.text());
  }
}
