/** How long things take, in ms, and where each number is from. docs/capacity.md says the same in a table. */

export interface Setting {
  readonly name: string;
  /** There and back. */
  readonly workerToObjectMs: number;
  readonly objectToD1Ms: number;
  /** For the naive way, which has no object. */
  readonly workerToD1Ms: number;
  /** Whether all objects run on one thread, as locally, where a Worker and its objects are one isolate. */
  readonly objectsShareThread: boolean;
  /** A change keeps its object's thread busy. */
  readonly objectBusyMs: number;
  /** From a journal write to when what depends on it may leave the object. */
  readonly journalDurableMs: number;
  /** A statement keeps the database busy: for itself, and for each row that it carries. */
  readonly d1StatementMs: number;
  readonly d1RowMs: number;
  /** From the end of a write to its answer, while the database goes on. */
  readonly d1DurableMs: number;
}

/**
 * Measured on a virtual machine of two cores: 1100 to 1400 creates a second, of one object or of four, so 0.8 ms each;
 * a statement with its fsync in 1.1 ms, with 800 rows in 13. The rest is what is left of a create's 2.6 ms in the quiet.
 */
const LOCAL: Setting = {
  name: "local machine",
  workerToObjectMs: 0.2,
  objectToD1Ms: 0.2,
  workerToD1Ms: 0.2,
  objectsShareThread: true,
  objectBusyMs: 0.8,
  journalDurableMs: 0.4,
  d1StatementMs: 1,
  d1RowMs: 0.02,
  d1DurableMs: 0,
};

/**
 * Published: 200 to 500 storage writes a second for an object, here 400; 1 ms a query and "several milliseconds" until
 * a write has its answer. Measured here: the row. Assumed: the round trips, the journal's write.
 */
export const SAME_REGION: Setting = {
  name: "same region",
  workerToObjectMs: 5,
  objectToD1Ms: 5,
  workerToD1Ms: 5,
  objectsShareThread: false,
  objectBusyMs: 2.5,
  journalDurableMs: 5,
  d1StatementMs: 1,
  d1RowMs: 0.02,
  d1DurableMs: 4,
};

/** The database is where it was made, the object where its environment was first used. */
const OTHER_CONTINENT: Setting = {
  ...SAME_REGION,
  name: "database on another continent",
  objectToD1Ms: 150,
  workerToD1Ms: 150,
};

/** As if nothing else could run while a write is made durable: the worst that "several milliseconds" may mean. */
export const SLOW_WRITES: Setting = {
  ...SAME_REGION,
  name: "same region, a write holds the database for 5 ms",
  d1StatementMs: 5,
  d1DurableMs: 0,
};

export const SETTINGS: readonly Setting[] = [LOCAL, SAME_REGION, OTHER_CONTINENT];

/** A run without parameters as a flight carries it, in bytes of UTF-8. */
export const ROW_BYTES = 404;
/** The same as the journal notes it, by which groups are chosen. */
export const NOTED_BYTES = 1028;
