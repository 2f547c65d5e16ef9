/**
 * A revoked token and a replaced secret change nothing that lasts, although this isolate still remembers them. Every
 * change of the document is tried, so a new one is covered, or must say here that it only starts or ends runs.
 */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { type Access, accessFor, OPERATIONS, type Operation, send } from "../openapi/described-requests.ts";
import { faults, holdReads } from "../support/faults.ts";
import { ask, createRun, newRunsPath, ROOT } from "../support/requests.ts";
import { APPROVAL, LATER, ONE_AT_A_TIME, startGated, storeGated } from "../support/runs/gated.ts";
import { beginSession } from "../support/sessions.ts";
import {
  grantToken,
  newProject,
  type Refusal,
  revokeElsewhere,
  rotateElsewhere,
  type TokenOnWire,
} from "../support/tokens.ts";

const schemesOf = ({ security }: Operation) => security.flatMap((one) => Object.keys(one));
/** What these do ends by itself: a run. */
const OF_RUNS = /^(POST .*\/(action-runs|runs|cancel|retry)|DELETE .*\/action-runs\/\{id\})$/;
/** Nothing is changed. */
const PREVIEW = /\/actions\/\{name\}\/(preview|inbound\/try)$/;
/** Only ROOT_TOKEN opens these, and nobody revokes it. */
const OF_ROOT = /(resync|sign-in-codes|\/database|\/purge|(\{p\}|\{envName\})\/erase)$/;
const STOPS_BULK = "/bulk-operations/{id}/cancel";
const CHANGES = OPERATIONS.filter((one) => one.method !== "GET" && schemesOf(one).includes("apiToken"))
  .map((one) => [`${one.method} ${one.path}`, one] as const)
  .filter(([name]) => !OF_ROOT.test(name) && !PREVIEW.test(name) && (!OF_RUNS.test(name) || name.endsWith(STOPS_BULK)));

/** Where the example of the document would be refused for another reason, or changes nothing. */
const BODIES: Readonly<Record<string, unknown>> = {
  "POST /session": {},
  "POST /{o}/{p}/envs/{envName}/bulk-operations": { operation: "cancel", runIds: [crypto.randomUUID()] },
};

const STALE = [
  ["a revoked token", (id: string) => revokeElsewhere(env.DB, id), 401, "token_invalid"],
  ["a replaced secret", (id: string) => rotateElsewhere(id), 403, "forbidden"],
] as const;

const OWNER = { role: "owner", mayApprove: true } as const;

/** A token that this isolate remembers. */
async function remembered(project: string): Promise<TokenOnWire> {
  const token = await grantToken(project, OWNER);
  expect((await ask("GET", "/whoami", { token: token.token })).status).toBe(200);
  return token;
}

/** What changes would show in. */
async function stateOf(project: string): Promise<unknown> {
  const like = `${project.slice(1)}/%`;
  const [definitions, versions, ...ofProject] = await env.DB.batch([
    env.DB.prepare("SELECT * FROM definitions WHERE scope LIKE ?").bind(like),
    env.DB.prepare("SELECT * FROM definition_versions WHERE scope LIKE ?").bind(like),
    ...["tokens", "sessions", "audit"].map((table) =>
      env.DB.prepare(`SELECT * FROM ${table} WHERE project = ? ORDER BY id`).bind(project.slice(1)),
    ),
  ]);
  const shown = ["pauses", "action-runs", "bulk-operations"].map(
    async (what) => (await ask<unknown>("GET", `${project}/envs/production/${what}`)).body,
  );
  const stored = [definitions, versions, ...ofProject].map((one) =>
    one?.results.map((row) => ({ ...(row as object), last_used_at: null })),
  );
  return [stored, await Promise.all(shown)];
}

const projectOf = ({ names: { o, p } }: Access) => `/${o}/${p}`;

