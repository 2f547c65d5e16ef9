/** POST …/erase: the texts of a run go everywhere, and what happened stays. */

import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { EMPTY_FILLER, FILL_FREED_PAGES } from "../../../../src/base/freed-pages.ts";
import { toGroupRow } from "../../../../src/runs/d1/store.ts";
import { createAged, direct, everyRow, journal, restart, until } from "../../../support/direct.ts";
import { faults } from "../../../support/faults.ts";
import { replicated } from "../../../support/replicated.ts";
import type { Schemas } from "../../../support/requests.ts";
import { type Answer, ask, createRun, givenRun, keyed, newRunsPath, report } from "../../../support/requests.ts";
import { toJournaledRun, writeRows } from "../../../support/rows.ts";
import { gatedRun } from "../../../support/runs/gated.ts";
import { beat } from "../../../support/runs/stream.ts";
import { grantToken } from "../../../support/tokens.ts";

type Erasure = Schemas["RunErasure"] & { readonly code?: string };

const ENTITY = "01890a5d-ac96-774b-bcce-b302099a8057";
/** In each text of a run that people or jobs write. */
const SECRET = "Ada-Lovelace-4711";
const WITH_TEXTS = {
  actionName: "deploy",
  entityId: ENTITY,
  title: SECRET,
  subject: SECRET,
  parameters: { of: SECRET, long: SECRET.repeat(40) },
  recommendations: { of: SECRET },
  labels: [SECRET],
};

afterEach(() => {
  vi.useRealTimers();
  faults.reads = null;
  faults.writes = null;
});

async function owner(path: string): Promise<string> {
  const { token } = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "owner" });
  return token;
}

async function erase(path: string, id: string, options: { readonly token?: string } = {}): Promise<Answer<Erasure>> {
  const token = options.token ?? (await owner(path));
  return ask<Erasure>("POST", `${path}/${id}/erase`, { body: { reason: "a customer asked" }, token });
}

async function given() {
  const { path, run } = await givenRun(WITH_TEXTS);
  await beat(run, { message: SECRET, externalUrl: `https://ci.example.com/${SECRET}`, tail: SECRET });
  await report(run, { status: "failed", error: SECRET, output: { of: SECRET } });
  await replicated(path);
  return { path, run };
}

it("leaves no text of the run in any row of the journal and of D1, and says what happened and when", async () => {
  const { path, run } = await given();
  expect(await everyRow(path)).toContain(SECRET);
  const { status, body } = await erase(path, run.id);
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { id: run.id, complete: true, retries: [], archived: [] },
  });
  const rows = await everyRow(path);
  expect([rows.includes(SECRET), rows.includes(ENTITY)]).toEqual([false, false]);
  const shown = await ask<Schemas["DetailedActionRun"]>("GET", `${path}/${run.id}?include=details`);
  expect(shown.body).toMatchObject({
    status: "failed",
    actionName: "deploy",
    triggeredBy: "root",
    createdAt: run.createdAt,
    completedAt: expect.any(String),
    parameters: {},
    recommendations: {},
    entityId: null,
    error: null,
    output: null,
    details: { title: null, subject: null, labels: [], externalUrl: null, erasedAt: body.erasedAt },
  });
  const events = await ask<Schemas["TimelineEvent"][]>("GET", `${path}/${run.id}/events`);
  expect(events.body.map(({ type }) => type)).toEqual(["created", "started", "heartbeat", "ended"]);
});

it("says the same again, and to a GET", async () => {
  const { path, run } = await given();
  const { body } = await erase(path, run.id);
  expect((await erase(path, run.id)).body).toEqual(body);
  expect((await ask("GET", `${path}/${run.id}/erase`, { token: await owner(path) })).body).toEqual(body);
  const other = await createRun(path);
  const asked = await ask("GET", `${path}/${other.id}/erase`);
  expect(asked).toMatchObject({ status: 404, body: { code: "erasure_not_found" } });
});

it.each([
  ["who created it", {}],
  ["a token above the one that created it", { isAbove: true }],
])("refuses %s", async (_, { isAbove = false }: { isAbove?: boolean }) => {
  const path = newRunsPath();
  const project = path.split("/").slice(0, 3).join("/");
  const { token } = await grantToken(project, { role: "owner" });
  const child = await ask<{ token: string }>("POST", `${project}/tokens`, {
    body: { name: "ci", role: "member" },
    token,
  });
  const run = await createRun(path, WITH_TEXTS, { token: isAbove ? child.body.token : token });
  expect(await erase(path, run.id, { token })).toMatchObject({ status: 403, body: { code: "own_run" } });
  expect((await ask<Schemas["ActionRun"]>("GET", `${path}/${run.id}`)).body).toMatchObject({ status: "pending" });
  expect((await erase(path, run.id)).status).toBe(200);
});

