/**
 * …/mcp: the Model Context Protocol for agents, by Streamable HTTP without streams or sessions. An agent runs what the
 * environment offers, and decides nothing: its token may neither approve nor change what an action does.
 */
import { type Context, Hono } from "hono";
import { authorize, bearerToken, OF_CREDENTIAL } from "../auth/authentication.ts";
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { BODY_MAX_BYTES } from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import { ApiError } from "../http/errors.ts";
import { type Described, guard, meaning } from "../http/operation.ts";
import { type AppEnv, scopeOf } from "../http/request-context.ts";
import { decodeUtf8, parsedJson, readBytes, requireJson } from "../http/validate.ts";
import { corsOrigins, provenUrl } from "../settings/config.ts";
import { callTool, offeredTools } from "./calls.ts";
import {
  CODES,
  type Fault,
  faultResponse,
  type McpRequest,
  type Message,
  REVISIONS,
  readMessage,
  responseOf,
  SERVER,
  WITH_HANDSHAKE,
  wrongParams,
} from "./message.ts";
import { rpcFault, rpcRequest, rpcResponse } from "./responses.ts";
import { refusedResult } from "./run-result.ts";
import { toolsFor } from "./tools.ts";

const LIST_TTL_MS = 60_000;
const NAMELESS = "mcp";
const CLIENT_MAX_CHARACTERS = 64;

const NO_AGENT =
  "This token could approve runs, change actions or act for others, so an agent must not have it. Use a token of the " +
  "role member or viewer without mayApprove and mayActForOthers.";
const FOREIGN =
  "Pages of other origins can't send this request. Leave out the header Origin, or ask the operator to add the origin to CORS_ORIGINS.";

function requiresAgent(operation: Described) {
  const check = async (c: Context<AppEnv>) => {
    const origin = c.req.header("Origin");
    const own = provenUrl(c.env, c.req.url);
    const known = [...(own.ok ? [new URL(own.value).origin] : []), ...corsOrigins(c.env)];
    if (origin !== undefined && !known.includes(origin)) throw new ApiError("forbidden", FOREIGN);
    bearerToken(c);
    const { role, mayApprove, mayActForOthers } = await authorize(c, "data:read");
    const decides = mayApprove || mayActForOthers || !["member", "viewer"].includes(role);
    if (decides) throw new ApiError("forbidden", NO_AGENT);
  };
  return guard(
    check,
    DESCRIBE && {
      who: "Requires an API token of the role `member` or `viewer` without `mayApprove` and `mayActForOthers`.",
      security: [{ apiToken: [] }],
      person: "refused",
      errors: [...OF_CREDENTIAL, "forbidden"],
      operation,
    },
  );
}

const CALL_MCP: Described = DESCRIBE && {
  operationId: "callMcp",
  summary: "Send a message of the Model Context Protocol",
  description:
    "Agents list and call the tools of this environment. Each action with `agents` is a tool. Five other tools list, " +
    `read, retry and cancel runs. The revisions are ${REVISIONS.join(", ")}. Each request stands alone: there is no ` +
    "session, no batch and no stream. A call that is refused is a result with `isError`. Faults of the protocol are errors of JSON-RPC.",
  headers: ["MCP-Protocol-Version"],
  responses: {
    200: { description: "The response of JSON-RPC", json: rpcResponse },
    202: { description: "The notification was accepted" },
    400: { description: "Not a message of the protocol", json: rpcFault },
    404: { description: "No such method", json: rpcFault },
    413: { description: "The message is too large", json: rpcFault },
    415: { description: "The message is not JSON", json: rpcFault },
  },
  errors: [
    "not_configured",
    "database_unavailable",
    "database_not_bound",
    "coordinator_unavailable",
    "coordinator_overloaded",
    "storage_full",
  ],
};

export const mcpRoutes = new Hono<AppEnv>().post(
  "/",
  requiresAgent(CALL_MCP),
  meaning(async (c: Context<AppEnv>) => {
    const message = await messageOf(c);
    if (!message.ok) return sendFault(c, message.error);
    if (message.value === "notification") return c.body(null, 202);
    const answer = await answerTo(c, message.value);
    return answer.ok ? c.json(responseOf(message.value, answer.value)) : sendFault(c, answer.error);
  }, DESCRIBE && { body: rpcRequest }),
);

function sendFault(c: Context<AppEnv>, fault: Fault): Response {
  return c.json(faultResponse(fault), fault.status);
}

async function messageOf(c: Context<AppEnv>): Promise<Result<Message, Fault>> {
  try {
    requireJson(c.req);
    return readMessage(parsedJson(decodeUtf8(await readBytes(c.req.raw, BODY_MAX_BYTES))), (name) =>
      c.req.header(name),
    );
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return err({ code: CODES.parse, message: error.message, status: error.status as Fault["status"] });
  }
}

async function answerTo(c: Context<AppEnv>, request: McpRequest): Promise<Result<JsonObject, Fault>> {
  const { id, method, params, isStateless } = request;
  const cached = isStateless ? { ttlMs: LIST_TTL_MS, cacheScope: "private" } : {};
  const about = { capabilities: { tools: {} }, instructions: instructionsOf(scopeOf(c)) };
  switch (method) {
    case "tools/list":
      if (params.cursor !== undefined) return err(wrongParams(id, "All tools are on one page. Leave out cursor."));
      return ok({ tools: toolsFor(c.get("principal"), await offeredTools(c)), ...cached });
    case "tools/call":
      return toolAnswer(c, request);
    case "server/discover":
      if (isStateless) return ok({ supportedVersions: REVISIONS, ...about, ...cached });
      break;
    case "initialize": {
      const asked = WITH_HANDSHAKE.find((one) => one === params.protocolVersion) ?? WITH_HANDSHAKE[0];
      if (!isStateless) return ok({ protocolVersion: asked, ...about, serverInfo: SERVER });
      break;
    }
    case "ping":
      if (!isStateless) return ok({});
      break;
  }
  const message = `There is no method ${method.slice(0, 100)}.`;
  return err({ id, code: CODES.methodNotFound, message, status: isStateless ? 404 : 200 });
}

async function toolAnswer(c: Context<AppEnv>, { id, params, client }: McpRequest): Promise<Result<JsonObject, Fault>> {
  const { name, arguments: args = {} } = params;
  if (typeof name !== "string" || !isJsonObject(args)) {
    return err(wrongParams(id, "Send name, and arguments as an object."));
  }
  const agent = (client ?? "").replaceAll(/[^\x21-\x7e]/g, "").slice(0, CLIENT_MAX_CHARACTERS) || NAMELESS;
  c.set("agent", agent);
  try {
    const result = await callTool(c, { tool: name, args, client: agent });
    return result === null ? err(wrongParams(id, `There is no tool ${name.slice(0, 100)}.`)) : ok({ ...result });
  } catch (error) {
    // A 401 or an outage is nothing that the model can correct, so the client gets it as an HTTP error.
    if (!(error instanceof ApiError) || error.status >= 500 || error.status === 401) throw error;
    c.set("errorCode", error.code);
    return ok({ ...refusedResult(error.message, error.code, error.pointer) });
  }
}

function instructionsOf(scope: string): string {
  return (
    `These tools run actions of ${scope}. A run can wait for the approval of a person. You can't approve it: ask your ` +
    "user to give its url to a colleague. If a call does not return in time, send the same call again before others. " +
    "Within 10 minutes, it makes no second run."
  );
}
