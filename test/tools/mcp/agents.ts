/** Agents that speak to the service with the official clients of the Model Context Protocol, which are in tools/mcp/. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { MCP_CLIENTS } from "./install.ts";

const CLIENT_NAME = "shop-agent";
const INSPECTOR = join(MCP_CLIENTS, "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js");

export interface Door {
  /** Of an environment: `…/mcp`. */
  readonly url: string;
  readonly token: string;
  /** Where a program may keep files. */
  readonly folder: string;
}

export interface ToolResult {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: boolean;
}

/** Throws what the client throws. */
export interface Agent {
  tools(): Promise<readonly string[]>;
  call(tool: string, args: object, options?: { readonly timeout: number }): Promise<ToolResult>;
  close(): Promise<void>;
}

export interface Kind {
  readonly connect: (door: Door) => Promise<Agent>;
  /** What its runs say about it. In older revisions, a client says its name only once, which the service forgets. */
  readonly runsSay: string;
}

interface Listed {
  readonly tools: readonly { readonly name: string }[];
}

/** The part of both packages that the tests use. Their own types are there only after an install. */
interface SdkClient {
  connect(transport: object): Promise<void>;
  listTools(): Promise<Listed>;
  callTool(params: object, ...more: readonly unknown[]): Promise<ToolResult>;
  close(): Promise<void>;
}

interface Sdk {
  readonly Client: new (info: object, options: object) => SdkClient;
  readonly StreamableHTTPClientTransport: new (url: URL, options: object) => object;
}

const load = createRequire(join(MCP_CLIENTS, "package.json"));

function firstSdk(): Sdk {
  const parts = ["index.js", "streamableHttp.js"].map((file) => load(`@modelcontextprotocol/sdk/client/${file}`));
  return Object.assign({}, ...parts);
}

const secondSdk = (): Sdk => load("@modelcontextprotocol/client");

/** `beforeOptions`: what the method of this package takes between the parameters and the options. */
async function connected(sdk: Sdk, options: object, door: Door, ...beforeOptions: readonly unknown[]): Promise<Agent> {
  const client = new sdk.Client({ name: CLIENT_NAME, version: "1.0.0" }, options);
  const requestInit = { headers: { Authorization: `Bearer ${door.token}` } };
  await client.connect(new sdk.StreamableHTTPClientTransport(new URL(door.url), { requestInit }));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args, limits) => client.callTool({ name, arguments: args }, ...beforeOptions, limits),
    close: () => client.close(),
  };
}

/** Each call is a process, so there is nothing to connect. */
function inspector(era: "legacy" | "modern", { url, token, folder }: Door): Agent {
  async function ask<T>(...args: readonly string[]): Promise<T> {
    const flags = ["--server-url", url, "--transport", "http", "--header", `Authorization: Bearer ${token}`];
    const all = [INSPECTOR, "--cli", ...flags, "--protocol-era", era, "--format", "json", "--quiet", ...args];
    const env = { ...process.env, HOME: folder };
    const child = spawn(process.execPath, all, { env, stdio: ["ignore", "pipe", "pipe"] });
    const [printed, complained, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    if (code !== 0) throw new Error(`The inspector ended with ${code}: ${complained}`);
    return (JSON.parse(printed) as { result: T }).result;
  }
  return {
    tools: async () => (await ask<Listed>("--method", "tools/list")).tools.map(({ name }) => name),
    call: (name, args) => ask("--method", "tools/call", "--tool-name", name, "--tool-args-json", JSON.stringify(args)),
    close: async () => {},
  };
}

const STATELESS = { versionNegotiation: { mode: { pin: "2026-07-28" } } };

/** Both packages for programs. */
export const SDKS: Readonly<Record<string, Kind>> = {
  "the SDK 1": { connect: (door) => connected(firstSdk(), {}, door, undefined), runsSay: "mcp" },
  "the SDK 2 with a handshake": { connect: (door) => connected(secondSdk(), {}, door), runsSay: "mcp" },
  "the SDK 2": { connect: (door) => connected(secondSdk(), STATELESS, door), runsSay: CLIENT_NAME },
};

export const AGENTS: Readonly<Record<string, Kind>> = {
  ...SDKS,
  "the SDK 2 that asks for the revisions first": {
    connect: (door) => connected(secondSdk(), { versionNegotiation: { mode: "auto" } }, door),
    runsSay: CLIENT_NAME,
  },
  "the inspector with a handshake": { connect: async (door) => inspector("legacy", door), runsSay: "mcp" },
  "the inspector": { connect: async (door) => inspector("modern", door), runsSay: "inspector-cli" },
};
