/** Where the project and wrangler are, and which D1 databases a configuration binds. */
import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. Every command runs there, wherever the user typed it. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

// Not the `wrangler` command, which runs this file in another process that gets no signals of ours.
export const WRANGLER = createRequire(import.meta.url).resolve("wrangler");

export function collect(child: ChildProcess): () => string {
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

export const CONFIG = join(ROOT, "wrangler.toml");
const NAME = /^DB(?:_([1-9]|[1-5]\d|6[0-3]))?$/;

export const DATABASE_MAX = 63;

/** A database as the service knows it: `DB` is number 0, and `DB_1` to `DB_63` have the others. */
export interface Bound {
  readonly binding: string;
  readonly number: number;
}

export interface BoundDatabase extends Bound {
  /** Names its file on this machine, as wrangler does. */
  readonly localId: string;
}

/** Loaded only by who needs it, because wrangler takes a second to load. */
export const loadWrangler = () => import("wrangler");

/** The databases of a configuration, in the order of their numbers. Throws if one has a name that the service ignores. */
export async function databasesIn(config = CONFIG): Promise<readonly BoundDatabase[]> {
  const { unstable_readConfig } = await loadWrangler();
  const read = unstable_readConfig({ config }, { hideWarnings: true });
  const bound: readonly { binding: string; database_id?: string; preview_database_id?: string }[] = read.d1_databases;
  return bound
    .map(({ binding, database_id, preview_database_id: local }) => ({
      binding,
      number: numberOf(binding),
      localId: local ?? database_id ?? binding,
    }))
    .sort((a, b) => a.number - b.number);
}

function numberOf(binding: string): number {
  const name = NAME.exec(binding);
  if (name !== null) return Number(name[1] ?? 0);
  throw new Error(
    `A D1 database is bound as ${binding}, which the service does not use. Name it DB, or DB_1 to DB_63.`,
  );
}
