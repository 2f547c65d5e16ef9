import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { runListQuery, runSummaryQuery } from "../../../src/runs/api/request-schemas.ts";
import { listStatement, textStatement } from "../../../src/runs/d1/list.ts";
import { summaryStatement } from "../../../src/runs/d1/summary.ts";
import { STATUSES } from "../../../src/runs/run.ts";
import type { RunFilters, RunPageQuery } from "../../../src/runs/run-filters.ts";

import { idAt, insertRows, waitingRun } from "../../support/rows.ts";

const NOW = Date.now();
const SCOPE = "acme/shop/plans";
const ENTITY = "0199d2a5-0000-8000-8000-00000000000a";

/**
 * A value for every parameter that a list takes; `status` and `label` have zero, one and several values, and `status`
 * all.
 */
const GIVEN = {
  actionName: "deploy",
  entityId: ENTITY,
  triggeredBy: "root",
  createdAfter: "2020-01-01T00:00:00Z",
  createdBefore: "2999-01-01T00:00:00Z",
  cursor: "",
  include: "details",
};
const STATUS = [undefined, ["pending"], ["failed", "running"], ["failed", "running", "failed"], [...STATUSES]];
const LABEL = [undefined, "a", ["a", "b"]];
const names = Object.keys(GIVEN) as (keyof typeof GIVEN)[];

const QUERIES: RunPageQuery[] = [];
const FILTERS: RunFilters[] = [];

/** Adds each combination of these parameters, of a status and of a label. */
function combine(
  names: readonly (keyof typeof GIVEN)[],
  statuses: readonly (readonly string[] | undefined)[],
  labels: readonly (string | readonly string[] | undefined)[],
  gates: object = {},
): void {
  for (let chosen = 0; chosen < 2 ** names.length; chosen++) {
    const some = names.filter((_, i) => chosen & (1 << i));
    const { cursor, ...rest } = Object.fromEntries(some.map((name) => [name, GIVEN[name]]));
    for (const [status, label] of statuses.flatMap((one) => labels.map((other) => [one, other]))) {
      const asked = { ...gates, ...rest, ...(status && { status }), ...(label && { label }) };
      // The limit is a number in the statement, so it needs no combination with each order.
      for (const page of [{ limit: "1" }, { limit: "200", order: "oldest" }]) {
        const parsed = runListQuery.parse({ ...asked, ...page });
        QUERIES.push(cursor === undefined ? parsed : { ...parsed, cursor: idAt(NOW) });
      }
      if (cursor === undefined && !("include" in asked)) FILTERS.push(runSummaryQuery.parse(asked));
    }
  }
}

combine(names, STATUS, LABEL);
/** With the filters on gates and on a subject, the others choose the index and the tests. All combinations would take too long. */
const GATE_FILTERS = [
  { waiting: "any" },
  { waiting: "approval" },
  { group: "prod" },
  { waiting: "any", group: "prod" },
  { waiting: "approval", group: "prod" },
  { subject: "shop" },
  { subject: "shop", waiting: "any", group: "prod" },
];
for (const gates of GATE_FILTERS) {
  const few = [undefined, ["pending"], ["failed", "running"]];
  combine(["actionName", "entityId", "triggeredBy", "cursor"], few, [undefined, ["a", "b"]], gates);
}
const GATED_QUERIES = GATE_FILTERS.length * 2 ** 4 * 3 * 2 * 2;

it("every parameter of a list and of a summary is among the combinations", () => {
  expect([...names, "status", "label", "waiting", "group", "subject", "limit", "order", "text"].sort()).toEqual(
    Object.keys(runListQuery.shape).sort(),
  );
  expect(QUERIES).toHaveLength(2 ** 7 * 5 * 3 * 2 + GATED_QUERIES);
  const pages = ["limit", "cursor", "include", "order", "text"];
  expect(Object.keys(runSummaryQuery.shape).sort()).toEqual(
    Object.keys(runListQuery.shape)
      .filter((name) => !pages.includes(name))
      .sort(),
  );
  expect(FILTERS).toHaveLength(2 ** 5 * 5 * 3 + GATED_QUERIES / 4);
});