it("cancels an open run first, and its job can report nothing more", async () => {
  const { path, run } = await givenRun(WITH_TEXTS);
  await beat(run, { message: SECRET });
  expect((await erase(path, run.id)).status).toBe(200);
  const { body } = await ask<Schemas["DetailedActionRun"]>("GET", `${path}/${run.id}?include=details`);
  expect(body).toMatchObject({ status: "cancelled", parameters: {}, details: { cancel: { reason: null } } });
  expect(await report(run, { status: "succeeded", output: { of: SECRET } })).toMatchObject({ status: 409 });
  expect(await everyRow(path)).not.toContain(SECRET);
});

it("keeps who approved, and erases what they said, also in the audit", async () => {
  const path = newRunsPath();
  const run = await gatedRun(path, { approval: {} }, { parameters: { of: SECRET } });
  const approver = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "viewer", mayApprove: true });
  const approved = await ask("POST", `${path}/${run.id}/approve`, { body: { reason: SECRET }, token: approver.token });
  expect(approved.status).toBe(200);
  expect((await ask("POST", `${path}/${run.id}/cancel`, { body: { reason: SECRET, graceSeconds: 0 } })).status).toBe(
    200,
  );
  await until(async () => (await everyRow(path)).split(SECRET).length > 5);
  await until(async () => (await erase(path, run.id)).body.complete);
  expect(await everyRow(path)).not.toContain(SECRET);
  const { body } = await ask<Schemas["DetailedActionRun"]>("GET", `${path}/${run.id}?include=details`);
  expect(body.details?.approval?.approvals).toMatchObject([{ byId: approver.id, reason: null }]);
  const { results } = await env.DB.prepare("SELECT action, reason FROM audit WHERE target = ? AND reason IS NOT NULL")
    .bind(run.id)
    .all();
  expect(new Set(results.map((row) => JSON.stringify(row)))).toEqual(
    new Set([JSON.stringify({ action: "run_erased", reason: "a customer asked" })]),
  );
});

it("shows no list the row that a database still has, and says when it is gone", async () => {
  const { path, run } = await given();
  const token = await owner(path);
  faults.writes = "down";
  // The audit has what people said of the run, so the request is repeated.
  expect((await erase(path, run.id, { token })).status).toBe(503);
  for (const query of ["", `?subject=${SECRET}`, `?label=${SECRET}`, `?entityId=${ENTITY}`, `?text=${SECRET}`]) {
    expect(JSON.stringify((await ask<unknown>("GET", `${path}${query}`)).body), query).not.toContain(SECRET);
  }
  expect((await ask<Erasure>("GET", `${path}/${run.id}/erase`)).body.complete).toBe(false);
  faults.writes = null;
  await replicated(path);
  expect((await ask<Erasure>("GET", `${path}/${run.id}/erase`)).body.complete).toBe(true);
});

it("is in the feed of whoever followed the run by its subject or label", async () => {
  const { path, run } = await given();
  const asked = `subject=${SECRET}&label=${SECRET}`;
  const { cursor } = (await ask<{ cursor: string }>("GET", `${path}/changes?${asked}`)).body;
  await erase(path, run.id);
  const { body } = await ask<{ runs: Schemas["ActionRun"][] }>("GET", `${path}/changes?${asked}&after=${cursor}`);
  expect(body.runs).toMatchObject([{ id: run.id, parameters: {} }]);
});

it("brings nothing back: neither a late batch, nor a resync after D1 was restored", async () => {
  const { path, run } = await given();
  const scope = path.split("/").slice(1).join("/").replace("/envs", "").replace("/action-runs", "");
  const old = toJournaledRun({
    id: run.id,
    version: 2,
    title: SECRET,
    subject: SECRET,
    entityId: ENTITY,
    labels: `["${SECRET}"]`,
  });
  await erase(path, run.id);
  await writeRows(scope, [toGroupRow(old)], [run.id]);
  expect(await everyRow(path)).not.toContain(SECRET);
  await env.DB.prepare("DELETE FROM runs WHERE id = ?").bind(run.id).run();
  await writeRows(scope, [toGroupRow(old)], [run.id]);
  expect(await everyRow(path)).toContain(SECRET);
  expect((await ask("POST", `${path.replace("action-runs", "resync")}`)).status).toBe(202);
  expect((await ask<Erasure>("GET", `${path}/${run.id}/erase`)).body.complete).toBe(false);
  await replicated(path);
  const rows = await everyRow(path);
  expect([rows.includes(SECRET), rows.includes(ENTITY)]).toEqual([false, false]);
});

