/**
 * The journal's table of how webhook endpoints have answered, per endpoint and the version of it that was used. An
 * endpoint that works costs at most one row a day.
 */

import { DAY_MS, msSinceOrLongAgo } from "../../base/time.ts";
import type { EndpointHealth, EndpointKey } from "../telling.ts";

/** How many days with failures are kept. Three are enough to disable an endpoint. */
const DAYS_MAX = 7;

type Row = Omit<EndpointHealth, "failedDays"> & { failedDays: string };

export class EndpointHealthRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  of(endpoint: EndpointKey): EndpointHealth | null {
    const [row] = this.#sql.exec<Row>(
      `SELECT version, failures, failing_since AS failingSince, failed_days AS failedDays, succeeded_at AS succeededAt
       FROM endpoint_health WHERE endpoint = ?`,
      endpoint,
    );
    return row === undefined ? null : { ...row, failedDays: JSON.parse(row.failedDays) as number[] };
  }

  /** Notes an attempt that succeeded with this version of the endpoint. Writes at most once a day while all succeed. */
  succeeded(endpoint: EndpointKey, version: number, now: number): void {
    const health = this.#of(endpoint, version);
    if (health === null) return;
    const { failingSince, succeededAt } = health;
    if (failingSince === null && succeededAt !== null && msSinceOrLongAgo(succeededAt, now) < DAY_MS) return;
    this.#put(endpoint, { version, failures: 0, failingSince: null, failedDays: [], succeededAt: now });
  }

  /** Notes an attempt that failed. `isAlive`: whether the receiver answered that it works; null if nothing was sent. */
  failed(endpoint: EndpointKey, version: number, isAlive: boolean | null, now: number): void {
    const health = this.#of(endpoint, version);
    if (health === null) return;
    const days = new Set([...health.failedDays, Math.floor(now / DAY_MS)]);
    this.#put(endpoint, {
      ...health,
      failures: isAlive ? 0 : health.failures + (isAlive === null ? 0 : 1),
      failingSince: health.failingSince ?? now,
      failedDays: [...days].sort((a, b) => a - b).slice(-DAYS_MAX),
    });
  }

  /** Forgets an endpoint that is gone. */
  erase(endpoint: EndpointKey): void {
    this.#sql.exec("DELETE FROM endpoint_health WHERE endpoint = ?", endpoint);
  }

  /** Forgets all endpoints but these. One that was stored a moment ago may be forgotten, too. It then begins anew. */
  eraseOthers(endpoints: readonly EndpointKey[]): void {
    this.#sql.exec(
      "DELETE FROM endpoint_health WHERE endpoint NOT IN (SELECT value FROM json_each(?))",
      JSON.stringify(endpoints),
    );
  }

  /** What is known of this version. A newer version starts anew. Null for an older one, whose results no longer count. */
  #of(endpoint: EndpointKey, version: number): EndpointHealth | null {
    const health = this.of(endpoint);
    if (health?.version === version) return health;
    if (health !== null && health.version > version) return null;
    return { version, failures: 0, failingSince: null, failedDays: [], succeededAt: null };
  }

  #put(endpoint: EndpointKey, health: EndpointHealth): void {
    const { version, failures, failingSince, failedDays, succeededAt } = health;
    this.#sql.exec(
      `INSERT INTO endpoint_health (endpoint, version, failures, failing_since, failed_days, succeeded_at)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET version = excluded.version, failures = excluded.failures,
         failing_since = excluded.failing_since, failed_days = excluded.failed_days,
         succeeded_at = excluded.succeeded_at`,
      endpoint,
      version,
      failures,
      failingSince,
      JSON.stringify(failedDays),
      succeededAt,
    );
  }
}
