/**
 * SQL that writes over the pages which SQLite has freed last, in the table `filler`. SQLite frees a page as it is, so
 * the file keeps what was there until the page is used again. New rows take freed pages first, and pages that were freed
 * lately are in the first two thousand of the list. 8 MB of zeros also start the write-ahead log over.
 */

/** A row has 2 000 000 bytes at most, with its key and header. Commit it before the other statement, because SQLite does not write to a page that it takes and frees at once. */
export const FILL_FREED_PAGES = `
  INSERT OR REPLACE INTO filler (n, bytes) SELECT value, zeroblob(1000000) FROM json_each('[1,2,3,4,5,6,7,8]')`;
export const EMPTY_FILLER = "DELETE FROM filler";
