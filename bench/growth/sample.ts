/**
 * The runs that a place is filled with: the `i`th of an environment is always the same one. PURE but for what the
 * service's own rules do: each run is begun and brought to its end by them.
 */

import { begin, type Run, type RunEvent, transition } from "../../src/runs/run.ts";
import { firstIdAt } from "../../src/runs/run-id.ts";
import { eventsBetween, type TimelineEvent } from "../../src/runs/timeline.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The longest there is, so that what is open stays so while it is measured. */
const TIMEOUT_MS = 43_200 * MINUTE_MS;
const SPAN_DAYS = 25;
/** More days back than the runs span, and fewer than they are kept: none is due by itself. */
const OLDEST_DAYS = 29;

/** Each filter of a list has one value that so many of a hundred runs have. */
export const COMMON = {
  actionName: { value: "deploy", percent: 40 },
  entityId: { value: "0b7a4f0e-6c1d-4a55-9d3c-2f1f6d0c9e11", percent: 15 },
  triggeredBy: { value: "ci", percent: 50 },
} as const;
const ACTIONS = ["rollback", "scale", "restart", "rotate-secrets", "migrate", "publish", "provision"];
const CALLERS = ["portal", "nightly", "release-bot", "on-call"];
/** Percent of the runs: the rest succeeded. */
const SHARES = { pending: 4, running: 4, cancelled: 4, failed: 20 } as const;

/** What a run went through, in order: its creation, and what changed it later if anything did. */
export interface Step {
  readonly run: Run;
  readonly events: readonly TimelineEvent[];
  readonly at: number;
}

/** Where the runs of an environment lie in time: `runs` of them, evenly, up to some days before `now`. */
export interface Calendar {
  readonly now: number;
  readonly runs: number;
}

export const ENVIRONMENTS = { one: 1, spread: 100 } as const;
/** The environment that is measured has so many more where it is one of a hundred, for pages and batches that are full at any size. */
const MORE_MEASURED = 2000;

export function calendarOf(layout: "one" | "spread", runs: number, now: number, env: number): Calendar {
  const more = layout === "spread" && env === 0 ? MORE_MEASURED : 0;
  return { now, runs: Math.floor(runs / ENVIRONMENTS[layout]) + more };
}

export function createdAtOf({ now, runs }: Calendar, i: number): number {
  return now - OLDEST_DAYS * DAY_MS + Math.floor((i * SPAN_DAYS * DAY_MS) / runs);
}

/** An id as the service lays them out, but that its tag is made up. */
export function unsignedId(createdAt: number, coordinator: number, i: number): string {
  const variant = (8 + (mix(i, 1) & 3)).toString(16);
  const random = hex(mix(i, 2)) + hex(mix(i, 3)) + hex(mix(i, 4));
  const number = coordinator.toString(16).padStart(3, "0");
  return `${firstIdAt(createdAt).slice(0, 14)}8${number}-${variant}${random.slice(0, 3)}-${random.slice(3, 15)}`;
}

export function stepsOf(calendar: Calendar, i: number, id: string): Step[] {
  const createdAt = createdAtOf(calendar, i);
  const created = begin({
    id,
    actionName: common(COMMON.actionName, ACTIONS, i, 5),
    entityId: entityOf(i),
    parameters: `{"service":"checkout-${mix(i, 6) % 500}","version":"1.${i % 90}.2","region":"eu-central","replicas":${i % 9}}`,
    recommendations: "{}",
    triggeredBy: common(COMMON.triggeredBy, CALLERS, i, 7),
    createdAt,
    deadlineAt: createdAt + TIMEOUT_MS,
  });
  const first: Step = {
    run: created,
    events: [{ type: "created", at: createdAt, data: { by: created.triggeredBy } }],
    at: createdAt,
  };
  const event = eventOf(i);
  if (event === null) return [first];
  const at = createdAt + 1000 + (mix(i, 8) % (20 * MINUTE_MS));
  const next = transition(created, event, at);
  if (!next.ok) throw new Error(`the sample's run ${i} refuses ${event.type}: ${next.error}`);
  return [first, { run: next.value, events: eventsBetween(created, next.value, event), at }];
}

function eventOf(i: number): RunEvent | null {
  const output = `{"url":"https://ci.example.com/jobs/${mix(i, 9) % 1_000_000}","tests":"${i % 400} passed"}`;
  let share = mix(i, 10) % 100;
  if (share < SHARES.pending) return null;
  share -= SHARES.pending;
  if (share < SHARES.running) return { type: "heartbeat" };
  share -= SHARES.running;
  if (share < SHARES.cancelled) return { type: "cancelled", by: "portal" };
  share -= SHARES.cancelled;
  if (share < SHARES.failed) return { type: "failed", error: `step ${i % 12} exited with code 1`, output };
  return { type: "succeeded", output };
}

function entityOf(i: number): string | null {
  const share = mix(i, 11) % 100;
  if (share < COMMON.entityId.percent) return COMMON.entityId.value;
  if (share >= 70) return null;
  const number = mix(i, 12) % 20_000;
  return `4c1f9a20-77b3-4d0e-8a51-${number.toString(16).padStart(12, "0")}`;
}

function common(
  { value, percent }: { readonly value: string; readonly percent: number },
  others: readonly string[],
  i: number,
  salt: number,
): string {
  const drawn = mix(i, salt);
  return drawn % 100 < percent ? value : (others[drawn % others.length] ?? value);
}

/** A number of 31 bits that `i` and `salt` alone decide: MurmurHash3's last step, twice. */
function mix(i: number, salt: number): number {
  return finish(finish(i + 1) ^ Math.imul(salt, 0x9e3779b1)) >>> 1;
}

function finish(n: number): number {
  let h = n;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function hex(n: number): string {
  return n.toString(16).padStart(8, "0");
}