it("a list that asks for no label and no details has a statement that knows neither", () => {
  const plain = QUERIES.filter(({ label, include }) => label === undefined && include === undefined);
  expect(plain).toHaveLength(2 ** 6 * 5 * 2 + GATED_QUERIES / 2);
  for (const query of plain) expect(listStatement(SCOPE, query).sql).not.toMatch(/label|details|LEFT/);
});

it("a list that leaves out nothing has a statement that knows of nothing to leave out", () => {
  for (const query of QUERIES) {
    const statement = listStatement(SCOPE, query);
    expect(statement.sql).not.toMatch(/NOT IN|json_each/);
    expect(listStatement(SCOPE, query, { without: [] })).toEqual(statement);
  }
});

interface Statement {
  readonly sql: string;
  readonly bindings: readonly (string | number)[];
}

const AT_ONCE = 500;

async function plansOf(statements: readonly Statement[]): Promise<string[][]> {
  const plans: string[][] = [];
  for (let from = 0; from < statements.length; from += AT_ONCE) {
    const some = statements
      .slice(from, from + AT_ONCE)
      .map(({ sql, bindings }) => env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...bindings));
    const results = await env.DB.batch<{ detail: string }>(some);
    plans.push(...results.map(({ results }) => results.map(({ detail }) => detail)));
  }
  return plans;
}

/** What a plan does to the tables themselves, as against what is made of them on the way. */
const touching = (plan: readonly string[]) =>
  plan.filter((step) => /^(SCAN|SEARCH) (runs|labelled|other|run_labels)\b/.test(step));

const WALK =
  /^SEARCH (runs USING (COVERING )?INDEX \w+|labelled USING (COVERING INDEX \w+|PRIMARY KEY)) \(scope=\? AND (.* AND )?id>\? AND id<\?\)$/;
const FETCH = /^SEARCH runs USING INTEGER PRIMARY KEY \(rowid=\?\)$/;
/** The run of a label, and whether a run has another label. */
const LOOKUP = [
  /^SEARCH runs USING INDEX sqlite_autoindex_runs_1 \(scope=\? AND id=\?\)$/,
  /^SEARCH other USING (COVERING INDEX \w+|PRIMARY KEY) \(scope=\? AND label=\? AND id=\?\)$/,
];

function expectGoodPlan(query: unknown, plan: readonly string[], fetches: number): void {
  const steps = touching(plan);
  const walks = steps.filter((step) => WALK.test(step));
  const fetched = steps.filter((step) => FETCH.test(step));
  const others = steps.filter((step) => ![WALK, FETCH, ...LOOKUP].some((good) => good.test(step)));
  const bad = plan.filter((step) => /TEMP B-TREE|AUTOMATIC|SCAN (runs|labelled|other)|MATERIALIZE/.test(step));
  // Nothing else touches the tables, and nothing is sorted or collected.
  expect({ query, walks: walks.length > 0, fetched: fetched.length, others, bad }).toEqual({
    query,
    walks: true,
    fetched: fetches,
    others: [],
    bad: [],
  });
}

/** 13 divides no number of values, so any two parameters come with all their values. */
const BOUNDED = QUERIES.filter((_, i) => i % 13 === 0);

