import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type QueuedRun,
  type QueueState,
  type RunningInQueue,
  type SchedulingDecision,
  schedule,
} from "../../src/runs/scheduling.ts";

const SEED = 20261128;
const actionName = fc.constantFrom("a", "b");
const limit = fc.integer({ min: 1, max: 4 });
const running = fc.array(fc.record({ actionName, limit, isStopping: fc.boolean() }), { maxLength: 5 });
const onConflict = fc.constantFrom("queue", "queue", "cancel_running", "reject");
const reason = fc.constantFrom(null, null, "freeze", "lunch");
const isUnchecked = fc.constantFrom(false, false, true);
const isThrough = fc.constantFrom(false, false, true);
const queued = fc.array(fc.record({ actionName, limit, onConflict, isUnchecked, heldFor: reason, isThrough }), {
  maxLength: 6,
});
const state: fc.Arbitrary<QueueState> = fc.record({ running, queued, pause: reason }).map(({ pause, ...some }) => ({
  running: some.running.map((run, i) => ({ ...run, id: `h${i}` })),
  queued: some.queued.map(({ isThrough, ...run }, i) => {
    return { ...run, id: `w${i}`, pausedFor: isThrough ? null : pause } as QueuedRun;
  }),
}));

const isPaused = ({ pausedFor }: QueuedRun) => pausedFor !== null;
const isPassing = (run: QueuedRun) => !isPaused(run);

/** The queue after what was decided. */
function applied({ running, queued }: QueueState, decisions: readonly SchedulingDecision[]): QueueState {
  const byId = new Map(decisions.map((decision) => [decision.id, decision.type]));
  const released: RunningInQueue[] = queued
    .filter(({ id }) => byId.get(id) === "release")
    .map((run) => ({ ...run, isStopping: false }));
  const gone = new Set(["release", "refuse", "replace"]);
  return {
    running: [...running, ...released].map((run) =>
      byId.get(run.id) === "cancel" ? { ...run, isStopping: true } : run,
    ),
    queued: queued
      .filter(({ id }) => !gone.has(byId.get(id) ?? ""))
      .map((run) => {
        const type = byId.get(run.id);
        return type === "hold" || type === "queue" ? { ...run, heldFor: run.pausedFor } : run;
      }),
  };
}

function idsOf(decisions: readonly SchedulingDecision[], ...types: SchedulingDecision["type"][]): string[] {
  return decisions.filter(({ type }) => types.includes(type)).map(({ id }) => id);
}

function leastOf(runs: readonly { readonly limit: number }[]): number {
  return Math.min(...runs.map((run) => run.limit));
}

/** What happens apart from what must be checked first. */
function doneTo(decisions: readonly SchedulingDecision[]): readonly SchedulingDecision[] {
  return decisions.filter(({ type }) => type !== "check");
}

function always(holds: (state: QueueState, decisions: readonly SchedulingDecision[], after: QueueState) => void): void {
  const property = fc.property(state, (before) => {
    const decisions = schedule(before);
    holds(before, decisions, applied(before, decisions));
  });
  fc.assert(property, { seed: SEED, numRuns: 1500 });
}

