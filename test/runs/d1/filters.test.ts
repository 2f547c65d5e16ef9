/** A list by any filters has the runs that the predicate passes: the SQL of each filter and its predicate agree. */

import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { runListQuery, runSummaryQuery } from "../../../src/runs/api/request-schemas.ts";
import { findMatching, listRuns, type WalkBounds } from "../../../src/runs/d1/list.ts";
import { summarizeRuns } from "../../../src/runs/d1/summary.ts";
import { type Gates, STATUSES, WAITING_FOR } from "../../../src/runs/run.ts";
import { factsOf, matches, matchesFixed, type RunPageQuery, WAITING_FILTERS } from "../../../src/runs/run-filters.ts";

import { idWith, insertRows, type Row, toRun, waitingRun } from "../../support/rows.ts";

const SEED = 20261120;
const SCOPE = "acme/shop/filters";
const NOON = Date.parse("2026-11-20T12:00:00.000Z");

// Texts that a comparison could take for one another. The Kelvin sign and the long s are ASCII letters in other cases.
const NAMES = ["k", "K", "\u212a", "s", "\u017f", "é", "É", "e\u0301", "%", "a'\"\\"];
const LABELS = ["a", "A", " a", "%", '"a"', '["a"]', "null", "a,b", "\\", "é", "e\u0301", "🚀"];
const SUBJECTS = ["shop", "SHOP", "%", "'", "a b", "é", "🚀"];
const GROUPS = ["prod", "PROD", "stage"];
const ENTITIES = ["0199d2a5-0000-8000-8000-00000000000a", "0199d2a5-0000-8000-8000-00000000000b"];
/** Few, so that many runs share one. */
const MILLISECONDS = [0, 1, 2, 3, 4];

/** What a run's later versions can change. */
const state = fc.record({
  status: fc.constantFrom(...STATUSES),
  // Also of a run that is not pending, because only D1's readers say that such a run does not wait.
  waitingFor: fc.option(fc.constantFrom(...WAITING_FOR)),
});
const run = fc.record({
  ms: fc.constantFrom(...MILLISECONDS),
  tail: fc.stringMatching(/^[0-9a-f]{15}$/),
  actionName: fc.constantFrom(...NAMES),
  triggeredBy: fc.constantFrom(...NAMES),
  entityId: fc.option(fc.constantFrom(...ENTITIES)),
  subject: fc.option(fc.constantFrom(...SUBJECTS)),
  labels: fc.subarray(LABELS, { maxLength: 5 }).map((labels) => JSON.stringify(labels.sort())),
  hasGates: fc.boolean(),
  group: fc.option(fc.constantFrom(...GROUPS)),
  states: fc.array(state, { minLength: 1, maxLength: 2 }),
});

/** The versions of 200 runs. */
const VERSIONS: readonly (readonly Row[])[] = fc
  .sample(run, { seed: SEED, numRuns: 200 })
  .map(({ ms, tail, states, hasGates, group, ...row }, i) =>
    states.map((one, v) => {
      const id = idWith(NOON + ms, (i * 20_077) % 2 ** 15, tail);
      const { status } = one;
      if (!hasGates) return { ...row, id, version: v + 1, status };
      const waits = waitingRun(one.waitingFor, group === null ? {} : { group });
      const gates: Gates | null = waits.gates && group === null ? { ...waits.gates, concurrency: null } : waits.gates;
      return { ...row, ...waits, gates, id, version: v + 1, status };
    }),
  );
const FACTS = VERSIONS.flatMap((rows) => rows.slice(-1))
  .map((row) => factsOf(toRun(row)))
  .sort((a, b) => (a.id < b.id ? 1 : -1));
const IDS = FACTS.map(({ id }) => id);

/** The values of each filter, as a request has them. */
const VALUES = {
  status: ["pending", "failed", ["failed", "running"], ["failed", "failed"], [...STATUSES], []],
  waiting: WAITING_FILTERS,
  group: [...GROUPS, "none"],
  label: [...LABELS, ["a", "é"], ["🚀", "%", "a"], ["A", "A"], []],
  actionName: [...NAMES, "none"],
  entityId: ENTITIES,
  subject: [...SUBJECTS, "none"],
  triggeredBy: [...NAMES, "none"],
  createdAfter: [
    "1969-01-01T00:00:00Z",
    "2026-11-20T12:00:00.002Z",
    "2026-11-20T12:00:00.0021Z",
    "9999-12-31T23:59:59Z",
  ],
  createdBefore: [
    "1969-01-01T00:00:00Z",
    "2026-11-20T12:00:00.002Z",
    "2026-11-20T12:00:00.0021Z",
    "9999-12-31T23:59:59Z",
  ],
} satisfies Record<keyof typeof runSummaryQuery.shape, readonly unknown[]>;
const FILTERS = Object.keys(VALUES) as (keyof typeof VALUES)[];

