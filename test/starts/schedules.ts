/** Schedules, as the tests store them and let their times come. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { coordinator, journal, until } from "../support/direct.ts";
import {
  type ActionRun,
  type Answer,
  type Ask,
  ask,
  newRunsPath,
  type Schemas,
  scopeOfPath,
} from "../support/requests.ts";
import type { Refusal } from "../support/tokens.ts";

/** An environment of its own, by what is in it. */
export interface Environment {
  /** `…/action-runs` */
  readonly runs: string;
  /** `…/schedules` */
  readonly schedules: string;
  /** `…/schedules/nightly` */
  readonly path: string;
  /** `…/actions/deploy` */
  readonly action: string;
}

export const TRIGGER = { type: "webhook", url: "https://ci.example.com/hooks/deploy", startOn: "heartbeat" };
export const HOURLY = { action: "deploy", cron: "@hourly", timezone: "UTC" };
export const SHOWN = { ...HOURLY, parameters: {}, disabled: false };

export function environmentOf(runs: string): Environment {
  const base = runs.replace(/\/action-runs$/, "");
  const schedules = `${base}/schedules`;
  return { runs, schedules, path: `${schedules}/nightly`, action: `${base}/actions/deploy` };
}

/** With the action `deploy`. */
export async function givenAction(more: object = {}, runs = newRunsPath()): Promise<Environment> {
  const environment = environmentOf(runs);
  const { status, body } = await ask<unknown>("PUT", environment.action, { body: { trigger: TRIGGER, ...more } });
  if (status >= 300) throw new Error(`the action was not stored: ${status} ${JSON.stringify(body)}`);
  return environment;
}

export type ScheduleOnWire = Schemas["Schedule"] & Partial<Refusal>;

export function put(path: string, body: object = HOURLY, options: Ask = {}): Promise<Answer<ScheduleOnWire>> {
  return ask("PUT", path, { body, ...options });
}

/** With the schedule `nightly`, which the coordinator knows. */
export async function givenSchedule(schedule: object = {}, options: Ask = {}): Promise<Environment> {
  const environment = await givenAction();
  await stored(environment.path, { ...HOURLY, ...schedule }, options);
  return environment;
}

export async function stored(path: string, schedule: object, options: Ask = {}): Promise<void> {
  const { status, body } = await put(path, schedule, options);
  if (status >= 300) throw new Error(`the schedule was not stored: ${status} ${JSON.stringify(body)}`);
}

export async function statusOf(path: string): Promise<Schemas["ScheduleStatus"]> {
  const { status, body } = await ask<Schemas["ScheduleStatus"]>("GET", `${path}/status`);
  if (status !== 200) throw new Error(`the status answered ${status}`);
  return body;
}

export interface ScheduleRow extends Record<string, SqlStorageValue> {
  readonly name: string;
  readonly version: number;
  readonly next_at: number | null;
  readonly decided_at: number | null;
  readonly outcome: string | null;
  readonly last_run_id: string | null;
}

export async function rowOf({ runs, path }: Environment): Promise<ScheduleRow | null> {
  const rows = await journal<ScheduleRow>(runs, "SELECT * FROM schedules WHERE name = ?", path.split("/").at(-1) ?? "");
  return rows[0] ?? null;
}

/** Lets the alarm of the environment ring at this instant, and the clock stand there. */
export async function ringAt(runs: string, at: number): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"], now: at });
  await coordinatorRings(runs);
}

/** Lets the alarm ring, as if it were due now. */
export async function coordinatorRings(runs: string): Promise<void> {
  await runDurableObjectAlarm(coordinator(runs));
}

/** Waits until the time `at` of the schedule is decided. */
export function untilDecided(environment: Environment, at: number): Promise<void> {
  return until(async () => ((await rowOf(environment))?.decided_at ?? 0) >= at);
}

/** Lets a time come, and waits until it is decided. `now`: when the alarm rings. */
export async function comes(environment: Environment, at: number, now = at): Promise<void> {
  await ringAt(environment.runs, now);
  await untilDecided(environment, at);
}

export type ShownRun = ActionRun & { readonly details: Schemas["ActionRunDetails"] };

/** The runs of the environment, the oldest first. */
export async function runsIn({ runs }: Pick<Environment, "runs">, query = ""): Promise<ShownRun[]> {
  const { status, body } = await ask<ShownRun[]>("GET", `${runs}?include=details&order=oldest${query}`);
  if (status !== 200) throw new Error(`the list answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** What the audit says of the schedules of an environment, the oldest first. */
export async function audited({ runs }: Environment): Promise<readonly string[]> {
  const [o, p, envName] = scopeOfPath(runs).split("/");
  const { results } = await env.DB.prepare(
    "SELECT action, actor_name FROM audit WHERE project = ? AND env_name = ? AND action LIKE 'schedule%' ORDER BY id",
  )
    .bind(`${o}/${p}`, envName)
    .all<{ action: string; actor_name: string }>();
  return results.map(({ action, actor_name }) => `${action} by ${actor_name}`);
}
