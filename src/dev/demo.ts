/** `npm run demo`: plays a run's life on a temporary server, shows each request and response, and checks them. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tellActions } from "./action-story.ts";
import { atEnd, runToEnd } from "./children.ts";
import { tellDispatch } from "./dispatch-story.ts";
import { tellStory } from "./story.ts";
import { Telling } from "./telling.ts";
import { startTemporaryServer } from "./temporary-server.ts";

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-demo-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  console.log("Starting a temporary server …");
  const { url, token } = await startTemporaryServer(folder);
  const telling = new Telling();
  await tellStory(telling, url, token);
  await tellDispatch(telling, url, token);
  await tellActions(telling, url, token, folder);
  const { checks, failures } = telling;
  if (failures.length > 0) {
    throw new Error(`\nThese checks failed:\n${failures.map((failure) => `- ${failure}`).join("\n")}`);
  }
  console.log(`\nAll ${checks} checks passed.`);
  console.log("To watch runs in a browser, use `npm start`. It prints a link to the console.");
  return 0;
}

runToEnd(main);
