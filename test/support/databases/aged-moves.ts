/**
 * Makes the moves of environments older in the files of a local server, as if it had been down for so long. A database
 * that an environment has left rests for 15 minutes, and is cleaned once more an hour later, so no test can wait for it.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The 15 minutes, or the hour, and a little more. */
export const A_STEP_OF_A_MOVE_MS = 61 * 60_000;
/** A runtime that was killed has its files for a moment longer. */
const KILLED_WITHIN_MS = 10_000;

/** `journals`: the folder with the coordinators' files. No server may run meanwhile. Returns how many journals had moves. */
export function ageMoves(journals: string, ms: number): number {
  let aged = 0;
  for (const name of readdirSync(journals).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file))) {
    if (!ageIn(join(journals, name), ms)) continue;
    aged++;
    // The runtime keeps an alarm twice, in nanoseconds.
    const metadata = new DatabaseSync(join(journals, "metadata.sqlite"), { timeout: KILLED_WITHIN_MS });
    metadata
      .prepare("UPDATE _cf_ALARM SET scheduled_time = scheduled_time - ? WHERE actor_id = ?")
      .run(BigInt(ms) * 1_000_000n, name.replace(".sqlite", ""));
    metadata.close();
  }
  return aged;
}

function ageIn(file: string, ms: number): boolean {
  const db = new DatabaseSync(file, { timeout: KILLED_WITHIN_MS });
  try {
    // An object that was only asked has no tables.
    if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'metadata'").get() === undefined) return false;
    const select = "SELECT name, value FROM metadata WHERE name LIKE 'replica:%' AND value ->> 'move' IS NOT NULL";
    const moves = db.prepare(select).all();
    if (moves.length === 0) return false;
    for (const { name, value } of moves) {
      const older: unknown = JSON.parse(String(value), (key, member: unknown) =>
        key.endsWith("At") && typeof member === "number" ? member - ms : member,
      );
      db.prepare("UPDATE metadata SET value = ? WHERE name = ?").run(JSON.stringify(older), String(name));
    }
    db.prepare("UPDATE _cf_METADATA SET value = value - ? WHERE key = 1").run(BigInt(ms) * 1_000_000n);
    return true;
  } finally {
    db.close();
  }
}
