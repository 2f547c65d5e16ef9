/** `npm start` and `npm run demo` end with all their processes, however they are ended. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { Project, type Script } from "./project.ts";

/** A demo that goes on until something ends it. */
const ENDLESS =
  'export const showRuns = async () => { for (;;) { console.log("at work"); await new Promise((done) => setTimeout(done, 20)); } };';

const project = new Project();
project.standInForServer(200, { status: "ready" });
writeFileSync(join(project.folder, "src/dev/demo/story.ts"), ENDLESS);
afterAll(() => project.remove());

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  "npm start": ["start", "--", "--port", "0"],
  "npm run demo": ["run", "demo"],
};
const ENDS: Readonly<Record<string, (script: Script) => unknown>> = {
  "its output is a closed pipe": ({ child }) => child.stdout?.destroy(),
  "its terminal is closed": ({ child }) => process.kill(-(child.pid ?? 0), "SIGHUP"),
  "Ctrl-C is pressed twice": ({ child }) => {
    for (let times = 0; times < 2; times++) process.kill(-(child.pid ?? 0), "SIGINT");
  },
};
const cases = Object.entries(COMMANDS).flatMap(([name, command]) =>
  Object.entries(ENDS).map(([why, end]) => ({ name, command, why, end })),
);

it.concurrent.each(cases)("$name leaves no process when $why", async ({ command, end }) => {
  const script = project.run(...command);
  await script.until(/at work/);
  expect(script.processes()).toBeGreaterThan(2);
  await end(script);
  await script.untilAllAreGone();
  expect(script.processes()).toBe(0);
});
