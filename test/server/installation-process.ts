/**
 * The process of an installation: the built service in workerd, which keeps everything in files. If the process is
 * killed, the next one finds them.
 */

import { join } from "node:path";
import type { V4WorkerOptions } from "miniflare";
import { newMiniflare } from "../../src/dev/miniflare.ts";

export interface InstallationSetup {
  /** The built service with its bindings and variables. */
  readonly worker: V4WorkerOptions;
  /** The folder that `npm run dev` would get as `--persist-to`. */
  readonly state: string;
  readonly port: number;
}

process.on("disconnect", () => process.exit());
process.on("message", async ({ worker, state, port }: InstallationSetup) => {
  const options = { ...worker, unsafeDirectSockets: [{ host: "localhost", port }] };
  const miniflare = newMiniflare(join(state, "v3"), options);
  await miniflare.ready;
  process.send?.("ready");
});
