import type { Run } from "../run.ts";
import { Table } from "./rows.ts";

/**
 * An automatic retry that is to be created, or waits at its gates. `runId`: of the run that has ended. `retryId`: null
 * until it is created.
 */
export interface PlannedRetry {
  readonly runId: string;
  readonly retryId: string | null;
}

type Row = PlannedRetry & Readonly<Record<"actionName" | "entityId" | "subject", string>>;

/** An environment without any pays nothing. */
export class PlannedRetryRows extends Table<Row> {
  #isAny: boolean | null = null;

  constructor(sql: SqlStorage) {
    super(sql, "planned_retries");
  }

  get isAny(): boolean {
    this.#isAny ??= this.hasRow("SELECT 1 FROM planned_retries LIMIT 1");
    return this.#isAny;
  }

  plan({ id: runId, actionName, entityId, subject }: Run): void {
    this.#isAny = true;
    this.insertRow({ runId, retryId: null, actionName, entityId: entityId ?? "", subject: subject ?? "" });
  }

  of(runId: string): PlannedRetry | null {
    return this.isAny ? this.selectOne("WHERE run_id = ?", runId) : null;
  }

  ofRetry(retryId: string): PlannedRetry | null {
    return this.isAny ? this.selectOne("WHERE retry_id = ?", retryId) : null;
  }

  like({ actionName, entityId, subject }: Pick<Run, "actionName" | "entityId" | "subject">): readonly PlannedRetry[] {
    if (!this.isAny) return [];
    const where = "WHERE action_name = ? AND entity_id = ? AND subject = ?";
    return this.select(where, actionName, entityId ?? "", subject ?? "");
  }

  toMake(limit: number, after = ""): readonly PlannedRetry[] {
    const where = "WHERE retry_id IS NULL AND run_id > ? ORDER BY run_id LIMIT ?";
    return this.isAny ? this.select(where, after, limit) : [];
  }

  made(): readonly PlannedRetry[] {
    return this.isAny ? this.select("WHERE retry_id IS NOT NULL") : [];
  }

  noteMade(runId: string, retryId: string): void {
    this.updateRow({ retryId }, "WHERE run_id = ?", runId);
  }

  erase(runId: string): void {
    this.sql.exec("DELETE FROM planned_retries WHERE run_id = ?", runId);
    this.#isAny = null;
  }

  forget(): void {
    this.#isAny = null;
  }
}
