/** What requests about gates cost. A run without gates pays none of it: see hops.test.ts. */

import { expect, it } from "vitest";
import { hopPaths, hopsOf } from "../support/api/hops.ts";
import { ask, createRun } from "../support/requests.ts";
import { APPROVAL, decide, LATER, ONE_AT_A_TIME, startGated, storeGated } from "../support/runs/gated.ts";
import { grantToken, newProject } from "../support/tokens.ts";

const newPath = hopPaths();

const REASON = { body: { reason: "freeze" } };
const linesOf = async (go: () => Promise<unknown>) => (await hopsOf(go)).lines;

it("a gated create calls the coordinator once and D1 never, also with a key, and also when it is repeated", async () => {
  const path = newPath();
  await storeGated(path, ONE_AT_A_TIME);
  await startGated(path);
  const costs = (status: number) => [{ status, d1: 0, coordinator: 1 }];
  const keyed = { headers: { "Idempotency-Key": "once" } };
  expect(await linesOf(() => startGated(path))).toEqual(costs(201));
  expect(await linesOf(() => startGated(path, { notBefore: LATER }))).toEqual(costs(201));
  for (let n = 0; n < 2; n++) expect(await linesOf(() => startGated(path, {}, keyed))).toEqual(costs(201));
  expect(await linesOf(() => startGated(path, { labels: ["another"] }, keyed))).toEqual(costs(422));
  await storeGated(path, APPROVAL);
  await startGated(path);
  expect(await linesOf(() => startGated(path))).toEqual(costs(201));
  // The action has no group any more.
  expect(await linesOf(() => startGated(path, {}, keyed))).toEqual(costs(201));
});

it("a decision calls the coordinator once, and D1 once for its entry in the audit if it counts", async () => {
  const path = newPath();
  await storeGated(path, { approval: { required: 2, allowSelf: true } });
  const { body: run } = await startGated(path);
  const { body: later } = await startGated(path, { notBefore: LATER });
  const counts = [{ status: 200, d1: 1, coordinator: 1 }];
  const refused = [{ status: 409, d1: 0, coordinator: 1 }];
  expect(await linesOf(() => decide(path, run.id, "approve"))).toEqual(counts);
  // A repetition writes the same row again, because the first try could have failed.
  expect(await linesOf(() => decide(path, run.id, "approve"))).toEqual(counts);
  expect(await linesOf(() => decide(path, run.id, "release"))).toEqual(refused);
  expect(await linesOf(() => decide(path, run.id, "reject"))).toEqual(counts);
  expect(await linesOf(() => decide(path, later.id, "release"))).toEqual(counts);
  expect(await linesOf(() => decide(path, later.id, "cancel"))).toEqual(counts);
  expect(await linesOf(() => decide(path, later.id, "approve"))).toEqual(refused);
});

it("a portal that names nobody pays one call more for a run without gates, and none for being refused", async () => {
  const path = newPath(`${newProject()}/envs/prod/action-runs`);
  const wanted = { role: "admin", mayApprove: true, mayActForOthers: true } as const;
  const { token } = await grantToken(path.split("/envs/")[0] ?? "", wanted);
  await storeGated(path, APPROVAL);
  const { body: run } = await startGated(path);
  const plain = await createRun(path);
  // The isolate learns the token.
  await ask("GET", `${path}/${run.id}`, { token });
  const refused = [{ status: 422, d1: 0, coordinator: 1 }];
  for (const what of ["approve", "reject", "cancel"] as const) {
    expect(await linesOf(() => decide(path, run.id, what, { token }))).toEqual(refused);
  }
  expect(await linesOf(() => ask("DELETE", `${path}/${run.id}`, { token }))).toEqual(refused);
  const headers = { "On-Behalf-Of": "eve" };
  expect(await linesOf(() => decide(path, run.id, "cancel", { token, headers }))).toEqual([
    { status: 200, d1: 1, coordinator: 1 },
  ]);
  expect(await linesOf(() => decide(path, plain.id, "cancel", { token }))).toEqual([
    { status: 200, d1: 1, coordinator: 2 },
  ]);
});

it("D1 is asked once about a token before a decision, a pause and a create that waits, and never for a concurrency queue alone", async () => {
  const path = newPath(`${newProject()}/envs/prod/action-runs`);
  const wanted = { role: "admin", mayApprove: true } as const;
  const { token } = await grantToken(path.split("/envs/")[0] ?? "", wanted);
  await storeGated(path, { approval: { allowSelf: true } });
  await storeGated(path, ONE_AT_A_TIME, "queued");
  // The isolate learns the token and the actions.
  await startGated(path, {}, { token }, "queued");
  const { body: run } = await startGated(path, {}, { token });
  const d1Of = async (go: () => Promise<unknown>) => (await linesOf(go)).map(({ d1 }) => d1);
  expect(await d1Of(() => startGated(path, {}, { token }))).toEqual([1]);
  expect(await d1Of(() => startGated(path, { notBefore: LATER }, { token }, "queued"))).toEqual([1]);
  expect(await d1Of(() => startGated(path, {}, { token }, "queued"))).toEqual([0]);
  // With its entry in the audit.
  expect(await d1Of(() => decide(path, run.id, "approve", { token }))).toEqual([2]);
  const pauses = path.replace(/action-runs$/, "pauses");
  expect(await d1Of(() => ask("PUT", `${pauses}/-environment`, { token, ...REASON }))).toEqual([2]);
});

it("an approval that is read calls the coordinator once, and D1 once for the action's version", async () => {
  const path = newPath();
  await storeGated(path, APPROVAL);
  const { body: run } = await startGated(path);
  for (const method of ["GET", "HEAD"]) {
    expect(await linesOf(() => ask(method, `${path}/${run.id}/approval`))).toEqual([
      { status: 200, d1: 1, coordinator: 1 },
    ]);
  }
});

it("pauses and concurrency groups call the coordinator once, and D1 for an entry in the audit and the groups of actions", async () => {
  const path = newPath();
  const at = (name: string) => path.replace(/action-runs$/, name);
  const costs = (status: number, d1: number) => [{ status, d1, coordinator: 1 }];
  expect(await linesOf(() => ask("GET", at("pauses")))).toEqual(costs(200, 0));
  expect(await linesOf(() => ask("GET", at("concurrency-groups")))).toEqual(costs(200, 1));
  expect(await linesOf(() => ask("GET", at("concurrency-groups?group=prod")))).toEqual(costs(200, 1));
  for (const [name, d1] of [
    ["prod", 2],
    ["-environment", 1],
  ] as const) {
    expect(await linesOf(() => ask("PUT", at(`pauses/${name}`), REASON))).toEqual(costs(200, d1));
    expect(await linesOf(() => ask("DELETE", at(`pauses/${name}`)))).toEqual(costs(204, 1));
    expect(await linesOf(() => ask("DELETE", at(`pauses/${name}`)))).toEqual(costs(404, 0));
  }
});
