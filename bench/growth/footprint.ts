/** What a run takes in D1 and in its coordinator, from the files of closed places. */

import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { COORDINATORS } from "../../src/runs/run-id.ts";
import { objectFile } from "./files.ts";
import { calendarIn, MEASURED_SCOPE, type Place } from "./place.ts";

/** Cloudflare's limit for a D1 database, and for an object. */
export const FULL_BYTES = 10_000_000_000;

export interface Footprint {
  readonly store: "D1" | "object";
  readonly bytesPerRun: number;
  /** Of those, what is in indexes. */
  readonly indexShare: number;
  /** Bytes of each table and index for a run. */
  readonly parts: Readonly<Record<string, number>>;
  readonly runsBeforeFull: number;
}

/** From what the larger of two places has more than the smaller. */
export function footprints(smaller: Place, larger: Place): Footprint[] {
  const stores = ["D1", "object"] as const;
  return stores.map((store) => {
    const [few, many] = [partsOf(store, smaller), partsOf(store, larger)];
    const more = runsOf(store, larger) - runsOf(store, smaller);
    const parts: Record<string, number> = {};
    for (const [name, bytes] of many.parts) parts[name] = (bytes - (few.parts.get(name) ?? 0)) / more;
    const bytesPerRun = (many.bytes - few.bytes) / more;
    const inIndexes = Object.entries(parts).filter(([name]) => many.indexes.has(name));
    const indexBytes = inIndexes.reduce((sum, [, bytes]) => sum + bytes, 0);
    const runsBeforeFull = Math.floor(FULL_BYTES / bytesPerRun);
    return { store, bytesPerRun, indexShare: indexBytes / bytesPerRun, parts, runsBeforeFull };
  });
}

function runsOf(store: Footprint["store"], place: Place): number {
  return store === "D1" ? place.runs : calendarIn(place).runs / COORDINATORS;
}

interface Parts {
  readonly bytes: number;
  readonly parts: ReadonlyMap<string, number>;
  readonly indexes: ReadonlySet<string>;
}

function partsOf(store: Footprint["store"], place: Place): Parts {
  const file = store === "D1" ? place.files.d1 : objectFile(place, MEASURED_SCOPE, 0);
  const db = new DatabaseSync(file, { readOnly: true });
  const sizes = db.prepare("SELECT name, pgsize AS bytes FROM dbstat WHERE aggregate = TRUE").all();
  const indexes = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'index'").all();
  db.close();
  return {
    bytes: statSync(file).size,
    parts: new Map(sizes.map(({ name, bytes }) => [String(name), Number(bytes)])),
    indexes: new Set(indexes.map(({ name }) => String(name))),
  };
}
