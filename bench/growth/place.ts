/**
 * A place that is filled and measured: one D1 and its coordinators in a folder that outlives each opening, and the
 * built service in front of them. A Miniflare of its own, for it must start crons and put objects to sleep.
 */

import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { coordinatorName } from "../../src/runs/run-id.ts";
import { workerOptions } from "../site.ts";
import type { Files } from "./files.ts";
import { type Calendar, calendarOf } from "./sample.ts";

export const PROJECT = "bench/growth";
/** The environment that is measured, and one whose coordinators have a run each. */
export const MEASURED = "env-0";
export const EMPTY = "empty";
export const MEASURED_SCOPE = `${PROJECT}/${MEASURED}`;

/** All runs in one environment, or spread over a hundred. */
export type Layout = "one" | "spread";

export interface Place {
  readonly layout: Layout;
  readonly runs: number;
  readonly folder: string;
  readonly secrets: { readonly CALLBACK_SIGNING_KEYS: string; readonly ROOT_TOKEN: string };
  /** What its runs' instants are reckoned from. */
  readonly now: number;
  readonly files: Files;
}

/** A place as long as nothing was ever kept there. */
export type EmptyPlace = Omit<Place, "files">;

export interface Standing {
  readonly place: EmptyPlace;
  readonly origin: string;
  readonly db: D1Database;
  /** What the service logged as an error. */
  readonly errors: string[];
  readonly inspector: URL | null;
  /** Runs the Worker's cron. */
  cron(): Promise<void>;
  /** Puts a coordinator to sleep: its next call starts it again. */
  evict(scope: string, n: number): Promise<void>;
  /** The rows that a statement reads in a coordinator's own SQLite. */
  rowsRead(scope: string, n: number, sql: string, bindings: readonly unknown[]): Promise<number>;
  stop(): Promise<void>;
}

export function nameOf({ layout, runs }: EmptyPlace): string {
  return `${runs.toLocaleString("en")} runs ${layout === "one" ? "in one environment" : "over 100"}`;
}

export function calendarIn({ layout, runs, now }: EmptyPlace, env = 0): Calendar {
  return calendarOf(layout, runs, now, env);
}

export async function open(place: EmptyPlace, { inspected = false } = {}): Promise<Standing> {
  const errors: string[] = [];
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      log: new Log(LogLevel.ERROR),
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: place.folder,
      unsafeInspectDurableObjects: true,
      ...(inspected ? { inspectorPort: 0 } : {}),
      handleStructuredLogs: ({ message }) => {
        if (message.includes('"level":"error"')) errors.push(message);
      },
      workers: [workerOptions("service", place.secrets)],
    }),
  );
  try {
    await miniflare.ready;
    const db = (await miniflare.getD1Database("DB", "service")) as unknown as D1Database;
    const { origin } = await miniflare.unsafeGetDirectURL("service");
    const inspectors = inspected ? await miniflare.getInspectorURL() : null;
    return {
      place,
      origin,
      db,
      errors,
      inspector: inspectors && new URL("/core:user:service", inspectors),
      cron: async () => {
        const { outcome } = await (await miniflare.getWorker("service")).scheduled({ cron: "* * * * *" });
        if (outcome !== "ok") throw new Error(`the cron ended as ${outcome}`);
      },
      evict: (scope, n) =>
        miniflare.unsafeEvictDurableObject("service", "RunCoordinator", { name: coordinatorName(scope, n) }),
      rowsRead: async (scope, n, sql, bindings) => {
        const objects = await miniflare.getDurableObjectNamespace("COORDINATORS", "service");
        const stub = objects.get(objects.idFromName(coordinatorName(scope, n))) as unknown as Introspected;
        const [answer] = await stub.__miniflare_introspectSqlite([{ sql, params: bindings }]);
        return answer?.meta.rows_read ?? Number.NaN;
      },
      stop: () => miniflare.dispose(),
    };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

/** What Miniflare adds to an object where `unsafeInspectDurableObjects` is set. */
interface Introspected {
  __miniflare_introspectSqlite(
    queries: readonly { readonly sql: string; readonly params: readonly unknown[] }[],
  ): Promise<readonly { readonly meta: { readonly rows_read: number } }[]>;
}
