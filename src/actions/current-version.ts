/** Which version an action has now, read from D1's primary and not from the isolate's memory, which can be behind. */

import { readD1 } from "../database/read-d1.ts";
import type { Hops } from "../http/app-env.ts";
import { ACTION_KIND } from "./kind.ts";

interface Asker {
  readonly env: { readonly DB: D1Database };
  readonly hops: Hops;
  readonly scope: string;
}

/** Null if there is no such action any more. Throws `database_unavailable`. */
export async function currentVersion({ env, hops, scope }: Asker, name: string): Promise<number | null> {
  const select = env.DB.withSession("first-primary")
    .prepare(`SELECT version FROM definitions WHERE scope = ?1 AND kind = '${ACTION_KIND.name}' AND name = ?2`)
    .bind(scope, name);
  return readD1(hops, () => select.first<number>("version"));
}
