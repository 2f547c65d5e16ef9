/** Which actions, subjects, labels and triggers an environment has: what is found, and that many runs make it no dearer. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { FACET_FIELDS, type FacetField, type Facets, facetsStatement } from "../../../src/runs/d1/summary.ts";
import { replicated } from "../../support/replicated.ts";
import { ask, givenRun, newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows } from "../../support/rows.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");

async function facetsOf(path: string, field: string, contains: string): Promise<Facets> {
  const query = new URLSearchParams({ field, contains });
  const { status, body } = await ask<Facets>("GET", `${path}/facets?${query}`);
  expect(status).toBe(200);
  return body;
}

let minutes = 0;

/** A run for each value, which is its action, its subject, its label and its trigger. */
async function runsOf(path: string, values: readonly string[]): Promise<void> {
  const rows = values.map((value) => ({
    id: idAt(NOON + minutes++ * 60_000),
    actionName: value,
    subject: value,
    triggeredBy: value,
    labels: JSON.stringify([value]),
  }));
  await insertRows(scopeOfPath(path), rows);
}

describe.each(FACET_FIELDS)("the values of %s", (field) => {
  const path = newRunsPath();
  const other = newRunsPath();
  beforeAll(async () => {
    await runsOf(path, ["Deploy-Docs", "deploy", "deploy", "redeploy", "build", "ÄRGER", "100%_sure", "a\\b"]);
    await runsOf(other, ["deploy-elsewhere"]);
  });

  it("contain the text, each once, the equal one first, and none of another environment", async () => {
    expect(await facetsOf(path, field, "deploy")).toEqual({
      values: ["deploy", "Deploy-Docs", "redeploy"],
      more: false,
    });
    expect(await facetsOf(path, field, "DEPLOY-d")).toEqual({ values: ["Deploy-Docs"], more: false });
    expect(await facetsOf(path, field, "nothing")).toEqual({ values: [], more: false });
  });

  it("ignore the case of ASCII letters only, and take no character for a wildcard", async () => {
    expect((await facetsOf(path, field, "ärger")).values).toEqual([]);
    expect((await facetsOf(path, field, "Ärger")).values).toEqual(["ÄRGER"]);
    expect((await facetsOf(path, field, "%_")).values).toEqual(["100%_sure"]);
    expect((await facetsOf(path, field, "d%y")).values).toEqual([]);
    expect((await facetsOf(path, field, "a\\b")).values).toEqual(["a\\b"]);
  });
});

it("show a run when it is replicated", async () => {
  const { path } = await givenRun({ actionName: "just-now", labels: ["team:new"] });
  await replicated(path);
  expect((await facetsOf(path, "actionName", "just")).values).toEqual(["just-now"]);
  expect((await facetsOf(path, "label", "new")).values).toEqual(["team:new"]);
});

describe("an environment with many values", () => {
  const numbered = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => `value-${String(from + n).padStart(4, "0")}`);

  it("shows 20 of them, and says that there are more", async () => {
    const path = newRunsPath();
    await runsOf(path, numbered(0, 20));
    expect(await facetsOf(path, "label", "value")).toEqual({ values: numbered(0, 20), more: false });
    await runsOf(path, numbered(20, 1));
    expect(await facetsOf(path, "label", "value")).toEqual({ values: numbered(0, 20), more: true });
    // The equal one comes before all others, however many there are.
    await runsOf(path, ["z-value", "VALUE"]);
    expect((await facetsOf(path, "label", "value")).values.slice(0, 2)).toEqual(["VALUE", "value-0000"]);
    expect(await facetsOf(path, "label", "z-v")).toEqual({ values: ["z-value"], more: false });
  });

  it("says that there can be more when 1000 seeks did not reach the end", async () => {
    const path = newRunsPath();
    await runsOf(path, numbered(0, 999));
    // The 1000th seek found the end.
    expect(await facetsOf(path, "actionName", "nothing")).toEqual({ values: [], more: false });
    await runsOf(path, numbered(999, 2));
    expect(await facetsOf(path, "actionName", "nothing")).toEqual({ values: [], more: true });
    expect(await facetsOf(path, "actionName", "value-0999")).toEqual({ values: ["value-0999"], more: true });
    expect(await facetsOf(path, "actionName", "value-1000")).toEqual({ values: [], more: true });
  });
});

describe("the statement", () => {
  const scopes = { few: scopeOfPath(newRunsPath()), many: scopeOfPath(newRunsPath()) };
  const VALUES = 30;
  const MANY = 100_000;

  /** So many runs with the same values. Only their indexes count here, so they have no bodies. */
  async function fill(scope: string, runs: number): Promise<void> {
    await env.DB.batch([
      env.DB.prepare(
        `WITH RECURSIVE counted (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < ?2)
         INSERT INTO runs (scope, id, version, status, action_name, subject, triggered_by, purge_at, bytes, body)
         SELECT ?1, format('%08x-0000-8000-8000-000000000000', k), 1, 'failed', 'value-' || (k % ?3), 'value-' || (k % ?3),
                'value-' || (k % ?3), 1, 2, '{}' FROM counted`,
      ).bind(scope, runs, VALUES),
      env.DB.prepare(
        "INSERT INTO run_labels (scope, label, id) SELECT scope, action_name, id FROM runs WHERE scope = ?",
      ).bind(scope),
    ]);
  }
  beforeAll(async () => {
    await fill(scopes.few, VALUES);
    await fill(scopes.many, MANY);
  });

  async function rowsRead(scope: string, field: FacetField, contains: string): Promise<number> {
    const { sql, bindings } = facetsStatement(scope, { field, contains });
    const { meta } = await env.DB.prepare(sql)
      .bind(...bindings)
      .all();
    return meta.rows_read;
  }

  it.each(FACET_FIELDS)("reads as many rows of %s with 30 runs as with 100 000", async (field) => {
    for (const contains of ["value-2", "nothing"]) {
      const read = await rowsRead(scopes.many, field, contains);
      expect(read).toBe(await rowsRead(scopes.few, field, contains));
      expect(read).toBeGreaterThanOrEqual(VALUES);
      expect(read).toBeLessThan(5 * (VALUES + 1));
    }
  });
});
