/** `npm run demo`: plays a run's life on a temporary server, shows each request and response, and checks them. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tellActions } from "./action-story.ts";
import { tellDispatch } from "./dispatch-story.ts";
import { migrateLocally, newSecrets } from "./prepare.ts";
import { freePort, startServer } from "./server.ts";
import { tellStory } from "./story.ts";
import { Telling } from "./telling.ts";
import { onStopSignal } from "./wrangler.ts";

const STOPPED_BY_SIGNAL = 130;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-demo-"));
  let stop = async () => {};
  const cleanUp = () => stop().finally(() => rmSync(folder, { recursive: true, force: true }));
  onStopSignal(() => void cleanUp().finally(() => process.exit(STOPPED_BY_SIGNAL)));
  try {
    const secrets = join(folder, "secrets.env");
    const state = join(folder, "state");
    // The demo's receiver is on this machine. Webhooks may go to this machine only with this setting.
    writeFileSync(secrets, `${newSecrets()}ALLOW_INSECURE_WEBHOOKS=true\n`, { mode: 0o600 });
    console.log("Starting a temporary server …");
    await migrateLocally(state);
    const server = await startServer({
      port: await freePort(),
      // With --env-file, wrangler does not read .dev.vars.
      args: ["--persist-to", state, "--env-file", secrets],
      onSpawn: (stopServer) => {
        stop = stopServer;
      },
    });
    const rootToken = /^ROOT_TOKEN=(.*)$/m.exec(readFileSync(secrets, "utf8"))?.[1] ?? "";
    const telling = new Telling();
    await tellStory(telling, server.url, rootToken);
    await tellDispatch(telling, server.url, rootToken);
    await tellActions(telling, server.url, rootToken, folder);
    const { checks, failures } = telling;
    if (failures.length > 0) {
      throw new Error(`\nThese checks failed:\n${failures.map((failure) => `- ${failure}`).join("\n")}`);
    }
    console.log(`\nAll ${checks} checks passed.`);
    console.log("To watch runs in a browser, use `npm start`. It prints a link to the console.");
  } finally {
    await cleanUp();
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
