/** Anybody may ask about a made-up environment, so tables are made with the first row. Until then they are empty. */

export class JournalSql implements SqlStorage {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #name: string;
  readonly Cursor: SqlStorage["Cursor"];
  readonly Statement: SqlStorage["Statement"];
  #hasTables = false;

  constructor(storage: DurableObjectStorage, name: string) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#name = name;
    this.Cursor = storage.sql.Cursor;
    this.Statement = storage.sql.Statement;
    this.look();
    if (this.#hasTables) migrate(storage);
  }

  get isWritten(): boolean {
    return this.#hasTables;
  }

  get databaseSize(): number {
    return this.#sql.databaseSize;
  }

  exec<T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]): SqlStorageCursor<T> {
    if (!this.#hasTables) {
      // Only an INSERT changes empty tables.
      if (!/^\s*INSERT\b/.test(query)) return this.#sql.exec<T>(...onEmptyTables(query, bindings));
      this.#create();
    }
    return this.#sql.exec<T>(query, ...bindings);
  }

  /** Call it after a transaction that failed, because it may have made the tables. */
  look(): void {
    this.#hasTables = hasTables(this.#sql);
  }

  #create(): void {
    this.#storage.transactionSync(() => {
      migrate(this.#storage);
      this.#sql.exec("INSERT INTO metadata (name, value) VALUES ('name', ?)", this.#name);
    });
    this.#hasTables = true;
  }
}

export function hasTables(sql: SqlStorage): boolean {
  return [...sql.exec("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'metadata'")].length > 0;
}

function onEmptyTables(query: string, bindings: unknown[]): [query: string, ...bindings: unknown[]] {
  if (!/^\s*(SELECT|WITH)\b/.test(query)) return ["SELECT 1 WHERE 0"];
  const tables = [...TABLES].map(([name, columns]) => {
    return `${name} AS (SELECT ${columns.map(({ column }) => `NULL AS ${column}`).join()} WHERE 0)`;
  });
  const rest = query.replace(/ INDEXED BY \w+/g, "").replace(/^\s*WITH( RECURSIVE)?/, ",");
  return [`WITH RECURSIVE ${tables.join()} ${rest}`, ...bindings];
}

