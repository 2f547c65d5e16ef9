/** What must be true of attempts: when one may leave, and that an ended run occupies its queue as long as it lasts. */

import { LEASE_MS } from "../../../src/webhooks/dispatch.ts";
import { isOpen, type Row } from "../rows.ts";
import { fail, type Known } from "./known.ts";

/** How long a job has to stop if nobody says how long. */
export const GRACE_MS = 60_000;

/** An attempt leaves: its run must be open and released, and the attempt on record. Call it when it leaves. */
export function requireSendable(sql: SqlStorage, runId: string, attempt: number): void {
  const [row] = sql.exec<{ gates: string | null; releasedAt: number | null; isOpen: number; attempt: number | null }>(
    `SELECT gates, released_at AS releasedAt, completed_at IS NULL AS isOpen, attempt
     FROM runs LEFT JOIN dispatches ON run_id = id AND lease_until IS NOT NULL WHERE id = ?`,
    runId,
  );
  if (row === undefined || row.isOpen !== 1) fail(`an attempt left for ${runId}, which has ended`);
  if (row.gates !== null && row.releasedAt === null) fail(`an attempt left for ${runId} before its release`);
  if (row.attempt !== attempt) fail(`attempt ${attempt} of ${runId} left, and the journal has ${row.attempt}`);
}

/** A run that has just ended by a cancel, before its job has started: the job has time to stop. */
export function noteGrace(known: Known, old: Row | undefined, row: Row): void {
  const { id, endCause, gates, releasedAt, deadlineAt } = row;
  if (endCause !== "cancel" || releasedAt === null || gates?.concurrency == null) return;
  if (old === undefined || !isOpen(old) || old.status === "running") return;
  const graceMs = known.cancelling?.id === id ? known.cancelling.graceMs : GRACE_MS;
  if (graceMs > 0) known.graces.set(id, Math.min(known.now + graceMs, deadlineAt));
}

/** No run leaves its queue while its job may be at work and has time to stop. */
export function requireGraces({ graces, latest, rows, stage }: Known): void {
  for (const [id, until] of graces) {
    const isOccupied = (rows.get(id)?.occupiedUntil ?? null) !== null;
    if (!isOccupied && until <= latest) graces.delete(id);
    else if (!isOccupied && stage.mayHaveJob.has(id))
      fail(`${id} left its queue although its job has ${until - latest} ms to stop`);
  }
}

/** An ended run occupies its queue while an attempt is under way, or while its job has time to stop, and no longer. */
export function requireFreeAfterAttempt(known: Known, row: Row): void {
  const { id, occupiedUntil } = row;
  const { graces, stage } = known;
  if (isOpen(row) || occupiedUntil === null || known.hasFailed(row)) return;
  const hasEnded = isAnswered(known, id);
  const hasGrace = graces.has(id) && (stage.mayHaveJob.has(id) || stage.unheard.has(id) || !hasEnded);
  if (hasEnded && !hasGrace) fail(`${id} occupies its queue although its attempt has ended`);
  if (occupiedUntil > known.latest + (hasGrace ? GRACE_MS : LEASE_MS)) fail(`${id} occupies its queue too long`);
}

/** Call it before a step with which runs can end: those of which an attempt is under way, and until when. */
export function attemptsUnderWay(known: Known): Map<string, number> {
  return new Map(
    known.open
      .filter(({ gates, leaseUntil, releasedAt }) => gates?.concurrency && leaseUntil !== null && releasedAt !== null)
      .map(({ id, leaseUntil }) => [id, leaseUntil ?? 0]),
  );
}

/** Those that have ended since, and whose attempt has no answer yet, occupy their queues. */
export function requireStillOccupied(known: Known, underWay: ReadonlyMap<string, number>, sql: SqlStorage): void {
  for (const [id, leaseUntil] of underWay) {
    if (leaseUntil <= known.now || isAnswered(known, id)) continue;
    const [row] = sql.exec<{ occupiedUntil: number | null; isOver: number }>(
      "SELECT occupied_until AS occupiedUntil, completed_at IS NOT NULL AS isOver FROM runs WHERE id = ?",
      id,
    );
    if (row?.isOver === 1 && row.occupiedUntil === null) fail(`${id} left its queue while an attempt is under way`);
  }
}

function isAnswered({ stage }: Known, id: string): boolean {
  return stage.answered.has(`${id}#${stage.newest.get(id) ?? 0}`);
}
