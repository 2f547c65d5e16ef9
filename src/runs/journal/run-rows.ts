/** A run as the journal's table spells it: its columns, and how a row becomes a run. */

import type { EndCause, Run, Status } from "../run.ts";

/** A run with what the coordinator needs to know of it beside the ActionRun. */
export interface JournaledRun extends Run {
  readonly createKey: string;
  readonly createFingerprint: string;
  /** The id of the signing key that made it; null where none did, and for runs from before it was kept. */
  readonly fingerprintKeyId: string | null;
  readonly changeKey: string | null;
  readonly changeFingerprint: string | null;
  readonly purgeAt: number;
}

export interface RunRow extends Record<string, SqlStorageValue> {
  id: string;
  version: number;
  status: string;
  action_name: string;
  entity_id: string | null;
  triggered_by: string;
  created_at: number;
  started_at: number | null;
  completed_at: number | null;
  deadline_at: number;
  purge_at: number;
  create_key: string;
  create_fingerprint: string;
  change_key: string | null;
  change_fingerprint: string | null;
  parameters: string;
  recommendations: string;
  error: string | null;
  output: string | null;
  heartbeat_timeout_ms: number | null;
  silent_since: number | null;
  end_cause: string | null;
  fingerprint_key_id: string | null;
}

/** In the order in which INSERT binds them. */
export const RUN_COLUMNS = `id, version, status, action_name, entity_id, triggered_by, created_at, started_at, completed_at,
  deadline_at, purge_at, create_key, create_fingerprint, change_key, change_fingerprint, parameters, recommendations,
  error, output, heartbeat_timeout_ms, silent_since, end_cause, fingerprint_key_id`;

export function toRun(row: RunRow): JournaledRun {
  return {
    id: row.id,
    version: row.version,
    status: row.status as Status,
    actionName: row.action_name,
    entityId: row.entity_id,
    parameters: row.parameters,
    recommendations: row.recommendations,
    triggeredBy: row.triggered_by,
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    error: row.error,
    output: row.output,
    deadlineAt: row.deadline_at,
    purgeAt: row.purge_at,
    createKey: row.create_key,
    createFingerprint: row.create_fingerprint,
    fingerprintKeyId: row.fingerprint_key_id,
    changeKey: row.change_key,
    changeFingerprint: row.change_fingerprint,
    heartbeatTimeoutMs: row.heartbeat_timeout_ms,
    silentSince: row.silent_since,
    endCause: row.end_cause as EndCause | null,
  };
}
