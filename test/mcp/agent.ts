/** An agent for the tests in the runtime: an environment with an offered action, and messages of both kinds of revision. */

import { newActionsPath, put } from "../actions/actions.ts";
import { type Answer, ask } from "../support/requests.ts";
import { grantToken } from "../support/tokens.ts";

export const REVISION = "2026-07-28";
const META = "io.modelcontextprotocol/";

export interface Rpc {
  readonly jsonrpc: "2.0";
  readonly id?: number | string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

export interface ToolAnswer {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: boolean;
}

export const TRIGGER = { type: "webhook", url: "https://ci.example.com/a", startOn: "heartbeat" };
export const OFFERED = { trigger: TRIGGER, agents: {} };

/** An environment with one token for its agents. */
export interface Place {
  /** `/{o}/{p}/envs/{envName}` */
  readonly path: string;
  readonly token: string;
}

export async function newPlace(role: "member" | "viewer" = "member"): Promise<Place> {
  const path = newActionsPath().replace(/\/actions$/, "");
  const project = path.split("/").slice(0, 3).join("/");
  return { path, token: (await grantToken(project, { role, name: "agent" })).token };
}

export async function offer(place: Place, name: string, definition: object = {}): Promise<void> {
  const { status, body } = await put(`${place.path}/actions/${name}`, { ...OFFERED, ...definition });
  if (status !== 201 && status !== 200) throw new Error(`the action was not stored: ${JSON.stringify(body)}`);
}

export interface Sent {
  readonly id?: number | string | null;
  readonly params?: object;
  readonly client?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request of the stateless revision. */
export function send({ path, token }: Place, method: string, sent: Sent = {}): Promise<Answer<Rpc>> {
  const { id = 1, params = {}, client = "test-agent", headers = {} } = sent;
  const _meta = {
    [`${META}protocolVersion`]: REVISION,
    [`${META}clientInfo`]: { name: client, version: "1" },
    [`${META}clientCapabilities`]: {},
  };
  const name = (params as { name?: string }).name;
  const own = {
    "MCP-Protocol-Version": REVISION,
    "Mcp-Method": method,
    ...(name !== undefined && { "Mcp-Name": name }),
  };
  const body = { jsonrpc: "2.0", id, method, params: { _meta, ...params } };
  return ask("POST", `${path}/mcp`, { token, body, headers: { ...own, ...headers } });
}

export async function call(place: Place, name: string, args: object = {}, client?: string): Promise<ToolAnswer> {
  const sent = { params: { name, arguments: args }, ...(client !== undefined && { client }) };
  const { body } = await send(place, "tools/call", sent);
  if (body.result === undefined) throw new Error(JSON.stringify(body));
  return body.result as unknown as ToolAnswer;
}
