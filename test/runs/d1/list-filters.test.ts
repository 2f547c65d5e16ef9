import { beforeAll, describe, expect, it } from "vitest";
import { type ActionRun, ask, createRun, newRunsPath, report, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows } from "../../support/rows.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");

async function list(path: string, query: Record<string, string | readonly string[]> = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) search.append(name, one);
  const answer = await ask<ActionRun[]>("GET", `${path}?${search}`);
  expect(answer.status).toBe(200);
  return answer;
}

describe("filters", () => {
  const path = newRunsPath();
  const ENTITY = "0199d2a5-0000-8000-8000-00000000000a";
  const row = { id: idAt(NOON), actionName: "deploy", entityId: ENTITY };
  beforeAll(() => insertRows(scopeOfPath(path), [row]));

  it("letter case of an entity's id does not matter, that of a name does", async () => {
    expect((await list(path, { entityId: ENTITY.toUpperCase() })).body).toHaveLength(1);
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

  it("together they bound a range of time, and one that is empty is no error", async () => {
    const range = { createdAfter: `${SECOND}.122Z`, createdBefore: `${SECOND}.124Z` };
    expect((await list(path, range)).body.map(({ id }) => id)).toEqual([rows[1]?.id]);
    const turned = { createdAfter: range.createdBefore, createdBefore: range.createdAfter };
    expect((await list(path, turned)).body).toEqual([]);
  });
});