describe.each(STALE)("%s", (_who, makeStale, status, code) => {
  it.each(CHANGES)("is refused, and nothing changes: %s", async (name, operation) => {
    const access = await accessFor(operation);
    const project = projectOf(access);
    const { id, token } = await remembered(project);
    // A token rotates only itself and the tokens below it.
    const names = name.endsWith("/rotate") ? { tokenId: id } : {};
    await makeStale(id);
    const before = await stateOf(project);
    const sent = { token, names, body: BODIES[name] ?? operation.bodyExample };
    const refused = await send(operation, access, sent);
    expect([refused.status, refused.code]).toEqual([status, code]);
    expect(await stateOf(project)).toEqual(before);
    // The isolate has forgotten it.
    expect((await ask("GET", "/whoami", { token })).status).toBe(status === 401 ? 401 : 200);
  });

  it.each([
    ["its time", {}, { notBefore: LATER }],
    ["an approval", APPROVAL, {}],
  ])("creates no run that waits for %s", async (_what, gates, body) => {
    const project = newProject();
    const runs = `${project}/envs/production/action-runs`;
    await storeGated(runs, gates);
    const { id, token } = await remembered(project);
    await makeStale(id);
    const refused = await startGated(runs, body, { token });
    expect([refused.status, (refused.body as unknown as Refusal).code]).toEqual([status, code]);
    expect((await ask<unknown[]>("GET", runs)).body).toEqual([]);
  });
});

it("a replaced secret still creates, reads and cancels runs, also in a concurrency group", async () => {
  const project = newProject();
  const runs = `${project}/envs/production/action-runs`;
  await storeGated(runs, ONE_AT_A_TIME);
  const { id, token } = await remembered(project);
  await rotateElsewhere(id);
  await ask("GET", "/whoami", { token });
  const run = await createRun(runs, undefined, { token });
  expect((await startGated(runs, {}, { token })).status).toBe(201);
  expect((await ask<unknown[]>("GET", runs, { token })).body).toHaveLength(2);
  expect((await ask("POST", `${runs}/${run.id}/cancel`, { token })).status).toBe(200);
});

it.each([
  ["was ended", "DELETE FROM sessions WHERE id = ?"],
  ["is over", "UPDATE sessions SET expires_at = 1 WHERE id = ?"],
])("a session that %s elsewhere pauses nothing, and hears that it ended", async (_how, end) => {
  const project = newProject();
  const { token } = await grantToken(project, OWNER);
  const { headers, id } = await beginSession(token);
  expect((await ask("GET", "/whoami", { token: null, headers })).status).toBe(200);
  await env.DB.prepare(end).bind(id).run();
  const pauses = `${project}/envs/production/pauses`;
  const sent = { token: null, headers, body: { reason: "freeze" } };
  const refused = await ask<Refusal>("PUT", `${pauses}/prod`, sent);
  expect([refused.status, refused.body.code]).toEqual([401, "session_ended"]);
  expect((await ask("GET", pauses)).body).toEqual([]);
});

function failReads(): null {
  faults.reads = "down";
  return null;
}

it.each([
  ["down", failReads],
  ["hanging", holdReads],
] as const)("a remembered token pauses and resumes with D1's reads %s", async (_how, breakReads) => {
  const project = newProject();
  const { token } = await remembered(project);
  const pause = `${project}/envs/production/pauses/prod`;
  const held: { open(): void } | null = breakReads();
  expect((await ask("PUT", pause, { token, body: { reason: "freeze" } })).status).toBe(200);
  expect((await ask("DELETE", pause, { token })).status).toBe(204);
  held?.open();
});

it("a create that is repeated with its key gets its run, although the token is revoked meanwhile", async () => {
  const runs = newRunsPath();
  const project = runs.slice(0, runs.indexOf("/envs/"));
  await storeGated(runs, APPROVAL);
  const { id, token } = await remembered(project);
  const headers = { "Idempotency-Key": "once" };
  const first = await startGated(runs, {}, { token, headers });
  await revokeElsewhere(env.DB, id);
  const again = await startGated(runs, {}, { token, headers });
  expect([first.status, again.status, again.body.id]).toEqual([201, 201, first.body.id]);
});

it("ROOT_TOKEN is not asked about", async () => {
  const project = newProject();
  faults.reads = "down";
  const pause = `${project}/envs/production/pauses/-environment`;
  const before = faults.calls;
  expect((await ask("PUT", pause, { token: ROOT, body: { reason: "freeze" } })).status).toBe(200);
  // Only its entry in the audit.
  expect(faults.calls - before).toBe(1);
});
