/** What the Worker asks of a coordinator while it writes an object of the archive. */

import type { ArchiveCalls, ArchivedRun } from "../../archive-calls.ts";
import type { Archive } from "./archive.ts";

export class ArchiveHandler implements ArchiveCalls {
  readonly #archive: Archive | null;

  /** `archive`: null if no bucket is bound. */
  constructor(archive: Archive | null) {
    this.#archive = archive;
  }

  async page(tryId: string, from: number): Promise<readonly ArchivedRun[] | null> {
    return this.#archive?.page(tryId, from) ?? null;
  }

  async seal(tryId: string, count: number, hash: string): Promise<string | null> {
    return this.#archive?.seal(tryId, count, hash, Date.now()) ?? null;
  }
}
