/** `npm run dev`: `wrangler dev` with your flags, after the same preparation as `npm start`. */

import { once } from "node:events";
import { parseArgs } from "node:util";
import { runToEnd } from "./children.ts";
import { migrateLocally } from "./migrate-locally.ts";
import { makeDevVars } from "./prepare.ts";
import { ROOT, spawnWrangler } from "./wrangler.ts";

async function main(): Promise<number> {
  const flags = process.argv.slice(2);
  const { values } = parseArgs({
    args: flags,
    strict: false,
    options: { "persist-to": { type: "string" }, config: { type: "string", short: "c" } },
  });
  const { "persist-to": persistTo, config } = values;
  if (makeDevVars(ROOT))
    console.log("Created .dev.vars with random secrets. The operator's token is ROOT_TOKEN in that file.");
  await migrateLocally({
    ...(typeof persistTo === "string" && { persistTo }),
    ...(typeof config === "string" && { config }),
  });
  const [code] = await once(spawnWrangler(["dev", ...flags], { stdio: "inherit" }), "exit");
  return code ?? 1;
}

runToEnd(main);
