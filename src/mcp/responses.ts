/** zod: the messages of the Model Context Protocol, for the OpenAPI document. */
import * as z from "zod";
import { described, errorBody } from "../http/response-schemas.ts";

const id = z.union([z.string(), z.number().int()]);
const object = z.record(z.string(), z.unknown());

export const rpcRequest = z
  .object({
    jsonrpc: z.literal("2.0"),
    id: described(id.optional(), "A notification has none, and gets no response."),
    method: z.string(),
    params: object.optional(),
  })
  .meta({
    id: "McpRequest",
    description: "A request or a notification of JSON-RPC 2.0, as the Model Context Protocol defines it.",
    examples: [{ jsonrpc: "2.0", id: 1, method: "tools/list" }],
  });

export const rpcResponse = z
  .object({
    jsonrpc: z.literal("2.0"),
    id: described(id.optional(), "That of the request. Missing if nobody could read it."),
    result: object.optional(),
    error: described(
      z.object({ code: z.number().int(), message: z.string(), data: z.unknown().optional() }).optional(),
      "A fault of the protocol.",
    ),
  })
  .meta({
    id: "McpResponse",
    description: "A response of JSON-RPC 2.0. It has a result or an error.",
    examples: [{ jsonrpc: "2.0", id: 1, result: { tools: [] } }],
  });

/** A fault of the protocol, or an error of the API that came before it. */
export const rpcFault = z
  .union([rpcResponse, errorBody])
  .meta({
    id: "McpFault",
    examples: [{ jsonrpc: "2.0", id: 1, error: { code: -32_601, message: "There is no method resources/list." } }],
  });
