/** A summary counts what a list would show: exactly up to 1000, never more than it says, and within bounds. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { runSummaryQuery } from "../../../src/runs/api/request-schemas.ts";
import { type RunCount, summaryStatement } from "../../../src/runs/d1/summary.ts";

import { faults } from "../../support/faults.ts";
import { ask, newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows } from "../../support/rows.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");
const ENTITY = "0199d2a5-0000-8000-8000-00000000000a";
const NONE = { pending: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };

type Summary = Record<string, RunCount>;

async function summaryOf(path: string, query = "", headers = {}): Promise<Summary> {
  const { status, body } = await ask<Summary>("GET", `${path}/summary${query}`, { headers });
  expect(status).toBe(200);
  return body;
}

/** How many rows D1 reads for such a summary. */
async function rowsRead(path: string, filters: object): Promise<number> {
  const { sql, bindings } = summaryStatement(scopeOfPath(path), runSummaryQuery.parse(filters));
  const { meta } = await env.DB.prepare(sql)
    .bind(...bindings)
    .all();
  return meta.rows_read;
}

/** So many runs of a status, a millisecond apart from NOON on, with these labels. */
async function fill(path: string, status: string, rows: number, more: { labels?: string; action?: string } = {}) {
  const { labels = "[]", action = "deploy" } = more;
  await env.DB.batch([
    env.DB.prepare(
      `WITH RECURSIVE counted (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM counted WHERE k < ?2)
       INSERT INTO runs (scope, id, version, status, action_name, entity_id, triggered_by, purge_at, bytes, body, details)
       SELECT ?1, format('%s-%s-8000-%s-%012x', substr(at, 1, 8), substr(at, 9), ?4, k), 1, ?3, ?5, ?6, 'root',
              ?7 + 2592000000, 2, '{}', json_object('labels', json(?8))
       FROM (SELECT k, format('%012x', ?7 + k) AS at FROM counted) WHERE ?2 > 0`,
    ).bind(scopeOfPath(path), rows, status, nextGroup(), action, ENTITY, NOON, labels),
    env.DB.prepare(
      `INSERT OR IGNORE INTO run_labels (scope, label, id)
       SELECT runs.scope, labels.value, runs.id FROM runs, json_each(runs.details, '$.labels') AS labels WHERE runs.scope = ?`,
    ).bind(scopeOfPath(path)),
  ]);
}

let groups = 0x8000;
/** Part of an id, so that two fills make different ids. */
function nextGroup(): string {
  return (groups++).toString(16);
}

describe("the counts of 0, 999, 1000, 1001 and 40000 runs", () => {
  const path = newRunsPath();
  beforeAll(async () => {
    await fill(path, "running", 999);
    await fill(path, "succeeded", 1000);
    await fill(path, "failed", 1001);
    await fill(path, "cancelled", 40_000);
  });

  it("are exact up to 1000, and then at least 1000", async () => {
    expect(await summaryOf(path)).toEqual({
      pending: 0,
      running: 999,
      succeeded: 1000,
      failed: { atLeast: 1000 },
      cancelled: { atLeast: 1000 },
    });
  });

  it("of chosen statuses leave the others out", async () => {
    expect(await summaryOf(path, "?status=running&status=failed&status=running")).toEqual({
      ...NONE,
      running: 999,
      failed: { atLeast: 1000 },
    });
  });

  it("are of a range of time as well", async () => {
    const from = new Date(NOON + 900).toISOString();
    expect(await summaryOf(path, `?createdAfter=${from}`)).toEqual({
      ...NONE,
      running: 99,
      succeeded: 100,
      failed: 101,
      cancelled: { atLeast: 1000 },
    });
    const to = new Date(NOON + 901).toISOString();
    expect(await summaryOf(path, `?createdAfter=${from}&createdBefore=${to}`)).toEqual(NONE);
  });

  it("read as many rows as a bounded list at most", async () => {
    expect(await rowsRead(path, {})).toBeLessThan(3 * 5 * 1001);
    expect(await rowsRead(path, { status: Array(5).fill("failed") })).toBeLessThan(3 * 1001);
    for (const filters of [{ entityId: ENTITY }, { actionName: "deploy", triggeredBy: "none" }]) {
      expect(await rowsRead(path, filters)).toBeLessThan(4 * 5001 + 20);
    }
  });

  it("of an action say at least, because its newest 5000 runs are not all", async () => {
    // The newest are cancelled.
    expect(await summaryOf(path, "?actionName=deploy")).toEqual({
      pending: { atLeast: 0 },
      running: { atLeast: 0 },
      succeeded: { atLeast: 0 },
      failed: { atLeast: 0 },
      cancelled: { atLeast: 1000 },
    });
    expect(await summaryOf(path, "?actionName=deploy&status=failed&status=cancelled")).toEqual({
      ...NONE,
      failed: { atLeast: 0 },
      cancelled: { atLeast: 1000 },
    });
    expect(await summaryOf(path, "?actionName=none&triggeredBy=root")).toEqual(NONE);
    // An entity is walked, so an action that it never had can't be told from one of long ago.
    const unknown = Object.fromEntries(Object.keys(NONE).map((status) => [status, { atLeast: 0 }]));
    expect(await summaryOf(path, `?entityId=${ENTITY}&actionName=none`)).toEqual(unknown);
  });
});

