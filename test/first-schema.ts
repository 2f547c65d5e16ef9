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
