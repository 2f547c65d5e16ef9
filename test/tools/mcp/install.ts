/** Once before the tests, because two files must not install at the same time. */

import { join } from "node:path";
import { install } from "../../../src/dev/tools.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";

/** The official clients of the Model Context Protocol. */
export const MCP_CLIENTS = join(ROOT, "tools", "mcp");

export default function installMcpClients(): void {
  // The optional packages build pages, which no test opens.
  install(MCP_CLIENTS, "--omit=optional");
}
