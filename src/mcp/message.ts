/**
 * One message of the Model Context Protocol: what a client sends, checked, and what the service answers. PURE.
 *
 * Revision 2026-07-28 has no session: each request says its revision in `_meta` and repeats parts of itself in headers,
 * by which gateways decide. So a header that differs from the body is refused. Older revisions begin with `initialize`,
 * and the service keeps nothing of it. https://modelcontextprotocol.io/specification/2026-07-28
 */
import { isJsonObject, type JsonObject } from "../base/json.ts";
import { err, ok, type Result } from "../base/result.ts";
import { visibleText } from "../base/visible-text.ts";

const STATELESS = "2026-07-28";
/** Those that begin with `initialize`, the newest first. */
export const WITH_HANDSHAKE = ["2025-11-25", "2025-06-18"] as const;
export const REVISIONS: readonly string[] = [STATELESS, ...WITH_HANDSHAKE];

/** JSON-RPC 2.0 and the codes that the specification reserves. */
export const CODES = {
  parse: -32_700,
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  headerMismatch: -32_020,
  unsupportedRevision: -32_022,
} as const;

type Id = string | number;

/** A fault of the protocol. `id`: undefined if nobody can know it. */
export interface Fault {
  readonly id?: Id | undefined;
  readonly code: (typeof CODES)[keyof typeof CODES];
  readonly message: string;
  readonly data?: unknown;
  readonly status: 200 | 400 | 404 | 413 | 415;
}

export interface McpRequest {
  readonly id: Id;
  readonly method: string;
  readonly params: JsonObject;
  /** Whether it is of revision 2026-07-28. */
  readonly isStateless: boolean;
  /** What the client calls itself; null if it says nothing. */
  readonly client: string | null;
}

export type Message = McpRequest | "notification";

const META = "io.modelcontextprotocol/";
/** The header that says the revision. Only `initialize` comes without it. */
const REVISION = "MCP-Protocol-Version";

export function readMessage(body: unknown, header: (name: string) => string | undefined): Result<Message, Fault> {
  const invalid = (message: string) => err({ code: CODES.invalidRequest, message, status: 400 } as const);
  if (Array.isArray(body)) return invalid("Batches are not accepted. Send one message in each request.");
  if (!isJsonObject(body) || body.jsonrpc !== "2.0" || typeof body.method !== "string") {
    return invalid('The body is not a request of JSON-RPC 2.0. Send "jsonrpc": "2.0" and a method.');
  }
  const { id, method, params = {} } = body;
  const unknown = unknownRevision(header(REVISION));
  if (id === undefined) return unknown === null ? ok("notification") : err(unknown);
  if (typeof id !== "string" && !Number.isSafeInteger(id)) return invalid("id must be a text or a whole number.");
  if (!isJsonObject(params)) return err({ ...wrongParams(id as Id, "params must be an object."), status: 400 });
  return readRequest({ id: id as Id, method, params }, header);
}

function readRequest(
  sent: Pick<McpRequest, "id" | "method" | "params">,
  header: (name: string) => string | undefined,
): Result<McpRequest, Fault> {
  const { id, method, params } = sent;
  const meta = isJsonObject(params._meta) ? params._meta : {};
  const inBody = meta[`${META}protocolVersion`];
  const inHeader = header(REVISION);
  const mismatch = (message: string) => err({ id, code: CODES.headerMismatch, message, status: 400 } as const);
  if (inBody !== undefined && inBody !== inHeader) {
    return mismatch(`${REVISION} must be the revision that _meta names.`);
  }
  const unknown = unknownRevision(inHeader);
  if (unknown !== null) return err({ ...unknown, id });
  if (inHeader === undefined && method !== "initialize") {
    return mismatch(`${REVISION} is missing. Send one of ${REVISIONS.join(", ")}.`);
  }
  const isStateless = inHeader === STATELESS;
  for (const member of isStateless ? ["protocolVersion", "clientCapabilities"] : []) {
    if (meta[META + member] === undefined)
      return err({ ...wrongParams(id, `_meta lacks ${META}${member}.`), status: 400 });
  }
  // Older revisions don't have these headers. If a client sends them, a gateway may have decided by them.
  const [ofMethod, ofName] = [header("Mcp-Method"), header("Mcp-Name")];
  if ((isStateless || ofMethod !== undefined) && ofMethod !== method) {
    return mismatch("Mcp-Method must be the method of the body.");
  }
  if (method === "tools/call" && (isStateless || ofName !== undefined) && decoded(ofName) !== params.name) {
    return mismatch("Mcp-Name must be the name of the tool in the body.");
  }
  if (!isStateless) return ok({ ...sent, isStateless, client: null });
  const info = meta[`${META}clientInfo`];
  const name = isJsonObject(info) ? info.name : undefined;
  return ok({ ...sent, isStateless, client: typeof name === "string" ? name : null });
}

function unknownRevision(requested: string | undefined): Fault | null {
  if (requested === undefined || REVISIONS.includes(requested)) return null;
  const message = `This revision is not supported. Use one of ${REVISIONS.join(", ")}.`;
  return { code: CODES.unsupportedRevision, message, data: { supported: REVISIONS, requested }, status: 400 };
}

export function wrongParams(id: Id, message: string): Fault {
  return { id, code: CODES.invalidParams, message, status: 200 };
}

/** The value of a header, which clients write in Base64 if it is not plain ASCII. Undefined if it is not valid. */
function decoded(value: string | undefined): string | undefined {
  const [, base64] = /^=\?base64\?(.*)\?=$/.exec(value ?? "") ?? [];
  if (base64 === undefined) return value;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.fromBase64(base64));
  } catch {
    return undefined;
  }
}

export const SERVER = { name: "action-runs", version: "1.0.0" };

export function responseOf({ id, isStateless }: McpRequest, result: JsonObject): JsonObject {
  const said = { resultType: "complete", _meta: { [`${META}serverInfo`]: SERVER } };
  return { jsonrpc: "2.0", id, result: isStateless ? { ...said, ...result } : result };
}

export function faultResponse({ id, code, message, data }: Fault): JsonObject {
  return { jsonrpc: "2.0", id, error: { code, message: visibleText(message), data } };
}
