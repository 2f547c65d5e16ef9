/**
 * Reads one run: from the isolate where it has ended, from D1's nearest replica, and from its coordinator where D1
 * has no row, no answer, or one that is known to be behind.
 */

import type { Env } from "../../env.ts";
import type { ApiError } from "../../http/errors.ts";
import type { Hops } from "../../http/hops.ts";
import { readD1, sessionFor } from "../../http/read-d1.ts";
import type { KeyRing } from "../../key-ring.ts";
import { COORDINATOR_BOOKMARK } from "../protocol.ts";
import { isOpen, isOverdue, type Status } from "../run.ts";
import { isGenuineRunId, readRunId } from "../run-id.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { recallEnded, rememberEnded } from "./ended-runs.ts";

export interface ReadRun {
  readonly actionRun: string;
  readonly bookmark: string | null;
}

interface StoredRun {
  readonly body: string;
  readonly status: Status;
  readonly deadlineAt: number;
  readonly purgeAt: number;
}

export interface Reading {
  readonly env: Env;
  readonly hops: Hops;
  readonly scope: string;
  /** Null where the ring can't be used: then D1 alone answers. */
  readonly ring: KeyRing | null;
}

/** The run, or null where there is none. `bookmark`: what the caller sent back. Throws `database_unavailable`. */
export async function readRun(
  reading: Reading,
  id: string,
  bookmark: string | undefined,
): Promise<ReadRun | null> {
  const { env, hops, scope } = reading;
  const now = Date.now();
  const remembered = recallEnded(scope, id, now);
  if (remembered !== null) return { actionRun: remembered, bookmark: null };

  if (bookmark === COORDINATOR_BOOKMARK) {
    const asked = await readFromCoordinator(reading, id);
    if (asked !== null) return asked;
  }

  let outage: unknown;
  const session = sessionFor(env.DB, bookmark);
  const stored = await readD1(hops, () => selectRun(session, scope, id)).catch((error: ApiError) => {
    outage = error;
    return null;
  });
  if (stored === null) {
    const asked = bookmark === COORDINATOR_BOOKMARK ? null : await readFromCoordinator(reading, id);
    if (asked === null && outage !== undefined) throw outage;
    return asked;
  }
  if (isOverdue(stored, now)) {
    // Its end is decided, only not noticed yet: the coordinator tells it.
    const asked = await readFromCoordinator(reading, id).catch(() => null);
    if (asked !== null) return asked;
  }
  if (!isOpen(stored)) rememberEnded(scope, id, stored.body, stored.purgeAt, now);
  return { actionRun: stored.body, bookmark: session.getBookmark() };
}

/** Whether a coordinator may know this run: its id is genuine, or D1 has a row. No object is woken without either. */
export async function mayBeKnown({ env, hops, scope, ring }: Reading, id: string): Promise<boolean> {
  if (ring !== null && (await isGenuineRunId(ring, scope, id))) return true;
  const session = env.DB.withSession("first-primary");
  return (await readD1(hops, () => selectRun(session, scope, id))) !== null;
}

async function selectRun(session: D1DatabaseSession, scope: string, id: string): Promise<StoredRun | null> {
  const [row] = await session
    .prepare("SELECT body, status, deadline_at, purge_at FROM runs WHERE scope = ? AND id = ?")
    .bind(scope, id)
    .raw<[body: string, status: Status, deadlineAt: number, purgeAt: number]>();
  if (row === undefined) return null;
  const [body, status, deadlineAt, purgeAt] = row;
  return { body, status, deadlineAt, purgeAt };
}

async function readFromCoordinator({ env, hops, scope, ring }: Reading, id: string): Promise<ReadRun | null> {
  if (ring === null || !(await isGenuineRunId(ring, scope, id))) return null;
  const { coordinator } = readRunId(id);
  const answer = await askCoordinator(env, hops, scope, coordinator, (stub) => stub.read(id));
  return answer.ok ? answer : null;
}
