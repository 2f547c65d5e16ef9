/** What D1 knows of runs that wait: lists, summaries, counts by token and by signing key. And what it costs others. */

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { toGroupRow } from "../../../src/runs/d1/store.ts";
import type { RunCount } from "../../../src/runs/d1/summary.ts";
import type { WaitingFor } from "../../../src/runs/run.ts";
import { keyRing } from "../../../src/settings/key-ring.ts";

import { askWith, envWith } from "../../support/bindings.ts";
import { faults, faulty } from "../../support/faults.ts";
import { replicated } from "../../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, pagesOf, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows, rowStore, toJournaledRun, type Waited, waitingRun } from "../../support/rows.ts";
import { changesOf } from "../../support/runs/changes.ts";
import {
  APPROVAL,
  decide,
  gatedRun,
  givenGated,
  LATER,
  ONE_AT_A_TIME,
  startGated,
  storeGated,
} from "../../support/runs/gated.ts";
import { givenProject, grantToken, newProject } from "../../support/tokens.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");
let minutes = 0;
/** Ids that sort as they were made. */
const nextId = () => idAt(NOON + ++minutes * 60_000);

describe("a list and a summary by what runs wait for, and by group", () => {
  const path = newRunsPath();
  const ids: Record<string, string> = {};
  const add = async (name: string, waitingFor: WaitingFor | null, more: object = {}, waited: Waited = {}) => {
    const id = nextId();
    ids[name] = id;
    await insertRows(scopeOfPath(path), [{ id, ...waitingRun(waitingFor, waited), ...more }]);
  };
  beforeAll(async () => {
    await insertRows(scopeOfPath(path), [{ id: nextId() }]);
    await add("time", "time");
    await add("approval", "approval", { labels: '["a","b"]' });
    await add("queued", "concurrency", { labels: '["a"]' });
    await add("other", "approval", {}, { group: "stage" });
    await add("pause", "pause");
    await add("released", null, { status: "running" });
    await add("ended", null, { status: "failed" }, { group: "stage" });
  });

  const CASES: readonly (readonly [string, readonly string[]])[] = [
    ["waiting=any", ["time", "approval", "queued", "other", "pause"]],
    ["waiting=time", ["time"]],
    ["waiting=approval", ["approval", "other"]],
    ["waiting=concurrency", ["queued"]],
    ["waiting=pause", ["pause"]],
    ["group=prod", ["time", "approval", "queued", "pause", "released"]],
    ["group=stage", ["other", "ended"]],
    ["group=stage&waiting=any", ["other"]],
    ["waiting=any&label=a", ["approval", "queued"]],
  ];

  it.each(CASES)("finds and counts by %s", async (query, names) => {
    const list = async (more: string) => {
      const { status, body } = await ask<ActionRun[]>("GET", `${path}?${query}${more}`);
      expect(status).toBe(200);
      return body.map(({ id }) => id);
    };
    const expected = names.map((name) => ids[name]);
    expect(await list("&order=oldest")).toEqual(expected);
    expect(await list("")).toEqual(expected.toReversed());
    const { body } = await ask<Record<string, RunCount>>("GET", `${path}/summary?${query}`);
    const counted = Object.values(body).reduce<number>((sum, count) => sum + Number(count), 0);
    expect(counted).toBe(names.length);
  });

  it("come in pages, also of any gate", async () => {
    const pages = await pagesOf<ActionRun>(`${path}?waiting=any&limit=2`);
    const newestFirst = ["pause", "other", "queued", "approval", "time"].map((name) => ids[name]);
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat().map(({ id }) => id)).toEqual(newestFirst);
  });
});

it("a run is listed by its gate while it waits, and by its group for ever", async () => {
  const { path, run } = await givenGated({ approval: { allowSelf: true }, ...ONE_AT_A_TIME });
  const listed = async (query: string) => {
    const { body } = await ask<ActionRun[]>("GET", `${path}?${query}`);
    return body.map(({ id }) => id);
  };
  expect(await listed("waiting=approval")).toEqual([run.id]);
  await decide(path, run.id, "approve");
  for (const query of ["waiting=any", "waiting=approval"]) expect(await listed(query)).toEqual([]);
  await decide(path, run.id, "cancel", { body: { graceSeconds: 0 } });
  expect(await listed("group=prod")).toEqual([run.id]);
});

describe("the feed", () => {
  it("has the runs that a gate can hold back, also when it no longer does", async () => {
    const path = newRunsPath();
    const approved = await gatedRun(path, { approval: { allowSelf: true } });
    await decide(path, approved.id, "approve");
    await storeGated(path, ONE_AT_A_TIME, "grouped");
    const { body: queued } = await startGated(path, {}, {}, "grouped");
    const { body: timed } = await startGated(path, { notBefore: LATER }, {}, "grouped");
    await createRun(path, { actionName: "plain" });
    const told = async (query: string) => {
      const { body } = await changesOf(path, `?after=0&${query}`);
      return body.runs.map(({ id }) => id).sort();
    };
    const of = (...runs: readonly { readonly id: string }[]) => runs.map(({ id }) => id).sort();
    for (const any of ["any", "pause"]) expect(await told(`waiting=${any}`)).toEqual(of(approved, queued, timed));
    expect(await told("waiting=approval")).toEqual(of(approved));
    expect(await told("waiting=concurrency")).toEqual(of(queued, timed));
    expect(await told("waiting=time")).toEqual(of(timed));
    expect(await told("group=prod")).toEqual(of(queued, timed));
    expect(await told("group=prod&waiting=approval")).toEqual([]);
  });
});

