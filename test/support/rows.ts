/** Inserts runs into D1 directly, because a list's test must choose their instants, sizes and numbers. */

import { env } from "cloudflare:workers";
import { hyphenated, timeHex } from "../../src/base/ids.ts";
import { toActionRun } from "../../src/runs/action-run.ts";
import { type HomeKeeper, Registration } from "../../src/runs/d1/control-database.ts";
import { D1RowStore, GROUP_MAX_BYTES, hasLabels, toGroupRow } from "../../src/runs/d1/store.ts";
import type { JournaledRun } from "../../src/runs/journal/run-rows.ts";
import { begin, type NewRun, type Run, type WaitingFor } from "../../src/runs/run.ts";

export interface Row extends Partial<Run> {
  readonly id: string;
}

const MONTH_MS = 30 * 86_400_000;

let ids = 0;

/**
 * A run id of this millisecond. Ids of one millisecond are in no particular order, and no two have the same key in a
 * journal, as long as a test file makes at most 32768.
 */
export function idAt(ms: number): string {
  // An odd factor makes each number below 2 ** 15 once before it repeats.
  const random = (++ids * 20_077) % 2 ** 15;
  return idWith(ms, random, crypto.getRandomValues(new Uint8Array(8)).toHex().slice(1));
}

/** A run id with these 15 random bits in its journal key. `tail`: 15 digits, of whose first only three bits are used. */
export function idWith(ms: number, random: number, tail: string): string {
  const version = (0x8000 | (random >> 3)).toString(16);
  const variant = (0x8 | ((random >> 1) & 0x3)).toString(16);
  const next = ((random & 1) << 3) | (Number.parseInt(tail.slice(0, 1), 16) & 0x7);
  return hyphenated(timeHex(ms) + version + variant + next.toString(16) + tail.slice(1));
}

/** A run that nothing starts, as a Worker asks a coordinator for it. Root has just created it. */
export function newRun(run: Partial<NewRun> & Pick<NewRun, "id">): NewRun {
  const { createdAt = Date.now(), timeoutMs = 3_600_000 } = run;
  return {
    actionName: "deploy",
    entityId: null,
    parameters: "{}",
    recommendations: "{}",
    triggeredBy: "root",
    createdAt,
    deadlineAt: createdAt + timeoutMs,
    timeoutMs,
    heartbeatTimeoutMs: null,
    source: "none",
    actionVersion: null,
    retryOf: null,
    traceparent: null,
    via: null,
    gates: null,
    labels: "[]",
    ...run,
  };
}

export function toRun(row: Row): Run {
  const createdAt = Number.parseInt(row.id.replaceAll("-", "").slice(0, 12), 16);
  return { ...begin(newRun({ id: row.id, createdAt, timeoutMs: MONTH_MS }), createdAt), ...row };
}

/** The same with what a journal keeps beside it. */
export function toJournaledRun(row: Row): JournaledRun {
  return {
    ...toRun(row),
    createKey: "",
    createFingerprint: "",
    fingerprintKeyId: null,
    changeKey: null,
    changeFingerprint: null,
    purgeAt: Date.now() + MONTH_MS,
    eventSeq: null,
    endedSeq: null,
    previousStatus: null,
    readySeq: null,
    occupiedUntil: null,
    graceUntil: null,
  };
}

/** Writes rows to D1 as a coordinator does. */
export async function writeRows(
  scope: string,
  rows: readonly string[],
  labelled: readonly string[] = [],
): Promise<void> {
  await rowStore(scope).write(rows, labelled);
}

/** Who tells the control database nothing of where runs are. */
export const NO_KEEPER: HomeKeeper = { home: null, isHomeRegistered: true, homeRegistered: () => {} };

/** The rows of an environment in D1, with the only database that most deployments have. */
export function rowStore(scope: string, db = env.DB): D1RowStore {
  const parts = { nextDueAt: () => Number.POSITIVE_INFINITY, keeper: NO_KEEPER, isOwed: false };
  return new D1RowStore({ DB: db }, 0, scope, new Registration(db, scope, parts));
}

/** What a list shows of a row. */
export function onTheWire(row: Row): unknown {
  return JSON.parse(toActionRun(toRun(row)));
}

export async function insertRows(scope: string, rows: readonly Row[]): Promise<void> {
  const runs = rows.map(toJournaledRun);
  let group: string[] = [];
  let labelled: string[] = [];
  let size = 0;
  const flush = async () => {
    if (group.length > 0) await writeRows(scope, group, labelled);
    group = [];
    labelled = [];
    size = 0;
  };
  for (const run of runs) {
    const text = toGroupRow(run);
    if (size + text.length > GROUP_MAX_BYTES) await flush();
    group.push(text);
    if (hasLabels(run)) labelled.push(run.id);
    size += text.length + 1;
  }
  await flush();
}

/** Every run, token and stored definition in D1, to see that nothing has changed. */
export async function everything(): Promise<unknown> {
  const [runs, tokens, definitions] = await env.DB.batch([
    env.DB.prepare("SELECT scope, id, version, status FROM runs ORDER BY scope, id"),
    env.DB.prepare("SELECT project, id, name FROM tokens ORDER BY project, id"),
    env.DB.prepare("SELECT scope, kind, name, version, definition FROM definitions ORDER BY scope, kind, name"),
  ]);
  return [runs?.results, tokens?.results, definitions?.results];
}

export interface Waited {
  readonly group?: string;
  readonly tokenId?: string;
  readonly sealedUnder?: string | null;
}

/** What a row has of a run that waits at a gate. `waitingFor` null: it no longer waits. */
export function waitingRun(
  waitingFor: WaitingFor | null,
  { group = "prod", tokenId = "root", sealedUnder = null }: Waited = {},
): Pick<Run, "gates" | "waitingFor" | "waitingSince"> {
  const at = Date.now();
  return {
    gates: {
      notBefore: waitingFor === "time" ? at + 60_000 : null,
      approval: { required: 1, allowSelf: false },
      concurrency: { group, key: "", limit: 1, onConflict: "queue" },
      waitUntil: at + 3_600_000,
      creator: { tokenId, tokenName: "root", parents: [], person: null },
      sealedUnder,
    },
    waitingFor,
    waitingSince: waitingFor === null ? null : at,
  };
}
