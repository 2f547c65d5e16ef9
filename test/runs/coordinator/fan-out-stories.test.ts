/**
 * Random stories of ends and of changes of endpoints, whose parts overlap, come late or get lost, while objects die, D1
 * is restored, and deliveries can't be written. Whatever happens, an end after the response to a PUT is sent to that
 * endpoint, by one delivery, and no endpoint hears of an end from before it was stored.
 */

import fc from "fast-check";
import { expect, it, vi } from "vitest";
import type { EndpointFilter } from "../../../src/runs/endpoint-deliveries.ts";
import { direct, journal, MINUTE_MS, restart, until } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";
import { changed, end, outside, pass, useStandInEndpoints } from "./stand-in-endpoints.ts";

const SEED = 20261130;
const STORIES = Number(process.env.FAN_OUT_STORIES ?? 200);
/** D1 carries out no statement later than this after its note, if the PUT was answered. */
const WRITTEN_WITHIN_MS = 55_000;

useStandInEndpoints();

type Filter = Partial<EndpointFilter>;
const FILTERS: readonly Filter[] = [{}, { events: ["action_run.failed"] }];

/** A change of an endpoint that somebody has begun. `was`: the key and the filter that it replaces. */
interface Change {
  readonly name: string;
  readonly key: string;
  readonly isNew: boolean;
  readonly filter: Filter | null;
  readonly was: string;
  readonly notedAt: number;
  isWritten: boolean;
}

/** What an endpoint must hear: ends from the number `from` on that all its filters since then want. */
interface Promised {
  readonly from: number;
  readonly filters: Filter[];
}

class Story {
  readonly path = newRunsPath();
  readonly ends: { readonly id: string; readonly status: "succeeded" | "failed" }[] = [];
  changes: Change[] = [];
  /** By key. */
  readonly promised = new Map<string, Promised>();
  /** How many ends there were when the endpoint's first PUT was noted. */
  readonly noted = new Map<string, number>();
  readonly restored = new Set<string>();
  snapshot: Pick<typeof outside, "endpoints" | "filters"> = { endpoints: [], filters: {} };
  versions = 0;
  readonly calls: Promise<unknown>[] = [];

  async end(status: "succeeded" | "failed"): Promise<void> {
    this.ends.push({ id: await end(this.path, status), status });
  }

  /** The first part of a PUT, or of a DELETE if there is no filter. */
  async begin(name: string, filter: Filter | null): Promise<void> {
    const there = outside.endpoints.find((key) => key.startsWith(`${name}@`));
    if (there === undefined && filter === null) return;
    const isNew = there === undefined;
    const key = there ?? `${name}@${++this.versions}`;
    await direct(this.path).definitions.note(isNew ? key : null);
    if (isNew) this.noted.set(key, this.ends.length);
    const was = stateOf(name);
    this.changes.push({ name, key, isNew, filter, was, notedAt: Date.now(), isWritten: false });
  }

  /** D1 carries out the statement, unless another change came first. */
  write(n: number): void {
    const change = this.#pick(n, (one) => !one.isWritten);
    if (change === undefined) return;
    if (stateOf(change.name) !== change.was) {
      this.#drop(change);
      return;
    }
    const { key, filter } = change;
    change.isWritten = true;
    outside.endpoints = outside.endpoints.filter((other) => other !== key);
    if (filter === null) {
      this.promised.delete(key);
      return;
    }
    outside.endpoints = [...outside.endpoints, key].sort();
    outside.filters = { ...outside.filters, [key]: filter };
    this.promised.get(key)?.filters.push(filter);
  }

  /** The PUT is answered. Its call comes before, or got lost. */
  answer(n: number, isCalled: boolean): void {
    const change = this.#pick(n, (one) => one.isWritten);
    if (change === undefined) return;
    if (isCalled) this.call();
    this.#drop(change);
    const { key, filter, notedAt } = change;
    const isInTime = Date.now() - notedAt < WRITTEN_WITHIN_MS;
    if (filter === null || !isInTime || !outside.endpoints.includes(key) || this.promised.has(key)) return;
    const now = outside.filters[key] ?? {};
    this.promised.set(key, { from: this.ends.length, filters: [filter, now] });
  }

  call(): void {
    this.calls.push(changed(this.path).catch(() => {}));
  }

  async restore(): Promise<void> {
    Object.assign(outside, this.snapshot);
    this.changes = [];
    for (const key of [...this.promised.keys()]) {
      if (!outside.endpoints.includes(key)) this.promised.delete(key);
      else this.promised.get(key)?.filters.push(outside.filters[key] ?? {});
    }
    for (const key of outside.endpoints) this.restored.add(key);
    await direct(this.path).upkeep.resync();
  }

  #pick(n: number, isSo: (change: Change) => boolean): Change | undefined {
    const those = this.changes.filter(isSo);
    return those[n % Math.max(those.length, 1)];
  }

  #drop(change: Change): void {
    this.changes = this.changes.filter((one) => one !== change);
  }
}

function stateOf(name: string): string {
  const key = outside.endpoints.find((one) => one.startsWith(`${name}@`)) ?? "";
  return `${key} ${JSON.stringify(outside.filters[key])}`;
}

interface Step {
  readonly what: string;
  go(story: Story): unknown;
}

const many = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
const one = (weight: number, what: string, go: (story: Story) => unknown) =>
  many(weight, fc.constant<Step>({ what, go }));