describe("of any queue", () => {
  it("no run gets two answers", () =>
    always((_, decisions) => {
      const done = doneTo(decisions);
      expect(new Set(done.map(({ id }) => id)).size).toBe(done.length);
    }));

  it("a run that is not checked gets and takes nothing, and keeps its place", () =>
    always(({ queued }, decisions, after) => {
      const unchecked = new Set(queued.filter((run) => run.isUnchecked).map(({ id }) => id));
      expect(idsOf(decisions, "release").filter((id) => unchecked.has(id))).toEqual([]);
      for (const decision of decisions) {
        if (decision.type === "replace" || decision.type === "cancel") {
          expect(unchecked).not.toContain(decision.by);
        }
      }
      const first = after.queued.findIndex((run) => run.isUnchecked);
      const behind = first < 0 ? [] : after.queued.slice(first).map(({ id }) => id);
      expect(idsOf(decisions, "release").filter((id) => behind.includes(id))).toEqual([]);
    }));

  it("whoever must be checked is named, because otherwise a check of all would change nothing", () =>
    always((before, decisions, after) => {
      const named = idsOf(decisions, "check");
      const unchecked = before.queued.filter((run) => run.isUnchecked).map(({ id }) => id);
      expect(unchecked).toEqual(expect.arrayContaining(named));
      const more = schedule({ ...after, queued: after.queued.map((one) => ({ ...one, isUnchecked: false })) });
      expect(more.length > 0).toBe(named.length > 0);
    }));

  it("no release makes more runs running than the least of their limits", () =>
    always((_, decisions, after) => {
      if (idsOf(decisions, "release").length === 0) return;
      expect(after.running.length).toBeLessThanOrEqual(leastOf(after.running));
    }));

  it("nobody overtakes: those that are released are the first of those that stay and that no pause holds", () =>
    always(({ queued }, decisions) => {
      const gone = new Set(idsOf(decisions, "replace", "refuse"));
      const staying = queued.filter((run) => isPassing(run) && !gone.has(run.id)).map(({ id }) => id);
      const released = idsOf(decisions, "release");
      expect(released).toEqual(staying.slice(0, released.length));
    }));

  it("nobody waits while there is room, nobody who does not want to wait, and nobody for a pause that is over", () =>
    always((_, __, { running, queued }) => {
      const passing = queued.filter(isPassing);
      const [first] = passing;
      if (first === undefined || first.isUnchecked) return;
      expect(running.length).toBeGreaterThanOrEqual(leastOf([first, ...running]));
      expect(passing.filter(({ onConflict }) => onConflict === "reject")).toEqual([]);
      expect(passing.filter(({ heldFor }) => heldFor !== null)).toEqual([]);
    }));

  it("a run that a pause holds is not released and stops nobody, and if it has room, it is held for its reason", () =>
    always(({ queued }, decisions, after) => {
      const paused = new Set(queued.filter(isPaused).map(({ id }) => id));
      expect(idsOf(decisions, "release", "queue", "check").filter((id) => paused.has(id))).toEqual([]);
      expect(idsOf(decisions, "hold").filter((id) => !paused.has(id))).toEqual([]);
      for (const decision of decisions) {
        if (decision.type === "replace" || decision.type === "cancel") expect(paused).not.toContain(decision.by);
        if (decision.type === "refuse" && paused.has(decision.id)) {
          expect(queued.find((run) => run.id === decision.id)).toMatchObject({ onConflict: "reject", heldFor: null });
        }
      }
      const before = [...after.running, ...after.queued.filter(isPassing)];
      const first = after.queued.find(isPaused);
      const hasRoom = first !== undefined && before.length < leastOf([first, ...before]);
      if (hasRoom) expect(first.heldFor).toBe(first.pausedFor);
      for (const { heldFor, pausedFor } of after.queued.filter(isPaused)) expect([null, pausedFor]).toContain(heldFor);
    }));

  it("a run is replaced only by a newer one of its action that cancels others", () =>
    always(({ queued }, decisions) => {
      for (const decision of decisions) {
        if (decision.type !== "replace") continue;
        const at = (id: string) => queued.findIndex((run) => run.id === id);
        const newer = queued[at(decision.by)];
        expect(at(decision.by)).toBeGreaterThan(at(decision.id));
        expect(newer).toMatchObject({ onConflict: "cancel_running", actionName: queued[at(decision.id)]?.actionName });
      }
    }));

  it("running runs are asked to stop once, and exactly those whose action has a run that waits to replace them", () =>
    always(({ running }, decisions, after) => {
      const passing = after.queued.filter(isPassing);
      const hasNoRoom = (_: QueuedRun, i: number) => {
        const first = [...after.running, ...passing.slice(0, i + 1)];
        return first.length > leastOf(first);
      };
      const wanting = new Set(
        passing
          .filter(hasNoRoom)
          .filter((run) => run.onConflict === "cancel_running" && !run.isUnchecked)
          .map((run) => run.actionName),
      );
      const asked = running.filter(({ isStopping, actionName }) => !isStopping && wanting.has(actionName));
      expect(idsOf(decisions, "cancel")).toEqual(asked.map(({ id }) => id));
    }));

  it("what was decided leads to nothing new", () =>
    always((_, __, after) => {
      expect(doneTo(schedule(after))).toEqual([]);
    }));
});

