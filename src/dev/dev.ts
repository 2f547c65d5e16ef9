/** `npm run dev`: the server of `npm start` with your flags, after the same preparation, and without an action to try. */

import { once } from "node:events";
import { runToEnd } from "./children.ts";
import { makeDevVars, migrateLocally, requirePort, serverFlags, spawnServer } from "./server.ts";
import { ROOT } from "./wrangler.ts";

async function main(): Promise<number> {
  const flags = process.argv.slice(2);
  const { port, ip, persistTo, config } = serverFlags(flags);
  await requirePort(port, ip);
  if (makeDevVars(ROOT))
    console.log("Created .dev.vars with random secrets. The operator's token is ROOT_TOKEN in that file.");
  await migrateLocally(config, persistTo);
  const [code] = await once(spawnServer(flags, "inherit"), "exit");
  return code ?? 1;
}

runToEnd(main);
