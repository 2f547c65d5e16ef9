/**
 * Reads one run: from the isolate's memory if the run has ended, else from its coordinator. D1 is asked only whether a run
 * exists whose id can't be verified, and when the coordinator can't be reached.
 */

import { readD1 } from "../../../database/read-d1.ts";
import { askAboutRun, isGenuine, type Place } from "../run-place.ts";
import { recallEnded, rememberEnded } from "./ended-runs.ts";

export interface ReadRun {
  readonly actionRun: string;
  /** A bookmark of D1 that covers this version; null if D1 may lack the version. */
  readonly bookmark: string | null;
  /** The JSON of `details`, if they were asked for. */
  readonly details?: string;
}

/** The run, or null if it does not exist. Throws `coordinator_unavailable`, or `database_unavailable`. */
export async function readRun(place: Place, id: string, isDetailed: boolean): Promise<ReadRun | null> {
  const remembered = recallRun(place, id, isDetailed);
  if (remembered !== null) return remembered;
  if (await mayBeKnown(place, id)) return readFromCoordinator(place, id, isDetailed);
  return null;
}

/** An ended run that this isolate remembers, with its details only if they are asked for. */
export function recallRun({ scope }: Place, id: string, isDetailed: boolean): ReadRun | null {
  const remembered = recallEnded(scope, id, Date.now());
  if (remembered === null || (isDetailed && remembered.details === undefined)) return null;
  const { details, ...run } = remembered;
  return isDetailed ? remembered : run;
}

/** Whether a coordinator may know this run: the id is genuine, or D1 has a row. Otherwise no object may be woken. */
export async function mayBeKnown(place: Place, id: string): Promise<boolean> {
  return (await isGenuine(place, id)) || (await selectRun(place, id)) !== null;
}

/** What a coordinator says of a run. An end is remembered, because it never changes. */
export interface AnsweredRun extends ReadRun {
  readonly isOver: boolean;
  readonly purgeAt: number;
}

export function rememberIfOver({ scope }: Place, id: string, answer: AnsweredRun): void {
  if (answer.isOver) rememberEnded(scope, id, answer, answer.purgeAt, Date.now());
}

async function readFromCoordinator(place: Place, id: string, isDetailed: boolean): Promise<ReadRun | null> {
  try {
    const answer = await askAboutRun(place, id, (stub) => stub.read(id, isDetailed));
    if (!answer.ok) return null;
    rememberIfOver(place, id, answer);
    return answer;
  } catch (unreachable) {
    // D1's row does not know the last heartbeat.
    if (isDetailed) throw unreachable;
    const row = await selectRun(place, id).catch(() => null);
    if (row === null) throw unreachable;
    return { actionRun: row, bookmark: null };
  }
}

/** The run as D1 has it; null if D1 has none. */
async function selectRun({ env, hops, scope }: Place, id: string): Promise<string | null> {
  const select = env.DB.withSession("first-primary")
    .prepare("SELECT body FROM runs WHERE scope = ? AND id = ?")
    .bind(scope, id);
  const [row] = await readD1(hops, () => select.raw<[body: string]>());
  return row?.[0] ?? null;
}