/** A step is never edited. A later one only adds, because during a deploy old code runs on what new code wrote. */
export const JOURNAL_STEPS: readonly string[] = [
  `CREATE TABLE runs (
     run_key              INTEGER PRIMARY KEY,
     id                   TEXT    NOT NULL,
     version              INTEGER NOT NULL,
     change_seq           INTEGER NOT NULL,
     event_seq            INTEGER,
     ended_seq            INTEGER,
     status               TEXT    NOT NULL,
     action_name          TEXT    NOT NULL,
     entity_id            TEXT,
     title                TEXT,
     subject              TEXT,
     triggered_by         TEXT    NOT NULL,
     created_at           INTEGER NOT NULL,
     started_at           INTEGER,
     completed_at         INTEGER,
     deadline_at          INTEGER NOT NULL,
     purge_at             INTEGER NOT NULL,
     due_at               INTEGER NOT NULL CHECK (due_at > 0),
     due_failures         INTEGER NOT NULL DEFAULT 0,
     changed_at           INTEGER NOT NULL,
     bytes                INTEGER NOT NULL,
     create_key           TEXT    NOT NULL,
     create_fingerprint   TEXT    NOT NULL,
     fingerprint_key_id   TEXT,
     change_key           TEXT,
     change_fingerprint   TEXT,
     heartbeat_timeout_ms INTEGER,
     silent_since         INTEGER,
     end_cause            TEXT,
     previous_status      TEXT,
     via                  TEXT,
     created_by           TEXT,
     creator_proof        TEXT,
     reporter             TEXT,
     execution            TEXT,
     timeout_ms           INTEGER NOT NULL,
     gates                TEXT,
     waiting_for          TEXT,
     waiting_since        INTEGER,
     waiting_reason       TEXT,
     released_at          INTEGER,
     approvals            TEXT,
     withdrawn_at         INTEGER,
     rejected_by          TEXT,
     through_pause        TEXT,
     ready_seq            INTEGER,
     occupied_until       INTEGER,
     grace_until          INTEGER,
     concurrency_group    TEXT,
     concurrency_key      TEXT,
     concurrency_state    TEXT,
     creator_id           TEXT,
     waiting_bytes        INTEGER,
     erased_at            INTEGER,
     labels               TEXT    NOT NULL,
     parameters           TEXT    NOT NULL,
     recommendations      TEXT    NOT NULL,
     error                TEXT,
     output               TEXT,
     source               TEXT    NOT NULL,
     action_version       INTEGER,
     retry_of             TEXT,
     traceparent          TEXT,
     cancel_by            TEXT,
     cancel_reason        TEXT,
     cancel_requested_at  INTEGER,
     cancel_until         INTEGER,
     external_url         TEXT,
     external_url_changes INTEGER NOT NULL,
     failed_attempt       TEXT,
     retry_rule           TEXT,
     next_retry           TEXT
   ) STRICT;
   CREATE UNIQUE INDEX runs_by_create_key ON runs (create_key) WHERE substr(create_key, 1, 2) = 't:';
   CREATE INDEX runs_open_due ON runs (due_at) WHERE completed_at IS NULL;
   CREATE INDEX runs_ended_due ON runs (due_at) WHERE completed_at IS NOT NULL;
   CREATE INDEX runs_by_change ON runs (change_seq);
   CREATE INDEX runs_by_event ON runs (event_seq) WHERE event_seq <> change_seq;
   CREATE INDEX runs_by_end ON runs (ended_seq) WHERE ended_seq <> change_seq;
   CREATE INDEX runs_by_queue
     ON runs (concurrency_group, concurrency_key, concurrency_state, ready_seq, creator_id, waiting_bytes)
     WHERE concurrency_state IS NOT NULL;
   CREATE INDEX runs_through_pause
     ON runs (concurrency_group, concurrency_key, concurrency_state, ready_seq) WHERE through_pause IS NOT NULL;
   CREATE INDEX runs_by_retry_of ON runs (retry_of) WHERE retry_of IS NOT NULL;
   CREATE INDEX runs_by_occupied_until ON runs (occupied_until) WHERE occupied_until IS NOT NULL;
   CREATE TABLE concurrency_limits (
     concurrency_group TEXT    NOT NULL,
     action_name       TEXT    NOT NULL,
     version           INTEGER NOT NULL,
     max_running       INTEGER NOT NULL,
     is_unsure         INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (concurrency_group, action_name)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE pauses (
     concurrency_group TEXT    NOT NULL,
     from_at           INTEGER NOT NULL,
     is_planned        INTEGER NOT NULL,
     reason            TEXT    NOT NULL,
     until             INTEGER,
     paused_by         TEXT    NOT NULL,
     via               TEXT,
     paused_at         INTEGER NOT NULL,
     PRIMARY KEY (concurrency_group, from_at)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE planned_retries (
     run_id      TEXT PRIMARY KEY,
     retry_id    TEXT UNIQUE,
     action_name TEXT NOT NULL,
     entity_id   TEXT NOT NULL,
     subject     TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX planned_retries_by_subject ON planned_retries (action_name, entity_id, subject);
   CREATE TABLE previews (
     run_id  TEXT PRIMARY KEY,
     request TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE quarantined_runs (
     run_id   TEXT    NOT NULL,
     database INTEGER NOT NULL,
     PRIMARY KEY (run_id, database)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE owed_deletions (
     database INTEGER NOT NULL,
     run_id   TEXT    NOT NULL,
     PRIMARY KEY (database, run_id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE events (
     run_id TEXT    NOT NULL,
     seq    INTEGER NOT NULL,
     type   TEXT    NOT NULL,
     at     INTEGER NOT NULL,
     data   TEXT    NOT NULL,
     PRIMARY KEY (run_id, seq)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE dispatches (
     run_id           TEXT    PRIMARY KEY,
     host             TEXT    NOT NULL,
     sealed           BLOB    NOT NULL,
     start_on         TEXT    NOT NULL,
     max_attempts     INTEGER,
     initial_delay_ms INTEGER NOT NULL,
     ends_at          INTEGER NOT NULL,
     attempt          INTEGER NOT NULL,
     next_at          INTEGER,
     lease_until      INTEGER,
     is_unsure        INTEGER NOT NULL,
     unsure_attempts  INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX dispatches_waiting ON dispatches (host, (attempt > 0), next_at, run_id, ends_at)
     WHERE lease_until IS NULL;
   CREATE TABLE filler (
     n     INTEGER PRIMARY KEY,
     bytes BLOB    NOT NULL
   ) STRICT;
   CREATE TABLE metadata (
     name  TEXT PRIMARY KEY,
     value TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE ended_run_counts (
     id          INTEGER PRIMARY KEY CHECK (id = 1),
     counted_seq INTEGER NOT NULL,
     counts      TEXT    NOT NULL
   ) STRICT;
   CREATE TABLE accepted_changes (
     run_id      TEXT    NOT NULL,
     key         TEXT    NOT NULL,
     fingerprint TEXT    NOT NULL,
     has_grace   INTEGER NOT NULL,
     at          INTEGER NOT NULL,
     PRIMARY KEY (run_id, key)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE stop_requests (
     run_id           TEXT    PRIMARY KEY,
     host             TEXT    NOT NULL,
     sealed           BLOB    NOT NULL,
     max_attempts     INTEGER,
     initial_delay_ms INTEGER NOT NULL,
     attempt          INTEGER NOT NULL DEFAULT 0,
     next_at          INTEGER,
     lease_until      INTEGER,
     is_unsure        INTEGER NOT NULL DEFAULT 0,
     unsure_attempts  INTEGER NOT NULL DEFAULT 0,
     dispatch_attempt INTEGER NOT NULL DEFAULT 0,
     dispatch_lease   INTEGER,
     ends_at          INTEGER NOT NULL,
     due_at           INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX stop_requests_due ON stop_requests (due_at);
   CREATE INDEX stop_requests_waiting ON stop_requests (host, (attempt > 0), next_at, run_id)
     WHERE lease_until IS NULL AND next_at IS NOT NULL;
   CREATE TABLE receiver_responses (
     run_id TEXT PRIMARY KEY,
     sealed BLOB NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE deliveries (
     endpoint        TEXT    NOT NULL,
     run_id          TEXT    NOT NULL,
     kind            TEXT    NOT NULL,
     type            TEXT    NOT NULL,
     state           TEXT    NOT NULL,
     is_resend       INTEGER NOT NULL,
     weight          INTEGER NOT NULL,
     attempt         INTEGER NOT NULL,
     next_at         INTEGER,
     lease_until     INTEGER,
     expires_at      INTEGER NOT NULL,
     due_at          INTEGER NOT NULL,
     attempts        TEXT    NOT NULL,
     PRIMARY KEY (endpoint, run_id, kind)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX deliveries_due ON deliveries (endpoint, (state = 'waiting'), due_at, run_id, kind);
   CREATE TABLE endpoints (
     endpoint    TEXT    PRIMARY KEY,
     version     INTEGER NOT NULL,
     is_disabled INTEGER NOT NULL,
     filter      TEXT    NOT NULL,
     after_seq   INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE schedules (
     name        TEXT    PRIMARY KEY,
     version     INTEGER NOT NULL,
     cron        TEXT    NOT NULL,
     timezone    TEXT    NOT NULL,
     origin      TEXT    NOT NULL,
     next_at     INTEGER,
     decided_at  INTEGER,
     outcome     TEXT,
     last_run_id TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE outcomes (
     action_name TEXT    NOT NULL,
     entity_id   TEXT    NOT NULL,
     subject     TEXT    NOT NULL,
     is_stored   INTEGER NOT NULL,
     run_id      TEXT    NOT NULL,
     status      TEXT    NOT NULL,
     PRIMARY KEY (action_name, entity_id, subject, is_stored)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE endpoint_health (
     endpoint      TEXT    PRIMARY KEY,
     version       INTEGER NOT NULL,
     failures      INTEGER NOT NULL,
     failing_since INTEGER,
     failed_days   TEXT    NOT NULL,
     succeeded_at  INTEGER,
     delivered     INTEGER NOT NULL DEFAULT 0,
     failed        INTEGER NOT NULL DEFAULT 0,
     expired       INTEGER NOT NULL DEFAULT 0
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE recoveries (
     endpoint   TEXT    PRIMARY KEY,
     since      INTEGER NOT NULL,
     until      INTEGER,
     include    TEXT    NOT NULL,
     before_seq INTEGER NOT NULL,
     deliveries INTEGER NOT NULL,
     is_over    INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE bulk_operations (
     id           TEXT    PRIMARY KEY,
     create_key   TEXT    NOT NULL UNIQUE,
     fingerprint  TEXT    NOT NULL,
     bulk_order   TEXT    NOT NULL,
     state        TEXT    NOT NULL,
     abort_reason TEXT,
     matched      INTEGER NOT NULL DEFAULT 0,
     accepted     INTEGER NOT NULL DEFAULT 0,
     skipped      INTEGER NOT NULL DEFAULT 0,
     failed       INTEGER NOT NULL DEFAULT 0,
     below        TEXT,
     next_seq     INTEGER NOT NULL DEFAULT 0,
     pass         INTEGER NOT NULL DEFAULT 1,
     created_at   INTEGER NOT NULL,
     completed_at INTEGER,
     stopped_by   TEXT,
     ended        TEXT,
     is_audited   INTEGER NOT NULL DEFAULT 0,
     is_over      INTEGER NOT NULL DEFAULT 0
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX bulk_operations_open ON bulk_operations (id) WHERE is_over = 0;
   CREATE INDEX bulk_operations_by_end ON bulk_operations (completed_at) WHERE is_over = 1;
   CREATE TABLE bulk_items (
     bulk_id   TEXT    NOT NULL,
     n         INTEGER NOT NULL,
     undecided INTEGER NOT NULL,
     items     TEXT    NOT NULL,
     PRIMARY KEY (bulk_id, n)
   ) STRICT, WITHOUT ROWID;`,
];

