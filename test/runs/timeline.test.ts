/** The timeline's rules: what becomes an entry, how it reads on the wire, and which heartbeats are kept of many. */

import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EVENTS_MAX, TimelineRows } from "../../src/runs/journal/timeline-rows.ts";
import { begin, type Gates, type Run } from "../../src/runs/run.ts";
import {
  eventsBetween,
  gateEventsOfNew,
  heartbeatNews,
  isLast,
  type StoredEvent,
  type TimelineEvent,
  toWireEvent,
} from "../../src/runs/timeline.ts";
import { type RunEvent, transition } from "../../src/runs/transition.ts";

import { beatMany, coordinator, direct, givenAged, writeFirst } from "../support/direct.ts";
import { newRunsPath, pagesOf } from "../support/requests.ts";
import { toRun } from "../support/rows.ts";
import type { WireEvent } from "../support/runs/stream.ts";

const CREATED_AT = Date.UTC(2026, 0, 31, 12);
const NOW = CREATED_AT + 2000;
const PENDING: Run = toRun({
  id: "019c0e5a-1800-8000-8000-000000000000",
  createdAt: CREATED_AT,
  silentSince: CREATED_AT,
  deadlineAt: CREATED_AT + 60_000,
});

describe("what a change leaves in the timeline", () => {
  const failed = (cause: string) => ({ status: "failed", cause });
  it.each<[event: RunEvent, at: number, entries: [type: string, data: object][]]>([
    [{ type: "started" }, NOW, [["started", { cause: "delivery" }]]],
    [{ type: "heartbeat" }, NOW, [["started", { cause: "heartbeat" }]]],
    [{ type: "dispatched" }, NOW, []],
    [
      { type: "succeeded", output: null },
      NOW,
      [
        ["started", { cause: "callback" }],
        ["ended", { status: "succeeded", cause: "callback" }],
      ],
    ],
    [
      { type: "failed", error: "no", output: null },
      NOW,
      [
        ["started", { cause: "callback" }],
        ["ended", failed("callback")],
      ],
    ],
    [{ type: "cancelled", by: "ci" }, NOW, [["ended", { status: "cancelled", cause: "cancel", by: "ci" }]]],
    [
      { type: "cancel_requested", by: "ci", reason: "wrong branch", graceMs: 60_000 },
      NOW,
      [["ended", { status: "cancelled", cause: "cancel", by: "ci", reason: "wrong branch" }]],
    ],
    [
      { type: "cancel_requested", by: "ci", reason: null, graceMs: 0 },
      NOW,
      [["ended", { status: "cancelled", cause: "cancel", by: "ci" }]],
    ],
    [{ type: "external_url", url: "https://ci.example/1" }, NOW, [["external_url", { url: "https://ci.example/1" }]]],
    [{ type: "external_url", url: "http://ci.example/1" }, NOW, []],
    [{ type: "dispatch_failed", reason: "x." }, NOW, [["ended", failed("delivery")]]],
    [{ type: "deadline_passed" }, CREATED_AT + 60_000, [["ended", failed("deadline")]]],
  ])("of a pending run: %j", (event, at, entries) => {
    const next = transition(PENDING, event, at);
    if (!next.ok) throw new Error(next.error);
    const expected = entries.map(([type, data]) => ({ type, at, data }));
    expect(eventsBetween(PENDING, next.value, event, at)).toEqual(expected);
    expect(eventsBetween(next.value, next.value, event, at)).toEqual([]);
  });
});

