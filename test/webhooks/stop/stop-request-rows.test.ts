/** What a coordinator keeps of a stop request, and what it does when its journal or its clock misbehaves. */

import { runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { Journal } from "../../../src/runs/journal/journal.ts";
import { coordinator, journal, MINUTE_MS, until } from "../../support/direct.ts";
import { ask, scopeOfPath } from "../../support/requests.ts";
import { useSettings } from "../../support/use-settings.ts";
import { type Fired, ORIGIN } from "../runs.ts";
import { askToStop, play, queued, rowsOf, stopping } from "./stoppable-runs.ts";

await useSettings("development");

type Row = Record<string, number | null>;

/** Runs a statement on the journal of the run's coordinator. `?1` is the run's id. */
async function sql({ path, created }: Fired, statement: string): Promise<Row> {
  const bindings = statement.includes("?1") ? [created.id] : [];
  const rows = await journal<Row>(path, statement, ...bindings);
  return rows[0] ?? {};
}

it("a stop request and the response that it waits for are erased with their run", async () => {
  const { run } = await play({ status: 202, body: '{"id":1}' }, { url: "/{{ response.id }}" });
  await run.untilStatus("running");
  expect(await rowsOf(run)).toEqual({ stopRequests: 1, responses: 1 });
  const { path, created } = run;
  const scope = scopeOfPath(path);
  await runInDurableObject(coordinator(path), (_instance, { storage }) => {
    new Journal(storage, scope).forget([created.id]);
  });
  expect(await rowsOf(run)).toEqual({ stopRequests: 0, responses: 0 });
});

it("a run that was cancelled has 15 minutes for its stop request, although the receiver asked for a later retry", async () => {
  const later = { status: 503, headers: { "Retry-After": "3000" } };
  const { run, stops } = await stopping({ status: 202 }, {}, [later]);
  await stops.untilInbox(1);
  await until(async () => (await sql(run, "SELECT next_at FROM stop_requests WHERE run_id = ?1")).next_at !== null);
  await run.report({ status: "failed", error: "stopped" });
  await run.alarmIn(15 * MINUTE_MS - 1000);
  expect(await rowsOf(run)).toMatchObject({ stopRequests: 1 });
  const log = vi.spyOn(console, "log");
  await run.alarmIn(15 * MINUTE_MS + 1000);
  expect(await rowsOf(run)).toMatchObject({ stopRequests: 0 });
  const given = log.mock.calls.flat().find((line) => String(line).includes('"stop_given_up"'));
  expect(JSON.parse(String(given))).toMatchObject({
    run: run.created.id,
    attempt: 1,
    reason: expect.stringMatching(/^127\.0\.0\.1:\d+ was not called again in time\.$/),
  });
});

it("a stop request that waits to be tried again is tried when it would have been, although its run ends before", async () => {
  const { run, stops } = await stopping({ status: 202 }, {}, [{ status: 503, headers: { "Retry-After": "600" } }]);
  await stops.untilInbox(1);
  const due = () => sql(run, "SELECT next_at, due_at FROM stop_requests WHERE run_id = ?1");
  await until(async () => (await due()).next_at !== null);
  await run.report({ status: "failed", error: "stopped" });
  const { next_at, due_at } = await due();
  expect(due_at).toBe(next_at);
});

it("a second cancel does not hurry a stop request that waits to be tried again", async () => {
  const { run, stops } = await stopping({ status: 202 }, {}, [{ status: 503, headers: { "Retry-After": "600" } }]);
  await stops.untilInbox(1);
  const waiting = () => sql(run, "SELECT attempt, next_at FROM stop_requests WHERE run_id = ?1");
  await until(async () => (await waiting()).next_at !== null);
  const before = await waiting();
  const url = `${ORIGIN}${run.path}/${run.created.id}/cancel`;
  expect((await ask("POST", url, { body: { graceSeconds: 0 } })).status).toBe(200);
  expect(await waiting()).toEqual(before);
});

it("a lease that lies far ahead, because the clock stepped back, holds a stop request up for no more than a lease", async () => {
  const { run, stops } = await play({ status: 202 });
  await run.untilStatus("running");
  await sql(run, "UPDATE stop_requests SET dispatch_lease = 9e15 WHERE run_id = ?1");
  await askToStop(run);
  const { next_at } = await sql(run, "SELECT next_at FROM stop_requests WHERE run_id = ?1");
  expect(next_at).toBeLessThanOrEqual(Date.now() + 30_000);
  expect(await stops.inbox()).toEqual([]);
  await run.alarmIn(31_000);
  await stops.untilInbox(1);
});

it("a stop request that can't be sent fails no cancel, and is sent later, although nobody repeats the cancel", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const { run, stops } = await queued({ status: 202 });
  await sql(
    run,
    "CREATE TRIGGER no_attempt BEFORE UPDATE OF attempt ON stop_requests BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  expect((await run.cancel()).status).toBe(200);
  expect(log.mock.calls.join()).toContain("follow_up_failed");
  await run.alarmIn(1000);
  expect(log.mock.calls.join()).toContain("due_row_failed");
  const { due_at } = await sql(run, "SELECT due_at FROM stop_requests WHERE run_id = ?1");
  expect(due_at).toBeGreaterThan(Date.now());
  await sql(run, "DROP TRIGGER no_attempt");
  await run.alarmIn(32_000);
  await stops.untilInbox(1);
});

it("a cancel whose stop request can't be planned is refused, and the repeated cancel sends it", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const { run, stops } = await queued({ status: 202 });
  await sql(
    run,
    "CREATE TRIGGER no_plan BEFORE UPDATE OF next_at ON stop_requests BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  expect((await run.cancel()).status).toBe(503);
  expect((await run.get()).status).toBe("pending");
  await sql(run, "DROP TRIGGER no_plan");
  expect((await run.cancel()).status).toBe(200);
  await stops.untilInbox(1);
  log.mockRestore();
});
