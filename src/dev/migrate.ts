/** `npm run migrate`: migrates deployed or local databases, as `npm run deploy` does. Use it after a restore of D1. */

import { parseArgs } from "node:util";
import { runToEnd } from "./children.ts";
import { findTarget, migrateAll } from "./deploy/inspection.ts";
import { migrateLocally } from "./server.ts";
import { CONFIG } from "./wrangler.ts";

const USAGE = `npm run migrate                     the databases that the Worker of deploy.toml binds
npm run migrate -- --env NAME       those of its [environments.NAME]
npm run migrate -- --local          those of \`npm start\`
                   --persist-to DIR the local ones in this folder
                   --config FILE    those of another configuration than wrangler.toml`;

async function migrateDeployed(environment: string | null): Promise<void> {
  const { api, account, deployment, inspection } = await findTarget(environment);
  if (!inspection.exists) throw new Error(`There is no Worker ${deployment.name} yet. Run \`npm run deploy\` first.`);
  const bound = inspection.databases.flatMap(({ id, ...rest }) => (id === null ? [] : [{ ...rest, id }]));
  await migrateAll(api, account, bound);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      help: { type: "boolean", short: "h" },
      env: { type: "string" },
      local: { type: "boolean" },
      "persist-to": { type: "string" },
      config: { type: "string", default: CONFIG },
    },
  });
  const { config, "persist-to": persistTo } = values;
  if (values.help) console.log(USAGE);
  else if (values.local) await migrateLocally(config, persistTo, { mustBindAll: true });
  else await migrateDeployed(values.env ?? null);
  return 0;
}

runToEnd(main);
