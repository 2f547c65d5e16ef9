/**
 * The runs of one try to write an object, and what the journal notes of them. Each method is one critical section. A
 * try may write its object only after `seal`, which notes the runs and the key in the journal. From then on, every try
 * has exactly these runs, under this key. So however many tries are lost or late, a run is in one object.
 */

import { log, logFailure } from "../../../base/log.ts";
import { DAY_MS } from "../../../base/time.ts";
import type { ArchivedRun } from "../../archive-calls.ts";
import type { Journal } from "../../journal/journal.ts";
import { archivedLine } from "./archived-line.ts";

/** How many runs one call to the Worker or one transaction has at most, as in a purge. */
const PASS_RUNS = 200;
/** How long a run that can't be printed waits until it is tried again. */
const QUARANTINE_MS = DAY_MS;
/** How long after the end of its retention such a run is deleted without being archived. */
const QUARANTINE_MAX_MS = 30 * DAY_MS;

export class ArchiveBatch {
  readonly id = crypto.randomUUID();
  readonly #journal: Journal;
  readonly #ids: readonly string[];
  readonly #day: number;
  readonly #unprintable = new Set<string>();

  /** `day`: on which these runs ended, in ms. Runs that were sealed before have a key that names it. */
  constructor(journal: Journal, ids: readonly string[], day: number) {
    this.#journal = journal;
    this.#ids = ids;
    this.#day = day;
  }

  get ids(): readonly string[] {
    return this.#ids;
  }

  page(from: number): ArchivedRun[] {
    const ids = this.#journal.archive.fitting(this.#ids.slice(from), PASS_RUNS);
    return ids.map((id) => ({ id, line: this.#line(id) }));
  }

  /** The object's key; null if none of the runs can be printed. */
  seal(count: number, hash: string, now: number): string | null {
    const { archive, scope } = this.#journal;
    const taken = this.#ids.slice(0, count);
    const ids = taken.filter((id) => !this.#unprintable.has(id));
    const key = archive.batch?.key ?? objectKey(scope, this.#day, hash);
    this.#journal.transaction(() => {
      archive.setBatch(ids.length === 0 ? null : { key, ids, isWritten: false });
      this.quarantine([...this.#unprintable], now);
    });
    return ids.length === 0 ? null : key;
  }

  /** Lets these runs wait, so that they hold up no others. One that has waited for too long is forgotten. */
  quarantine(ids: readonly string[], now: number): void {
    if (ids.length === 0) return;
    const { archive, scope } = this.#journal;
    const tooOld = archive.dueBefore(ids, now - QUARANTINE_MAX_MS);
    if (tooOld.length > 0) {
      log("error", "archive_lacks_runs", { coordinator: scope, runs: tooOld });
      this.#journal.forget(tooOld);
    }
    archive.postpone(ids, now + QUARANTINE_MS);
  }

  #line(id: string): string | null {
    try {
      const line = archivedLine(this.#journal, id);
      if (line !== null) return line;
    } catch (error) {
      logFailure("run_unprintable", error, { coordinator: this.#journal.scope, run: id });
    }
    this.#unprintable.add(id);
    return null;
  }
}

/**
 * Forgets the next runs of an object that was written. Returns their ids; empty if there are none. A batch with many
 * events takes several passes, because the coordinator serves nobody else during a pass.
 */
export function forgetArchived(journal: Journal): readonly string[] {
  const { archive } = journal;
  const { batch } = archive;
  if (batch === null) return [];
  const ids = archive.fitting(batch.ids, PASS_RUNS);
  const left = batch.ids.slice(ids.length);
  journal.transaction(() => {
    journal.forget(ids);
    archive.setBatch(left.length === 0 ? null : { ...batch, ids: left, isWritten: true });
  });
  return ids;
}

function objectKey(scope: string, day: number, hash: string): string {
  const date = new Date(day).toISOString().slice(0, 10).replaceAll("-", "/");
  return `v1/${scope}/${date}/${hash}.ndjson.gz`;
}
