/**
 * One key, ten creates, and an action whose group is added, changed and removed meanwhile: one run. The creates call
 * coordinators as src/runs/api/create/create.ts does, and every order of their calls can happen.
 */

import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { RunCoordinator } from "../../src/runs/coordinator/coordinator.ts";
import { isSameSlot, type Slot } from "../../src/runs/gates.ts";
import { alarmAt, alarmIn, coordinator, DAY_MS, journal, mint } from "../support/direct.ts";
import { newRunsPath } from "../support/requests.ts";
import { sendWith } from "../webhooks/sender.ts";
import { newDelivery, newRun } from "./gated-runs.ts";
import { Random } from "./random.ts";

const SEED = 20261128;
const STORIES = 12;
const CREATES = 10;
const TRIES_MAX = 5;
const COORDINATORS = [0, 1, 2];
/** The coordinator of the key. */
const OF_KEY = 0;

/** What the action is when a create reads it: its group; only an approval; or no gate at all. */
type Seen = Slot | "approval" | "nothing";
const SEEN: readonly Seen[] = [
  { group: "first", key: "" },
  { group: "first", key: "k" },
  { group: "second", key: "" },
  // Its coordinator is the key's.
  { group: "own", key: "" },
  "approval",
  "nothing",
];

type Direct = Pick<RunCoordinator, "create" | "createGated" | "claim" | "recall">;

let path = "";
let restore = () => {};
beforeEach(async () => {
  path = newRunsPath();
  restore = await sendWith(() => new Promise(() => {}));
});
afterEach(() => restore());

function direct(n: number): Direct {
  const stub: unknown = coordinator(path);
  return stub as Direct;
}

function homeOf({ group }: Slot): number {
  return ["own", "first", "second"].indexOf(group);
}

/** A create, which stops before each call. Returns the id of its run. */
async function* create(seen: Seen, key: string): AsyncGenerator<void, string> {
  const changeKey = { key, fingerprint: "f" };
  const slot = typeof seen === "string" ? null : seen;
  let claimed: Slot | null = null;
  if (slot !== null && homeOf(slot) !== OF_KEY) {
    yield;
    const reply = await direct(OF_KEY).claim(changeKey, slot);
    if (!reply.ok) throw new Error(reply.reason);
    if (reply.run !== null) return reply.run.id;
    if (!isSameSlot(reply.claim, slot)) claimed = reply.claim;
  }
  for (let n = 0; n < TRIES_MAX; n++) {
    const at = claimed ?? slot;
    const home = at === null ? OF_KEY : homeOf(at);
    const concurrency = at && { ...at, ...(claimed !== null && { limit: 1, isClaimed: true }) };
    const run = newRun(await mint(path, Date.now(), home), {
      concurrency,
      approvals: seen === "approval" ? 1 : 0,
    });
    const isGated = concurrency !== null || seen === "approval";
    yield;
    const reply = isGated
      ? await direct(home).runs.create(run, changeKey, newDelivery(), { preview: null })
      : await direct(home).runs.create({ ...run, gates: null }, changeKey, newDelivery());
    if (reply.ok) return reply.id;
    if (reply.reason !== "id_taken" && reply.claim === undefined) throw new Error(reply.reason);
    claimed = reply.claim ?? claimed;
  }
  throw new Error("too many tries");
}

/** A create that is refused today, and so asks what its key created. Null: nothing. */
async function* recall(key: string): AsyncGenerator<void, string | null> {
  const changeKey = { key, fingerprint: "f" };
  yield;
  let reply = await direct(OF_KEY).runs.recall(changeKey);
  if (!reply.ok && reply.claim !== undefined) {
    yield;
    reply = await direct(homeOf(reply.claim)).runs.recall(changeKey);
  }
  return reply.ok ? reply.id : null;
}

/** Only an object that is awake can be evicted. */
async function evict(n: number): Promise<void> {
  await direct(n).runs.recall({ key: "t:nothing", fingerprint: "" });
  await evictDurableObject(coordinator(path));
}

async function tell(seed: number): Promise<void> {
  const random = new Random(seed);
  const key = `t:key-${seed}`;
  const going = Array.from({ length: CREATES }, () =>
    random.isOneIn(5) ? recall(key) : create(random.of(SEEN), key),
  );
  const answers: (string | null)[] = [];
  while (going.length > 0) {
    if (random.isOneIn(20)) await evict(random.of(COORDINATORS));
    const next = random.of(going);
    const step = await next.next();
    if (step.done !== true) continue;
    going.splice(going.indexOf(next), 1);
    answers.push(step.value);
  }
  const made: string[] = [];
  for (const n of COORDINATORS) {
    const rows = await journal<{ id: string }>(path, "SELECT id FROM runs WHERE create_key = ?", key);
    made.push(...rows.map(({ id }) => id));
  }
  const told = [...new Set(answers.filter((id) => id !== null))];
  expect({ seed, made }).toEqual({ seed, made: told });
  expect(made.length).toBeLessThanOrEqual(1);
}

it("ten creates with one key make one run, whatever the group of their action is when each reads it", async () => {
  for (let seed = SEED; seed < SEED + STORIES; seed++) await tell(seed);
});

it("the claim of a create that was refused is erased when no run of it could live any more", async () => {
  await direct(OF_KEY).claim({ key: "t:refused", fingerprint: "f" }, { group: "first", key: "" });
  const endsAt = await alarmAt(path, OF_KEY);
  const left = async () => (await journal(path, OF_KEY, "SELECT key FROM claims")).length;
  const ring = (at: number) => alarmIn(at - Date.now(), coordinator(path, OF_KEY));
  // A run can wait for its start for 30 days and for its slot for 30, take 30, and be kept for 30.
  expect((endsAt ?? 0) - Date.now()).toBeGreaterThan(119 * DAY_MS);
  expect(await left()).toBe(1);
  expect(await ring((endsAt ?? 0) + 1)).toBe(true);
  expect(await left()).toBe(0);
});
