/** Automatic retries when writes fail, alarms are late, calls stay undecided, and runs are purged while a retry waits. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { later } from "../support/clock.ts";
import { coordinator, direct, everyRow, journal, MINUTE_MS, newIdIn, sqlStorage, until } from "../support/direct.ts";
import { ask, newRunsPath } from "../support/requests.ts";
import { newRun } from "../support/rows.ts";
import { detailsOf } from "../support/runs/gated.ts";
import { grantToken } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { AutomaticRetries } from "../support/worker.ts";
import { failAndRetry, reports, retryOf, start, storeAction } from "./starts.ts";

await useSettings("development");

const RETRY = { retry: { attempts: 2, delaySeconds: 600 } };
const plans = (runs: string) => journal(runs, "SELECT run_id, retry_id FROM planned_retries ORDER BY run_id");

/** Statements that begin so fail until the test restores them. */
async function failing(runs: string, isSo: (query: string, bindings: readonly unknown[]) => boolean) {
  const storage = await sqlStorage(runs);
  const { exec } = storage;
  return vi.spyOn(storage, "exec").mockImplementation(function full(this: SqlStorage, query, ...bindings) {
    if (isSo(query, bindings)) throw new Error("the object is full");
    return exec.call(this, query, ...bindings);
  } as SqlStorage["exec"]);
}

it("a newer run is created although the retry that it replaces has waited too long, and no alarm has rung", async () => {
  const runs = newRunsPath();
  await storeAction(runs, RETRY);
  const first = await start(runs);
  await storeAction(runs, { ...RETRY, waitTimeout: 30, approval: {} });
  const retry = await failAndRetry(runs, first);
  later(60 * MINUTE_MS);
  const about = { actionName: "deploy", source: "action", entityId: null, createdAt: Date.now() } as const;
  const newer = newRun({ ...about, id: await newIdIn(runs, Date.now()) });
  expect(await direct(runs).runs.create(newer, { key: "m:newer", fingerprint: "" }, null)).toMatchObject({ ok: true });
  expect((await detailsOf(runs, retry)).error).toMatch(/waited too long/);
  expect(await plans(runs)).toEqual([]);
});

it("what could not be settled stays to be settled, whatever other retries do", async () => {
  const runs = newRunsPath();
  await storeAction(runs, { ...RETRY, subject: "{{ parameters.of }}" });
  const [one, two] = [await start(runs, { parameters: { of: "1" } }), await start(runs, { parameters: { of: "2" } })];
  const [ofOne, ofTwo] = [await failAndRetry(runs, one), await failAndRetry(runs, two)];
  const full = await failing(runs, (query) => query.startsWith("DELETE FROM planned_retries"));
  await ask("POST", `${runs}/${ofOne}/cancel`);
  full.mockRestore();
  await ask("POST", `${runs}/${ofTwo}/cancel`);
  await runDurableObjectAlarm(coordinator(runs));
  expect(await plans(runs)).toEqual([]);
  expect((await detailsOf(runs, one)).details.retry?.dropped).toContain(ofOne);
});

it("a retry whose note could not be written is noted later", async () => {
  const runs = newRunsPath();
  await storeAction(runs, RETRY);
  const first = await start(runs);
  const full = await failing(runs, (query) => query.startsWith("UPDATE planned_retries"));
  await reports(runs, first, "failed");
  await until(async () => (await journal(runs, "SELECT id FROM runs WHERE retry_of IS NOT NULL")).length > 0);
  full.mockRestore();
  await until(async () => {
    later(31_000);
    await runDurableObjectAlarm(coordinator(runs));
    return (await detailsOf(runs, first)).details.retry?.runId != null;
  }, 20_000);
  const [{ id } = { id: null }] = await journal<{ id: string }>(runs, "SELECT id FROM runs WHERE retry_of IS NOT NULL");
  expect(await plans(runs)).toEqual([{ run_id: first, retry_id: id }]);
});

it("retries that nobody can decide hold up no others", async () => {
  const runs = newRunsPath();
  await storeAction(runs, { ...RETRY, subject: "{{ parameters.of }}" });
  const { make } = AutomaticRetries.prototype;
  const stuck = new Set<string>();
  vi.spyOn(AutomaticRetries.prototype, "make").mockImplementation(async function (this: AutomaticRetries, scope, all) {
    const made = await make.call(
      this,
      scope,
      all.filter(({ runId }) => !stuck.has(runId)),
    );
    const rest = made.values();
    return all.map(({ runId }) => (stuck.has(runId) ? null : (rest.next().value ?? null)));
  });
  for (let n = 0; n < 26; n++) {
    const id = await start(runs, { parameters: { of: `${n}` } });
    stuck.add(id);
    await reports(runs, id, "failed");
  }
  const last = await start(runs, { parameters: { of: "last" } });
  await reports(runs, last, "failed");
  await until(async () => {
    later(31_000);
    await runDurableObjectAlarm(coordinator(runs));
    return (await detailsOf(runs, last)).details.retry?.runId != null;
  }, 20_000);
});

describe("a retry that waits longer than the failed run is kept", () => {
  it("is still replaced by a newer run", async () => {
    const runs = newRunsPath();
    await storeAction(runs, RETRY);
    const first = await start(runs);
    const retry = await failAndRetry(runs, first);
    await purge(runs, first);
    expect((await ask("GET", `${runs}/${first}`)).status).toBe(404);
    await start(runs);
    expect(await detailsOf(runs, retry)).toMatchObject({ status: "cancelled" });
    expect(await plans(runs)).toEqual([]);
  });
});

async function purge(runs: string, id: string): Promise<void> {
  await until(async () => {
    await journal(runs, "UPDATE runs SET due_at = 1, purge_at = 1 WHERE id = ?", id);
    await runDurableObjectAlarm(coordinator(runs));
    return (await journal(runs, "SELECT 1 FROM runs WHERE id = ?", id)).length === 0;
  });
}

it("an erased run does not tell which of its parameters its retry was refused for", async () => {
  const runs = newRunsPath();
  await storeAction(runs, RETRY);
  const first = await start(runs, { parameters: { "Ada Lovelace": true } });
  await storeAction(runs, { ...RETRY, parametersSchema: { additionalProperties: false } });
  await reports(runs, first, "failed");
  expect((await retryOf(runs, first, ({ dropped }) => dropped !== null)).dropped).toContain("Ada");
  const owner = await grantToken(runs.split("/").slice(0, 3).join("/"), { role: "owner" });
  const body = { reason: "asked to be forgotten" };
  expect((await ask("POST", `${runs}/${first}/erase`, { body, token: owner.token })).status).toBeLessThan(300);
  expect(await everyRow(runs)).not.toContain("Ada");
  expect((await detailsOf(runs, first)).details.retry?.dropped).toBe("Erased.");
});
