/** `npm run dev`: plain `wrangler dev`, after the same preparation as `npm start`. Flags are passed on. */

import { once } from "node:events";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { makeDevVars, migrateLocally } from "./prepare.ts";
import { onStopSignal, ROOT, spawnWrangler } from "./wrangler.ts";

const flags = process.argv.slice(2);
const { values } = parseArgs({ args: flags, strict: false, options: { "persist-to": { type: "string" } } });
const persistTo = values["persist-to"];

if (makeDevVars(ROOT))
  console.log("Made .dev.vars with fresh random secrets: the operator's token is ROOT_TOKEN.");
await migrateLocally(typeof persistTo === "string" ? persistTo : undefined);

const child = spawnWrangler(["dev", ...flags], { stdio: "inherit" });
// A terminal's Ctrl-C reaches the child as well; it minds no second one. A kill reaches this process alone.
onStopSignal((signal) => child.kill(signal));
const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
