/** Each statement at every size: whether it walks a table, and whether it takes longer where there is more. PURE. */

import type { Statement } from "./statements.ts";

export interface Growing {
  readonly during: string;
  readonly database: Statement["database"];
  readonly sql: string;
  /** Where there is most. */
  readonly plan: readonly string[];
  /** At each size, the smallest first. */
  readonly ms: readonly number[];
  /** Rows that the runtime's own SQLite reads, at each size; null where it was not asked. */
  readonly rowsRead: readonly (number | null)[];
  /** Steps of the plan that walk a table which grows with the runs. */
  readonly walks: readonly string[];
}

/**
 * What a plan may walk. `runs_unlanded` holds what has not landed, `deliveries` what is under way, `schema_steps` a row
 * for each release that changed the journal, `marks` two at most; one row of any index tells whether there is a run.
 */
const BOUNDED = [
  /^SCAN (schema_steps|marks|deliveries)$/,
  /^SCAN runs USING (COVERING )?INDEX runs_unlanded$/,
  /^SCAN (CONSTANT ROW|\(subquery-\d+\)|\w+ VIRTUAL TABLE)/,
];
const ONE_ROW = /FROM \(SELECT 1 FROM runs LIMIT 1\)/;

/** The steps that walk a table, and not what was made of one on the way. */
function walksOf({ sql, plan }: Statement): string[] {
  if (ONE_ROW.test(sql)) return [];
  const isMade = (step: string) => plan.includes(step.replace(/^SCAN /, "CO-ROUTINE "));
  return plan.filter(
    (step) => step.startsWith("SCAN ") && !isMade(step) && !BOUNDED.some((bounded) => bounded.test(step)),
  );
}

/** `sizes`: the statements at each size, the smallest first; `rowsRead`: of each of them. */
export function growing(
  sizes: readonly (readonly Statement[])[],
  rowsRead: readonly (readonly (number | null)[])[],
): Growing[] {
  return (sizes.at(-1) ?? []).map((statement) => {
    const { during, database, sql, plan } = statement;
    const same = (other: Statement) =>
      other.during === during && other.database === database && other.sql === sql;
    const at = sizes.map((statements) => statements.findIndex(same));
    const ms = sizes.map((statements, i) => statements[at[i] ?? -1]?.ms ?? Number.NaN);
    const rows = sizes.map((_, i) => rowsRead[i]?.[at[i] ?? -1] ?? null);
    const walks = walksOf(statement);
    return { during, database, sql: sql.replaceAll(/\s+/g, " ").trim(), plan, ms, rowsRead: rows, walks };
  });
}

export interface Deed {
  readonly during: string;
  readonly statements: number;
  /** Of all its statements together, at each size. */
  readonly ms: readonly number[];
  /** Of those that were asked. */
  readonly rowsRead: readonly number[];
}

/** What each thing done takes in SQLite, all its statements once. */
export function deedsOf(all: readonly Growing[]): Deed[] {
  const names = [...new Set(all.map(({ during }) => during))];
  return names.map((during) => {
    const statements = all.filter((one) => one.during === during);
    const sizes = statements[0]?.ms ?? [];
    const total = (of: (one: Growing) => number) => statements.reduce((sum, one) => sum + of(one), 0);
    const ms = sizes.map((_, i) => total((one) => one.ms[i] ?? 0));
    const rowsRead = sizes.map((_, i) => total((one) => one.rowsRead[i] ?? 0));
    return { during, statements: statements.length, ms, rowsRead };
  });
}
