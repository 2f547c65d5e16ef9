/** A D1 binding whose calls can be counted, refused, held back, or answered with an error after they committed. */

export type Fault =
  | "down"
  | "hang"
  | "committed_then_error"
  /** D1 has no room. Only a deletion works, and makes room. */
  | "full"
  | "committed_then_silence"
  | { readonly refuse: (bound: string, sql: string) => boolean };

/** A batch that is held back. It looks for itself, because one object must not resume the work of another. */
interface Held {
  mayGo: boolean;
}

interface Faults {
  /** The number of the only database that has faults; null if all have them. */
  only: number | null;
  /** How long statements that read are held back. */
  readDelayMs: number;
  /** How long statements that write are held back. */
  writeDelayMs: number;
  /** What happens to statements that write; null for nothing. */
  writes: Fault | null;
  reads: Fault | null;
  /** Called when a write has committed and its answer will never come. */
  onSilence: (() => void) | null;
  /** Calls that reached a binding, with any outcome. */
  calls: number;
  /** The same for each database. */
  callsOf: Map<number, number>;
  /** For each call that went through a session: the constraint that the session was asked for. */
  sessions: string[];
  /** Answers which of these tokens were revoked; null if D1 does. */
  revoked: ((ids: readonly string[]) => Promise<readonly string[]>) | null;
  /** Answers which webhook endpoints an environment has; null if D1 does. */
  endpoints: ((scope: string) => Promise<readonly object[]>) | null;
  /** Rows that D1 has read and written for these calls, as far as it says. */
  rowsRead: number;
  rowsWritten: number;
  /** The size that D1 reports; null for the true one. */
  databaseBytes: number | null;
  /** When set, statements that read wait for it before they go on to D1. */
  readGate: Promise<void> | null;
  /** When set, statements that write wait for it before they go on to D1. */
  gate: Promise<void> | null;
  /** Which statements wait. */
  gated: RegExp;
  /** Calls that have waited at this gate. */
  gatedCalls: number;
  /** When set, batches for D1 line up here, in the order in which they started. */
  queue: Held[] | null;
  /** Whose batches line up. */
  queued: string;
}

/** One for the isolate, shared by the Worker, its objects and the tests. */
export const faults: Faults = {
  only: null,
  readDelayMs: 0,
  writeDelayMs: 0,
  writes: null,
  reads: null,
  onSilence: null,
  calls: 0,
  callsOf: new Map(),
  sessions: [],
  revoked: null,
  endpoints: null,
  rowsRead: 0,
  rowsWritten: 0,
  databaseBytes: null,
  readGate: null,
  gate: null,
  gated: /^/,
  gatedCalls: 0,
  queue: null,
  queued: "",
};

export function resetFaults(): void {
  faults.only = null;
  faults.readDelayMs = 0;
  faults.writeDelayMs = 0;
  faults.writes = null;
  faults.databaseBytes = null;
  faults.reads = null;
  faults.readGate = null;
  faults.gate = null;
  faults.queue = null;
  faults.onSilence = null;
}

/** Holds back each read of D1, until `open` is called. */
export function holdReads(): { readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  faults.readGate = promise;
  return {
    open: () => {
      faults.readGate = null;
      resolve();
    },
  };
}

/** Holds back each write to D1 whose SQL matches `gated`, until `open` is called. */
export function holdWrites(gated = /^/): { readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  faults.gate = promise;
  faults.gated = gated;
  faults.gatedCalls = 0;
  return {
    open: () => {
      faults.gate = null;
      resolve();
    },
  };
}

export interface BatchQueue {
  /** How many batches have started so far. */
  readonly left: number;
  /** How many of them are held back. */
  readonly held: number;
  /** Lets the batch go on that has waited longest. */
  next(): void;
  /** Lets all batches go on, those that start later included. */
  open(): void;
}

/** Holds back each batch for D1 of the environment `scope` until the test lets it go on. */
export function queueBatches(scope: string): BatchQueue {
  const queue: Held[] = [];
  let gone = 0;
  faults.queue = queue;
  faults.queued = scope;
  const next = () => {
    const first = queue.shift();
    if (first === undefined) throw new Error("no batch is held back");
    gone++;
    first.mayGo = true;
  };
  return {
    get left() {
      return gone + queue.length;
    },
    get held() {
      return queue.length;
    },
    next,
    open: () => {
      if (faults.queue === queue) faults.queue = null;
      while (queue.length > 0) next();
    },
  };
}

/** D1 answers nothing, or only errors. After `open`, statements that hang are carried out. */
export function breakD1(fault: "down" | "hang"): { readonly open: () => void } {
  faults.reads = fault;
  if (fault === "hang") return holdWrites();
  faults.writes = fault;
  return { open: resetFaults };
}

const LOST = "D1_ERROR: Network connection lost.";
const FULL = "D1_ERROR: Exceeded maximum DB size";
const REFUSED = "D1_ERROR: CHECK constraint failed: SQLITE_CONSTRAINT";

/** What a coordinator asks about its webhook endpoints and schedules. */
const ENDPOINTS = /^\s*SELECT kind, name, version, created_version[\s\S]*AS isDisabled, filter\s+FROM definitions/;

