import { beforeAll, describe, expect, it } from "vitest";
import { STATUSES } from "../../../src/runs/run.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows, type Row } from "../../support/rows.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");

async function list(path: string, query: Record<string, string | readonly string[]> = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const one of [value].flat()) search.append(name, one);
  const answer = await ask<ActionRun[]>("GET", `${path}?${search}`);
  expect(answer.status).toBe(200);
  return answer;
}

describe("filters", () => {
  const path = newRunsPath();
  const ENTITIES = ["0199d2a5-0000-8000-8000-00000000000a", "0199d2a5-0000-8000-8000-00000000000b"] as const;
  const rows: Row[] = STATUSES.flatMap((status) =>
    ["deploy", "Deploy"].flatMap((actionName) =>
      [...ENTITIES, null].flatMap((entityId) =>
        ["root", "ci"].map((triggeredBy) => ({ id: "", status, actionName, entityId, triggeredBy })),
      ),
    ),
  ).map((row, i) => ({ ...row, id: idAt(NOON - ((i * 7) % 60) * 1000) }));
  rows.sort((a, b) => (a.id < b.id ? 1 : -1));
  beforeAll(() => insertRows(scopeOfPath(path), rows));

  const one = <T>(...values: T[]): (T | undefined)[] => [undefined, ...values];
  const EVERY_COMBINATION = one(
    ["pending"],
    ["failed", "running"],
    ["pending", "pending"],
    [...STATUSES],
  ).flatMap((status) =>
    one("deploy", "nothing").flatMap((actionName) =>
      one<string>(...ENTITIES).flatMap((entityId) =>
        one("ci").flatMap((triggeredBy) =>
          one(NOON - 40_000).flatMap((after) =>
            one(NOON - 10_000).map((before) => ({
              status,
              actionName,
              entityId,
              triggeredBy,
              after,
              before,
            })),
          ),
        ),
      ),
    ),
  );

  // 7 divides no number of values, so any two filters still come with all their values.
  const COMBINATIONS = EVERY_COMBINATION.filter((_, i) => i % 7 === 0);

  it("find exactly the matching runs, whatever is combined", async () => {
    for (const wanted of COMBINATIONS) {
      const { status, actionName, entityId, triggeredBy, after, before } = wanted;
      const { body } = await list(path, {
        limit: "200",
        ...(status && { status }),
        ...(actionName && { actionName }),
        ...(entityId && { entityId }),
        ...(triggeredBy && { triggeredBy }),
        ...(after && { createdAfter: new Date(after).toISOString() }),
        ...(before && { createdBefore: new Date(before).toISOString() }),
      });
      const expected = rows.filter((row) => {
        const createdAt = Number.parseInt(row.id.replaceAll("-", "").slice(0, 12), 16);
        return (
          (status === undefined || status.some((one) => one === row.status)) &&
          (actionName === undefined || row.actionName === actionName) &&
          (entityId === undefined || row.entityId === entityId) &&
          (triggeredBy === undefined || row.triggeredBy === triggeredBy) &&
          (after === undefined || createdAt > after) &&
          (before === undefined || createdAt < before)
        );
      });
      expect({ wanted, ids: body.map(({ id }) => id) }).toEqual({
        wanted,
        ids: expected.map(({ id }) => id),
      });
    }
  });

  it("letter case of an entity's id does not matter, that of a name does", async () => {
    const upper = await list(path, { entityId: ENTITIES[0].toUpperCase(), limit: "200" });
    expect(upper.body).toHaveLength(rows.filter(({ entityId }) => entityId === ENTITIES[0]).length);
    expect((await list(path, { actionName: "DEPLOY" })).body).toEqual([]);
  });

  it("names are compared as they are: no wildcards, no patterns, no SQL", async () => {
    for (const actionName of ["%", "deplo_", "*", "' OR ''='", "deploy ", "null"]) {
      expect((await list(path, { actionName })).body).toEqual([]);
    }
  });

  it("follow a run from one status to another", async () => {
    const here = newRunsPath();
    const run = await createRun(here);
    expect((await list(here, { status: "pending" })).body).toHaveLength(1);
    await report(run, { status: "failed", error: "e" });
    expect((await list(here, { status: "pending" })).body).toEqual([]);
    expect((await list(here, { status: "failed" })).body).toHaveLength(1);
  });
});

describe("createdAfter and createdBefore leave out the instant they name", () => {
  const path = newRunsPath();
  /** Runs at .122, .123 and .124 of this second. */
  const SECOND = "2026-11-20T12:00:00";
  const rows = [122, 123, 124].map((ms) => ({ id: idAt(NOON + ms) }));
  beforeAll(() => insertRows(scopeOfPath(path), rows));

  it.each([
    [`${SECOND}.121Z`, [122, 123, 124], []],
    [`${SECOND}.122Z`, [123, 124], []],
    [`${SECOND}.123Z`, [124], [122]],
    [`${SECOND}.12300Z`, [124], [122]],
    [`${SECOND}.123000000000Z`, [124], [122]],
    [`${SECOND}.1230001Z`, [124], [122, 123]],
    [`${SECOND}.123999999999Z`, [124], [122, 123]],
    [`${SECOND}.124Z`, [], [122, 123]],
    [`${SECOND}.125Z`, [], [122, 123, 124]],
    [`${SECOND}.12Z`, [122, 123, 124], []],
    [`${SECOND}Z`, [122, 123, 124], []],
    ["2026-11-20T12:00:01Z", [], [122, 123, 124]],
    ["2026-11-20t14:00:00.123+02:00", [124], [122]],
    ["2026-11-20T06:30:00.123-05:30", [124], [122]],
    ["2026-11-21T11:59:00.1235+23:59", [124], [122, 123]],
    ["1900-01-01T00:00:00Z", [122, 123, 124], []],
    ["0000-01-01T00:00:00Z", [122, 123, 124], []],
    ["9999-12-31T23:59:59.999Z", [], [122, 123, 124]],
    ["9999-12-31T23:59:59-23:59", [], [122, 123, 124]],
  ])("%s", async (instant, after, before) => {
    const of = async (query: Record<string, string>) =>
      (await list(path, query)).body.map(({ createdAt }) => Date.parse(createdAt) - NOON).reverse();
    expect(await of({ createdAfter: instant })).toEqual(after);
    expect(await of({ createdBefore: instant })).toEqual(before);
  });

  it("together they bound a stretch, and one that is empty is no error", async () => {
    const stretch = { createdAfter: `${SECOND}.122Z`, createdBefore: `${SECOND}.124Z` };
    expect((await list(path, stretch)).body.map(({ id }) => id)).toEqual([rows[1]?.id]);
    const turned = { createdAfter: stretch.createdBefore, createdBefore: stretch.createdAfter };
    expect((await list(path, turned)).body).toEqual([]);
  });
});