beforeAll(async () => {
  for (const version of [0, 1]) {
    await insertRows(
      SCOPE,
      VERSIONS.flatMap((rows) => rows.slice(version, version + 1)),
    );
  }
});

const session = () => env.DB.withSession("first-primary");

/** The ids of a list, from its first page to its last. */
async function listed(query: RunPageQuery, bounds?: WalkBounds): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { items, endsAt } = await listRuns(session(), SCOPE, { ...query, cursor }, bounds);
    ids.push(...items.map(({ id }) => id));
    cursor = endsAt;
  }
  return ids;
}

async function matching(query: RunPageQuery, bounds?: WalkBounds): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { items, endsAt } = await findMatching(session(), SCOPE, { ...query, cursor }, bounds);
    ids.push(...items.map(({ id }) => id));
    cursor = endsAt;
  }
  return ids;
}

/** What the predicate says: the newest run first. */
const passing = (query: RunPageQuery) => FACTS.filter((facts) => matches(facts, query)).map(({ id }) => id);

async function expectAgreement(asked: object): Promise<number> {
  const query = runListQuery.parse({ ...asked, limit: "200" });
  const ids = passing(query);
  expect({ asked, ids: await listed(query) }).toEqual({ asked, ids });
  return ids.length;
}

const parametersOf = (name: keyof typeof VALUES) => VALUES[name].map((value) => ({ [name]: value }));

describe("D1 and the predicate find the same runs", () => {
  it.each(FILTERS)("by %s", async (name) => {
    let found = 0;
    for (const asked of parametersOf(name)) found += await expectAgreement(asked);
    expect(found).toBeGreaterThan(0);
  });

  it.each(FILTERS.slice(1).map((name, i) => [name, FILTERS.slice(0, i + 1)] as const))(
    "by %s and by another filter",
    async (name, others) => {
      for (const one of parametersOf(name)) {
        for (const two of others.flatMap(parametersOf)) await expectAgreement({ ...one, ...two });
      }
    },
  );

  // Few filters, so that most find runs.
  const parameters = fc
    .subarray(FILTERS, { maxLength: 4 })
    .chain((names) =>
      fc.record(Object.fromEntries(names.map((name) => [name, fc.constantFrom<unknown>(...VALUES[name])]))),
    );

  it("by any filters, in pages of either order, without some runs and to any run", async () => {
    const pages = fc.record({ limit: fc.constantFrom("7", "60", "200"), order: fc.constantFrom("newest", "oldest") });
    const bounds = fc.record({
      without: fc.option(fc.subarray(IDS), { nil: undefined }),
      completeTo: fc.option(fc.constantFrom(...IDS), { nil: undefined }),
    });
    const agree = async (asked: object, page: object, bounds: WalkBounds) => {
      const query = runListQuery.parse({ ...asked, ...page });
      const { without = [], completeTo } = bounds;
      const isIn = (id: string) => {
        if (without.includes(id)) return false;
        return completeTo === undefined || (query.order === "oldest" ? id <= completeTo : id >= completeTo);
      };
      const ids = passing(query).filter(isIn);
      expect(await listed(query, bounds)).toEqual(query.order === "oldest" ? ids.toReversed() : ids);
      if (query.order === "newest") expect(await matching(query, bounds)).toEqual(ids);
    };
    await fc.assert(fc.asyncProperty(parameters, pages, bounds, agree), { seed: SEED, numRuns: 200 });
  });

  it("in a summary by any filters", async () => {
    const agree = async (asked: object) => {
      const filters = runSummaryQuery.parse(asked);
      const found = FACTS.filter((facts) => matches(facts, filters));
      const counts = STATUSES.map((one) => [one, found.filter(({ status }) => status === one).length]);
      expect(await summarizeRuns(session(), SCOPE, filters)).toEqual(Object.fromEntries(counts));
    };
    await fc.assert(fc.asyncProperty(parameters, agree), { seed: SEED, numRuns: 100 });
  });
});

it("only the filters on the status and on what a run waits for can change their answer for a run", () => {
  for (const name of FILTERS) {
    const isFixed = name !== "status" && name !== "waiting";
    for (const asked of parametersOf(name)) {
      const filters = runSummaryQuery.parse(asked);
      for (const facts of FACTS) {
        expect([name, matchesFixed(facts, filters)]).toEqual([name, isFixed ? matches(facts, filters) : true]);
      }
    }
  }
});
