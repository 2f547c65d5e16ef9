/** Webhook endpoints with real receivers, and what the journals say of who hears of which run. */

import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { alarmIn, coordinator, journal, until } from "../support/direct.ts";
import type { ReceivedRequest, Receiver } from "../support/receiver/client.ts";
import {
  type ActionRun,
  type Answer,
  ask,
  type CreatedRun,
  createRun,
  newRunsPath,
  report,
  scopeOfPath,
} from "../support/requests.ts";
import { ORIGIN } from "../webhooks/runs.ts";
import type { EndpointOnWire } from "./endpoints.ts";

/** The URL of an endpoint of the environment whose runs have this path. */
export function endpointOf(path: string, name = "chat"): string {
  return `${ORIGIN}${path.replace(/action-runs$/, "webhook-endpoints")}/${name}`;
}

export async function putEndpoint(
  path: string,
  to: Pick<Receiver, "url">,
  members: object = {},
  name = "chat",
): Promise<Answer<EndpointOnWire>> {
  const body = { url: to.url, events: ["action_run.*"], ...members };
  const answer = await ask<EndpointOnWire>("PUT", endpointOf(path, name), { body });
  expect([200, 201]).toContain(answer.status);
  return answer;
}

/** A new environment with this endpoint. */
export async function withEndpoint(to: Pick<Receiver, "url">, members: object = {}): Promise<string> {
  const path = newRunsPath();
  await putEndpoint(path, to, members);
  return path;
}

/** Creates a run and ends it; its id. `stored`: a run of the stored action `actionName`. */
export async function end(
  path: string,
  status: "succeeded" | "failed" | "cancelled" = "succeeded",
  { stored = false, actionName = "deploy", ...body }: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const run = stored ? await runStored(path, `${actionName}`, body) : await create(path, { actionName, ...body });
  await finish(path, run, status);
  return run.id;
}

export function create(path: string, body: Record<string, unknown> = { actionName: "deploy" }) {
  return createRun(ORIGIN + path, body);
}

export async function finish(path: string, run: CreatedRun, status: "succeeded" | "failed" | "cancelled") {
  const ended =
    status === "cancelled"
      ? await ask<ActionRun>("DELETE", `${ORIGIN}${path}/${run.id}`)
      : await report(run, status === "failed" ? { status, error: "no" } : { status });
  expect([200, status]).toEqual([ended.status, ended.body.status]);
}

async function runStored(path: string, actionName: string, body: object): Promise<CreatedRun> {
  const action = `${ORIGIN}${path.replace(/action-runs$/, "actions")}/${actionName}`;
  expect([200, 201]).toContain((await ask("PUT", action, { body: {} })).status);
  const answer = await ask<CreatedRun>("POST", `${action}/runs`, { body });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body;
}

export interface DeliveryRow extends Record<string, SqlStorageValue> {
  readonly endpoint: string;
  readonly run_id: string;
  readonly state: string;
  readonly attempt: number;
}

/** The deliveries of the environment, oldest run first. */
export function deliveryRows(path: string): Promise<DeliveryRow[]> {
  return journal<DeliveryRow>(path, "SELECT * FROM deliveries").then((rows) =>
    rows.sort((a, b) => (`${a.run_id} ${a.endpoint}` < `${b.run_id} ${b.endpoint}` ? -1 : 1)),
  );
}

/** Until no event is pending any more. */
export async function untilFannedOut(path: string): Promise<void> {
  const pending = "SELECT 1 FROM metadata WHERE name = 'fan_out_after'";
  await until(async () => (await journal(path, pending)).length === 0);
}

/** Until no change of an endpoint can come late any more. An endpoint hears of no earlier event after its next change. */
export async function untilCertain(path: string): Promise<void> {
  const noted = "SELECT 1 FROM metadata WHERE name = 'endpoints_noted' AND value LIKE '%:0:%'";
  await until(async () => {
    await alarmsIn(path, 61_000);
    return (await journal(path, noted)).length === 0;
  });
}

/** Which endpoints hear of a run, by name. */
export async function hearsOf(path: string): Promise<(id: string) => string[]> {
  await untilFannedOut(path);
  const rows = await deliveryRows(path);
  return (id) => rows.filter((row) => row.run_id === id).map(({ endpoint }) => endpoint.split("@")[0] ?? "");
}

/** Until the deliveries satisfy this; those deliveries. */
export async function untilDeliveries(
  path: string,
  isSo: (rows: readonly DeliveryRow[]) => boolean,
): Promise<DeliveryRow[]> {
  await until(async () => isSo(await deliveryRows(path)));
  return deliveryRows(path);
}

/**
 * Until the only delivery has had this attempt and its answer is noted. A receiver knows earlier, and an alarm that
 * rings later than the attempt's lease would count the attempt as lost.
 */
export async function untilAnswered(path: string, attempt: number): Promise<void> {
  await untilDeliveries(path, ([row]) => row?.attempt === attempt && row.lease_until === null);
}

/** Rings the alarm as if `ms` had passed. */
export async function alarmsIn(path: string, ms: number): Promise<void> {
  await alarmIn(ms, coordinator(path));
}

/** The runs of these deliveries, by their ids. */
export function runsOf(requests: readonly ReceivedRequest[]): string[] {
  return requests.map(({ headers }) => (headers["webhook-id"] ?? "").replace(/-ended$/, ""));
}

/** What the audit says of an environment's endpoints, oldest first: who did what to which. */
export async function auditOf(path: string): Promise<string[]> {
  const [o, p, envName] = scopeOfPath(path).split("/");
  const { results } = await env.DB.prepare(
    `SELECT actor_name || ' ' || substr(action, 18) || ' ' || target AS entry FROM audit
     WHERE project = ?1 AND env_name = ?2 AND action LIKE 'webhook_endpoint_%' ORDER BY rowid`,
  )
    .bind(`${o}/${p}`, envName)
    .all<{ entry: string }>();
  return results.map(({ entry }) => entry);
}

/** Of `GET …/deliveries`. */
export interface Shown {
  readonly runId: string;
  readonly state: string;
  readonly nextAttemptAt: string | null;
  readonly attempts: readonly { status: number | null; reason: string; excerpt: string | null }[];
}

/** Of `GET …/status`. */
export interface Status {
  readonly origin: string | null;
  readonly disabledReason: string | null;
  readonly disabledAt: string | null;
  readonly health: { readonly state: string; readonly isProbed: boolean };
  readonly recover: { readonly messages: number; readonly isOver: boolean } | null;
  readonly newestDelivery: Shown | null;
  readonly incomplete: boolean;
}

/** The version of an endpoint, and the key by which the coordinator knows it. */
export async function storedEndpoint(path: string, name = "chat"): Promise<{ version: number; key: string }> {
  const row = await env.DB.prepare(
    "SELECT version, created_version AS created FROM definitions WHERE scope = ? AND name = ?",
  )
    .bind(scopeOfPath(path), name)
    .first<{ version: number; created: number }>();
  return { version: row?.version ?? 0, key: `${name}@${row?.created}` };
}

export async function statusOf(path: string, name?: string): Promise<Status> {
  return (await ask<Status>("GET", `${endpointOf(path, name)}/status`)).body;
}

export async function deliveriesOf(path: string, name?: string): Promise<Shown[]> {
  return (await ask<Shown[]>("GET", `${endpointOf(path, name)}/deliveries`)).body;
}