type Original = D1PreparedStatement;

interface Wrapped {
  readonly original: Original;
  readonly sql: string;
  readonly bound: string;
}

const wrapped = new WeakMap<object, Wrapped>();

/** Which test file runs. An audit entry that failed is tried again for 18 s, which the next file must not count. */
let file = 0;

/** Call it before each file: what requests of earlier files still ask of D1 fails, and counts for nothing. */
export function endEarlierFiles(): void {
  file++;
}

export function faulty(db: D1Database, number = 0): D1Database {
  const ofFile = file;
  const apply = <T>(statements: readonly object[], session: string | null, go: () => Promise<T>) =>
    ofFile === file ? withFaults(number, statements, session, go) : Promise.reject(new Error(LOST));
  const wrapStatement = (original: Original, session: string | null, sql: string, bound = "") => {
    const statement = {
      bind: (...values: unknown[]) =>
        wrapStatement(original.bind(...values), session, sql, values.map(String).join("\u0001")),
      first: (...args: [string?]) =>
        apply([statement], session, () => (original.first as (...a: unknown[]) => Promise<unknown>)(...args)),
      run: () => apply([statement], session, () => original.run()),
      all: () => apply([statement], session, () => original.all()),
      raw: () => apply([statement], session, () => original.raw()),
    } as unknown as D1PreparedStatement;
    wrapped.set(statement, { original, sql, bound });
    return statement;
  };
  const wrapQueries = (target: D1Database | D1DatabaseSession, session: string | null) => ({
    prepare: (sql: string) => wrapStatement(target.prepare(sql), session, sql),
    batch: (statements: D1PreparedStatement[]) =>
      apply(statements, session, () =>
        target.batch(statements.map((statement) => wrapped.get(statement)?.original ?? statement)),
      ),
  });
  return {
    ...wrapQueries(db, null),
    exec: (sql: string) => db.exec(sql),
    withSession: (constraint?: string) => {
      const session = db.withSession(constraint);
      return wrapQueries(session, constraint ?? "first-unconstrained");
    },
  } as unknown as D1Database;
}

async function withFaults<T>(
  number: number,
  statements: readonly object[],
  session: string | null,
  go: () => Promise<T>,
): Promise<T> {
  faults.calls++;
  faults.callsOf.set(number, (faults.callsOf.get(number) ?? 0) + 1);
  if (faults.only !== null && faults.only !== number) return noted(await go(), null);
  if (session !== null) faults.sessions.push(session);
  const parts = statements.map((statement) => wrapped.get(statement));
  if (faults.revoked !== null && /^\s*SELECT id FROM revoked_tokens/.test(parts[0]?.sql ?? "")) {
    const ids = JSON.parse(parts[0]?.bound.split("\u0001")[1] ?? "[]") as string[];
    return (await faults.revoked(ids)).map((id) => [id]) as T;
  }
  if (faults.endpoints !== null && ENDPOINTS.test(parts[0]?.sql ?? "")) {
    return { results: await faults.endpoints(parts[0]?.bound ?? "") } as T;
  }
  const writing = parts.some((part) => !/^\s*SELECT/i.test(part?.sql ?? ""));
  const fault = writing ? faults.writes : faults.reads;
  const held = writing && parts.some((part) => faults.gated.test(part?.sql ?? ""));
  if (faults.gate !== null && held) {
    faults.gatedCalls++;
    await faults.gate;
  }
  if (!writing) await faults.readGate;
  const { queue } = faults;
  const isBatch = (part?: Wrapped) =>
    /^\s*INSERT INTO runs/i.test(part?.sql ?? "") && part?.bound.endsWith(faults.queued);
  if (queue !== null && parts.some(isBatch)) {
    const held: Held = { mayGo: false };
    queue.push(held);
    while (!held.mayGo) await scheduler.wait(1);
  }
  const delayMs = writing ? faults.writeDelayMs : faults.readDelayMs;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (fault === "down") throw new Error(LOST);
  if (fault === "hang") return new Promise(() => {});
  if (fault === "committed_then_error") {
    await go();
    throw new Error(LOST);
  }
  if (fault === "full") {
    if (parts.some((part) => !/^\s*DELETE/i.test(part?.sql ?? ""))) throw new Error(FULL);
    faults.writes = null;
    return go();
  }
  if (fault === "committed_then_silence") {
    await go();
    // Only once: a retry gets through.
    faults.writes = null;
    faults.onSilence?.();
    return new Promise(() => {});
  }
  if (fault !== null && parts.some((part) => fault.refuse(part?.bound ?? "", part?.sql.trim() ?? "")))
    throw new Error(REFUSED);
  return noted(await go());
}

function noted<T>(answer: T, databaseBytes = faults.databaseBytes): T {
  const results = [answer].flat() as (Partial<D1Result> | null)[];
  for (const result of results) {
    if (result?.meta === undefined) continue;
    faults.rowsRead += result.meta.rows_read;
    faults.rowsWritten += result.meta.rows_written;
    if (databaseBytes !== null) result.meta.size_after = databaseBytes;
  }
  return answer;
}
