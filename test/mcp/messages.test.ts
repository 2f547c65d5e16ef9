/** Messages that are refused, and how each revision is told. */

import { beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { type Answer, ask } from "../support/requests.ts";
import { newPlace, offer, type Place, REVISION, type Rpc, type Sent, send } from "./agent.ts";

const META = "io.modelcontextprotocol/";
const META_OF_ALL = { [`${META}protocolVersion`]: REVISION, [`${META}clientCapabilities`]: {} };

let place: Place;
beforeAll(async () => {
  place = await newPlace();
  await offer(place, "deploy");
});

/** A request of an older revision. */
function older(
  method: string,
  params: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<Rpc>> {
  const { path, token } = place;
  return ask("POST", `${path}/mcp`, { token, body: { jsonrpc: "2.0", id: 7, method, params }, headers });
}

type Case = readonly [what: string, method: string, sent: Sent, status: number, code: number];

describe("revision 2026-07-28", () => {
  const CALL = { name: "run_deploy", arguments: {} };
  const REFUSED: readonly Case[] = [
    ["no _meta", "tools/list", { params: { _meta: {} } }, 400, -32_602],
    ["no capabilities", "tools/list", { params: { _meta: { [`${META}protocolVersion`]: REVISION } } }, 400, -32_602],
    [
      "another revision in the header",
      "tools/list",
      { headers: { "MCP-Protocol-Version": "2025-11-25" } },
      400,
      -32_020,
    ],
    ["no revision in the header", "tools/list", { headers: { "MCP-Protocol-Version": "" } }, 400, -32_020],
    ["another method in the header", "tools/list", { headers: { "Mcp-Method": "tools/call" } }, 400, -32_020],
    ["no method in the header", "tools/list", { headers: { "Mcp-Method": "" } }, 400, -32_020],
    ["another tool in the header", "tools/call", { params: CALL, headers: { "Mcp-Name": "run_test" } }, 400, -32_020],
    ["no tool in the header", "tools/call", { params: CALL, headers: { "Mcp-Name": "" } }, 400, -32_020],
    [
      "Base64 of another tool",
      "tools/call",
      { params: CALL, headers: { "Mcp-Name": "=?base64?eA==?=" } },
      400,
      -32_020,
    ],
    ["Base64 that is none", "tools/call", { params: CALL, headers: { "Mcp-Name": "=?base64?%?=" } }, 400, -32_020],
    ["initialize", "initialize", {}, 404, -32_601],
    ["ping", "ping", {}, 404, -32_601],
    ["an unknown method", "resources/list", {}, 404, -32_601],
    ["a method that objects have", "constructor", {}, 404, -32_601],
    ["a cursor", "tools/list", { params: { cursor: "x" } }, 200, -32_602],
    ["an unknown tool", "tools/call", { params: { name: "run_nothing" } }, 200, -32_602],
    ["a tool that objects have", "tools/call", { params: { name: "constructor" } }, 200, -32_602],
    ["no tool", "tools/call", {}, 200, -32_602],
    ["arguments that are a list", "tools/call", { params: { ...CALL, arguments: [] } }, 200, -32_602],
  ];
  it.each(REFUSED)("refuses %s", async (_what, method, sent, status, code) => {
    const params = { _meta: META_OF_ALL, ...sent.params };
    const answer = await send(place, method, { id: "a", ...sent, params });
    expect([answer.status, answer.body.id, answer.body.error?.code]).toEqual([status, "a", code]);
    expect(answer.body.error?.message).not.toBe("");
  });

  it("names the revisions that it knows", async () => {
    const _meta = { ...META_OF_ALL, [`${META}protocolVersion`]: "2099-01-01" };
    const { status, body } = await send(place, "tools/list", {
      params: { _meta },
      headers: { "MCP-Protocol-Version": "2099-01-01" },
    });
    const supported = ["2026-07-28", "2025-11-25", "2025-06-18"];
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: -32_022, data: { supported, requested: "2099-01-01" } });
  });

  it("takes a name in Base64", async () => {
    const headers = { "Mcp-Name": `=?base64?${btoa("get_run")}?=` };
    const { body } = await send(place, "tools/call", { params: { name: "get_run", arguments: { id: "x" } }, headers });
    expect(body.result).toMatchObject({ isError: true });
  });

  it("lists for a minute, for nobody else", async () => {
    const { body } = await send(place, "tools/list");
    expect(body.result).toMatchObject({ resultType: "complete", ttlMs: 60_000, cacheScope: "private" });
    const discovered = (await send(place, "server/discover")).body.result;
    expect(discovered).toMatchObject({
      supportedVersions: expect.arrayContaining([REVISION]),
      capabilities: { tools: {} },
    });
  });
});

