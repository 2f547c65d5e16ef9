/** A token shows the hour in which it was last used. No response waits for that, and it costs a row an hour. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { clockFrom } from "../support/clock.ts";
import { HOUR_MS, MINUTE_MS, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { ask, ROOT } from "../support/requests.ts";
import { grantToken, newAddress, newProject, type Refusal, type TokenOnWire } from "../support/tokens.ts";

const START = Date.parse("2030-06-01T12:34:56.789Z");
const NOTE = /UPDATE tokens SET last_used_at/;
const later = clockFrom(START);

/** The tokens of the project, as the operator sees them. */
async function lastUseOf(project: string, id: string): Promise<string | null | undefined> {
  const { body } = await ask<TokenOnWire[]>("GET", `${project}/tokens`, { token: ROOT });
  return body.find((one) => one.id === id)?.lastUsedAt;
}

function use(project: string, token: string) {
  const headers = { "CF-Connecting-IP": newAddress() };
  return ask<Refusal>("GET", `${project}/envs/prod/action-runs`, { token, headers });
}

it("a token shows the hour of its last use, by any request that its token opened", async () => {
  const project = newProject();
  const { id, token, lastUsedAt } = await grantToken(project, { role: "viewer" });
  expect([lastUsedAt, await lastUseOf(project, id)]).toEqual([null, null]);
  await use(project, token);
  await until(async () => (await lastUseOf(project, id)) === "2030-06-01T12:00:00.000Z");
  later(HOUR_MS);
  expect((await ask("POST", `${project}/tokens`, { token, body: {} })).status).toBe(403);
  await until(async () => (await lastUseOf(project, id)) === "2030-06-01T13:00:00.000Z");
  // The old secret of a rotation is a secret of the same token.
  await ask("POST", `${project}/tokens/${id}/rotate`);
  later(2 * HOUR_MS);
  await use(project, token);
  await until(async () => (await lastUseOf(project, id)) === "2030-06-01T14:00:00.000Z");
});

it("costs one row an hour, however many requests there are and whichever isolate was first", async () => {
  const project = newProject();
  const [busy, elsewhere] = [
    await grantToken(project, { role: "viewer" }),
    await grantToken(project, { role: "viewer" }),
  ];
  const written = faults.rowsWritten;
  await Promise.all(Array.from({ length: 8 }, () => use(project, busy.token)));
  await until(async () => (await lastUseOf(project, busy.id)) !== null);
  for (let n = 0; n < 5; n++) await use(project, busy.token);
  later(25 * MINUTE_MS);
  await use(project, busy.token);
  expect(faults.rowsWritten - written).toBe(1);
  // At 12:59:59.999 the hour has not ended, and a millisecond later it has.
  const end = Date.parse("2030-06-01T13:00:00Z") - START;
  later(end - 1);
  await use(project, busy.token);
  expect(faults.rowsWritten - written).toBe(1);
  later(end);
  await use(project, busy.token);
  await until(async () => faults.rowsWritten - written === 2);
  const ahead = Date.parse("2030-06-01T15:00:00Z");
  await env.DB.prepare("UPDATE tokens SET last_used_at = ? WHERE id = ?").bind(ahead, elsewhere.id).run();
  const calls = faults.calls;
  await use(project, elsewhere.token);
  await until(async () => faults.calls - calls === 3);
  expect(await lastUseOf(project, elsewhere.id)).toBe("2030-06-01T15:00:00.000Z");
  expect(faults.rowsWritten - written).toBe(2);
});

it("is not written for the operator, nor for a token that is unknown, revoked or expired", async () => {
  const project = newProject();
  const expired = await grantToken(project, { role: "viewer", expiresAt: new Date(START + 1).toISOString() });
  const revoked = await grantToken(project, { role: "viewer" });
  await ask("DELETE", `${project}/tokens/${revoked.id}`);
  later(1);
  const written = faults.rowsWritten;
  const { open } = holdWrites(NOTE);
  for (const token of [ROOT, `terr_${"A".repeat(43)}`, revoked.token, expired.token]) await use(project, token);
  expect([faults.gatedCalls, faults.rowsWritten - written]).toEqual([0, 0]);
  open();
  expect(await lastUseOf(project, expired.id)).toBeNull();
});

it("no response waits for the write, and none fails with it", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "viewer" });
  const { open } = holdWrites(NOTE);
  expect((await use(project, token)).status).toBe(200);
  expect(faults.gatedCalls).toBe(1);
  expect(await lastUseOf(project, id)).toBeNull();
  open();
  await until(async () => (await lastUseOf(project, id)) !== null);
});

it("a write that failed is tried again after a minute, and not by each request meanwhile", async () => {
  const project = newProject();
  const { id, token } = await grantToken(project, { role: "viewer" });
  let tries = 0;
  faults.writes = { refuse: (_bound, sql) => NOTE.test(sql) && ++tries > 0 };
  for (let n = 0; n < 3; n++) expect((await use(project, token)).status).toBe(200);
  await until(async () => tries === 1);
  later(MINUTE_MS - 1);
  await use(project, token);
  expect(tries).toBe(1);
  faults.writes = null;
  later(MINUTE_MS);
  await use(project, token);
  await until(async () => (await lastUseOf(project, id)) === "2030-06-01T12:00:00.000Z");
});
