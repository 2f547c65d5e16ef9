/** Starts one receiver for a whole run of vitest and tells the tests where it is. Must not script anything. */

import type { TestProject } from "vitest/node";
import { startReceiver } from "./server.ts";

/** vitest calls this once before the project's tests, and what it returns once after them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const receiver = await startReceiver();
  project.provide("receiverUrl", receiver.url);
  return receiver.close;
}
