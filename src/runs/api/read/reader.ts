/**
 * Reads one run: from the isolate's memory if the run has ended, otherwise from its coordinator. D1 says whether a run
 * exists if its id can't be verified, and D1's row is the answer if the coordinator can't be reached.
 */

import { readD1 } from "../../../database/read-d1.ts";
import { databaseOf } from "../../placement/database-of.ts";
import type { Inclusion } from "../../run-answer.ts";
import { ask, isGenuine, type RunEnvironment } from "../run-environment.ts";
import { recallEnded, rememberEnded } from "./ended-runs.ts";

export interface ReadRun {
  readonly actionRun: string;
  /** The JSON of `details`, if they were asked for. */
  readonly details?: string;
  /** Whether this is D1's row, which can lack the newest changes. Default: no. */
  readonly isStale?: boolean;
}

/** The run, or null if it does not exist. Throws `coordinator_unavailable`, or `database_unavailable`. */
export async function readRun(environment: RunEnvironment, id: string, inclusion: Inclusion): Promise<ReadRun | null> {
  const remembered = recallEndedRun(environment, id, inclusion);
  if (remembered !== null) return remembered;
  if (await mayBeKnown(environment, id)) return readFromCoordinator(environment, id, inclusion);
  return null;
}

/** An ended run, if this isolate remembers all of it that the call asks for; otherwise null. */
export function recallEndedRun({ scope }: RunEnvironment, id: string, { include }: Inclusion): ReadRun | null {
  const remembered = recallEnded(scope, id, Date.now());
  if (remembered === null) return null;
  const { details, ...run } = remembered;
  if (include === undefined) return run;
  return details === undefined ? null : remembered;
}

/** Whether a coordinator may know this run: the id is genuine, or D1 has a row. Otherwise no object may be woken. */
export async function mayBeKnown(environment: RunEnvironment, id: string): Promise<boolean> {
  return (await isGenuine(environment, id)) || (await selectRun(environment, id)) !== null;
}

interface AnsweredRun extends ReadRun {
  readonly isOver: boolean;
  readonly purgeAt: number;
}

/** Remembers what a coordinator says of a run if the run has ended, because it never changes again. */
export function rememberIfOver({ scope }: RunEnvironment, id: string, answer: AnsweredRun): void {
  if (answer.isOver) rememberEnded(scope, id, answer, answer.purgeAt, Date.now());
}

async function readFromCoordinator(
  environment: RunEnvironment,
  id: string,
  { include }: Inclusion,
): Promise<ReadRun | null> {
  try {
    const answer = await ask(environment, (coordinator) => coordinator.runs.read(id, include && { include }));
    if (!answer.ok) return null;
    rememberIfOver(environment, id, answer);
    return answer;
  } catch (unreachable) {
    // D1's row does not know the last heartbeat.
    if (include === "details") throw unreachable;
    const row = await selectRun(environment, id).catch(() => null);
    if (row === null) throw unreachable;
    return { actionRun: row, isStale: true };
  }
}

/** The run as D1 has it; null if D1 has none. */
async function selectRun(environment: RunEnvironment, id: string): Promise<string | null> {
  const { hops, scope } = environment;
  const { db } = await databaseOf(environment);
  const select = db
    .withSession("first-primary")
    .prepare("SELECT body FROM runs WHERE scope = ? AND id = ?")
    .bind(scope, id);
  const [row] = await readD1(hops, () => select.raw<[body: string]>());
  return row?.[0] ?? null;
}
