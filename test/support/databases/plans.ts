/** A D1 that runs each statement, and says how SQLite does so. */

import { env } from "cloudflare:workers";

/** `plans`: the steps of each statement that had values bound to it, in the order of the statements. */
export function explaining(): { readonly db: D1Database; readonly plans: () => Promise<string[][]> } {
  const explained: D1PreparedStatement[] = [];
  const db = {
    prepare: (sql: string) => {
      const statement = env.DB.prepare(sql);
      const bind = statement.bind.bind(statement);
      return Object.assign(statement, {
        bind: (...values: unknown[]) => {
          explained.push(env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...values));
          return bind(...values);
        },
      });
    },
    batch: (statements: D1PreparedStatement[]) => env.DB.batch(statements),
    withSession: () => db,
  } as unknown as D1Database;
  const plans = async () =>
    (await env.DB.batch<{ detail: string }>(explained)).map(({ results }) => results.map(({ detail }) => detail));
  return { db, plans };
}
