/** SQL that writes over the pages which SQLite freed last, as new rows do. 8 MB also start the write-ahead log over. */

/** A row has 2 000 000 bytes at most, with its key and header. Commit it before the other statement, because SQLite does not write to a page that it takes and frees at once. */
export const FILL_FREED_PAGES = `
  INSERT OR REPLACE INTO filler (n, bytes) SELECT value, zeroblob(1000000) FROM json_each('[1,2,3,4,5,6,7,8]')`;
export const EMPTY_FILLER = "DELETE FROM filler";
