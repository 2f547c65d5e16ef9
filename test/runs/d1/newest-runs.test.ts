/** The newest run of each action: which one it is, and what finding it costs. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { newestRunsStatement } from "../../../src/runs/d1/summary.ts";
import { newActionsPath, put, runsOf } from "../../actions/actions.ts";
import { replicated } from "../../support/replicated.ts";
import { ask, createRun, givenRun, newRunsPath, report, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows } from "../../support/rows.ts";

interface Newest {
  readonly actionName: string;
  readonly id: string;
}

const NOON = Date.parse("2026-11-20T12:00:00.000Z");

async function newestOf(path: string, ...names: string[]): Promise<Newest[]> {
  const query = new URLSearchParams(names.map((name) => ["actionName", name]));
  const { status, body } = await ask<Newest[]>("GET", `${path}/newest?${query}`);
  expect(status).toBe(200);
  return body.toSorted((a, b) => (a.actionName < b.actionName ? -1 : 1));
}

it("is the newest one, with what a list of actions shows, and none of another environment", async () => {
  const [path, other] = [newRunsPath(), newRunsPath()];
  const ids = [0, 1, 2].map((minute) => idAt(NOON + minute * 60_000));
  const [first, second, third] = ids as [string, string, string];
  await insertRows(scopeOfPath(path), [
    { id: second, actionName: "deploy", triggeredBy: "ada" },
    { id: first, actionName: "deploy", triggeredBy: "ben" },
    { id: third, actionName: "build", triggeredBy: "ada" },
  ]);
  await insertRows(scopeOfPath(other), [{ id: idAt(NOON + 3_600_000), actionName: "deploy", triggeredBy: "eve" }]);
  expect(await newestOf(path, "deploy", "never", "deploy", "build")).toEqual([
    expect.objectContaining({ actionName: "build", id: third }),
    {
      actionName: "deploy",
      id: second,
      source: "none",
      status: expect.any(String),
      subject: null,
      waiting: null,
      triggeredBy: "ada",
      createdAt: "2026-11-20T12:01:00.000Z",
    },
  ]);
  expect(await newestOf(path, "never")).toEqual([]);
});

it("says whether the stored action made it, because another run can have its name", async () => {
  const actions = newActionsPath();
  await put(`${actions}/deploy`, {});
  await ask("POST", `${actions}/deploy/runs`, { body: {} });
  const path = runsOf(actions);
  await replicated(path);
  expect(await newestOf(path, "deploy")).toMatchObject([{ source: "action" }]);
  const byHand = await createRun(path, { actionName: "deploy", labels: ["looks-real"] });
  await replicated(path);
  expect(await newestOf(path, "deploy")).toMatchObject([{ id: byHand.id, source: "none" }]);
});

it("follows what a run becomes", async () => {
  const { path, run } = await givenRun({ actionName: "deploy" });
  await report(run, { status: "failed", error: "no" });
  await replicated(path);
  expect(await newestOf(path, "deploy")).toMatchObject([{ id: run.id, status: "failed" }]);
});

it("takes 1 to 40 names", async () => {
  const path = newRunsPath();
  const names = Array.from({ length: 41 }, (_, n) => `action-${n}`);
  expect(await newestOf(path, ...names.slice(1))).toEqual([]);
  const refused = async (query: string) => (await ask<{ code: string }>("GET", `${path}/newest?${query}`)).body.code;
  expect(await refused(new URLSearchParams(names.map((name) => ["actionName", name])).toString())).toBe(
    "invalid_query",
  );
  expect(await refused("")).toBe("invalid_query");
});

it("costs one seek for each name, however many runs there are, and reads no body", async () => {
  const scope = scopeOfPath(newRunsPath());
  const rows = Array.from({ length: 300 }, (_, n) => ({ id: idAt(NOON + n * 1000), actionName: `action-${n % 3}` }));
  await insertRows(scope, rows);
  const { sql, bindings } = newestRunsStatement(scope, ["action-0", "action-1", "action-2"]);
  const { meta } = await env.DB.prepare(sql)
    .bind(...bindings)
    .run();
  // The three names, and for each a row of the index and one of the table.
  expect(meta.rows_read).toBeLessThanOrEqual(9);
  const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...bindings)
    .all<{ detail: string }>();
  const steps = plan.results.map(({ detail }) => detail);
  expect(steps.join("\n")).toMatch(/SEARCH runs USING COVERING INDEX runs_by_action \(scope=\? AND action_name=\?\)/);
  expect(steps.join("\n")).not.toMatch(/SCAN runs|TEMP B-TREE/);
});
