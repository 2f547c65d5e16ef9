/**
 * Reads one run: from the isolate's memory if the run has ended, from D1's nearest replica, and from the run's coordinator
 * if D1 has no row, gives no answer, or is known to be behind.
 */

import type { ApiError } from "../../http/errors.ts";
import { readD1, sessionFor } from "../../http/read-d1.ts";
import { COORDINATOR_BOOKMARK } from "../protocol.ts";
import { isOpen, type Status } from "../run.ts";
import { isGenuineRunId } from "../run-id.ts";
import { recallEnded, rememberEnded } from "./ended-runs.ts";
import { askAboutRun, type Place } from "./run-place.ts";

export interface ReadRun {
  readonly actionRun: string;
  readonly bookmark: string | null;
}

/** The run, or null if it does not exist. `bookmark`: the caller's. Throws `database_unavailable`. */
export async function readRun(
  place: Place,
  id: string,
  bookmark: string | undefined,
): Promise<ReadRun | null> {
  const { env, hops, scope } = place;
  const now = Date.now();
  const remembered = recallEnded(scope, id, now);
  if (remembered !== null) return { actionRun: remembered, bookmark: null };

  const asksFirst = bookmark === COORDINATOR_BOOKMARK;
  if (asksFirst) {
    const run = await readFromCoordinator(place, id);
    if (run !== null) return run;
  }

  let outage: unknown;
  const session = sessionFor(env.DB, bookmark);
  const stored = await readD1(hops, () => selectRun(session, scope, id)).catch((error: ApiError) => {
    outage = error;
    return null;
  });
  if (stored === null) {
    const run = asksFirst ? null : await readFromCoordinator(place, id);
    if (run === null && outage !== undefined) throw outage;
    return run;
  }
  if (!isOpen(stored)) rememberEnded(scope, id, stored.body, stored.purgeAt, now);
  return { actionRun: stored.body, bookmark: session.getBookmark() };
}

/** Whether a coordinator may know this run: the id is genuine, or D1 has a row. Otherwise no object may be woken. */
export async function mayBeKnown(place: Place, id: string): Promise<boolean> {
  if (await isGenuine(place, id)) return true;
  const session = place.env.DB.withSession("first-primary");
  return (await readD1(place.hops, () => selectRun(session, place.scope, id))) !== null;
}

async function isGenuine({ ring, scope }: Place, id: string): Promise<boolean> {
  return ring !== null && (await isGenuineRunId(ring, scope, id));
}

async function selectRun(session: D1DatabaseSession, scope: string, id: string) {
  const [row] = await session
    .prepare("SELECT body, status, purge_at FROM runs WHERE scope = ? AND id = ?")
    .bind(scope, id)
    .raw<[body: string, status: Status, purgeAt: number]>();
  return row === undefined ? null : { body: row[0], status: row[1], purgeAt: row[2] };
}

async function readFromCoordinator(place: Place, id: string): Promise<ReadRun | null> {
  if (!(await isGenuine(place, id))) return null;
  const answer = await askAboutRun(place, id, (stub) => stub.read(id));
  return answer.ok ? answer : null;
}