describe.each([
  ["an action", "actionName=wanted"],
  ["a label", "label=wanted"],
  ["a label and an action", "label=wanted&actionName=wanted"],
])("the counts of %s", (_name, query) => {
  const more = { labels: '["wanted"]', action: "wanted" };

  it.each([0, 999, 1000, 1001, 4000, 4001])("are right for %i failed runs among 1000 others", async (n) => {
    const path = newRunsPath();
    await fill(path, "cancelled", 2000);
    await fill(path, "succeeded", 1000, more);
    await fill(path, "failed", n, more);
    const isWhole = n <= 4000;
    const failed = n <= 1000 ? n : { atLeast: 1000 };
    const rest = isWhole ? NONE : Object.fromEntries(Object.keys(NONE).map((one) => [one, { atLeast: 0 }]));
    // The last run looked at may be one that succeeded.
    const succeeded = isWhole ? 1000 : { atLeast: 1000 };
    expect(await summaryOf(path, `?${query}`)).toEqual({ ...rest, succeeded, failed });
  });
});

it("40000 runs of a label are counted within bounds", async () => {
  const path = newRunsPath();
  await fill(path, "succeeded", 40_000, { labels: '["wanted"]' });
  expect(await summaryOf(path, "?label=wanted")).toMatchObject({
    succeeded: { atLeast: 1000 },
    failed: { atLeast: 0 },
  });
  expect(await summaryOf(path, "?label=wanted&label=none")).toMatchObject({ succeeded: { atLeast: 0 } });
  expect(await summaryOf(path, "?label=none&label=wanted")).toEqual(NONE);
  for (const label of [["wanted"], ["wanted", "none"]]) {
    expect(await rowsRead(path, { label })).toBeLessThan(6 * 5001 + 20);
  }
  expect(await rowsRead(path, { label: ["none", "wanted"] })).toBeLessThan(20);
});

it("of an environment without runs are all 0, and each member is there", async () => {
  expect(await summaryOf(newRunsPath())).toEqual(NONE);
  expect(await summaryOf(newRunsPath(), "?label=a&status=pending")).toEqual(NONE);
});

it("count the runs of one environment alone", async () => {
  const [path, other] = [newRunsPath(), newRunsPath()];
  await insertRows(scopeOfPath(other), [{ id: idAt(NOON), labels: '["a"]' }]);
  for (const query of ["", "?label=a", "?actionName=deploy"]) expect(await summaryOf(path, query)).toEqual(NONE);
});

it("is 503 while D1 is down", async () => {
  faults.reads = "down";
  const { status, body } = await ask<{ code: string }>("GET", `${newRunsPath()}/summary`);
  expect([status, body.code]).toEqual([503, "database_unavailable"]);
});