describe("the runs of a revoked token that wait", () => {
  it("are counted, with those of the tokens below it, in its project alone, and go on", async () => {
    const { project, path } = givenProject();
    const parent = await grantToken(project, { role: "admin" });
    const child = await grantToken(project, { role: "member" }, parent.token);
    const other = await grantToken(project, { role: "member" });
    await storeGated(path, APPROVAL);
    const ids: string[] = [];
    for (const { token } of [parent, child, child, other]) {
      ids.push((await startGated(path, {}, { token })).body.id);
    }
    // These wait no longer. The one that is approved is still pending, because its receiver does not answer.
    for (const what of ["cancel", "approve"] as const) {
      const { body: over } = await startGated(path, {}, { token: child.token });
      expect((await decide(path, over.id, what)).status).toBe(200);
    }
    await replicated(path);
    const elsewhere = [{ id: nextId(), ...waitingRun("approval", { tokenId: parent.id }) }];
    await insertRows("other/project/prod", elsewhere);
    const { body } = await ask<{ waitingRuns: RunCount }>("DELETE", `${project}/tokens/${parent.id}`);
    expect(body.waitingRuns).toBe(3);
    expect((await ask<unknown[]>("GET", `${path}?waiting=any`)).body).toHaveLength(4);
    const { body: none } = await ask<{ waitingRuns: RunCount }>("DELETE", `${project}/tokens/${other.id}`);
    expect(none.waitingRuns).toBe(1);
  });

  it("are counted up to 1000", async () => {
    const project = newProject();
    const { id: tokenId } = await grantToken(project, { role: "member" });
    const rows = Array.from({ length: 1001 }, (_, i) => ({
      id: idAt(NOON - i),
      ...waitingRun("approval", { tokenId }),
    }));
    await insertRows(`${project.slice(1)}/prod`, rows);
    const { body } = await ask<{ waitingRuns: RunCount }>("DELETE", `${project}/tokens/${tokenId}`);
    expect(body.waitingRuns).toEqual({ atLeast: 1000 });
  });
});

it("the readiness check counts the waiting runs whose request an older key sealed", async () => {
  const [OLD, NEW] = ["the-old-signing-key-of-32-bytes-and-more", "the-new-signing-key-of-32-bytes-and-more"];
  const under = (...keys: string[]) => envWith({ CALLBACK_SIGNING_KEYS: keys.join(",") });
  let ahead = 0;
  const { now } = Date;
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  const path = newRunsPath();
  const older = async (...keys: string[]) => {
    ahead += 60_000;
    // Runs of earlier tests can reach D1 at any time.
    await env.DB.prepare("DELETE FROM runs WHERE scope <> ?").bind(scopeOfPath(path)).run();
    const answer = await askWith<{ waitingRunsUnderOlderKeys: number }>(under(...keys), "GET", "/readyz", {
      token: null,
    });
    return answer.body.waitingRunsUnderOlderKeys;
  };
  const trigger = { type: "webhook", url: "https://ci.example.com/hooks/deploy" };
  const later = { actionName: "later", trigger, notBefore: LATER };
  const { body: run } = await askWith<ActionRun>(under(OLD), "POST", path, { body: later });
  await replicated(path);
  expect(await older(OLD, NEW)).toBe(0);
  expect(await older(NEW, OLD)).toBe(1);
  const [keyId] = await keyIdsOf(OLD);
  expect(await env.DB.prepare("SELECT waiting_key_id FROM runs WHERE id = ?").bind(run.id).first()).toEqual({
    waiting_key_id: keyId,
  });
  // It is still pending, because this isolate's keys can't send it.
  await askWith(under(OLD), "POST", `${path}/${run.id}/release`);
  await replicated(path);
  expect(await older(NEW, OLD)).toBe(0);
  // In the order of their ids, one key is before the other.
  await askWith(under(NEW), "POST", path, { body: later });
  await replicated(path);
  expect(await older(OLD, NEW)).toBe(1);
});

async function keyIdsOf(keys: string): Promise<readonly string[]> {
  const ring = keyRing(keys);
  return ring.ok ? ring.value.keyIds("webhooks") : [];
}

it("a run without gates writes no row more, and binds no byte more", async () => {
  const store = rowStore("acme/shop/rows", faulty(env.DB));
  await store.write([toGroupRow(toJournaledRun({ id: nextId() }))], []);
  const written = async (more: object) => {
    const run = toJournaledRun({ id: nextId(), ...more });
    const before = faults.rowsWritten;
    await store.write([toGroupRow(run)], []);
    return { rows: faults.rowsWritten - before, members: JSON.parse(toGroupRow(run)).length };
  };
  // The row, its primary key, and its entries in the indexes by status, action and trigger.
  expect(await written({})).toEqual({ rows: 5, members: 10 });
  // And that by its subject. The row has null for the gates that come before it.
  expect(await written({ subject: "shop" })).toEqual({ rows: 6, members: 16 });
  // And those by gate, group, creator and key.
  expect(await written(waitingRun("approval", { sealedUnder: "k" }))).toEqual({ rows: 9, members: 14 });
});
