/**
 * The process of a place: the built service in workerd, which keeps everything in files. If the process is killed, the
 * next one finds them.
 */

import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";

export interface PlaceSetup {
  /** The built service with its bindings and variables. */
  readonly worker: V4WorkerOptions;
  /** The folder that `wrangler dev` would get as `--persist-to`. */
  readonly state: string;
  readonly port: number;
}

process.on("disconnect", () => process.exit());
process.on("message", async ({ worker, state, port }: PlaceSetup) => {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...worker,
      unsafeDirectSockets: [{ host: "localhost", port }],
      log: new Log(LogLevel.ERROR),
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: join(state, "v3"),
    }),
  );
  await miniflare.ready;
  process.send?.("ready");
});
