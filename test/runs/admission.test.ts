import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Admission, admit, type Holder, type Line, type Waiter } from "../../src/runs/admission.ts";

const SEED = 20261128;
const actionName = fc.constantFrom("a", "b");
const limit = fc.integer({ min: 1, max: 4 });
const holders = fc.array(fc.record({ actionName, limit, isStopping: fc.boolean() }), { maxLength: 5 });
const onConflict = fc.constantFrom("queue", "queue", "cancel_running", "reject");
const reason = fc.constantFrom(null, null, "freeze", "lunch");
const isUnchecked = fc.constantFrom(false, false, true);
const waiters = fc.array(fc.record({ actionName, limit, onConflict, isUnchecked, heldFor: reason }), { maxLength: 6 });
const line: fc.Arbitrary<Line> = fc
  .record({ holders, waiters, pause: reason })
  .map((some) => ({
    pause: some.pause,
    holders: some.holders.map((holder, i) => ({ ...holder, id: `h${i}` })),
    waiters: some.waiters.map((waiter, i) => ({ ...waiter, id: `w${i}` }) as Waiter),
  }));

/** The line after what was decided. */
function applied({ holders, waiters, pause }: Line, admissions: readonly Admission[]): Line {
  const byId = new Map(admissions.map((admission) => [admission.id, admission.type]));
  const released: Holder[] = waiters
    .filter(({ id }) => byId.get(id) === "release")
    .map((waiter) => ({ ...waiter, isStopping: false }));
  const gone = new Set(["release", "refuse", "replace"]);
  return {
    pause,
    holders: [...holders, ...released].map((holder) =>
      byId.get(holder.id) === "cancel" ? { ...holder, isStopping: true } : holder,
    ),
    waiters: waiters
      .filter(({ id }) => !gone.has(byId.get(id) ?? ""))
      .map((waiter) => {
        const type = byId.get(waiter.id);
        return type === "hold" || type === "queue" ? { ...waiter, heldFor: pause } : waiter;
      }),
  };
}

function idsOf(admissions: readonly Admission[], ...types: Admission["type"][]): string[] {
  return admissions.filter(({ type }) => types.includes(type)).map(({ id }) => id);
}

function leastOf(runs: readonly { readonly limit: number }[]): number {
  return Math.min(...runs.map((run) => run.limit));
}

/** What happens apart from what must be checked first. */
function doneTo(admissions: readonly Admission[]): readonly Admission[] {
  return admissions.filter(({ type }) => type !== "check");
}

function always(holds: (line: Line, admissions: readonly Admission[], after: Line) => void): void {
  const property = fc.property(line, (before) => {
    const admissions = admit(before);
    holds(before, admissions, applied(before, admissions));
  });
  fc.assert(property, { seed: SEED, numRuns: 1500 });
}

