/** A bulk retry: each failed run is run again once, whoever asks how often. */

import { expect, it } from "vitest";
import { hurryTimers, spyOnCalls, until } from "../../../support/direct.ts";
import { ask, createRun, newRunsPath, report } from "../../../support/requests.ts";
import { bulk, bulkEnded, itemsOf, startBulk } from "../../../support/runs/bulk.ts";
import { APPROVAL, type DetailedRun, LATER, startGated, storeGated } from "../../../support/runs/gated.ts";
import { givenProject, grantToken } from "../../../support/tokens.ts";

const FAILED = { operation: "retry", filter: { status: ["failed"] }, maxRuns: 500 };

async function fail(path: string, runs: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: runs }, async () => {
      const run = await createRun(path);
      await report(run, { status: "failed", error: "no" });
      return run.id;
    }),
  );
}

const list = async (path: string) => (await ask<DetailedRun[]>("GET", `${path}?include=details&limit=200`)).body;
const codesOf = async (path: string, id: string) => new Set((await itemsOf(path, id)).map(({ code }) => code));

it("two persons who retry the same failed runs make one new run of each", async () => {
  const { project, path } = givenProject();
  const portal = await grantToken(project, { role: "member", mayActForOthers: true });
  const failed = await fail(path, 6);
  const as = (person: string) => bulk(path, FAILED, { token: portal.token, headers: { "On-Behalf-Of": person } });
  const first = await as("ada");
  const second = await as("bob");
  expect([first.by, second.by]).toEqual(["ada", "bob"]);
  expect(first.counts).toMatchObject({ matched: 6, accepted: 6, skipped: 0 });
  expect(second.counts).toMatchObject({ matched: 6, accepted: 0, skipped: 6 });
  expect(await codesOf(path, second.id)).toEqual(new Set(["already_retried"]));
  const again = (await list(path)).filter(({ details }) => details.retryOf !== null);
  expect(again.map(({ details }) => details.retryOf).sort()).toEqual(failed.sort());
  expect(new Set(again.map(({ details }) => details.bulkOperationId))).toEqual(new Set([first.id]));
  expect(new Set(again.map(({ triggeredBy }) => triggeredBy))).toEqual(new Set(["ada"]));
});

it("a run that somebody has retried alone is left out, unless includeRetried asks for it", async () => {
  const path = newRunsPath();
  const [id = ""] = await fail(path, 1);
  expect((await ask("POST", `${path}/${id}/retry`)).status).toBe(201);
  const skipped = await bulk(path, FAILED);
  expect(await codesOf(path, skipped.id)).toEqual(new Set(["already_retried"]));
  const taken = await bulk(path, { ...FAILED, includeRetried: true });
  expect(taken.counts).toMatchObject({ matched: 1, accepted: 1 });
  expect((await list(path)).filter(({ details }) => details.retryOf === id).length).toBe(2);
});

it("a retry that was refused does not count as one", async () => {
  const path = newRunsPath();
  await storeGated(path, {});
  const { body: run } = await startGated(path);
  await ask("POST", `${path}/${run.id}/cancel`, { body: { graceSeconds: 0 } });
  const actions = path.replace(/action-runs$/, "actions/deploy");
  await ask("DELETE", actions);
  const cancelled = { ...FAILED, filter: { status: ["cancelled"] } };
  expect((await ask("POST", `${path}/${run.id}/retry`)).status).toBe(404);
  const refused = await bulk(path, cancelled);
  expect(await codesOf(path, refused.id)).toEqual(new Set(["action_not_found"]));
  await storeGated(path, {});
  expect((await bulk(path, cancelled)).counts).toMatchObject({ matched: 1, accepted: 1 });
});

