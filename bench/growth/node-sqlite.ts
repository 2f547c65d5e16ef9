/**
 * Node's SQLite in the shape of the platform's: the service's own journal and its own statements for D1 run over a
 * file of theirs, to fill it and to be looked at one statement at a time.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** Told of each statement before it runs; what it answers is called when it has run. */
export type Observe = (sql: string, bindings: readonly SQLInputValue[]) => () => void;

interface Prepared {
  readonly statement: StatementSync;
  readonly answers: boolean;
}

type Row = Record<string, unknown>;

/** An object's storage. Transactions are the caller's: the one that is open when a method is called. */
export function toStorage(db: DatabaseSync, observe?: Observe): DurableObjectStorage {
  const run = runner(db, observe);
  const exec = (sql: string, ...bindings: SQLInputValue[]) => {
    const rows = run(sql, bindings);
    return { [Symbol.iterator]: () => rows[Symbol.iterator](), one: () => rows[0] };
  };
  const storage = {
    sql: { exec },
    transactionSync: (work: () => unknown) => work(),
    setAlarm: async () => {},
  };
  return storage as unknown as DurableObjectStorage;
}

/** A D1 database of which no replica is known. */
export function toD1(db: DatabaseSync, observe?: Observe): D1Database {
  const run = runner(db, observe);
  const bound = (sql: string, bindings: readonly SQLInputValue[]) => ({
    all: async () => ({ results: run(sql, bindings) }),
    first: async () => run(sql, bindings)[0] ?? null,
    raw: async () => run(sql, bindings).map((row) => Object.values(row)),
    run: async () => ({ results: run(sql, bindings) }),
  });
  const prepare = (sql: string) => ({
    ...bound(sql, []),
    bind: (...bindings: SQLInputValue[]) => bound(sql, bindings),
  });
  const batch = async (list: readonly ReturnType<typeof bound>[]) => {
    const answers = [];
    for (const statement of list) answers.push(await statement.run());
    return answers;
  };
  const session = { prepare, batch, getBookmark: () => null };
  return { ...session, withSession: () => session } as unknown as D1Database;
}

function runner(db: DatabaseSync, observe?: Observe) {
  const prepared = new Map<string, Prepared>();
  const prepare = (sql: string): Prepared => {
    let found = prepared.get(sql);
    if (found === undefined) {
      const statement = db.prepare(sql);
      found = { statement, answers: statement.columns().length > 0 };
      prepared.set(sql, found);
    }
    return found;
  };
  return (sql: string, bindings: readonly SQLInputValue[]): Row[] => {
    const done = observe?.(sql, bindings);
    const { statement, answers } = prepare(sql);
    const rows = answers ? (statement.all(...bindings) as Row[]) : [];
    if (!answers) statement.run(...bindings);
    done?.();
    return rows;
  };
}
