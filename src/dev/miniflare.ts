/** The local runtime, as `npm start`, the bench, the soak and the tests start it. */

import { createRequire } from "node:module";
import type { Miniflare, V4MiniflareOptions } from "miniflare";

// An import would first search its 6 MB for the names of its exports, which takes 0.1 s.
const runtime = createRequire(import.meta.url)("miniflare") as typeof import("miniflare");

/** Logs only errors, and sends nothing anywhere. `folder`: where everything is kept, as files. */
export function newMiniflare(folder: string, options: V4MiniflareOptions): Miniflare {
  return new runtime.Miniflare(quietOptions(folder, options));
}

/** What `newMiniflare` starts with, and what a Miniflare can be changed to. */
export function quietOptions(folder: string, options: V4MiniflareOptions) {
  return runtime.convertV4MiniflareOptions({
    log: new runtime.Log(runtime.LogLevel.ERROR),
    cf: false,
    telemetry: { enabled: false },
    resourcePersistencePath: folder,
    ...options,
  });
}
