/** What a coordinator's journal says of its runs, read without the code that is tested. */

import type { Approval, ConcurrencyQueue, Gates } from "../../src/runs/run.ts";

export interface Row {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly actionName: string;
  readonly actionVersion: number | null;
  readonly gates: Gates | null;
  readonly waitingFor: string | null;
  readonly waitingSince: number | null;
  readonly waitingReason: string | null;
  readonly createdAt: number;
  readonly releasedAt: number | null;
  readonly completedAt: number | null;
  readonly deadlineAt: number;
  readonly timeoutMs: number;
  readonly cancelUntil: number | null;
  readonly endCause: string | null;
  readonly error: string | null;
  readonly approvals: number;
  /** The tokens that gave them, each with those above it. */
  readonly approvers: readonly (readonly string[])[];
  /** Whether it was released although D1 did not answer. */
  readonly isUnchecked: boolean;
  readonly readySeq: number | null;
  readonly occupiedUntil: number | null;
  readonly changeSeq: number;
  /** Of its dispatch. */
  readonly leaseUntil: number | null;
  readonly attempt: number | null;
}

const SELECT = `
  SELECT id, version, status, action_name AS actionName, action_version AS actionVersion, gates,
    waiting_for AS waitingFor, waiting_since AS waitingSince, waiting_reason AS waitingReason,
    created_at AS createdAt, released_at AS releasedAt, completed_at AS completedAt, deadline_at AS deadlineAt,
    timeout_ms AS timeoutMs, cancel_until AS cancelUntil, end_cause AS endCause, error,
    ifnull(json_array_length(approvals), 0) AS approvals, approvals AS given,
    EXISTS (SELECT 1 FROM events WHERE run_id = id AND type = 'released' AND data ->> '$.approversUnchecked') AS unchecked,
    ready_seq AS readySeq, occupied_until AS occupiedUntil,
    change_seq AS changeSeq, lease_until AS leaseUntil, attempt
  FROM runs LEFT JOIN dispatches ON run_id = id`;

type Stored = Omit<Row, "gates" | "approvers" | "isUnchecked"> & {
  gates: string | null;
  given: string | null;
  unchecked: number;
};

/** Those that are open or occupy a queue, and those that have changed since the write with the number `since`. */
export function readRows(sql: SqlStorage, since: number): Row[] {
  const query = `${SELECT} WHERE completed_at IS NULL OR occupied_until IS NOT NULL OR change_seq > ?`;
  const rows = sql.exec<Stored>(query, since);
  return [...rows].map(({ gates, given, unchecked, ...row }) => ({
    ...row,
    isUnchecked: unchecked === 1,
    approvers: (JSON.parse(given ?? "[]") as Approval[]).map(({ by }) => [by.tokenId, ...by.parents]),
    gates: gates === null ? null : (JSON.parse(gates) as Gates),
  }));
}

export function isOpen({ completedAt }: Row): boolean {
  return completedAt === null;
}

export function queueNameOf({ gates }: Row): string | null {
  return gates === null ? null : nameOf(gates.concurrency ?? { group: "", key: "" });
}

export function nameOf({ group, key }: ConcurrencyQueue): string {
  return `${group}/${key}`;
}

/** Whether it waits in its queue. */
export function isQueued({ completedAt, waitingFor }: Row): boolean {
  return completedAt === null && (waitingFor === "concurrency" || waitingFor === "pause");
}

/** When an open run ends by itself, apart from silence. */
export function endsAt({ gates, waitingFor, deadlineAt, cancelUntil }: Row): number {
  if (waitingFor !== null && gates !== null) return gates.waitUntil;
  return Math.min(deadlineAt, cancelUntil ?? Number.POSITIVE_INFINITY);
}