it("can't be retried, not even by a request that has read the inputs before, and its key creates no other run", async () => {
  const path = newRunsPath();
  const run = await createRun(path, WITH_TEXTS, keyed("once"));
  await report(run, { status: "failed", error: "no" });
  const retry = await createAged(path, { retryOf: run.id });
  await erase(path, run.id);
  const refused = { status: 409, body: { code: "run_erased" } };
  expect(await ask("POST", `${path}/${run.id}/retry`)).toMatchObject(refused);
  expect(await ask("POST", path, { body: WITH_TEXTS, ...keyed("once") })).toMatchObject(refused);
  await expect(createAged(path, { retryOf: run.id })).rejects.toThrow("run_erased");
  expect((await ask<Erasure>("GET", `${path}/${run.id}/erase`)).body.retries).toEqual([retry]);
});

it("names all runs of a chain of retries that are kept", async () => {
  const path = newRunsPath();
  const first = await createAged(path);
  const [a, b] = [await createAged(path, { retryOf: first }), await createAged(path, { retryOf: first })];
  const last = await createAged(path, { retryOf: a });
  expect((await erase(path, a)).body.retries).toEqual([first, b, last].sort());
});

it("counts and tells nothing twice", async () => {
  const { path, run } = await given();
  const metrics = path.replace(/action-runs$/, "metrics");
  const ended = async () => {
    const { body } = await ask<string>("GET", metrics);
    return body.split("\n").filter((line) => /^action_runs_ended_total.* [^0]/.test(line));
  };
  const before = await ended();
  expect(before).toHaveLength(1);
  const seqs = () => journal(path, "SELECT event_seq, ended_seq FROM runs WHERE id = ?", run.id);
  const [event] = await seqs();
  await erase(path, run.id);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10_000 });
  expect([await ended(), await seqs()]).toEqual([before, [event]]);
});

it("keeps the timeline of a run that stored no event", async () => {
  const { path, run } = await givenRun(WITH_TEXTS);
  await report(run, { status: "succeeded", output: { of: SECRET } });
  const types = async () => {
    const { body } = await ask<Schemas["TimelineEvent"][]>("GET", `${path}/${run.id}/events`);
    return body.map(({ seq, type, at }) => ({ seq, type, at }));
  };
  const before = await types();
  expect(await journal(path, "SELECT 1 FROM events")).toEqual([]);
  await erase(path, run.id);
  expect(await types()).toEqual(before);
});

it("is repeated after an object that died half-way, and until then each read gets JSON", async () => {
  const { path, run } = await given();
  await journal(
    path,
    "CREATE TRIGGER fails BEFORE UPDATE ON runs WHEN NEW.erased_at > 0 BEGIN SELECT RAISE(FAIL, 'disk I/O error'); END",
  );
  expect((await erase(path, run.id)).status).toBe(503);
  await restart(path);
  const half = await ask<Schemas["DetailedActionRun"]>("GET", `${path}/${run.id}?include=details`);
  expect([half.status, JSON.stringify(half.body).includes(SECRET)]).toEqual([200, false]);
  expect(half.body.details).not.toHaveProperty("erasedAt");
  // Its inputs are overwritten, so a new run would start with others.
  expect(await ask("POST", `${path}/${run.id}/retry`)).toMatchObject({ status: 409, body: { code: "run_erased" } });
  expect(await ask("GET", `${path}/${run.id}/erase`)).toMatchObject({ body: { code: "erasure_not_found" } });
  expect((await ask("GET", `${path}/${run.id}/events`)).status).toBe(200);
  await journal(path, "DROP TRIGGER fails");
  expect((await erase(path, run.id)).status).toBe(200);
  expect(await everyRow(path)).not.toContain(SECRET);
});

