/** The archive as an operator reads it: DuckDB runs the query of examples/archive/ over files that the service wrote. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { callback, createClient } from "../../../src/client/index.ts";
import { ROOT } from "../../../src/dev/wrangler.ts";
import { type Installation, killAll, newInstallation } from "../installation.ts";
import { copyObjects, journaled, letRunsAge, letTimePass, rowsInD1 } from "../state.ts";
import { until } from "../until.ts";

const DAY_MS = 86_400_000;
/** How many runs of each action end in each way. */
const WANTED = { deploy: { succeeded: 5, failed: 3, cancelled: 2 }, review: { succeeded: 4, failed: 0, cancelled: 0 } };

const folder = mkdtempSync(join(tmpdir(), "action-runs-archive-"));
let installation: Installation;
beforeAll(async () => {
  const beginning = inject("beginning");
  const worker = { ...beginning.worker, r2Buckets: { ARCHIVE: "archive" } };
  installation = await newInstallation("", { ...beginning, worker });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await installation.remove();
});

/** The rows of a query over the files in `folder`. */
async function query(sql: string): Promise<unknown[]> {
  const duckdb = await DuckDBInstance.create(":memory:");
  const connection = await duckdb.connect();
  try {
    await connection.run(`SET file_search_path = '${folder}'`);
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    duckdb.closeSync();
  }
}

it("has what the journals counted, each run once, in files that DuckDB reads", async () => {
  const server = await installation.start();
  const headers = { Authorization: `Bearer ${installation.token}` };
  const of = { baseUrl: server.url, token: installation.token, org: "acme", project: "shop", env: "production" };
  const { runs } = createClient(of);
  const wanted = Object.entries(WANTED).flatMap(([actionName, ends]) =>
    Object.entries(ends).flatMap(([status, count]) => Array.from({ length: count }, () => [actionName, status])),
  );
  await Promise.all(
    wanted.map(async ([actionName = "", status]) => {
      const { id, callback: to } = await runs.create({ actionName, labels: ["team:payments"] });
      if (status === "cancelled") return runs.cancel(id);
      const { succeed, fail } = callback(to.url, to.token);
      return status === "failed" ? fail('It says: "no".\nTwice.') : succeed();
    }),
  );
  const metrics = await fetch(`${server.url}/acme/shop/envs/production/metrics`, { headers });
  const ended = /^action_runs_ended_total\{status="(\w+)",.*\} ([1-9]\d*)$/gm;
  const counted = [...(await metrics.text()).matchAll(ended)].map(([, status, n]) => ({ status, n: Number(n) }));
  const ids = [...journaled(installation.state).keys()].toSorted();
  await until("every run is replicated", () => rowsInD1(installation.state).size === ids.length);
  await killAll(server);
  letRunsAge(installation.state, "deploy", 40 * DAY_MS);
  letRunsAge(installation.state, "review", 75 * DAY_MS);
  letTimePass(installation.state, 40 * DAY_MS);

  await installation.start();
  await until("every run is archived", () => journaled(installation.state).size === 0);
  expect(rowsInD1(installation.state).size).toBe(0);
  copyObjects(installation.state, "archive", join(folder, "archive"));
  const all = "FROM read_json('archive/**/*.ndjson.gz', format = 'newline_delimited')";
  expect(await query(`SELECT id ${all} ORDER BY id`)).toEqual(ids.map((id) => ({ id })));
  expect(await query(`SELECT status, count(*)::INTEGER AS n ${all} GROUP BY ALL ORDER BY ALL`)).toEqual(
    counted.toSorted((one, other) => String(one.status).localeCompare(String(other.status))),
  );
  const example = readFileSync(join(ROOT, "examples/archive/success-rate.sql"), "utf8");
  const months = [40, 75].map((days) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 7));
  expect(await query(example)).toEqual([
    { actionName: "deploy", month: months[0], runs: 10, succeededPercent: 62.5 },
    { actionName: "review", month: months[1], runs: 4, succeededPercent: 100 },
  ]);
});