async function expectGoodPlans(): Promise<void> {
  const lists = await plansOf(QUERIES.map((query) => listStatement(SCOPE, query)));
  for (const [i, plan] of lists.entries()) expectGoodPlan(QUERIES[i], plan, 1);
  const bounds = { without: [idAt(NOW), idAt(NOW)], completeTo: idAt(NOW - 1) };
  const boundedLists = await plansOf(BOUNDED.map((query) => listStatement(SCOPE, query, bounds)));
  for (const [i, plan] of boundedLists.entries()) {
    expectGoodPlan(BOUNDED[i], plan, 1);
    // Each walk reads the ids to leave out once, and not for each row.
    const collected = plan.filter((step) => /LIST SUBQUERY/.test(step));
    const walks = touching(plan).filter((step) => WALK.test(step));
    expect({ query: BOUNDED[i], collected }).toEqual({
      query: BOUNDED[i],
      collected: walks.map(() => expect.stringMatching(/^LIST SUBQUERY/)),
    });
  }
  const texts = await plansOf(BOUNDED.map((query) => textStatement(SCOPE, { ...query, text: "needle" }, bounds)));
  // The bodies that are searched, and those that are found.
  for (const [i, plan] of texts.entries()) expectGoodPlan(BOUNDED[i], plan, 2);
  const summaries = await plansOf(FILTERS.map((filters) => summaryStatement(SCOPE, filters)));
  for (const [i, plan] of summaries.entries()) expectGoodPlan(FILTERS[i], plan, 0);
}

describe("the plan of every query that a list or a summary can make", () => {
  it("walks an index and sorts nothing, in an empty database", expectGoodPlans);

  it("and in a full one whose statistics SQLite knows", async () => {
    await insertRows(
      SCOPE,
      Array.from({ length: 2000 }, (_, i) => ({
        id: idAt(NOW - i),
        entityId: i % 2 ? ENTITY : null,
        labels: i % 3 ? '["a"]' : '["a","b"]',
        ...(i % 5 === 0 && waitingRun(i % 2 ? "approval" : "concurrency")),
      })),
    );
    await env.DB.prepare("ANALYZE").run();
    await expectGoodPlans();
  });
});