let held = false;

const step = fc.oneof(
  many(
    8,
    fc
      .constantFrom("succeeded", "failed")
      .map((status): Step => ({ what: status, go: (story) => story.end(status as "failed") })),
  ),
  many(
    5,
    fc
      .tuple(fc.constantFrom("chat", "pager"), fc.constantFrom(...FILTERS))
      .map(
        ([name, filter]): Step => ({
          what: `PUT ${name} ${JSON.stringify(filter)} is noted`,
          go: (story) => story.begin(name, filter),
        }),
      ),
  ),
  many(
    1,
    fc
      .constantFrom("chat", "pager")
      .map((name): Step => ({ what: `DELETE ${name} is noted`, go: (story) => story.begin(name, null) })),
  ),
  many(
    7,
    fc.nat({ max: 2 }).map((n): Step => ({ what: `D1 writes ${n}`, go: (story) => story.write(n) })),
  ),
  many(
    7,
    fc
      .tuple(fc.nat({ max: 2 }), fc.boolean())
      .map(
        ([n, isCalled]): Step => ({
          what: `answer ${n}${isCalled ? ", called" : ""}`,
          go: (story) => story.answer(n, isCalled),
        }),
      ),
  ),
  one(6, "a call", (story) => story.call()),
  one(2, "reads are held", () => {
    held = true;
  }),
  one(3, "reads go on", () => {
    held = false;
  }),
  one(2, "die", ({ path }) => restart(path)),
  one(1, "deliveries break", async ({ path }) => {
    await journal(
      path,
      "CREATE TRIGGER IF NOT EXISTS broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'broken'); END",
    );
  }),
  one(2, "deliveries work", ({ path }) => journal(path, "DROP TRIGGER IF EXISTS broken")),
  one(1, "a snapshot of D1", (story) => {
    const { endpoints, filters } = outside;
    story.snapshot = { endpoints, filters };
  }),
  one(1, "D1 is restored", (story) => story.restore()),
  many(
    4,
    fc
      .constantFrom(1000, 20_000, 31_000, MINUTE_MS, 11 * MINUTE_MS)
      .map((ms): Step => ({ what: `pass ${ms} ms`, go: ({ path }) => pass(path, ms) })),
  ),
);

/** From now on everything works. Time passes until nothing is pending and the endpoints are read no more. */
async function comeToRest(story: Story): Promise<void> {
  const { path } = story;
  held = false;
  await journal(path, "DROP TRIGGER IF EXISTS broken");
  await Promise.all(story.calls);
  const busy = "SELECT 1 FROM metadata WHERE name IN ('endpoints_noted', 'fan_out_after', 'outcomes_below')";
  await until(async () => {
    await pass(path, 31 * MINUTE_MS);
    const waiting = await journal(path, "SELECT 1 FROM deliveries WHERE state = 'waiting'");
    return (await journal(path, busy)).length + waiting.length === 0;
  });
}

/** The faults of a story that is over. */
async function faultsOf({ path, ends, promised, noted, restored }: Story): Promise<string[]> {
  const rows = await journal<{ endpoint: string; run_id: string }>(path, "SELECT endpoint, run_id FROM deliveries");
  const told = new Set(rows.map(({ endpoint, run_id }) => `${endpoint} ${run_id}`));
  const missing = [...promised].flatMap(([key, { from, filters }]) =>
    ends
      .slice(from)
      .filter(({ status }) => filters.every(({ events }) => events === undefined || status === "failed"))
      .filter(({ id }) => !told.has(`${key} ${id}`))
      .map(({ id }) => `${key} never heard of end ${ends.findIndex((other) => other.id === id)}`),
  );
  const early = [...noted].flatMap(([key, from]) =>
    ends
      .slice(0, restored.has(key) ? 0 : from)
      .filter(({ id }) => told.has(`${key} ${id}`))
      .map(({ id }) => `${key} heard of end ${ends.findIndex((other) => other.id === id)}, which is older`),
  );
  const unsent = rows
    .filter(({ endpoint, run_id }) => !outside.sent.some((one) => one.endpoint === endpoint && one.runId === run_id))
    .map(({ endpoint, run_id }) => `${endpoint} has a delivery of ${run_id} that was never sent`);
  return [...missing, ...early, ...unsent];
}

it("an end after the response to a PUT is sent, always, once", { timeout: 500_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), async (steps) => {
      vi.useRealTimers();
      held = false;
      const holdRead = async () => {
        for (let n = 0; held && n < 2000; n++) await scheduler.wait(1);
      };
      const fresh = { endpoints: [], filters: {}, sent: [], underWay: [], answers: () => 200, holdRead };
      Object.assign(outside, fresh);
      const story = new Story();
      // An object that is written to, so that it can break.
      await story.end("succeeded");
      const happened: string[] = [];
      let deaths = 0;
      for (const { what, go } of steps) {
        happened.push(what);
        if (what === "die") deaths++;
        await go(story);
      }
      await comeToRest(story);
      const faults = await faultsOf(story);
      if (faults.length > 0) throw new Error(`after ${happened.join("; ")}: ${faults.join("; ")}`);
      const sent = outside.sent.map(({ endpoint, runId }) => `${endpoint} ${runId}`);
      if (deaths === 0) expect(sent.length).toBe(new Set(sent).size);
    }),
    { seed: SEED, numRuns: STORIES },
  );
});