describe("heartbeats that say nothing new", () => {
  const last = (data: object): StoredEvent => ({ seq: 9, type: "heartbeat", at: NOW, data: JSON.stringify(data) });
  it.each([
    { last: null, beat: {}, isNews: true },
    { last: last({}), beat: {}, isNews: false },
    { last: last({ message: "m" }), beat: {}, isNews: false },
    { last: last({ message: "m" }), beat: { message: "m" }, isNews: false },
    { last: last({ message: "m", progress: 0.5 }), beat: { progress: 0.5, message: "m" }, isNews: false },
    { last: last({ message: "m", progress: 0.5 }), beat: { progress: 0.5 }, isNews: true },
    { last: last({}), beat: { progress: 0 }, isNews: true },
    { last: last({ progress: 0 }), beat: { progress: 0.1 }, isNews: true },
    { last: last({ externalUrl: "x" }), beat: { externalUrl: "x", externalUrlRefused: "y" }, isNews: true },
    {
      last: last({ externalUrl: "x", externalUrlRefused: "y" }),
      beat: { externalUrlRefused: "y", externalUrl: "x" },
      isNews: false,
    },
  ])("are no entry: %j", ({ last, beat, isNews }) => {
    const entry = { type: "heartbeat", at: NOW, data: beat };
    expect(heartbeatNews(last, beat, NOW)).toEqual(isNews ? [entry] : []);
  });
});