describe("of any line", () => {
  it("no run gets two answers", () =>
    always((_, admissions) => {
      const done = doneTo(admissions);
      expect(new Set(done.map(({ id }) => id)).size).toBe(done.length);
    }));

  it("a run that is not checked gets and takes nothing, and keeps its place", () =>
    always(({ waiters }, admissions, after) => {
      const unchecked = new Set(waiters.filter((waiter) => waiter.isUnchecked).map(({ id }) => id));
      expect(idsOf(admissions, "release").filter((id) => unchecked.has(id))).toEqual([]);
      for (const admission of admissions) {
        if (admission.type === "replace" || admission.type === "cancel") {
          expect(unchecked).not.toContain(admission.by);
        }
      }
      const first = after.waiters.findIndex((waiter) => waiter.isUnchecked);
      const behind = first < 0 ? [] : after.waiters.slice(first).map(({ id }) => id);
      expect(idsOf(admissions, "release").filter((id) => behind.includes(id))).toEqual([]);
    }));

  it("whoever must be checked is named, because otherwise a check of all would change nothing", () =>
    always((before, admissions, after) => {
      const named = idsOf(admissions, "check");
      const unchecked = before.waiters.filter((waiter) => waiter.isUnchecked).map(({ id }) => id);
      expect(unchecked).toEqual(expect.arrayContaining(named));
      const more = admit({ ...after, waiters: after.waiters.map((one) => ({ ...one, isUnchecked: false })) });
      expect(more.length > 0).toBe(named.length > 0);
    }));

  it("no release makes more holders than the least of their limits", () =>
    always((_, admissions, after) => {
      if (idsOf(admissions, "release").length === 0) return;
      expect(after.holders.length).toBeLessThanOrEqual(leastOf(after.holders));
    }));

  it("nobody overtakes: those that are released are the first of those that stay", () =>
    always(({ waiters }, admissions) => {
      const gone = new Set(idsOf(admissions, "replace", "refuse"));
      const staying = waiters.map(({ id }) => id).filter((id) => !gone.has(id));
      const released = idsOf(admissions, "release");
      expect(released).toEqual(staying.slice(0, released.length));
    }));

  it("nobody waits while there is room, nobody who does not want to wait, and nobody for a pause that is over", () =>
    always(({ pause }, _, { holders, waiters }) => {
      const [first] = waiters;
      if (pause !== null || first === undefined || first.isUnchecked) return;
      expect(holders.length).toBeGreaterThanOrEqual(leastOf([first, ...holders]));
      expect(waiters.filter(({ onConflict }) => onConflict === "reject")).toEqual([]);
      expect(waiters.filter(({ heldFor }) => heldFor !== null)).toEqual([]);
    }));

  it("during a pause, nothing is released, replaced or cancelled, and what has room is held for its reason", () =>
    always(({ pause, waiters }, admissions, after) => {
      if (pause === null) return expect(idsOf(admissions, "hold")).toEqual([]);
      expect(idsOf(admissions, "release", "replace", "cancel", "queue")).toEqual([]);
      const [first] = waiters;
      const hasRoom = first !== undefined && after.holders.length < leastOf([first, ...after.holders]);
      if (hasRoom) expect(after.waiters[0]).toMatchObject({ id: first.id, heldFor: pause });
      for (const id of idsOf(admissions, "refuse")) {
        expect(waiters.find((waiter) => waiter.id === id)).toMatchObject({ onConflict: "reject", heldFor: null });
      }
      for (const { heldFor } of after.waiters) expect([null, pause]).toContain(heldFor);
    }));

  it("a run is replaced only by a newer one of its action that cancels others", () =>
    always(({ waiters }, admissions) => {
      for (const admission of admissions) {
        if (admission.type !== "replace") continue;
        const at = (id: string) => waiters.findIndex((waiter) => waiter.id === id);
        const newer = waiters[at(admission.by)];
        expect(at(admission.by)).toBeGreaterThan(at(admission.id));
        expect(newer).toMatchObject({
          onConflict: "cancel_running",
          actionName: waiters[at(admission.id)]?.actionName,
        });
      }
    }));

  it("holders are asked to stop once, and exactly those whose action has a run that waits to replace them", () =>
    always(({ pause, holders }, admissions, after) => {
      if (pause !== null) return;
      const wanting = new Set(
        after.waiters
          .filter((waiter) => waiter.onConflict === "cancel_running" && !waiter.isUnchecked)
          .map((waiter) => waiter.actionName),
      );
      const asked = holders.filter(({ isStopping, actionName }) => !isStopping && wanting.has(actionName));
      expect(idsOf(admissions, "cancel")).toEqual(asked.map(({ id }) => id));
    }));

  it("what was decided leads to nothing new", () =>
    always((_, __, after) => {
      expect(doneTo(admit(after))).toEqual([]);
    }));
});

it("a run that does not want to wait leaves its place to the next, which may fit", () => {
  const holders = [{ id: "h", actionName: "a", limit: 4, isStopping: false }];
  const waiter = { actionName: "a", onConflict: "reject", heldFor: null, isUnchecked: false } as const;
  const waiters = [1, 4].map((least) => ({ ...waiter, id: `w${least}`, limit: least }));
  expect(admit({ holders, waiters, pause: null })).toEqual([
    { id: "w1", type: "refuse" },
    { id: "w4", type: "release" },
  ]);
});

describe("a run that cancels others", () => {
  const holder = { id: "h", actionName: "a", limit: 1, isStopping: false };
  const waiter: Waiter = { id: "w", actionName: "a", limit: 1, onConflict: "queue", heldFor: null, isUnchecked: false };
  const newest = { ...waiter, id: "n", onConflict: "cancel_running" } as const;

  it("replaces the waiters of its action, and leaves those of others before it", () => {
    const other = { ...waiter, id: "o", actionName: "b" };
    expect(admit({ holders: [holder], waiters: [waiter, other, newest], pause: null })).toEqual([
      { id: "w", type: "replace", by: "n" },
      { id: "h", type: "cancel", by: "n" },
    ]);
  });

  it("stops nobody of another action", () => {
    const others = [{ ...holder, actionName: "b" }];
    expect(admit({ holders: others, waiters: [newest], pause: null })).toEqual([]);
  });

  it("stops nobody while there is room for it", () => {
    const roomy = { ...newest, limit: 2 };
    const admissions = admit({ holders: [{ ...holder, limit: 2 }], waiters: [roomy], pause: null });
    expect(admissions).toEqual([{ id: "n", type: "release" }]);
  });

  it("is replaced by a newer one, so that only the newest waits", () => {
    const newer = { ...newest, id: "m" };
    expect(admit({ holders: [holder], waiters: [newest, newer], pause: null })).toEqual([
      { id: "n", type: "replace", by: "m" },
      { id: "h", type: "cancel", by: "m" },
    ]);
  });
});