interface Column {
  readonly column: string;
  readonly type: string;
}

const GIVES_COLUMNS = /CREATE TABLE (\w+) \(([^;]*)\) STRICT|ALTER TABLE\s+(\w+)\s+ADD\s+(?:COLUMN\s+)?([^;]*)/g;

/** A step has each column on a line of its own. */
export function tablesOf(steps: readonly string[]): ReadonlyMap<string, readonly Column[]> {
  const tables = new Map<string, Column[]>();
  for (const [, created, columns, altered, added] of steps.join(";\n").matchAll(GIVES_COLUMNS)) {
    const table = created ?? altered ?? "";
    const given = [...(columns ?? added ?? "").matchAll(/^ *([a-z_]+) +([A-Z]+)/gm)];
    const known = tables.get(table) ?? [];
    tables.set(table, [...known, ...given.map(([, column = "", type = ""]) => ({ column, type }))]);
  }
  return tables;
}

const TABLES = tablesOf(JOURNAL_STEPS);

export function columnsOf(table: string): readonly Column[] {
  return TABLES.get(table) ?? [];
}

/** Brings a journal of any age up to date. Each step and its number commit as one. */
export function migrate(storage: DurableObjectStorage, steps: readonly string[] = JOURNAL_STEPS): void {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS schema_steps (step INTEGER PRIMARY KEY) STRICT");
  const { done } = sql.exec<{ done: number }>("SELECT count(*) AS done FROM schema_steps").one();
  // After a rollback there are more steps than this code knows. Steps only add, so it can go on.
  for (let step = done; step < steps.length; step++) {
    storage.transactionSync(() => {
      sql.exec(steps[step] ?? "");
      sql.exec("INSERT INTO schema_steps (step) VALUES (?)", step + 1);
    });
  }
}
