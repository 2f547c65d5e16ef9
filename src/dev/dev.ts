/** `npm run dev`: `wrangler dev` with your flags, after the same preparation as `npm start`. */

import { once } from "node:events";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { makeDevVars, migrateLocally } from "./prepare.ts";
import { onStopSignal, ROOT, spawnWrangler } from "./wrangler.ts";

const flags = process.argv.slice(2);
const { values } = parseArgs({ args: flags, strict: false, options: { "persist-to": { type: "string" } } });
const persistTo = values["persist-to"];

if (makeDevVars(ROOT))
  console.log("Created .dev.vars with random secrets. The operator's token is ROOT_TOKEN in that file.");
await migrateLocally(typeof persistTo === "string" ? persistTo : undefined);

const child = spawnWrangler(["dev", ...flags], { stdio: "inherit" });
// Ctrl-C on a terminal reaches the child too, and a second signal does no harm. A kill reaches only this process.
onStopSignal((signal) => child.kill(signal));
const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
