/** Runs that the service starts by itself, as tests see them. */

import { change, until } from "../support/direct.ts";
import { receiver } from "../support/receiver/client.ts";
import { ask } from "../support/requests.ts";
import { type DetailedRun, detailsOf, startGated } from "../support/runs/gated.ts";
import { ORIGIN } from "../webhooks/runs.ts";

/** Takes each webhook, and reports nothing. */
const JOB = receiver();

/** Stores an action with a trigger. `runs`: the path of the environment's runs. */
export async function storeAction(runs: string, members: object = {}, name = "deploy", token?: string): Promise<void> {
  const body = { trigger: { type: "webhook", url: JOB.url, startOn: "heartbeat" }, ...members };
  const path = `${ORIGIN}${runs.replace(/action-runs$/, "actions")}/${name}`;
  const { status, body: answer } = await ask<unknown>("PUT", path, { body, ...(token !== undefined && { token }) });
  if (status >= 300) throw new Error(`the action was not stored: ${status} ${JSON.stringify(answer)}`);
}

/** Runs the action; its id. */
export async function start(runs: string, body: object = {}, name = "deploy"): Promise<string> {
  const { status, body: run } = await startGated(ORIGIN + runs, { ...body }, {}, name);
  if (status !== 201) throw new Error(`the run was not created: ${status} ${JSON.stringify(run)}`);
  return run.id;
}

/** What the job of the run reports. */
export async function reports(runs: string, id: string, status: "failed" | "succeeded"): Promise<void> {
  const event = status === "failed" ? { type: status, error: "no", output: null } : { type: status, output: null };
  const answer = await change(runs, id, event as Parameters<typeof change>[2]);
  if (!answer.ok) throw new Error(`the report was refused: ${answer.reason}`);
}

type Retry = NonNullable<DetailedRun["details"]["retry"]>;

/** The automatic retry that follows the run, when its plan satisfies this. */
export async function retryOf(runs: string, id: string, isSo = (retry: Retry) => retry.runId !== null): Promise<Retry> {
  let retry: Retry | null = null;
  await until(async () => {
    retry = (await detailsOf(runs, id)).details.retry;
    return retry !== null && isSo(retry);
  });
  return retry as unknown as Retry;
}

/** Until the run has failed and its retry waits; the id of the retry. */
export async function failAndRetry(runs: string, id: string): Promise<string> {
  await reports(runs, id, "failed");
  return (await retryOf(runs, id)).runId ?? "";
}

/** Lets a run that waits for its time begin. */
export async function begin(runs: string, id: string): Promise<void> {
  const { status } = await ask("POST", `${runs}/${id}/release`);
  if (status !== 200) throw new Error(`not released: ${status}`);
}