it("a run that does not want to wait leaves its place to the next, which may fit", () => {
  const running = [{ id: "h", actionName: "a", limit: 4, isStopping: false }];
  const behind = { actionName: "a", onConflict: "reject", heldFor: null, pausedFor: null, isUnchecked: false } as const;
  const queued = [1, 4].map((least) => ({ ...behind, id: `w${least}`, limit: least }));
  expect(schedule({ running, queued })).toEqual([
    { id: "w1", type: "refuse" },
    { id: "w4", type: "release" },
  ]);
});

it("during a pause, a run that does not want to wait is refused if there is no room, unless it is held already", () => {
  const running = [{ id: "h", actionName: "b", limit: 1, isStopping: false }];
  const behind = { id: "w", actionName: "a", limit: 1, onConflict: "reject", isUnchecked: false } as const;
  const inPause = (heldFor: string | null) =>
    schedule({ running, queued: [{ ...behind, heldFor, pausedFor: "a freeze" }] });
  expect(idsOf(inPause(null), "refuse")).toEqual(["w"]);
  expect(idsOf(inPause("a freeze"), "refuse")).toEqual([]);
});

describe("a run that was released through a pause", () => {
  const one = { actionName: "a", limit: 1, onConflict: "queue", isUnchecked: false, heldFor: null } as const;
  const held = { ...one, id: "w", heldFor: "a freeze", pausedFor: "a freeze" };
  const through = { ...one, id: "n", heldFor: "a freeze", pausedFor: null };
  const ahead = { id: "h", actionName: "b", limit: 1, isStopping: false };

  it("overtakes those that the pause holds", () => {
    expect(schedule({ running: [], queued: [held, through] })).toEqual([{ id: "n", type: "release" }]);
  });

  it("still waits for a slot", () => {
    expect(schedule({ running: [ahead], queued: [held, through] })).toEqual([{ id: "n", type: "queue" }]);
  });

  it("is refused if there is no slot and it does not want to wait", () => {
    const rejects = { ...through, onConflict: "reject" } as const;
    expect(schedule({ running: [ahead], queued: [held, rejects] })).toEqual([{ id: "n", type: "refuse" }]);
  });

  it("replaces those of its action before it, so that none of them starts after it when the pause is over", () => {
    const newest = { ...through, onConflict: "cancel_running" } as const;
    expect(schedule({ running: [], queued: [held, newest] })).toEqual([
      { id: "w", type: "replace", by: "n" },
      { id: "n", type: "release" },
    ]);
  });

  it("leaves the room of a second slot to nobody whom the pause holds", () => {
    const roomy = [held, through].map((run) => ({ ...run, limit: 2 }));
    expect(schedule({ running: [], queued: roomy })).toEqual([{ id: "n", type: "release" }]);
  });
});

describe("a run that cancels others", () => {
  const ahead = { id: "h", actionName: "a", limit: 1, isStopping: false };
  const behind: QueuedRun = {
    id: "w",
    actionName: "a",
    limit: 1,
    onConflict: "queue",
    heldFor: null,
    pausedFor: null,
    isUnchecked: false,
  };
  const newest = { ...behind, id: "n", onConflict: "cancel_running" } as const;

  it("replaces the queued runs of its action, and leaves those of others before it", () => {
    const other = { ...behind, id: "o", actionName: "b" };
    expect(schedule({ running: [ahead], queued: [behind, other, newest] })).toEqual([
      { id: "w", type: "replace", by: "n" },
      { id: "h", type: "cancel", by: "n" },
    ]);
  });

  it("stops nobody of another action", () => {
    const others = [{ ...ahead, actionName: "b" }];
    expect(schedule({ running: others, queued: [newest] })).toEqual([]);
  });

  it("stops nobody while there is room for it", () => {
    const roomy = { ...newest, limit: 2 };
    const decisions = schedule({ running: [{ ...ahead, limit: 2 }], queued: [roomy] });
    expect(decisions).toEqual([{ id: "n", type: "release" }]);
  });

  it("is replaced by a newer one, so that only the newest waits", () => {
    const newer = { ...newest, id: "m" };
    expect(schedule({ running: [ahead], queued: [newest, newer] })).toEqual([
      { id: "n", type: "replace", by: "m" },
      { id: "h", type: "cancel", by: "m" },
    ]);
  });
});
