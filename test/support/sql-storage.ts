/** The platform's own SqlStorage, whose answers a test may watch or change. */

import { runInDurableObject } from "cloudflare:test";
import { coordinator } from "./direct.ts";

/** The prototype that the storage of every object in this isolate has. Wakes the coordinator of these runs. */
export async function sqlStorage(path: string): Promise<SqlStorage> {
  let prototype: unknown;
  await runInDurableObject(coordinator(path), (_instance, { storage }) => {
    prototype = Object.getPrototypeOf(storage.sql);
  });
  return prototype as SqlStorage;
}
