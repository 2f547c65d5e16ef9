/** Which file of a place is what: D1, and the SQLite of each object. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { coordinatorName } from "../../src/runs/run-id.ts";
import type { EmptyPlace, Place } from "./place.ts";

const DATABASES = join("d1", "miniflare-D1DatabaseObject");
const OBJECTS = join("do", "service-RunCoordinator");

/** Where the runtime keeps what; to be opened only while the place is closed. */
export interface Files {
  readonly d1: string;
  /** By the name of the object. */
  readonly objects: Readonly<Record<string, string>>;
}

/** Finds out which file is which. */
export function findFiles({ folder }: EmptyPlace): Files {
  const sqlite = (path: string) =>
    readdirSync(path)
      .filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file))
      .map((file) => join(path, file));
  const [d1] = sqlite(join(folder, DATABASES));
  if (d1 === undefined) throw new Error(`no D1 in ${folder}`);
  const objects: Record<string, string> = {};
  for (const file of sqlite(join(folder, OBJECTS))) {
    const db = new DatabaseSync(file);
    // Miniflare notes it for its own look into objects.
    const { name } = db.prepare("SELECT name FROM __miniflare_do_name").get() as { name: string };
    db.close();
    objects[name] = file;
  }
  return { d1, objects };
}

export function objectFile({ files, folder }: Place, scope: string, n: number): string {
  const file = files.objects[coordinatorName(scope, n)];
  if (file === undefined) throw new Error(`no file of coordinator ${n} of ${scope} in ${folder}`);
  return file;
}
