/** Runs whose trigger has a stop request, and what the tests ask of them. */

import { expect } from "vitest";
import { journal, until } from "../../support/direct.ts";
import type { Answer, Receiver } from "../../support/receiver/client.ts";
import { ask } from "../../support/requests.ts";
import { answering, type Fired, fire, ORIGIN } from "../runs.ts";

interface Rows {
  readonly stopRequests: number;
  readonly responses: number;
}

/** What its coordinator keeps of a run's stop request. */
export async function rowsOf({ path, created }: Pick<Fired, "path"> & { created: { id: string } }): Promise<Rows> {
  const count = async (table: string) =>
    (await journal(path, `SELECT 1 FROM ${table} WHERE run_id = ?`, created.id)).length;
  return { stopRequests: await count("stop_requests"), responses: await count("receiver_responses") };
}

export const untilErased = (run: Fired) => until(async () => (await rowsOf(run)).stopRequests === 0);

/** A run whose trigger goes to one receiver and whose stop request goes to another. */
interface Played {
  readonly run: Fired;
  readonly starts: Receiver;
  readonly stops: Receiver;
}

export async function play(
  answer: Answer,
  cancel: Readonly<Record<string, unknown>> = {},
  stopAnswers: readonly Answer[] = [],
  more: Readonly<Record<string, unknown>> = {},
): Promise<Played> {
  const [starts, stops] = await Promise.all([answering(answer), answering(...stopAnswers)]);
  const { url = "/stop", ...rest } = cancel;
  const run = await fire(starts.url, { cancel: { url: `${stops.url}${url}`, ...rest }, ...more });
  return { run, starts, stops };
}

/** A pending run whose webhook was accepted. */
export const QUEUED = { startOn: "heartbeat" };
export async function queued(answer: Answer, cancel = {}, stopAnswers: readonly Answer[] = [], more = {}) {
  const played = await play(answer, cancel, stopAnswers, { ...QUEUED, ...more });
  await played.run.untilAnswered(1);
  return played;
}

/** Asks the job of a running run to stop, and gives it a minute. */
export async function askToStop({ path, created }: Fired): Promise<void> {
  expect((await ask("POST", `${ORIGIN}${path}/${created.id}/cancel`)).status).toBe(202);
}

export async function externalUrl({ path, created: { id } }: Fired): Promise<string | null> {
  const [row] = await journal<{ url: string | null }>(path, "SELECT external_url AS url FROM runs WHERE id = ?", id);
  if (row === undefined) throw new Error("the run is gone");
  return row.url;
}

/** A running run that was asked to stop. */
export async function stopping(...wanted: Parameters<typeof play>): Promise<Played> {
  const played = await play(...wanted);
  await played.run.untilStatus("running");
  await askToStop(played.run);
  return played;
}
