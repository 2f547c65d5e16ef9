/** The platform's types that our own modules name, for modules of theirs that run here in Node. */

import type * as platform from "@cloudflare/workers-types";

declare global {
  type D1Database = platform.D1Database;
  type DurableObjectStorage = platform.DurableObjectStorage;
  type SqlStorage = platform.SqlStorage;
  type SqlStorageValue = platform.SqlStorageValue;
}
