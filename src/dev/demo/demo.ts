/** `npm run demo`: plays a run's life on a temporary server, shows each request and response, and checks them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd, runToEnd } from "../children.ts";
import { startTemporaryServer } from "../server.ts";
import { Demo } from "./steps.ts";
import { showActions, showDispatch, showRuns } from "./story.ts";

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "action-runs-demo-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  console.log("Starting a temporary server …");
  const { url, token } = await startTemporaryServer(folder);
  const demo = new Demo();
  await showRuns(demo, url, token);
  await showDispatch(demo, url, token);
  await showActions(demo, url, token, folder);
  const { checks, failures } = demo;
  if (failures.length > 0) {
    throw new Error(`\nThese checks failed:\n${failures.map((failure) => `- ${failure}`).join("\n")}`);
  }
  console.log(`\nAll ${checks} checks passed.`);
  console.log("To watch runs in a browser, use `npm start`. It prints a link to the console.");
  return 0;
}

runToEnd(main);
