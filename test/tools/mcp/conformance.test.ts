/**
 * The scenarios of the protocol's own conformance tests that need no fixtures. The server has no PUBLIC_URL, so only the
 * request says what the service's own name is.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request as ask } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "../../../src/client/index.ts";
import { sharedServer } from "../../server/installation.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";
import { MCP_CLIENTS } from "./install.ts";

const PROGRAM = join(MCP_CLIENTS, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
const ORG = "of-mcp-conformance";
const PATH = `/${ORG}/shop/envs/prod/mcp`;

interface Check {
  readonly name: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

/** Why checks can't pass, with their names. */
type Exceptions = Readonly<Record<string, readonly string[]>>;
type Scenario = readonly [name: string, revision: string, exceptions: Exceptions];

const SCENARIOS: readonly Scenario[] = [
  ["server-initialize", "2025-06-18", {}],
  ["server-initialize", "2025-11-25", {}],
  ["ping", "2025-11-25", {}],
  ["tools-list", "2025-06-18", {}],
  ["tools-list", "2025-11-25", {}],
  ["tools-list", "2026-07-28", {}],
  ["dns-rebinding-protection", "2025-11-25", {}],
  ["dns-rebinding-protection", "2026-07-28", {}],
  ["http-header-validation", "2026-07-28", {}],
  [
    "caching",
    "2026-07-28",
    {
      "The service has tools, and neither prompts nor resources.": [
        "PromptsListCachingHints",
        "ResourcesListCachingHints",
        "ResourcesReadCachingHints",
        "ResourcesTemplatesListCachingHints",
      ],
    },
  ],
  [
    "server-stateless",
    "2026-07-28",
    {
      "A tool of the test must need a capability of the client.": [
        "ServerRejectsUndeclaredCapability",
        "MissingCapabilityHttp400",
      ],
      "A tool of the test must answer by a stream.": ["HttpServerNoIndependentRequestsOnStream"],
      "A tool of the test must write a log.": ["ServerNoLogWithoutLogLevel"],
      "The service says in its capabilities that it announces no changes.": [
        "ServerSendsSubscriptionAck",
        "ServerTagsSubscriptionId",
        "ServerHonorsNotificationFilter",
        "ServerSendsPromptsListChangedOnSubscription",
        "ServerSendsToolsListChangedOnSubscription",
      ],
    },
  ],
];

const folder = mkdtempSync(join(tmpdir(), "action-runs-conformance-"));
let proxy: NodeServer;

beforeAll(async () => {
  const { origin, token: operator } = sharedServer(ORG);
  const client = createClient({ baseUrl: origin, token: operator, org: ORG, project: "shop", env: "prod" });
  const trigger = { type: "webhook", url: "https://ci.example.com/deploy", startOn: "accepted" } as const;
  // A run that waits for approval calls nobody.
  await client.actions.put("deploy", { trigger, agents: {}, approval: {} });
  const { token } = await client.tokens.create({ name: "agent", role: "member" });
  proxy = await serve((request, response) => {
    const { method, url, headers: sent } = request;
    const headers = { ...sent, authorization: `Bearer ${token}` };
    const asking = ask(new URL(url ?? "", origin), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    request.pipe(asking);
  });
});
afterAll(async () => {
  await proxy?.close();
  rmSync(folder, { recursive: true });
});

async function checksOf(scenario: string, revision: string): Promise<readonly Check[]> {
  const out = join(folder, `${scenario}-${revision}`);
  const flags = ["--url", proxy.url + PATH, "--scenario", scenario, "--spec-version", revision, "--output-dir", out];
  const child = spawn(process.execPath, [PROGRAM, "server", ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  const [printed] = await Promise.all([text(child.stdout), child.stderr.resume(), once(child, "close")]);
  const [results] = readdirSync(folder).includes(`${scenario}-${revision}`) ? readdirSync(out) : [];
  if (results === undefined) throw new Error(`There are no results:\n${printed}`);
  return JSON.parse(readFileSync(join(out, results, "checks.json"), "utf8"));
}

describe.concurrent("the service passes all checks that apply", () => {
  it.each(SCENARIOS)("of the scenario %s for %s", async (scenario, revision, exceptions) => {
    const checks = await checksOf(scenario, revision);
    const failed = checks.filter(({ status }) => status !== "SUCCESS" && status !== "INFO");
    const why = failed.map(({ name, errorMessage }) => `${name}: ${errorMessage}`).join("\n");
    // A check of the list that passes now, or that there is no more, must leave the list.
    expect(failed.map(({ name }) => name).toSorted(), why).toEqual(Object.values(exceptions).flat().toSorted());
    expect(checks.length - failed.length).toBeGreaterThan(0);
  });
});
