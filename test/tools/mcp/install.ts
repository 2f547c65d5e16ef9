/** Once before the tests, because two files must not install at the same time. */
export { installMcpClients as default } from "../../../src/dev/tools.ts";
