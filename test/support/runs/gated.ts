/** Runs that wait at gates: of a stored action that has them. Nothing is sent before a run is released. */

import { type ActionRun, type Answer, type Ask, ask, newRunsPath, type Schemas } from "../requests.ts";

/** The gates of a stored action, as a PUT takes them. */
export interface StoredGates {
  readonly approval?: { readonly required?: number; readonly allowSelf?: boolean; readonly tokens?: readonly string[] };
  readonly concurrency?: {
    readonly group: string;
    readonly key?: string;
    readonly limit?: number;
    readonly onConflict?: string;
  };
  readonly waitTimeout?: number;
}

export type Details = Schemas["ActionRunDetails"];
export type DetailedRun = ActionRun & { readonly details: Details };

export const APPROVAL: StoredGates = { approval: {} };
export const ONE_AT_A_TIME: StoredGates = { concurrency: { group: "prod" } };
/** Waits for its time long enough for any test. */
export const LATER = new Date(Date.now() + 86_400_000).toISOString();

/** Stores the action `name` with these gates. */
export async function storeGated(runs: string, gates: StoredGates, name = "deploy"): Promise<void> {
  const trigger = {
    type: "webhook",
    url: "https://ci.example.com/hooks/deploy",
    headers: { Authorization: "Bearer of-the-receiver" },
    payload: { version: "{{ parameters.version }}", token: "{{ run.callbackToken }}" },
  };
  const path = `${runs.replace(/action-runs$/, "actions")}/${name}`;
  const { status, body } = await ask<unknown>("PUT", path, { body: { trigger, ...gates } });
  if (status >= 300) throw new Error(`the action was not stored: ${status} ${JSON.stringify(body)}`);
}

/** Runs the action, which may already wait at its gates. */
export function startGated(
  runs: string,
  body: Readonly<Record<string, unknown>> = {},
  options: Ask = {},
  name = "deploy",
): Promise<Answer<DetailedRun>> {
  const path = `${runs.replace(/action-runs$/, "actions")}/${name}/runs?include=details`;
  return ask("POST", path, { body: { parameters: { version: "1.4.2" }, ...body }, ...options });
}

/** A run of a new action with these gates. */
export async function gatedRun(
  runs: string,
  gates: StoredGates,
  body: Readonly<Record<string, unknown>> = {},
  options: Ask = {},
): Promise<DetailedRun> {
  await storeGated(runs, gates);
  const { status, body: run } = await startGated(runs, body, options);
  if (status !== 201) throw new Error(`the run was not created: ${status} ${JSON.stringify(run)}`);
  return run;
}

/** The same in an environment of its own. */
export async function givenGated(gates: StoredGates): Promise<{ readonly path: string; readonly run: DetailedRun }> {
  const path = newRunsPath();
  return { path, run: await gatedRun(path, gates) };
}

export async function detailsOf(runs: string, id: string): Promise<DetailedRun> {
  return (await ask<DetailedRun>("GET", `${runs}/${id}?include=details`)).body;
}

/** Approves, rejects, releases or cancels a run. */
export function decide(
  runs: string,
  id: string,
  what: "approve" | "reject" | "release" | "cancel",
  options: Ask = {},
): Promise<Answer<DetailedRun & { readonly code?: string }>> {
  return ask("POST", `${runs}/${id}/${what}?include=details`, options);
}
