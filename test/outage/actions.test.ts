/**
 * Stored actions, cancels, retries, labels and summaries while D1 throws, hangs, or returns an error after it
 * committed.
 */

import { describe, expect, it } from "vitest";
import { get, newActionsPath, ORIGIN_A, put, rowOfAction, run, triggerAt } from "../actions/actions.ts";
import { clockFromOne } from "../support/clock.ts";
import { alarmIn, coordinator, hurryTimers, until } from "../support/direct.ts";
import { breakD1, faults, resetFaults } from "../support/faults.ts";
import { type ActionRun, ask, createRun, newRunsPath, report, rowOf } from "../support/requests.ts";
import { beat } from "../support/runs/stream.ts";
import { expectUnavailable, type Refusal } from "../support/tokens.ts";

const V1 = { trigger: triggerAt(`${ORIGIN_A}/first`), timeout: 1 };
const V2 = { trigger: triggerAt(`${ORIGIN_A}/second`), timeout: 2 };

/** What the audit says of an action. Entries of one instant are in no order. */
async function auditOf(path: string): Promise<string[]> {
  const project = path.split("/").slice(0, 3).join("/");
  const { body } = await ask<{ action: string }[]>("GET", `${project}/audit`);
  return body.map(({ action }) => action).sort();
}

describe("a change of a stored action", () => {
  clockFromOne();

  it.each(["down", "hang"] as const)("with D1 %s is 503, and nothing has changed", async (fault) => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, V1);
    const before = await rowOfAction(path);
    faults.reads = fault;
    faults.writes = fault;
    hurryTimers();
    const refused = await Promise.all([
      put(path, V2),
      put(`${path}-2`, V2),
      put(path, V2, { headers: { "If-Match": '"1"' } }),
      ask<Refusal>("DELETE", path),
      get(path),
      ask<Refusal>("GET", path.replace(/\/deploy$/, "")),
    ]);
    for (const answer of refused) expectUnavailable(answer, "database_unavailable");
    resetFaults();
    expect(await rowOfAction(path)).toEqual(before);
    expect(await rowOfAction(`${path}-2`)).toBeNull();
    expect(await auditOf(path)).toEqual(["action_put"]);
    const { headers, body } = await get(path);
    expect([headers.get("ETag"), body.timeout]).toEqual(['"1"', 1]);
  });

  it("whose answer D1 loses has happened as a whole: action, secrets and audit", async () => {
    const path = `${newActionsPath()}/deploy`;
    await put(path, V1);
    const before = await rowOfAction(path);
    expect((await run(path)).status).toBe(201);
    faults.writes = "committed_then_error";
    expectUnavailable(await put(path, V2), "database_unavailable");
    faults.writes = null;
    const { headers, body } = await get(path);
    expect([headers.get("ETag"), body.timeout]).toEqual(['"2"', 2]);
    expect((await rowOfAction(path))?.secrets).not.toBe(before?.secrets);
    expect(await auditOf(path)).toEqual(["action_put", "action_put"]);
    // The isolate did not keep the version before, and the secrets belong to this one.
    const made = await run(path);
    const detailed = `${path.replace(/actions\/deploy$/, "action-runs")}/${made.body.id}?include=details`;
    const shown = await ask<ActionRun & { details: unknown }>("GET", detailed);
    expect(shown.body.details).toMatchObject({ action: { name: "deploy", version: 2 } });

    faults.writes = "committed_then_error";
    expectUnavailable(await ask<Refusal>("DELETE", path), "database_unavailable");
    faults.writes = null;
    expect((await run(path)).body.code).toBe("action_not_found");
    expect(await auditOf(path)).toEqual(["action_deleted", "action_put", "action_put"]);
    expect((await put(path, V1)).headers.get("ETag")).toBe('"3"');
  });
});

describe("with D1 down", () => {
  it("lists by label, lists with details and summaries are 503, and the run itself is shown with its details", async () => {
    const path = newRunsPath();
    const { callback: _, ...created } = await createRun(path, { actionName: "deploy", labels: ["a"] });
    breakD1("down");
    for (const query of ["?label=a", "?include=details", "/summary", "/summary?label=a"]) {
      expectUnavailable(await ask<Refusal>("GET", path + query), "database_unavailable");
    }
    const { status, body } = await ask("GET", `${path}/${created.id}?include=details`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ ...created, details: { labels: ["a"], cancel: null } });
  });

  it("cancels and retries are answered, a repeat is known, and all of it is replicated later", async () => {
    const path = newRunsPath();
    const make = (labels: readonly string[]) => createRun(path, { actionName: "deploy", labels });
    const pending = await make(["pending"]);
    const running = await make(["running"]);
    const stopped = await make(["stopped"]);
    const ended = await make(["ended"]);
    for (const one of [running, stopped]) expect((await beat(one)).status).toBe(200);
    await report(ended, { status: "failed", error: "no" });
    breakD1("down");

    const keyed = { headers: { "Idempotency-Key": "once" } };
    const cancel = async (id: string, body: object) => {
      const answers = [];
      for (const _ of [1, 2]) answers.push(await ask("POST", `${path}/${id}/cancel`, { body, ...keyed }));
      const [first, again] = answers;
      expect(again?.body).toEqual(first?.body);
      expect(again?.headers.get("Idempotent-Replayed")).toBe("true");
      return [first?.status, first?.body.status];
    };
    expect(await cancel(pending.id, {})).toEqual([200, "cancelled"]);
    expect(await cancel(running.id, { graceSeconds: 600 })).toEqual([202, "running"]);
    expect(await cancel(stopped.id, { graceSeconds: 0 })).toEqual([200, "cancelled"]);
    expect((await beat(running)).body.cancel).toMatchObject({ reason: null });
    const failed = await report(running, { status: "failed", error: "stopped" });
    expect(failed.body.status).toBe("cancelled");
    const retried = await ask("POST", `${path}/${ended.id}/retry`, keyed);
    const again = await ask("POST", `${path}/${ended.id}/retry`, keyed);
    expect([retried.status, again.body.id]).toEqual([201, retried.body.id]);

    resetFaults();
    const changed = { [pending.id]: 2, [running.id]: 4, [stopped.id]: 3, [retried.body.id]: 1 };
    for (const [id, version] of Object.entries(changed)) {
      await alarmIn(10_000, coordinator(path));
      await until(async () => (await rowOf(id))?.version === version);
    }
    const labelled = await ask<ActionRun[]>("GET", `${path}?label=ended`);
    expect(labelled.body.map(({ id }) => id)).toEqual([retried.body.id, ended.id]);
    const { body } = await ask("GET", `${path}/summary`);
    expect(body).toEqual({ pending: 1, running: 0, succeeded: 0, failed: 1, cancelled: 3 });
  });

  it("a run of an action that the isolate knows is retried, and one of an unknown action is 503", async () => {
    const path = `${newActionsPath()}/deploy`;
    const runs = path.replace(/actions\/deploy$/, "action-runs");
    await put(path, {});
    const { body } = await run(path);
    await ask("DELETE", `${runs}/${body.id}`);
    const retry = () => ask<ActionRun & Refusal>("POST", `${runs}/${body.id}/retry`);
    breakD1("down");
    expect((await retry()).status).toBe(201);
    resetFaults();
    // A PUT makes this isolate forget the action.
    await put(path, {});
    breakD1("down");
    expectUnavailable(await retry(), "database_unavailable");
  });
});