describe("older revisions", () => {
  it.each([
    ["2025-06-18", "2025-06-18"],
    ["2025-11-25", "2025-11-25"],
    ["2024-11-05", "2025-11-25"],
    [undefined, "2025-11-25"],
  ])("begin with initialize: %s gets %s", async (protocolVersion, expected) => {
    const { status, body } = await older("initialize", { protocolVersion, capabilities: {} });
    expect([status, body.result?.protocolVersion]).toEqual([200, expected]);
    expect(body.result).toMatchObject({
      serverInfo: { name: "action-runs", version: packageJson.version },
      capabilities: { tools: {} },
    });
  });

  it("have no members of the new one, and answer a ping", async () => {
    const headers = { "MCP-Protocol-Version": "2025-06-18" };
    expect((await older("ping", {}, headers)).body).toEqual({ jsonrpc: "2.0", id: 7, result: {} });
    expect(Object.keys((await older("tools/list", {}, headers)).body.result ?? {})).toEqual(["tools"]);
  });

  it.each(["server/discover", "resources/list", "toString"])("have no method %s", async (method) => {
    const { status, body } = await older(method, {}, { "MCP-Protocol-Version": "2025-11-25" });
    expect([status, body.error?.code]).toEqual([200, -32_601]);
  });

  it("are refused if nobody knows them", async () => {
    const { status, body } = await older("tools/list", {}, { "MCP-Protocol-Version": "2024-01-01" });
    expect([status, body.error?.code, body.id]).toEqual([400, -32_022, 7]);
  });
});

describe("whatever the revision", () => {
  const REFUSED: readonly (readonly [what: string, raw: string, status: number, code: number])[] = [
    ["no JSON", "{", 400, -32_700],
    ["nothing", "", 400, -32_700],
    [
      "2 MB",
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", params: { a: "x".repeat(2 ** 21) } }),
      413,
      -32_700,
    ],
    ["a deep value", `${"[".repeat(1000)}${"]".repeat(1000)}`, 400, -32_700],
    ["a batch", '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32_600],
    ["a text", '"ping"', 400, -32_600],
    ["another JSON-RPC", '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32_600],
    ["no method", '{"jsonrpc":"2.0","id":1}', 400, -32_600],
    ["a response", '{"jsonrpc":"2.0","id":1,"result":{}}', 400, -32_600],
    ["an id of null", '{"jsonrpc":"2.0","id":null,"method":"ping"}', 400, -32_600],
    ["an id with a fraction", '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', 400, -32_600],
    ["an id that is an object", '{"jsonrpc":"2.0","id":{},"method":"ping"}', 400, -32_600],
    ["params that are a list", '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', 400, -32_602],
  ];
  it.each(REFUSED)("refuses %s", async (_what, raw, status, code) => {
    const answer = await ask<Rpc>("POST", `${place.path}/mcp`, { token: place.token, raw });
    expect([answer.status, answer.body.error?.code]).toEqual([status, code]);
  });

  it("refuses another type of content", async () => {
    const raw = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const headers = { "Content-Type": "text/plain" };
    const answer = await ask<Rpc>("POST", `${place.path}/mcp`, { token: place.token, raw, headers });
    expect([answer.status, answer.body.error?.code]).toEqual([415, -32_700]);
  });

  it.each(["notifications/initialized", "notifications/cancelled", "tools/call"])(
    "answers the notification %s with nothing",
    async (method) => {
      const raw = JSON.stringify({ jsonrpc: "2.0", method, params: { name: "run_deploy" } });
      const { status, body } = await ask<unknown>("POST", `${place.path}/mcp`, { token: place.token, raw });
      expect([status, body]).toEqual([202, null]);
    },
  );

  it.each(["GET", "DELETE", "PUT"])("refuses %s", async (method) => {
    const { status, headers } = await ask(method, `${place.path}/mcp`, { token: place.token });
    expect([status, headers.get("Allow")]).toEqual([405, "POST"]);
  });
});