it("an entry reads as its number, type and instant, and what else there is to say", () => {
  const entry = { seq: 7, type: "heartbeat", at: CREATED_AT };
  expect(toWireEvent({ ...entry, data: "{}" })).toBe('{"seq":7,"type":"heartbeat","at":"2026-01-31T12:00:00.000Z"}');
  expect(toWireEvent({ ...entry, data: '{"message":"{}"}' })).toBe(
    '{"seq":7,"type":"heartbeat","at":"2026-01-31T12:00:00.000Z","message":"{}"}',
  );
  expect(["created", "started", "heartbeat", "ended"].map((type) => isLast({ type }))).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

const SECOND = 1000;
const UNTIL = "2026-01-31T13:00:00.000Z";
const ANN = { tokenId: "t", tokenName: "ci", parents: [], person: null };
const EVE = { tokenId: "p", tokenName: "portal", parents: [], person: "eve" };
const NEWER = "019c0e5a-1801-8000-8000-000000000000";

const CONCURRENCY = { group: "prod", key: "shop", limit: 1, onConflict: "queue" } as const;
const GATES: Gates = {
  notBefore: CREATED_AT + 10 * SECOND,
  approval: { required: 1, allowSelf: false },
  concurrency: CONCURRENCY,
  waitUntil: CREATED_AT + 3_600_000,
  creator: ANN,
  sealedUnder: null,
};
const newRun = (gates: Partial<Gates> | null) =>
  begin({ ...PENDING, source: "action", gates: gates && { ...GATES, ...gates } }, CREATED_AT, { isDispatching: true });

/** The run after the event, and what its timeline tells of it. */
function told(run: Run, event: RunEvent, now: number): { run: Run; events: TimelineEvent[] } {
  const next = transition(run, event, now);
  if (!next.ok) throw new Error(next.error);
  return { run: next.value, events: eventsBetween(run, next.value, event, now) };
}

it("a new run tells of the gate that it waits for, and of nothing without gates", () => {
  expect(gateEventsOfNew(newRun(null))).toEqual([]);
  const queue = { group: "prod", key: "shop" };
  const time = { for: "time", until: UNTIL, notBefore: "2026-01-31T12:00:10.000Z", ...queue };
  expect(gateEventsOfNew(newRun({}))).toEqual([{ type: "waiting", at: CREATED_AT, data: time }]);
  const approval = { for: "approval", until: UNTIL };
  expect(gateEventsOfNew(newRun({ notBefore: null, concurrency: null }))[0]?.data).toEqual(approval);
  const keyless = { concurrency: { ...CONCURRENCY, key: "" } };
  expect(gateEventsOfNew(newRun({ notBefore: null, ...keyless }))[0]?.data).toEqual({ ...approval, group: "prod" });
});

it("a run that is released at once tells of its release", () => {
  const free = told(newRun({ notBefore: null, approval: null }), { type: "released" }, CREATED_AT + 5).run;
  expect(gateEventsOfNew(free)).toEqual([{ type: "released", at: CREATED_AT + 5, data: {} }]);
});

it("each gate is told once, with who opened it and why", () => {
  const time = newRun({});
  const opened = told(time, { type: "time_opened", by: EVE }, CREATED_AT + SECOND);
  const opener = { by: "eve", via: "portal" };
  expect(opened.events).toMatchObject([
    { type: "waiting", at: CREATED_AT + SECOND, data: { for: "approval", ...opener } },
  ]);
  const approval = { by: ANN, at: CREATED_AT + 2 * SECOND, reason: "fine" };
  const approved = told(opened.run, { type: "approved", approval }, CREATED_AT + 2 * SECOND);
  expect(approved.events).toEqual([
    { type: "approved", at: CREATED_AT + 2 * SECOND, data: { by: "ci", reason: "fine" } },
    {
      type: "waiting",
      at: CREATED_AT + 2 * SECOND,
      data: { for: "concurrency", until: UNTIL, group: "prod", key: "shop" },
    },
  ]);
  const held = told(approved.run, { type: "held", reason: "freeze" }, CREATED_AT + 3 * SECOND);
  expect(held.events).toMatchObject([{ type: "waiting", data: { for: "pause", reason: "freeze" } }]);
  const longer = told(held.run, { type: "held", reason: "longer" }, CREATED_AT + 4 * SECOND);
  expect(longer.events).toMatchObject([
    { type: "waiting", at: CREATED_AT + 4 * SECOND, data: { for: "pause", reason: "longer" } },
  ]);
  expect(longer.run.waitingSince).toBe(CREATED_AT + 3 * SECOND);
  const released = told(longer.run, { type: "released" }, CREATED_AT + 4 * SECOND);
  expect(released.events).toEqual([{ type: "released", at: CREATED_AT + 4 * SECOND, data: {} }]);
});

it("an approval that opens no gate is told alone, and a time that came by itself names nobody", () => {
  const two = newRun({ notBefore: null, approval: { required: 2, allowSelf: false } });
  const approval = { by: EVE, at: CREATED_AT + 1, reason: null };
  expect(told(two, { type: "approved", approval }, CREATED_AT + 1).events).toEqual([
    { type: "approved", at: CREATED_AT + 1, data: { by: "eve", via: "portal" } },
  ]);
  const [event] = told(newRun({}), { type: "time_opened" }, CREATED_AT + 10 * SECOND).events;
  expect(event?.data).toEqual({ for: "approval", until: UNTIL, group: "prod", key: "shop" });
});

it("a rejection is told before the end, and the end names who came at the gate", () => {
  const rejected: RunEvent = { type: "rejected", by: EVE, reason: "not on a Friday" };
  const by = { by: "eve", via: "portal", reason: "not on a Friday" };
  const ended = { status: "cancelled", cause: "rejected", ...by };
  expect(told(newRun({}), rejected, CREATED_AT + 1).events).toEqual([
    { type: "rejected", at: CREATED_AT + 1, data: by },
    { type: "ended", at: CREATED_AT + 1, data: ended },
  ]);
  const replaced = told(newRun({}), { type: "replaced", by: NEWER, triggeredBy: "eve" }, CREATED_AT + 1).events;
  expect(replaced.map(({ data }) => data)).toEqual([
    { status: "cancelled", cause: "replaced", by: "eve", replacedBy: NEWER },
  ]);
});

const RUN: Run = { ...PENDING, id: "a-run" };

/** Looks at a timeline in an object's own storage, as the coordinator does. */
async function inJournal<T>(go: (timeline: TimelineRows, sql: SqlStorage) => T): Promise<T> {
  const path = newRunsPath();
  await writeFirst(path);
  return runInDurableObject(coordinator(path), (_instance, { storage }) =>
    storage.transactionSync(() => go(new TimelineRows(storage.sql), storage.sql)),
  );
}

function entry(type: TimelineEvent["type"], n: number): TimelineEvent {
  return { type, at: CREATED_AT + n, data: { n } };
}

function all(timeline: TimelineRows): StoredEvent[] {
  return timeline.after(RUN, 0, 100_000);
}

/** Every heartbeat ever sent is either kept or counted, the oldest are those that are counted, all else is kept. */
function expectTold(kept: readonly Pick<StoredEvent, "seq" | "type">[], counts: number[], sent: readonly string[]) {
  const seqs = kept.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  expect(seqs.at(-1)).toBe(sent.length);
  const thinned = kept.filter(({ type }) => type === "heartbeats_thinned");
  const beats = kept.filter(({ type }) => type === "heartbeat").map(({ seq }) => seq);
  const sentBeats = sent.flatMap((type, i) => (type === "heartbeat" ? [i + 1] : []));
  const count = sentBeats.length - beats.length;
  expect(counts).toEqual(count > 0 ? [count] : []);
  expect(beats).toEqual(sentBeats.slice(count));
  // In the place of the last of them.
  expect(thinned.map(({ seq }) => seq)).toEqual(sentBeats.slice(0, count).slice(-1));
  const others = kept.filter(({ type }) => !type.startsWith("heartbeat"));
  expect(others.map(({ seq }) => seq)).toEqual(sent.flatMap((type, i) => (type === "heartbeat" ? [] : [i + 1])));
}

function countsOf(kept: readonly StoredEvent[]): number[] {
  return kept.filter(({ type }) => type === "heartbeats_thinned").map(({ data }) => JSON.parse(data).count);
}

describe("a run that is heard of very often", () => {
  it.each([
    { atOnce: 1, otherEvery: 0 },
    { atOnce: 1, otherEvery: 37 },
    { atOnce: 7, otherEvery: 3 },
    { atOnce: 250, otherEvery: 50 },
  ])("keeps at most 1000 entries, after every change: %j", async ({ atOnce, otherEvery }) => {
    await inJournal((timeline, sql) => {
      const sent: string[] = ["created"];
      while (sent.length < 2500) {
        const some = Array.from({ length: atOnce }, (_, i) => {
          const n = sent.length + i;
          // What is never dropped must leave room, as a run's few attempts do.
          const isOther = otherEvery > 0 && n % otherEvery === 0 && n < 900;
          return entry(isOther ? "attempt_started" : "heartbeat", n);
        });
        timeline.append(RUN, some);
        sent.push(...some.map(({ type }) => type));
        const { kept } = sql
          .exec<{ kept: number }>("SELECT count(*) AS kept FROM events WHERE run_id = ?", RUN.id)
          .one();
        // `created` is not kept but counts.
        expect(kept + 1).toBeLessThanOrEqual(EVENTS_MAX);
        if (sent.length % 100 < atOnce) {
          const now = all(timeline);
          expectTold(now, countsOf(now), sent);
        }
      }
      expect(all(timeline).length).toBeGreaterThan(EVENTS_MAX - 150);
    });
  });

  it("loses only heartbeats, and nothing if it has none", async () => {
    await inJournal((timeline) => {
      for (let n = 0; n < 1250; n++) timeline.append(RUN, [entry("attempt_started", n)]);
      expect(all(timeline)).toHaveLength(1251);
    });
  });
});

describe("several entries at once", () => {
  const OTHER = { ...RUN, id: "another-run" };

  it("take the numbers after those there are, in their order, of this run alone", async () => {
    await inJournal((timeline, sql) => {
      const put = (run: Run, ...ns: number[]) =>
        timeline.append(
          run,
          ns.map((n) => entry("heartbeat", n)),
        );
      put(RUN, 1, 2, 3);
      put(OTHER, 101, 102);
      put(RUN, 4);
      put(RUN);
      put(RUN, 5, 6, 7, 8, 9, 10, 11, 12);
      put(OTHER, 103);
      const numbers = (events: StoredEvent[]) => events.map(({ seq, data }) => [seq, JSON.parse(data).n]);
      const created = [1, undefined];
      expect(numbers(all(timeline))).toEqual([created, ...Array.from({ length: 12 }, (_, i) => [i + 2, i + 1])]);
      expect(numbers(timeline.after(OTHER, 0, 100))).toEqual([created, [2, 101], [3, 102], [4, 103]]);
      sql.exec("DELETE FROM events WHERE run_id = ?", RUN.id);
      expect(numbers(all(timeline))).toEqual([created]);
      put(RUN, 21, 22);
      expect(numbers(all(timeline))).toEqual([created, [2, 21], [3, 22]]);
    });
  });

  it.each([
    { stored: [], added: [9, 3, 10, 1], told: [9, 9, 10, 10] },
    { stored: [7], added: [5, 6, 7, 8, 2], told: [7, 7, 7, 8, 8] },
    { stored: [7], added: [1], told: [7] },
    { stored: [7, 9], added: [8, 12, 11, 20], told: [9, 12, 12, 20] },
  ])("never go backwards in time: $added after $stored", async ({ stored, added, told }) => {
    await inJournal((timeline) => {
      timeline.append(
        RUN,
        stored.map((n) => entry("heartbeat", n)),
      );
      timeline.append(
        RUN,
        added.map((n) => entry("heartbeat", n)),
      );
      const at = all(timeline).map((event) => event.at - CREATED_AT);
      expect(at).toEqual([0, ...stored, ...told]);
    });
  });

  it("keep what they say to the letter", async () => {
    const texts = ['"', "\\", "\u0000", "\n\u2028", "\ud800", "é€😀", "{}", "null", "1e400", "'", ""];
    await inJournal((timeline) => {
      const events = texts.map((message, n) => ({ ...entry("heartbeat", n), data: { message, progress: 0.1 } }));
      timeline.append(RUN, events);
      timeline.append(RUN, [{ ...entry("started", 99), data: {} }]);
      expect(all(timeline).map(({ data }) => data)).toEqual([
        '{"by":"root"}',
        ...events.map(({ data }) => JSON.stringify(data)),
        "{}",
      ]);
    });
  });
});

/** One thing that happens to a run. `at`: in ms after the run was created, as the clock says. */
interface Happening {
  readonly what: RunEvent["type"] | "attempt" | "answer" | "beats" | "silence";
  readonly at: number;
  /** How many heartbeats. */
  readonly n: number;
}

const ENDS: readonly RunEvent[] = [
  { type: "succeeded", output: null },
  { type: "failed", error: "no", output: null },
  { type: "cancelled", by: "a person" },
  { type: "dispatch_failed", reason: "ci.example answered 404." },
  { type: "deadline_passed" },
];

/** What happens only to a run with a trigger. */
const NEEDS_TRIGGER: ReadonlySet<string> = new Set(["attempt", "answer", "started", "dispatched", "dispatch_failed"]);

/** The events of a write, and the run after it. */
interface Write {
  readonly run: Run;
  readonly events: readonly TimelineEvent[];
}

/** The writes of a run to which these things happen, made by the rules of the service. What it refuses leaves nothing. */
function writesOf(id: string, happenings: readonly Happening[]): Write[] {
  const isSilent = happenings.some(({ what }) => what === "silence");
  let run: Run = {
    ...PENDING,
    id,
    source: happenings.some(({ what }) => NEEDS_TRIGGER.has(what)) ? "trigger" : "none",
    deadlineAt: CREATED_AT + 600_000,
    heartbeatTimeoutMs: isSilent ? 60_000 : null,
  };
  const writes: Write[] = [];
  const apply = (event: RunEvent, now: number, last: readonly TimelineEvent[] = []) => {
    const next = transition(run, event, now);
    if (!next.ok) return;
    const events = [...eventsBetween(run, next.value, event, now), ...last];
    run = next.value;
    if (events.length > 0) writes.push({ run, events });
  };
  for (const { what, at, n } of happenings) {
    const now = CREATED_AT + at;
    if (run.completedAt !== null) break;
    if (what === "attempt")
      writes.push({ run, events: [{ type: "attempt_started", at: now, data: { attempt: 1, host: "h" } }] });
    else if (what === "answer")
      writes.push({ run, events: [{ type: "attempt_answered", at: now, data: { attempt: 1 } }] });
    else if (what === "beats") {
      for (let beat = 0; beat < n; beat++) {
        apply({ type: "heartbeat" }, now + beat, [{ type: "heartbeat", at: now + beat, data: { beat } }]);
      }
    } else if (what === "started" || what === "dispatched") apply({ type: what }, now);
    else if (what === "deadline_passed" || what === "silence") {
      apply({ type: "deadline_passed" }, CREATED_AT + 900_000);
    } else {
      const end = ENDS.find(({ type }) => type === what);
      if (end !== undefined) apply(end, now);
    }
  }
  return writes;
}

/** A timeline that keeps every event, as JSON for the wire. */
function keptInFull(writes: readonly Write[]): string[] {
  const events: { at: number; text: string }[] = [];
  const first: TimelineEvent = { type: "created", at: CREATED_AT, data: { by: "root" } };
  for (const { type, at, data } of [first, ...writes.flatMap(({ events }) => events)]) {
    const latest = Math.max(at, events.at(-1)?.at ?? 0);
    const seq = events.length + 1;
    events.push({ at: latest, text: JSON.stringify({ seq, type, at: new Date(latest).toISOString(), ...data }) });
  }
  return events.map(({ text }) => text);
}

/** Each page of these sizes is its part of the whole: after each number, or after one in `step`. */
function expectPages(
  timeline: TimelineRows,
  run: Run,
  whole: readonly string[],
  sizes: readonly number[],
  step = 1,
): void {
  const seqs = whole.map((text) => (JSON.parse(text) as WireEvent).seq);
  const last = seqs.at(-1) ?? 0;
  const wrong: object[] = [];
  for (let after = 0; after <= last + 1; after += after < 5 || after > last - 5 ? 1 : step) {
    const rest = whole.filter((_, i) => (seqs[i] ?? 0) > after);
    for (const limit of sizes) {
      const page = timeline.after(run, after, limit).map((event) => toWireEvent(event, { withExcerpt: true }));
      if (page.join() !== rest.slice(0, limit).join()) wrong.push({ after, limit, page, whole });
    }
  }
  expect(wrong).toEqual([]);
  expect(toWireEvent(timeline.last(run), { withExcerpt: true })).toBe(whole.at(-1));
}

it.each(["attempt_answered", "stop_answered"])("the excerpt of %s is only for who may see it", (type) => {
  const data = { attempt: 1, reason: "answered 400", excerpt: 'say "excerpt":"no"', nextAttemptAt: null };
  const event = { seq: 3, type, at: CREATED_AT, data: JSON.stringify(data) };
  const { excerpt: _, ...rest } = data;
  const head = { seq: 3, type, at: "2026-01-31T12:00:00.000Z" };
  expect(toWireEvent(event, { withExcerpt: true })).toBe(JSON.stringify({ ...head, ...data }));
  expect(toWireEvent(event)).toBe(JSON.stringify({ ...head, ...rest }));
});

describe("a timeline reads as if each of its events were kept", () => {
  const BEFORE = ["attempt", "answer", "beats", "started", "dispatched"] as const;
  const ends = [...ENDS.map(({ type }) => type), "silence"] as const;

  it("after every sequence of up to three things before each end, or before none", async () => {
    await inJournal((timeline, sql) => {
      let sequences: (readonly Happening["what"][])[] = [[]];
      const everySequence = [...sequences];
      for (let length = 1; length <= 3; length++) {
        sequences = sequences.flatMap((some) => BEFORE.map((what) => [...some, what]));
        everySequence.push(...sequences);
      }
      const seen = new Set<string>();
      for (const before of everySequence) {
        for (const end of [null, ...ends]) {
          const whats = end === null ? before : [...before, end];
          const id = `run-${seen.size}`;
          const writes = writesOf(
            id,
            whats.map((what, i) => ({ what, at: 1000 * i, n: 1 })),
          );
          const whole = keptInFull(writes);
          // Many sequences leave the same events, because the run refuses some of the things.
          if (seen.has(whole.join())) continue;
          seen.add(whole.join());
          for (const { run, events } of writes) timeline.append(run, events);
          expectPages(timeline, writes.at(-1)?.run ?? { ...PENDING, id }, whole, [1, 2, whole.length]);
        }
      }
      expect(seen.size).toBeGreaterThan(200);
      // It keeps neither what the run tells nor a start that the end tells.
      const untold = "type = 'created' OR (type = 'started' AND data = '{\"cause\":\"callback\"}' )";
      const kept = sql.exec<{ n: number }>(`SELECT count(*) AS n FROM events WHERE ${untold}`).one();
      expect(kept).toEqual({ n: 0 });
    });
  });

  it("whenever each thing happens, though the clock steps back, and with thousands of heartbeats", async () => {
    await inJournal((timeline) => {
      let runs = 0;
      const happening = fc.record({
        what: fc.constantFrom(...BEFORE, ...ends),
        at: fc.integer({ min: -5000, max: 40_000 }),
        n: fc.oneof({ weight: 20, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(1400) }),
      });
      const happenings = fc.array(happening, { maxLength: 8 });
      const property = fc.property(happenings, fc.integer({ min: 1, max: 60 }), (history, limit) => {
        const id = `random-${++runs}`;
        const writes = writesOf(id, history);
        for (const { run, events } of writes) timeline.append(run, events);
        const run = writes.at(-1)?.run ?? { ...PENDING, id };
        const full = keptInFull(writes);
        const whole = timeline.after(run, 0, 100_000).map((event) => toWireEvent(event, { withExcerpt: true }));
        if (full.length < EVENTS_MAX) expect(whole).toEqual(full);
        else expectThinned(whole, full);
        expectPages(timeline, run, whole, [1, limit, whole.length], Math.ceil(whole.length / 20));
      });
      fc.assert(property, { seed: 20260131, numRuns: 150 });
    });
  });
});

/** The whole timeline, but for its oldest heartbeats, which are one event that counts them. */
function expectThinned(whole: readonly string[], full: readonly string[]): void {
  const events = whole.map((text): WireEvent => JSON.parse(text));
  expect(whole.length).toBeLessThanOrEqual(EVENTS_MAX);
  const counts = events.filter(({ type }) => type === "heartbeats_thinned").map(({ count }) => Number(count));
  expectTold(
    events,
    counts,
    full.map((text) => (JSON.parse(text) as WireEvent).type),
  );
  const kept = new Set(whole);
  for (const [i, text] of whole.entries()) {
    if (events[i]?.type !== "heartbeats_thinned") expect(full).toContain(text);
  }
  for (const text of full) if (!text.includes('"type":"heartbeat"')) expect(kept).toContain(text);
}

it("the pages of a long-lived run say how many heartbeats are no longer kept", async () => {
  const { path, id, runPath } = await givenAged();
  await beatMany(path, id, 1730);
  await direct(path).runs.heartbeat(id, {});
  const events = (await pagesOf<WireEvent>(`${runPath}/events?limit=200`)).flat();
  expect(events.length).toBeLessThanOrEqual(EVENTS_MAX);
  const counts = events.filter(({ type }) => type === "heartbeats_thinned").map(({ count }) => count as number);
  expectTold(events, counts, ["created", "started", ...Array(1730).fill("heartbeat")]);
  expect(events.slice(0, 3).map(({ type }) => type)).toEqual(["created", "started", "heartbeats_thinned"]);
  expect(events.at(-1)).toMatchObject({ type: "heartbeat", message: "m1729" });
});