it("is in the audit although D1 was down, and is not complete while the audit has reasons", async () => {
  const { path, run } = await givenRun(WITH_TEXTS);
  expect((await ask("POST", `${path}/${run.id}/cancel`, { body: { reason: SECRET, graceSeconds: 0 } })).status).toBe(
    200,
  );
  await replicated(path);
  const token = await owner(path);
  faults.writes = "down";
  expect((await erase(path, run.id, { token })).status).toBe(503);
  faults.writes = null;
  await replicated(path);
  const actions = async () => {
    const select = env.DB.prepare("SELECT action FROM audit WHERE target = ?").bind(run.id);
    return (await select.all<{ action: string }>()).results.map(({ action }) => action);
  };
  await until(async () => (await actions()).includes("run_erased"));
  expect(await everyRow(path)).toContain(SECRET);
  expect((await ask<Erasure>("GET", `${path}/${run.id}/erase`)).body.complete).toBe(false);
  expect(await erase(path, run.id, { token })).toMatchObject({ status: 200, body: { complete: true } });
  expect(await everyRow(path)).not.toContain(SECRET);
  expect((await ask<Erasure>("GET", `${path}/${run.id}/erase`)).body.complete).toBe(true);
  expect((await actions()).filter((action) => action === "run_erased")).toHaveLength(1);
});

it("writes over freed pages with rows that D1 takes: 2 000 000 bytes with all that belongs to the row", async () => {
  await env.DB.prepare(FILL_FREED_PAGES).run();
  const size = await env.DB.prepare(
    "SELECT max(length(bytes)) AS most, sum(length(bytes)) AS all_ FROM filler",
  ).first();
  await env.DB.prepare(EMPTY_FILLER).run();
  expect(size?.most).toBeLessThan(1_999_900);
  expect(size?.all_).toBe(8_000_000);
});

it("leaves no filler behind, also if D1 fails before it is deleted", async () => {
  const { path, run } = await given();
  const token = await owner(path);
  vi.spyOn(console, "error").mockImplementation(() => {});
  faults.writes = { refuse: (_bound, sql) => sql.startsWith("DELETE FROM filler") };
  await erase(path, run.id, { token });
  faults.writes = null;
  await until(async () => {
    await direct(path).upkeep.poke();
    return (await erase(path, run.id, { token })).body.complete;
  });
  expect(await env.DB.prepare("SELECT count(*) AS rows FROM filler").first()).toEqual({ rows: 0 });
});

describe("the audit", () => {
  const entriesOf = async (id: string) =>
    (await env.DB.prepare("SELECT actor, reason FROM audit WHERE target = ? AND action = 'run_erased'").bind(id).all())
      .results;

  it("has the entry of an erasure, even if D1 fails behind it", async () => {
    const { path, run } = await given();
    faults.writes = { refuse: (_, sql) => sql.includes("SET reason = NULL") };
    expect((await erase(path, run.id)).status).toBe(503);
    expect(await entriesOf(run.id)).toMatchObject([{ reason: "a customer asked" }]);
  });

  it("names who erased the run, and not who repeats the request", async () => {
    const { path, run } = await given();
    const { id, token } = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "owner" });
    expect((await erase(path, run.id, { token })).status).toBe(200);
    expect((await erase(path, run.id)).status).toBe(200);
    expect(await entriesOf(run.id)).toMatchObject([{ actor: id }]);
  });
});

it("is refused to a portal that names nobody, for whichever run, and to a secret that a rotation replaced", async () => {
  const path = newRunsPath();
  const project = path.split("/").slice(0, 3).join("/");
  const run = await createRun(path, WITH_TEXTS);
  const portal = await grantToken(project, { role: "owner", mayActForOthers: true });
  const unnamed = await ask<{ code: string; error: string }>("POST", `${path}/${run.id}/erase`, {
    body: { reason: "asked" },
    token: portal.token,
  });
  expect([unnamed.status, unnamed.body.code, unnamed.body.error]).toEqual([
    422,
    "person_required",
    expect.not.stringContaining("gates"),
  ]);
  const { id, token } = await grantToken(project, { role: "owner" });
  expect((await ask("POST", `${project}/tokens/${id}/rotate`, { body: {}, token })).status).toBe(200);
  expect(await erase(path, run.id, { token })).toMatchObject({ status: 403, body: { code: "forbidden" } });
  expect((await ask<Schemas["ActionRun"]>("GET", `${path}/${run.id}`)).body).toMatchObject({ status: "pending" });
});

it("is refused while D1 can't say whether the token was revoked, because nobody can undo it", async () => {
  const { path, run } = await given();
  const { id, token } = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "owner" });
  expect((await ask("GET", `${path}/${run.id}`, { token })).status).toBe(200);
  await env.DB.prepare("DELETE FROM tokens WHERE id = ?").bind(id).run();
  faults.reads = { refuse: (_, sql) => sql.includes("tokens") };
  expect(await erase(path, run.id, { token })).toMatchObject({ status: 503, body: { code: "database_unavailable" } });
  faults.reads = null;
  expect(await everyRow(path)).toContain(SECRET);
});
