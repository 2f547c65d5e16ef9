/** A bulk cancel: each run of the set is cancelled once, and nothing starts that is cancelled a second later. */

import { expect, it } from "vitest";
import { holdWrites } from "../../../support/faults.ts";
import { replicated } from "../../../support/replicated.ts";
import { ask, createRun, givenRun, newRunsPath, report } from "../../../support/requests.ts";
import { bulk, bulkOf, itemsOf, startBulk } from "../../../support/runs/bulk.ts";
import { detailsOf, ONE_AT_A_TIME, startGated, storeGated } from "../../../support/runs/gated.ts";
import { beat } from "../../../support/runs/stream.ts";
import { givenProject, grantToken } from "../../../support/tokens.ts";

const CANCEL = { operation: "cancel", filter: { actionName: "deploy" }, maxRuns: 500 };

interface Event {
  readonly type: string;
}

const eventsOf = async (path: string, id: string) =>
  (await ask<Event[]>("GET", `${path}/${id}/events`)).body.map(({ type }) => type);

it.each(["by a filter", "by their ids"])(
  "no run starts that is behind a run in the same set, which is asked for %s",
  async (how) => {
    const path = newRunsPath();
    await storeGated(path, { concurrency: { group: "prod", key: "{{ parameters.service }}" } });
    const start = async (service: string) => (await startGated(path, { parameters: { service } })).body.id;
    const [ahead = "", ...waiting] = await inTurn(5, () => start("shop"));
    // A running run that is newer than the queued ones of another queue.
    const runs = [ahead, ...waiting, await start("mail")];
    const newestFirst = runs.toSorted().reverse();
    const asked = how === "by a filter" ? newestFirst : runs;
    const about = how === "by a filter" ? CANCEL : { operation: "cancel", runIds: runs };
    const { id, counts } = await bulk(path, { ...about, graceSeconds: 0 });
    expect(counts).toMatchObject({ matched: 6, accepted: 6 });
    const isWaiting = (run: string) => waiting.includes(run);
    expect((await itemsOf(path, id)).map(({ runId }) => runId)).toEqual([
      ...asked.filter(isWaiting),
      ...asked.filter((run) => !isWaiting(run)),
    ]);
    for (const run of waiting) expect(await eventsOf(path, run)).not.toContain("released");
  },
);

it("a run with gates stays if the operation must name a person and names none", async () => {
  const { project, path } = givenProject();
  await storeGated(path, ONE_AT_A_TIME);
  const { token } = await grantToken(project, { role: "member", mayActForOthers: true });
  const [gated, plain] = [(await startGated(path)).body.id, (await createRun(path)).id];
  const cancel = { operation: "cancel", runIds: [gated, plain] };
  const codesOf = async (id: string) => (await itemsOf(path, id)).map(({ code }) => code);
  expect(await codesOf((await bulk(path, cancel, { token })).id)).toEqual(["person_required", null]);
  const { id } = await bulk(path, cancel, { token, headers: { "On-Behalf-Of": "ada" } });
  expect(await codesOf(id)).toEqual([null, "run_cancelled"]);
  const { body } = await ask<{ details: unknown }>("GET", `${path}/${gated}?include=details`);
  expect(body.details).toMatchObject({ cancel: { by: "ada" } });
});

it("a dry run says how many other runs would start", async () => {
  const path = newRunsPath();
  const gates = { concurrency: { group: "prod", key: "{{ parameters.service }}", limit: 2 } };
  await storeGated(path, gates);
  const start = async (service: string, labels: readonly string[] = []) =>
    (await startGated(path, { parameters: { service }, labels })).body.id;
  // Two hold and three wait; one holds and nobody waits.
  const [first = "", second = "", ...waiting] = await inTurn(5, () => start("shop"));
  const alone = await start("mail");
  const wouldStart = async (runIds: readonly string[]) => {
    const wanted = { operation: "cancel", runIds, dryRun: true };
    return (await startBulk<{ wouldStart: number }>(path, wanted)).body.wouldStart;
  };
  expect(await wouldStart([first])).toBe(1);
  expect(await wouldStart([first, second, alone])).toBe(2);
  expect(await wouldStart([first, second, ...waiting.slice(0, 2)])).toBe(1);
  expect(await wouldStart([alone, ...waiting])).toBe(0);
  expect((await detailsOf(path, waiting[0] ?? "")).details.waiting?.for).toBe("concurrency");
});

async function inTurn<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let i = 0; i < count; i++) made.push(await make());
  return made;
}

it("two operations over the same runs ask each run to stop once", async () => {
  const path = newRunsPath();
  const runs = await Promise.all(Array.from({ length: 10 }, () => createRun(path)));
  for (const run of runs.slice(0, 5)) await beat(run);
  const [one, other] = await Promise.all([bulk(path, CANCEL), bulk(path, CANCEL)]);
  for (const { counts } of [one, other]) {
    expect(counts).toMatchObject({ matched: 10, failed: 0, remaining: 0 });
  }
  // A pending run ends at once, so the second one is refused. A running one stays open for its grace.
  expect(one.counts.accepted + other.counts.accepted).toBe(15);
  expect(one.counts.skipped + other.counts.skipped).toBe(5);
  for (const { id } of runs.slice(0, 5)) {
    expect((await eventsOf(path, id)).filter((type) => type === "cancel_requested").length).toBe(1);
  }
});

it("says how the runs have ended that it asked to stop", async () => {
  const path = newRunsPath();
  const [pending, finished, stopped] = await inTurn(3, () => createRun(path));
  if (pending === undefined || finished === undefined || stopped === undefined) throw new Error("no runs");
  for (const run of [finished, stopped]) await beat(run);
  const { id, ended } = await bulk(path, { ...CANCEL, reason: "a freeze", graceSeconds: 60 });
  expect(ended).toEqual({ succeeded: 0, failed: 0, cancelled: 1 });
  expect((await ask<{ details: unknown }>("GET", `${path}/${stopped.id}?include=details`)).body.details).toMatchObject({
    cancel: { by: "root", reason: "a freeze" },
  });
  await report(finished, { status: "succeeded" });
  await report(stopped, { status: "failed", error: "interrupted" });
  expect((await bulkOf(path, id)).ended).toEqual({ succeeded: 1, failed: 0, cancelled: 2 });
});

it("a run that has left the filter meanwhile is judged by its journal", async () => {
  const { path, run } = await givenRun();
  const { body } = await startBulk(path, CANCEL);
  await report(run, { status: "succeeded" });
  const { id } = await bulk(path, { operation: "cancel", runIds: [run.id] });
  expect(await itemsOf(path, id)).toMatchObject([{ outcome: "skipped", code: "run_succeeded" }]);
  expect((await bulkOf(path, body.id)).id).toBe(body.id);
});

it("a list right after the operation's end shows what it has done, although the database lacks it", async () => {
  const path = newRunsPath();
  await Promise.all(Array.from({ length: 8 }, () => createRun(path)));
  await replicated(path);
  const gate = holdWrites(/INTO runs/);
  await bulk(path, CANCEL);
  const listed = await ask<unknown[]>("GET", `${path}?status=cancelled`);
  gate.open();
  expect(listed.body.length).toBe(8);
});
