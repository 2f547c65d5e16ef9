/**
 * Rows as the first release wrote them, spelled out for good: they stand for what is out there. Never edit one to
 * follow a schema that has moved on.
 */

interface Statement {
  readonly sql: string;
  readonly bindings: (string | number | null)[];
}

/** An open run that has not landed, with its timeline. */
export function firstJournalRun(id: string, createdAt: number, deadlineAt: number): Statement[] {
  return [
    {
      sql: `INSERT INTO runs (id, version, landed_version, status, action_name, entity_id, triggered_by, created_at,
              started_at, completed_at, deadline_at, purge_at, due_at, due_failures, changed_at, bytes, create_key,
              create_fingerprint, change_key, change_fingerprint, parameters, recommendations, error, output)
            VALUES (?, 1, 0, 'pending', 'deploy', NULL, 'root', ?, NULL, NULL, ?, ?, ?, 0, ?, 1024, ?, '', NULL, NULL,
              '{"a":1}', '{}', NULL, NULL)`,
      bindings: [id, createdAt, deadlineAt, deadlineAt + 30 * 86_400_000, deadlineAt, createdAt, `m:${id}`],
    },
    {
      sql: "INSERT INTO events (run_id, seq, type, at, data) VALUES (?, 1, 'created', ?, '{}')",
      bindings: [id, createdAt],
    },
    {
      sql: "INSERT INTO marks (name, value) VALUES ('repair_at', ?)",
      bindings: [String(createdAt + 5000)],
    },
  ];
}

/** A cancelled run. */
export function firstD1Run(scope: string, id: string, at: number): Statement {
  const instant = new Date(at).toISOString();
  const body = JSON.stringify({
    id,
    actionName: "deploy",
    entityId: null,
    status: "cancelled",
    parameters: {},
    recommendations: {},
    triggeredBy: "root",
    createdAt: instant,
    startedAt: null,
    completedAt: instant,
    error: null,
    output: null,
  });
  return {
    sql: `INSERT INTO runs (scope, id, version, status, action_name, entity_id, triggered_by, deadline_at, purge_at,
            bytes, body)
          VALUES (?, ?, 2, 'cancelled', 'deploy', NULL, 'root', ?, ?, ?, ?)`,
    bindings: [scope, id, at + 3_600_000, at + 30 * 86_400_000, body.length, body],
  };
}

/** A run as the first release's code held it. Instants in ms. */
export interface FirstRun {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly completedAt: number | null;
  readonly deadlineAt: number;
  readonly error: string | null;
  readonly output: string | null;
}

export interface FirstEvent {
  readonly type: string;
  readonly at: number;
  readonly data: string;
}

/** What the first release's code did to journal a change: the run as it then was, and the events that made it so. */
export function firstJournalWrite(run: FirstRun, events: readonly FirstEvent[]): Statement[] {
  const purgeAt = (run.completedAt ?? run.deadlineAt) + 30 * 86_400_000;
  const dueAt = run.completedAt === null ? run.deadlineAt : purgeAt;
  const changedAt = run.completedAt ?? run.startedAt ?? run.createdAt;
  return [
    {
      sql: `INSERT INTO runs (id, version, status, action_name, entity_id, triggered_by, created_at, started_at,
              completed_at, deadline_at, purge_at, create_key, create_fingerprint, change_key, change_fingerprint,
              parameters, recommendations, error, output, due_at, changed_at, bytes)
            VALUES (?, ?, ?, 'deploy', NULL, 'root', ?, ?, ?, ?, ?, ?, '', ?, '', '{}', '{}', ?, ?, ?, ?, 1024)
            ON CONFLICT (id) DO UPDATE SET
              version = excluded.version, status = excluded.status, started_at = excluded.started_at,
              completed_at = excluded.completed_at, purge_at = excluded.purge_at,
              change_key = excluded.change_key, change_fingerprint = excluded.change_fingerprint,
              error = excluded.error, output = excluded.output, due_at = excluded.due_at, due_failures = 0,
              changed_at = excluded.changed_at, bytes = excluded.bytes`,
      bindings: [
        run.id,
        run.version,
        run.status,
        run.createdAt,
        run.startedAt,
        run.completedAt,
        run.deadlineAt,
        purgeAt,
        `m:${run.id}`,
        run.version === 1 ? null : `m:${run.id}-${run.version}`,
        run.error,
        run.output,
        dueAt,
        changedAt,
      ],
    },
    ...events.map(({ type, at, data }) => ({
      sql: `INSERT INTO events (run_id, seq, type, at, data)
            SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4 FROM events WHERE run_id = ?1`,
      bindings: [run.id, type, at, data],
    })),
  ];
}
