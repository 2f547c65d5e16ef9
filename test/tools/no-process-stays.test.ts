/** `npm start` ends with all its processes, however it is ended. */

import { afterAll, expect, it } from "vitest";
import { Project, type Script } from "./project.ts";

const project = new Project();
project.standInForServer(200, { status: "ready" });
afterAll(() => project.remove());

const ENDS: Readonly<Record<string, (script: Script) => unknown>> = {
  "its output is a closed pipe": ({ child }) => child.stdout?.destroy(),
  "its terminal is closed": ({ child }) => process.kill(-(child.pid ?? 0), "SIGHUP"),
  "Ctrl-C is pressed twice": ({ child }) => {
    for (let times = 0; times < 2; times++) process.kill(-(child.pid ?? 0), "SIGINT");
  },
};
it.concurrent.each(Object.entries(ENDS))("leaves no process when %s", async (_, end) => {
  const script = project.run("start", "--", "--port", "0");
  await script.until(/at work/);
  expect(script.processes()).toBeGreaterThan(2);
  await end(script);
  await script.untilAllAreGone();
  expect(script.processes()).toBe(0);
});
