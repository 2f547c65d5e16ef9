/** The platform's own SqlStorage, whose answers a test may watch or change. */

import { runInDurableObject } from "cloudflare:test";

/** The prototype that the storage of every object in this isolate has. */
export async function sqlStorage(stub: DurableObjectStub<undefined>): Promise<SqlStorage> {
  let prototype: unknown;
  await runInDurableObject(stub, (_instance, { storage }) => {
    prototype = Object.getPrototypeOf(storage.sql);
  });
  return prototype as SqlStorage;
}
