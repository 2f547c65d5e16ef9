/** What must be true of one run: its versions, the gate that it shows, its release, its instants, its end. */

import { endsAt, isOpen, type Row } from "../rows.ts";
import { fail, type Known } from "./known.ts";

/** The ends that somebody asks for. */
const ASKED_ENDS = new Set(["callback", "cancel", "rejected"]);

/** `old`: undefined if the run is new. */
export function requireChange(known: Known, old: Row | undefined, row: Row): void {
  const { id, gates, waitingFor, waitingSince, releasedAt, completedAt } = row;
  if (known.refused === id) requireUnchanged(old, row);
  if (gates === null) return;
  if (old !== undefined && row.version <= old.version) fail(`${id} went from version ${old.version} to ${row.version}`);
  if (old !== undefined && old.releasedAt !== null && old.releasedAt !== releasedAt) fail(`${id} was released twice`);
  if (waitingFor !== null && (completedAt !== null || releasedAt !== null)) fail(`${id} waits, and does not`);
  if (completedAt === null && waitingFor === null && releasedAt === null) fail(`${id} is neither waiting nor released`);
  if (isOpen(row)) requireFirstClosedGate(known, row);
  if (releasedAt !== null && old?.releasedAt == null) {
    if (releasedAt >= gates.waitUntil) fail(`${id} was released after its time to wait`);
    requireOpened(known, row);
  }
  if (releasedAt !== null && row.deadlineAt !== releasedAt + row.timeoutMs)
    fail(`the deadline of ${id} does not count from its release`);
  const instants = [row.createdAt, old?.waitingSince ?? null, waitingSince, releasedAt, completedAt];
  const set = instants.filter((at) => at !== null);
  if (set.some((at, i) => at < (set[i - 1] ?? 0))) fail(`instants of ${id} go back: ${instants.join(", ")}`);
}

/** A call that fails has changed nothing. What the time changes comes before the call. */
function requireUnchanged(old: Row | undefined, row: Row): void {
  if (old === undefined) fail(`${row.id} was created by a call that failed`);
  const isEnded = isOpen(old) && ASKED_ENDS.has(row.endCause ?? "");
  if (isEnded || row.approvals > old.approvals) fail(`a call that failed has changed ${row.id}`);
}

/** After the alarm has rung. */
export function requireProcessed(row: Row, now: number): void {
  const { id, occupiedUntil, waitingFor, gates } = row;
  if (occupiedUntil !== null && occupiedUntil <= now) fail(`${id} occupies its queue after its lease`);
  if (!isOpen(row)) return;
  if (endsAt(row) <= now) fail(`${id} is open after its time`);
  if (waitingFor === "time" && (gates?.notBefore ?? 0) <= now) fail(`the time gate of ${id} did not open`);
}

/** What it shows is the first gate that is closed. */
function requireFirstClosedGate({ latest, opened }: Known, row: Row): void {
  const { gates, waitingFor, approvals, id } = row;
  if (gates === null || waitingFor === null) return;
  const isTimeOpen = gates.notBefore === null || latest >= gates.notBefore || opened.has(id);
  if (waitingFor === "time") {
    if (gates.notBefore === null || opened.has(id)) fail(`${id} waits for a time that has come`);
    return;
  }
  if (!isTimeOpen) fail(`${id} waits for ${waitingFor} before its time`);
  const lacks = gates.approval !== null && approvals < gates.approval.required;
  if ((waitingFor === "approval") !== lacks) fail(`${id} waits for ${waitingFor} with ${approvals} approvals`);
}

function requireOpened({ now, latest, opened, stage }: Known, row: Row): void {
  const { id, gates, approvals, approvers, isUnchecked } = row;
  const { notBefore = null, approval = null } = gates ?? {};
  if (notBefore !== null && now < notBefore && latest < notBefore && !opened.has(id))
    fail(`${id} was released before its time`);
  if (approval !== null && approvals < approval.required) fail(`${id} was released without approval`);
  if (isUnchecked && stage.d1Failures === 0) fail(`${id} was released unchecked, and D1 answered`);
  const isRevoked = (line: readonly string[]) => line.some((token) => stage.revoked.has(token));
  if (!isUnchecked && approvers.some(isRevoked)) fail(`${id} was released by a token that was revoked`);
}
