/** Chooses the runs of the next batch, and prints their rows. */

import { utf8Bytes } from "../../base/limits.ts";
import { logFailure } from "../../base/log.ts";
import { GROUP_MAX_BYTES, hasLabels, toGroupRow } from "../d1/store.ts";
import type { Journal } from "../journal/journal.ts";
import type { PendingVersion } from "../journal/landing-rows.ts";

export interface BatchRow {
  readonly entry: PendingVersion;
  readonly version: number;
  readonly text: string;
  readonly isLabelled: boolean;
}

/**
 * The first of the runs that wait, as many as a batch can carry. They are chosen by their size in the journal, so that
 * no more is read than that. Then they are cut by the bytes that are bound. `forget`: called with runs that the journal
 * no longer holds, and with those that can't be printed, so that the others are replicated.
 */
export function chooseBatch(
  journal: Journal,
  waiting: Iterable<PendingVersion>,
  forget: (id: string) => void,
): BatchRow[] {
  const chosen: PendingVersion[] = [];
  let expected = 0;
  for (const entry of waiting) {
    if (chosen.length > 0 && expected + entry.bytes > GROUP_MAX_BYTES) break;
    chosen.push(entry);
    expected += entry.bytes;
  }
  let bytes = 2;
  return readRows(journal, chosen, forget).filter(({ text }, i) => {
    bytes += utf8Bytes(text) + 1;
    return i === 0 || bytes <= GROUP_MAX_BYTES;
  });
}

/** Reads from the journal only what is not in memory. */
function readRows(
  { runs, scope }: Journal,
  entries: readonly PendingVersion[],
  forget: (id: string) => void,
): BatchRow[] {
  const absent = entries.filter(({ run }) => run === null).map(({ id }) => id);
  const read = absent.length === 0 ? [] : runs.byIds(absent);
  const found = new Map(read.map((run) => [run.id, run]));
  return entries.flatMap((entry) => {
    const run = entry.run ?? found.get(entry.id);
    try {
      if (run !== undefined) {
        return [{ entry, version: run.version, text: toGroupRow(run), isLabelled: hasLabels(run) }];
      }
    } catch (error) {
      logFailure("run_unprintable", error, { coordinator: scope, run: entry.id });
    }
    forget(entry.id);
    return [];
  });
}
