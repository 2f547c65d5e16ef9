/** Runs with gates as a Worker asks a coordinator for them, for tests of one situation. */

import type { NewPause } from "../../src/runs/pauses.ts";
import type { Actor, Concurrency, Gates, NewRun } from "../../src/runs/run.ts";
import type { RunReply } from "../../src/runs/run-calls.ts";
import type { NewDispatch, StartOn } from "../../src/webhooks/dispatch.ts";

import { HOUR_MS, MINUTE_MS } from "../support/direct.ts";
import { newRun } from "../support/rows.ts";
import type { Awake, Stage } from "./stage.ts";

export const ANN: Actor = { tokenId: "ann", tokenName: "ann", parents: [], person: null };
export const BOB: Actor = { tokenId: "bob", tokenName: "bob", parents: [], person: null };
export const DETAILED = { include: "details" } as const;

export interface Wanted {
  readonly actionName?: string;
  readonly actionVersion?: number;
  /** Null: no group. */
  readonly concurrency?: Partial<Concurrency> | null;
  readonly approvals?: number;
  readonly notBefore?: number | null;
  readonly waitMs?: number;
  readonly timeoutMs?: number;
  readonly maxAttempts?: number | null;
  readonly startOn?: StartOn;
  readonly hasStopRequest?: boolean;
  readonly key?: string;
  readonly creator?: Actor;
}

export function gatedRun(id: string, wanted: Wanted = {}): NewRun & { readonly gates: Gates } {
  const createdAt = Date.now();
  const { concurrency = {}, approvals = 0, notBefore = null, waitMs = HOUR_MS } = wanted;
  const { timeoutMs = 10 * MINUTE_MS, actionName = "deploy", actionVersion = 1 } = wanted;
  const waitUntil = (notBefore ?? createdAt) + waitMs;
  const run = { id, createdAt, actionName, actionVersion, timeoutMs, deadlineAt: waitUntil + timeoutMs };
  return {
    ...newRun({ ...run, source: "action", triggeredBy: (wanted.creator ?? ANN).tokenName }),
    gates: {
      notBefore,
      approval: approvals === 0 ? null : { required: approvals, allowSelf: false },
      concurrency: concurrency && { group: "prod", key: "", limit: 1, onConflict: "queue", ...concurrency },
      waitUntil,
      creator: wanted.creator ?? ANN,
      sealedUnder: null,
    },
  };
}

export function newDispatch({ maxAttempts = 3, startOn = "accepted", hasStopRequest }: Wanted = {}): NewDispatch {
  const request = { host: "ci.example", maxAttempts, initialDelayMs: 1000, sealed: new Uint8Array(8) };
  return { ...request, startOn, ...(hasStopRequest && { stopRequest: request }) };
}

/** Asks for a run. Returns its id, or why it was refused. */
export async function create(stage: Stage, { object }: Awake, wanted: Wanted = {}): Promise<string> {
  const reply = await ask(stage, object, wanted);
  return reply.ok ? reply.id : reply.reason;
}

export async function ask(stage: Stage, object: Awake["object"], wanted: Wanted = {}): Promise<RunReply> {
  const run = gatedRun(await stage.newId(), wanted);
  const changeKey = { key: wanted.key ?? `m:${run.id}`, fingerprint: "" };
  const preview = run.gates.approval === null ? {} : { preview: "{}" };
  return object.runs.create(run, changeKey, newDispatch(wanted), { ...preview, ...DETAILED });
}

/** Creates a run that starts. */
export async function running(stage: Stage, awake: Awake, wanted: Wanted = {}): Promise<string> {
  const id = await create(stage, awake, wanted);
  stage.underWay.at(-1)?.answer(200);
  await stage.settle();
  return id;
}

/** A pause of the group that runs have, from now on. */
export function newPause(more: Partial<NewPause> = {}): NewPause {
  return { group: "prod", reason: "freeze", until: null, by: "ann", via: null, at: Date.now(), ...more };
}

export interface Shown {
  readonly status: string;
  readonly waitingFor: string | null;
  readonly endCause: string | null;
  readonly version: number;
}

/** The run as the journal has it. */
export function shown({ sql }: Awake, id: string): Shown {
  const query = "SELECT status, waiting_for AS waitingFor, end_cause AS endCause, version FROM runs WHERE id = ?";
  return sql.exec<Pick<Shown, keyof Shown>>(query, id).one();
}

/** Whether the run was released and is open. */
export function holds(awake: Awake, id: string): boolean {
  const { status, waitingFor } = shown(awake, id);
  return waitingFor === null && (status === "pending" || status === "running");
}

let changes = 0;

export function newKey() {
  return { key: `t:${++changes}`, fingerprint: "" };
}

/** So many more runs wait like this one. They are never released. */
export function copyRun({ sql }: Awake, id: string, count: number): void {
  const columns = [...sql.exec<{ name: string }>("PRAGMA table_info(runs)")].map(({ name }) => name);
  const others: Readonly<Record<string, string>> = {
    run_key: "-n",
    id: "id || '-' || n",
    create_key: "'m:' || n",
    // No change that D1 still lacks.
    change_seq: "0",
  };
  const values = columns.map((name) => others[name] ?? name);
  sql.exec(
    `WITH RECURSIVE others (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM others WHERE n < ?1)
     INSERT INTO runs (${columns.join(", ")}) SELECT ${values.join(", ")} FROM runs, others WHERE id = ?2 AND n <= ?1`,
    count,
    id,
  );
}
