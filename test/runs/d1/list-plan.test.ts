import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type RunListQuery, runListQuery } from "../../../src/runs/api/request-schemas.ts";
import { listStatement } from "../../../src/runs/d1/list.ts";
import { STATUSES } from "../../../src/runs/run.ts";
import { idAt, insertRows } from "../../support/rows.ts";

const NOW = Date.now();
const SCOPE = "acme/shop/plans";
const ENTITY = "0199d2a5-0000-8000-8000-00000000000a";

/** A value for every parameter that a list takes; `status` comes none, one, several and all. */
const GIVEN = {
  actionName: "deploy",
  entityId: ENTITY,
  triggeredBy: "root",
  createdAfter: "2020-01-01T00:00:00Z",
  createdBefore: "2999-01-01T00:00:00Z",
  cursor: "",
};
const STATUS = [
  undefined,
  ["pending"],
  ["failed", "running"],
  ["failed", "running", "failed"],
  [...STATUSES],
];
const names = Object.keys(GIVEN) as (keyof typeof GIVEN)[];

const QUERIES: RunListQuery[] = [];
for (let chosen = 0; chosen < 2 ** names.length; chosen++) {
  const given: Record<string, string> = {};
  names.forEach((name, i) => {
    if (chosen & (1 << i)) given[name] = GIVEN[name];
  });
  const { cursor, ...filters } = given;
  for (const status of STATUS) {
    for (const limit of ["1", "200"]) {
      const parsed = runListQuery.parse({ ...filters, ...(status && { status }), limit });
      QUERIES.push(cursor === undefined ? parsed : { ...parsed, cursor: idAt(NOW) });
    }
  }
}

it("every parameter of a list is among the combinations", () => {
  expect([...names, "status", "limit"].sort()).toEqual(Object.keys(runListQuery.shape).sort());
  expect(QUERIES).toHaveLength(2 ** 6 * 5 * 2);
});

async function plansOf(queries: readonly RunListQuery[]): Promise<string[][]> {
  const statements = queries.map((query) => {
    const { sql, bindings } = listStatement(SCOPE, query);
    return env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...bindings);
  });
  const plans = await env.DB.batch<{ detail: string }>(statements);
  return plans.map(({ results }) => results.map(({ detail }) => detail));
}

/** What a plan does to the table itself, as against what is made of it on the way. */
const touching = (plan: readonly string[]) => plan.filter((step) => /^(SCAN|SEARCH) runs\b/.test(step));

async function expectGoodPlans(): Promise<void> {
  const plans = await plansOf(QUERIES);
  for (const [i, plan] of plans.entries()) {
    const query = JSON.stringify(QUERIES[i]);
    const steps = touching(plan);
    const walks = steps.filter((step) => /^SEARCH runs USING INDEX \w+ \(scope=\? AND .*id[<>]\?/.test(step));
    const fetches = steps.filter((step) => step === "SEARCH runs USING INTEGER PRIMARY KEY (rowid=?)");
    expect({ query, walks: walks.length > 0, fetches: fetches.length }).toEqual({
      query,
      walks: true,
      fetches: 1,
    });
    // Nothing else touches the table, and nothing is sorted or collected.
    expect({ query, others: steps.length - walks.length - fetches.length }).toEqual({ query, others: 0 });
    expect({
      query,
      bad: plan.filter((step) => /TEMP B-TREE|AUTOMATIC|SCAN runs|MATERIALIZE/.test(step)),
    }).toEqual({
      query,
      bad: [],
    });
  }
}

describe("the plan of every query that a list can make", () => {
  it("walks an index and sorts nothing, in an empty database", expectGoodPlans);

  it("and in a full one whose statistics SQLite knows", async () => {
    await insertRows(
      SCOPE,
      Array.from({ length: 2000 }, (_, i) => ({ id: idAt(NOW - i), entityId: i % 2 ? ENTITY : null })),
    );
    await env.DB.prepare("ANALYZE").run();
    await expectGoodPlans();
  });
});

describe("among many runs", () => {
  const scopes = { "6000": `${SCOPE}-6000`, "12000": `${SCOPE}-12000` };
  beforeAll(async () => {
    // All look alike but for what the filters want and never find, the dearest case.
    for (const [count, scope] of Object.entries(scopes)) {
      const rows = Array.from({ length: Number(count) }, (_, i) => ({
        id: idAt(NOW - 60_000 - i),
        actionName: "deploy",
        entityId: ENTITY,
        triggeredBy: "root",
        status: STATUSES[i % STATUSES.length] ?? "pending",
      }));
      await insertRows(scope, rows);
    }
  });

  async function rowsRead(scope: string, filters: Record<string, unknown>): Promise<number> {
    const { sql, bindings } = listStatement(scope, runListQuery.parse({ ...filters, limit: "200" }));
    const { meta } = await env.DB.prepare(sql)
      .bind(...bindings)
      .all();
    return meta.rows_read;
  }

  it.each([
    ["that finds all", {}, 200],
    ["by one status", { status: "failed" }, 200],
    ["by two statuses", { status: ["failed", "pending"] }, 200],
    ["by an action that is not there, of an entity", { actionName: "none", entityId: ENTITY }, 5000],
    ["by somebody who made none, of an entity", { triggeredBy: "none", entityId: ENTITY }, 5000],
    ["by somebody who made none, of an action", { triggeredBy: "none", actionName: "deploy" }, 5000],
    [
      "by all of them and a status",
      { triggeredBy: "none", actionName: "deploy", entityId: ENTITY, status: "failed" },
      5000,
    ],
  ])("a list %s reads no more where there is more, and is bounded", async (_, filters, lookedAt) => {
    const read = await rowsRead(scopes["12000"], filters);
    expect(read).toBe(await rowsRead(scopes["6000"], filters));
    // Each row is counted where it leaves the index, the table and the window, and once more with its body.
    expect(read).toBeGreaterThan(lookedAt);
    expect(read).toBeLessThan(4 * lookedAt + 20);
  });
});