it("a retry that is refused because its key belongs to another run's retry does not count as one", async () => {
  const path = newRunsPath();
  const [first, second] = await fail(path, 2);
  const options = { headers: { "Idempotency-Key": "again" } };
  expect((await ask("POST", `${path}/${first}/retry`, options)).status).toBe(201);
  expect((await ask("POST", `${path}/${second}/retry`, options)).status).toBe(422);
  // A reused key of the same run takes nothing back.
  const other = { body: { parameters: { version: "2" } }, ...options };
  expect((await ask("POST", `${path}/${first}/retry`, other)).status).toBe(422);
  const { id, counts } = await bulk(path, { operation: "retry", runIds: [first, second] });
  expect(counts).toMatchObject({ matched: 2, accepted: 1, skipped: 1 });
  expect(await itemsOf(path, id)).toMatchObject([{ code: "already_retried" }, { code: null }]);
});

it("a retry whose answer was lost is the first one, and is found again", async () => {
  const path = newRunsPath();
  const [source = ""] = await fail(path, 1);
  const creates = spyOnCalls("runs", "create", async (go) => {
    await go();
    throw new Error("Network connection lost.");
  });
  hurryTimers();
  const { body } = await startBulk(path, { operation: "retry", runIds: [source] });
  // The Worker repeats the call once, and then nobody knows.
  await until(async () => creates.mock.calls.length === 2);
  creates.restore();
  expect((await bulkEnded(path, body.id)).counts).toMatchObject({ accepted: 1, skipped: 0 });
  const made = (await list(path)).filter(({ details }) => details.retryOf === source);
  expect(made.map(({ details }) => details.bulkOperationId)).toEqual([body.id]);
});

it("of two retries at once, the one whose create comes later makes no run, if it is a bulk retry", async () => {
  const path = newRunsPath();
  const [source = ""] = await fail(path, 1);
  const [came, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const creates = spyOnCalls("runs", "create", async (go) => {
    came.resolve();
    await gate.promise;
    return go();
  });
  const { body } = await startBulk(path, { operation: "retry", runIds: [source] });
  await came.promise;
  creates.restore();
  expect((await ask("POST", `${path}/${source}/retry`)).status).toBe(201);
  gate.resolve();
  expect((await bulkEnded(path, body.id)).counts).toMatchObject({ accepted: 0, skipped: 1 });
  expect(await codesOf(path, body.id)).toEqual(new Set(["already_retried"]));
  expect((await list(path)).filter(({ details }) => details.retryOf === source)).toHaveLength(1);
});

it("a list right after the operation's end has the new runs", async () => {
  const path = newRunsPath();
  await fail(path, 8);
  await bulk(path, FAILED);
  expect((await ask<unknown[]>("GET", `${path}?status=pending`)).body.length).toBe(8);
});

it("a new run has the asker's person as its creator, who can't approve it", async () => {
  const { project, path } = givenProject();
  await storeGated(path, APPROVAL);
  const portal = await grantToken(project, { role: "owner", mayActForOthers: true, mayApprove: true });
  const as = (person: string) => ({ token: portal.token, headers: { "On-Behalf-Of": person } });
  const { body: run } = await startGated(path, {}, as("eve"));
  await ask("POST", `${path}/${run.id}/cancel`, { body: {}, ...as("eve") });
  const retry = { operation: "retry", runIds: [run.id] };
  const nobody = await bulk(path, retry, { token: portal.token });
  expect(await codesOf(path, nobody.id)).toEqual(new Set(["person_required"]));
  const { id } = await bulk(path, retry, as("ada"));
  const [item] = await itemsOf(path, id);
  const decide = (person: string) => ask("POST", `${path}/${item?.newRunId}/approve`, as(person));
  expect((await decide("ada")).status).toBe(403);
  expect((await decide("bob")).status).toBe(200);
});

it("runs that are created or that end meanwhile are judged by what they are when they are decided", async () => {
  const path = newRunsPath();
  await storeGated(path, {});
  const { body: early } = await startGated(path, { notBefore: LATER });
  const open = await createRun(path);
  const cancelOpen = { operation: "cancel", filter: { status: ["pending"] }, maxRuns: 10 };
  const { id } = await bulk(path, { ...cancelOpen, dryRun: false });
  expect((await itemsOf(path, id)).map(({ runId }) => runId)).toEqual([early.id, open.id]);
  await createRun(path);
  // The set of an operation that has ended never grows.
  expect((await itemsOf(path, id)).length).toBe(2);
});
