/** Node-RED with examples/node-red. */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { expect } from "vitest";
import { nodeRed } from "../../src/dev/tools.ts";
import { ROOT } from "../../src/dev/wrangler.ts";
import { playCircle } from "./circle.ts";
import { filledIn, shipped } from "./example.ts";

const NODE_RED = nodeRed();
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

function signed(secret: string, at: Date, body = "{}"): RequestInit {
  const id = crypto.randomUUID();
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, at, "{}"),
  };
  return { headers, body };
}

playCircle({
  name: "Node-RED",
  programs: NODE_RED === null ? ["Node-RED (npm run node-red)"] : [],
  example: "node-red",
  host: "https://node-red.example.com",
  places: { YOUR_SIGNING_SECRET: SECRET },
  copies: [],
  async prepare({ folder, opt, port, processes }) {
    const userDir = join(folder, "user");
    mkdirSync(userDir);
    const flowFile = join(userDir, "flows.json");
    writeFileSync(flowFile, filledIn(shipped("node-red/flows.json"), { "/opt/action-runs": opt.path }));
    copyFileSync(join(ROOT, "examples/node-red/settings.js"), join(folder, "example.cjs"));
    const own = { uiHost: "127.0.0.1", uiPort: port, userDir, flowFile, httpAdminRoot: false };
    const settings = join(folder, "settings.cjs");
    writeFileSync(settings, `module.exports = { ...require("./example.cjs"), ...${JSON.stringify(own)} };`);
    const url = `http://127.0.0.1:${port}`;
    return {
      url,
      async start() {
        await processes.serve(url, [process.execPath, NODE_RED ?? "", "-s", settings], {
          ACTION_RUNS_SIGNING_SECRET: SECRET,
        });
        // As before the flows have started: no flow is here either.
        expect((await fetch(`${url}/action-runs/`)).status).toBe(503);
      },
      logs: async () => processes.printed,
    };
  },
  strangers: [
    {},
    signed(`whsec_${Buffer.alloc(32, 8).toString("base64")}`, new Date()),
    signed(SECRET, new Date(Date.now() - 600_000)),
    signed(SECRET, new Date(), '{"run":{}}'),
  ],
  output: (version) => ({ log: `deployed ${version}\n` }),
  error: "Exited with status 3.\n3 tests failed\n",
  stoppedError: "Exited with status 143.\n",
  logged: "Started flows",
});
