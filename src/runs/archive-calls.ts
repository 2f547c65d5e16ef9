/**
 * The calls about the archive: what a coordinator asks of the Worker, and what the Worker then asks of the coordinator.
 * One try of the Worker writes one object. Each try has an id, and only the current one gets answers.
 */

/** A run of the batch. `line`: as JSON for the object; null if the run can't be printed. */
export interface ArchivedRun {
  readonly id: string;
  readonly line: string | null;
}

export interface ArchiveCalls {
  /**
   * The next runs of the try, from the one at the position `from` on. Empty behind the last one. Null if another try
   * has replaced this one.
   */
  page(tryId: string, from: number): Promise<readonly ArchivedRun[] | null>;
  /**
   * Fixes what the object holds, before it is written: the first `count` runs of the try, without those that can't be
   * printed. `hash`: of the ids. Returns the object's key; null if the object must not be written, because another try
   * has replaced this one or because no run is left. A repeated call gets the same key.
   */
  seal(tryId: string, count: number, hash: string): Promise<string | null>;
}

/** What the Worker needs for a try. */
export interface ArchiveTry {
  readonly id: string;
  readonly scope: string;
  /** Whether an earlier try has fixed the object's runs. Then the object has all of them, however large it gets. */
  readonly isSealed: boolean;
}

/**
 * What became of a try. `bucket_failed`: the bucket refused the object, or has not answered. `failed`: the try came not
 * so far.
 */
export type ArchiveAnswer =
  | { readonly type: "written" | "not_written" }
  | { readonly type: "bucket_failed" | "failed"; readonly error: string };

/** The Worker's part. Each call is an invocation of its own. If a call throws, nobody knows what it has done. */
export interface Archiver {
  write(archiveTry: ArchiveTry): Promise<ArchiveAnswer>;
}
