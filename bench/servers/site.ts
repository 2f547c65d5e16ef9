/** The service that is measured: the built Worker in a workerd of its own, with real files. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { D1Database } from "@cloudflare/workers-types";
import { migrateOpen } from "../../src/dev/miniflare.ts";
import { newSecrets } from "../../src/dev/server.ts";

import type { Count } from "../growth/count.ts";
import type { Server } from "./server.ts";
import { startWorker } from "./worker.ts";

export interface Site extends Server {
  readonly secrets: Secrets;
  readonly db: D1Database;
  /** All of them, by number. The first is `db`. */
  readonly databases: readonly D1Database[];
  /** The counts of a counting service since the last call. */
  counts(): Promise<Count[]>;
  /** Runs the service's cron. */
  cron(): Promise<void>;
}

export interface Secrets extends Record<string, string> {
  readonly CALLBACK_SIGNING_KEYS: string;
  readonly ROOT_TOKEN: string;
}

export interface SiteOptions {
  /** Called with each line that the service logs. */
  readonly onLog?: (line: string) => void;
  /** Whether the service can be profiled. */
  readonly inspected?: boolean;
  /** The folder and secrets of an earlier site, which stay after this one. Without it, nothing outlives the site. */
  readonly kept?: { readonly folder: string; readonly secrets: Secrets } | undefined;
  readonly counted?: boolean;
  /** How many D1 databases the service has, at most four. Without it, one. */
  readonly databases?: number;
}

const BINDINGS = ["DB", "DB_1", "DB_2", "DB_3"];

export function makeSecrets(): Secrets {
  return parseEnv(newSecrets()) as Secrets;
}

export async function open({ kept, databases: count = 1, ...options }: SiteOptions): Promise<Site> {
  const bindings = BINDINGS.slice(0, count);
  const folder = kept?.folder ?? mkdtempSync(join(tmpdir(), "action-runs-bench-"));
  const secrets = kept?.secrets ?? makeSecrets();
  const removeFiles = () => {
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  };
  const worker = await startWorker("service", { ...options, folder, secrets, databases: bindings }).catch(
    (error: unknown) => {
      removeFiles();
      throw error;
    },
  );
  const { miniflare, origin } = worker;
  const stop = () => worker.stop().finally(removeFiles);
  try {
    const databases: D1Database[] = [];
    for (const [number, binding] of bindings.entries()) {
      const db = (await miniflare.getD1Database(binding)) as unknown as D1Database;
      if ((await db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'runs'").first()) === null)
        await migrateOpen(db, { binding, number });
      databases.push(db);
    }
    const [db] = databases;
    if (db === undefined) throw new Error("the service has no database");
    const cron = async () => {
      const { outcome } = await (await miniflare.getWorker()).scheduled({ cron: "* * * * *" });
      if (outcome !== "ok") throw new Error(`the cron ended as ${outcome}`);
    };
    const counts = async () => (await (await fetch(`${origin}/counts`)).json()) as Count[];
    const restart = () => Promise.reject(new Error("the service is not started again: its death is a failure"));
    return { ...worker, name: "service", restart, stop, secrets, db, databases, counts, cron };
  } catch (error) {
    await stop();
    throw error;
  }
}
