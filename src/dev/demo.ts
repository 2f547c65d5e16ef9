/** `npm run demo`: the whole story on a server of its own, told as it happens; fails where it goes otherwise. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrateLocally, newSecrets } from "./prepare.ts";
import { freePort, startServer } from "./server.ts";
import { type Story, tellStory } from "./story.ts";
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
    writeFileSync(secrets, newSecrets(), { mode: 0o600 });
    console.log("Starting a server with a state of its own …");
    await migrateLocally(state);
    const server = await startServer({
      port: await freePort(),
      // Given a file of secrets, wrangler does not read .dev.vars.
      args: ["--persist-to", state, "--env-file", secrets],
      onSpawn: (stopServer) => {
        stop = stopServer;
      },
    });
    const rootToken = /^ROOT_TOKEN=(.*)$/m.exec(readFileSync(secrets, "utf8"))?.[1] ?? "";
    const story: Story = await tellStory(server.url, rootToken);
    if (story.failures.length > 0) {
      throw new Error(`\nNot as told:\n${story.failures.map((failure) => `- ${failure}`).join("\n")}`);
    }
    console.log(`\nAll ${story.checks} checks passed.`);
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
