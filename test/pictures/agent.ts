/** An agent that calls one tool, for pictures and for tests of what people see of it. */

interface Place {
  readonly baseUrl: string;
  /** `/{o}/{p}/envs/{envName}` */
  readonly path: string;
  readonly token: string;
}

const REVISION = "2026-07-28";
const META = "io.modelcontextprotocol/";

/** What the call returns to a program. `client`: what the agent calls itself. Throws if there is no result. */
export async function callTool(
  { baseUrl, path, token }: Place,
  client: string,
  name: string,
  args: object,
): Promise<Readonly<Record<string, unknown>>> {
  const _meta = {
    [`${META}protocolVersion`]: REVISION,
    [`${META}clientInfo`]: { name: client, version: "1" },
    [`${META}clientCapabilities`]: {},
  };
  const response = await fetch(`${baseUrl}${path}/mcp`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": REVISION,
      "Mcp-Method": "tools/call",
      "Mcp-Name": name,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { _meta, name, arguments: args } }),
  });
  const text = await response.text();
  const { structuredContent } = JSON.parse(text).result ?? {};
  if (structuredContent === undefined) throw new Error(`The agent's call of ${name} was refused: ${text}`);
  return structuredContent;
}