describe("among many runs", () => {
  const scopes = { "6000": `${SCOPE}-6000`, "12000": `${SCOPE}-12000` };
  const newestOf6000: string[] = [];
  beforeAll(async () => {
    // All look alike but for what the filters want and never find, the dearest case.
    for (const [count, scope] of Object.entries(scopes)) {
      const rows = Array.from({ length: Number(count) }, (_, i) => ({
        id: idAt(NOW - 60_000 - i),
        actionName: "deploy",
        entityId: ENTITY,
        triggeredBy: "root",
        labels: '["everywhere"]',
        status: STATUSES[i % STATUSES.length] ?? "pending",
        ...waitingRun("approval"),
      }));
      await insertRows(scope, rows);
      if (scope === scopes["6000"]) newestOf6000.push(...rows.slice(0, 500).map(({ id }) => id));
    }
  });

  async function rowsRead({ sql, bindings }: Statement): Promise<number> {
    const { meta } = await env.DB.prepare(sql)
      .bind(...bindings)
      .all();
    return meta.rows_read;
  }

  const listed = (scope: string, filters: object) =>
    rowsRead(listStatement(scope, runListQuery.parse({ ...filters, limit: "200" })));
  const searched = (scope: string, filters: object, text: string) =>
    rowsRead(textStatement(scope, { ...runListQuery.parse({ ...filters, limit: "200" }), text }));
  const counted = (scope: string, filters: object) => rowsRead(summaryStatement(scope, runSummaryQuery.parse(filters)));

  it.each([
    ["that finds all", {}, 200],
    ["with details", { include: "details" }, 200],
    ["that begins with its oldest run", { order: "oldest" }, 200],
    [
      "by an action and a status, from the oldest run on",
      { order: "oldest", actionName: "none", entityId: ENTITY },
      5000,
    ],
    ["by one status", { status: "failed" }, 200],
    ["by two statuses", { status: ["failed", "pending"] }, 200],
    ["by a label", { label: "everywhere" }, 200],
    ["by a gate", { waiting: "approval" }, 200],
    ["by any gate", { waiting: "any" }, 200],
    ["by a group", { group: "prod" }, 200],
    ["by an action that is not there, of an entity", { actionName: "none", entityId: ENTITY }, 5000],
    ["by somebody who made none, of an entity", { triggeredBy: "none", entityId: ENTITY }, 5000],
    ["by somebody who made none, of an action", { triggeredBy: "none", actionName: "deploy" }, 5000],
    [
      "by all of them and a status",
      { triggeredBy: "none", actionName: "deploy", entityId: ENTITY, status: "failed" },
      5000,
    ],
    ["by two labels that no run has together", { label: ["everywhere", "nowhere"] }, 5000],
    ["by a label that no run of an entity has", { label: "nowhere", entityId: ENTITY }, 5000],
    ["by a label and an action that is not there", { label: "everywhere", actionName: "none" }, 5000],
  ])("a list %s reads no more where there is more, and is bounded", async (_, filters, lookedAt) => {
    const read = await listed(scopes["12000"], filters);
    expect(read).toBe(await listed(scopes["6000"], filters));
    // Each row is counted where it leaves the index, the table and the window, and once more with its body. A row that
    // is found by its label, or whose labels are looked up, is counted once more for that.
    expect(read).toBeGreaterThan(lookedAt);
    expect(read).toBeLessThan(("label" in filters ? 6 : 4) * lookedAt + 20);
  });

  it.each<[string, object, string, number]>([
    ["a text that all have", {}, "deploy", 200],
    ["a text that none has", {}, "needle", 5000],
    ["a text that none has, from the oldest run on", { order: "oldest" }, "needle", 5000],
    ["a text that none has, of an entity and a status", { entityId: ENTITY, status: "failed" }, "needle", 5000],
    ["a text that none has, of a label", { label: "everywhere" }, "needle", 5000],
  ])("a list by %s reads no more where there is more, and is bounded", async (_, filters, text, lookedAt) => {
    const read = await searched(scopes["12000"], filters, text);
    expect(read).toBe(await searched(scopes["6000"], filters, text));
    expect(read).toBeGreaterThan(lookedAt);
    expect(read).toBeLessThan(9 * lookedAt + 20);
  });

  it.each<[string, object, number]>([
    ["that finds all", {}, 1],
    ["from the oldest run on", { order: "oldest" }, 1],
    ["by a label", { label: "everywhere" }, 1],
    ["by an action and a trigger", { actionName: "deploy", triggeredBy: "root" }, 1],
    ["by two statuses", { status: ["failed", "pending"] }, 2],
    ["by any gate", { waiting: "any" }, 4],
  ])(
    "a list %s without 500 runs reads their ids once for each walk, and passes their rows over",
    async (_, filters, walks) => {
      const query = runListQuery.parse({ ...filters, limit: "200" });
      const read = (without: readonly string[]) => rowsRead(listStatement(scopes["6000"], query, { without }));
      const more = (await read(newestOf6000)) - (await read([]));
      expect(more).toBeGreaterThanOrEqual(500);
      // A row that is passed over is counted where it leaves the index, and where its id is found in the list.
      expect(more).toBeLessThan((walks + 2) * 500 + 500);
    },
  );

  it.each<[string, object, number]>([
    ["of all runs", {}, 5 * 1001],
    ["of two statuses", { status: ["failed", "pending"] }, 2 * 1001],
    ["of an action", { actionName: "deploy" }, 5000],
    ["of an entity and an action that is not there", { actionName: "none", entityId: ENTITY }, 5000],
    ["of a label", { label: "everywhere" }, 5000],
    ["of a group", { group: "prod" }, 5000],
    ["of two labels that no run has together", { label: ["everywhere", "nowhere"] }, 5000],
    ["of a label and a status", { label: "everywhere", status: "failed" }, 5000],
  ])("a summary %s reads no more where there is more, and is bounded", async (_, filters, lookedAt) => {
    const read = await counted(scopes["12000"], filters);
    expect(read).toBe(await counted(scopes["6000"], filters));
    expect(read).toBeGreaterThanOrEqual(lookedAt);
    expect(read).toBeLessThan(("label" in filters ? 6 : 4) * lookedAt + 20);
  });
});
