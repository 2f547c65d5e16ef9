/** A D1 binding whose calls can be counted, refused, held back, or answered with an error after they committed. */

export type Fault =
  | "down"
  | "hang"
  | "committed_then_error"
  | { readonly refuse: (bound: string) => boolean };

interface Faults {
  /** How long statements that read are held back. */
  readDelayMs: number;
  /** How long statements that write are held back. */
  writeDelayMs: number;
  /** What happens to statements that write; null: nothing. */
  writes: Fault | null;
  reads: Fault | null;
  /** Calls that reached the binding, whatever became of them. */
  calls: number;
  /** When set, statements wait for it before they go on to D1. */
  gate: Promise<void> | null;
  /** Which statements wait. */
  gated: RegExp;
}

/** One for the isolate: the Worker, its objects and the tests share it. */
export const faults: Faults = {
  readDelayMs: 0,
  writeDelayMs: 0,
  writes: null,
  reads: null,
  calls: 0,
  gate: null,
  gated: /^/,
};

export function resetFaults(): void {
  faults.readDelayMs = 0;
  faults.writeDelayMs = 0;
  faults.writes = null;
  faults.reads = null;
  faults.gate = null;
}

/** Holds back every write to D1, or those whose SQL is like `gated`, that begins before `open` is called. */
export function holdWrites(gated = /^/): { readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  faults.gate = promise;
  faults.gated = gated;
  return {
    open: () => {
      faults.gate = null;
      resolve();
    },
  };
}

const LOST = "D1_ERROR: Network connection lost.";
const REFUSED = "D1_ERROR: CHECK constraint failed: SQLITE_CONSTRAINT";

type Original = D1PreparedStatement;

interface Wrapped {
  readonly original: Original;
  readonly sql: string;
  readonly bound: string;
}

const wrapped = new WeakMap<object, Wrapped>();

export function faulty(db: D1Database): D1Database {
  const wrapStatement = (original: Original, sql: string, bound = ""): D1PreparedStatement => {
    const statement = {
      bind: (...values: unknown[]) =>
        wrapStatement(original.bind(...values), sql, values.map(String).join("\u0001")),
      first: (...args: [string?]) =>
        apply([statement], () => (original.first as (...a: unknown[]) => Promise<unknown>)(...args)),
      run: () => apply([statement], () => original.run()),
      all: () => apply([statement], () => original.all()),
      raw: () => apply([statement], () => original.raw()),
    };
    wrapped.set(statement, { original, sql, bound });
    return statement as unknown as D1PreparedStatement;
  };
  const wrapQueries = (target: D1Database | D1DatabaseSession) => ({
    prepare: (sql: string) => wrapStatement(target.prepare(sql), sql),
    batch: (statements: D1PreparedStatement[]) =>
      apply(statements, () =>
        target.batch(statements.map((statement) => wrapped.get(statement)?.original ?? statement)),
      ),
  });
  return {
    ...wrapQueries(db),
    exec: (sql: string) => db.exec(sql),
    withSession: (constraint?: string) => {
      const session = db.withSession(constraint);
      return { ...wrapQueries(session), getBookmark: () => session.getBookmark() };
    },
  } as unknown as D1Database;
}

async function apply<T>(statements: readonly object[], go: () => Promise<T>): Promise<T> {
  faults.calls++;
  const parts = statements.map((statement) => wrapped.get(statement));
  const writing = parts.some((part) => !/^\s*SELECT/i.test(part?.sql ?? ""));
  const fault = writing ? faults.writes : faults.reads;
  const held = writing && parts.some((part) => faults.gated.test(part?.sql ?? ""));
  if (faults.gate !== null && held) await faults.gate;
  const delayMs = writing ? faults.writeDelayMs : faults.readDelayMs;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
  if (fault === "down") throw new Error(LOST);
  if (fault === "hang") return new Promise(() => {});
  if (fault === "committed_then_error") {
    await go();
    throw new Error(LOST);
  }
  if (fault !== null && parts.some((part) => fault.refuse(part?.bound ?? ""))) throw new Error(REFUSED);
  return go();
}
