/** POST …/erase: the texts of a run go everywhere, and what happened stays. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { coordinator, direct, journal, restart, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { replicated } from "../../support/replicated.ts";
import type { Schemas } from "../../support/requests.ts";
import { type Answer, ask, createRun, givenRun, keyed, newRunsPath, report, rowOf } from "../../support/requests.ts";
import { beat } from "../../support/runs/stream.ts";
import { grantToken } from "../../support/tokens.ts";

type Erasure = Schemas["RunErasure"] & { readonly code?: string };

const ENTITY = "01890a5d-ac96-774b-bcce-b302099a8057";
/** In each text of a run that people or jobs write. */
const SECRET = "Ada-Lovelace-4711";
const WITH_TEXTS = {
  actionName: "deploy",
  entityId: ENTITY,
  title: SECRET,
  subject: SECRET,
  parameters: { of: SECRET, long: SECRET.repeat(500) },
  recommendations: { of: SECRET },
  labels: [SECRET],
};

async function owner(path: string): Promise<string> {
  const { token } = await grantToken(path.split("/").slice(0, 3).join("/"), { role: "owner" });
  return token;
}

async function erase(path: string, id: string, options: object = {}): Promise<Answer<Erasure>> {
  const token = await owner(path);
  return ask<Erasure>("POST", `${path}/${id}/erase`, { body: { reason: "a customer asked" }, token, ...options });
}

/** Every row of the journal and of D1 as text. */
async function everyRow(path: string): Promise<string> {
  const own = await runInDurableObject(coordinator(path), (_, { storage: { sql } }) => {
    const tables = [
      ...sql.exec("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'"),
    ];
    return JSON.stringify(
      tables.map(({ name }) => [name, [...sql.exec(`SELECT * FROM "${name}"`)]]),
      (_key, value) => (value instanceof ArrayBuffer ? new TextDecoder("latin1").decode(value) : value),
    );
  });
  const { results } = await env.DB.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all<{
    name: string;
  }>();
  const names = results
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("_cf") && !name.startsWith("sqlite_"));
  const rows = await env.DB.batch(names.map((name) => env.DB.prepare(`SELECT * FROM "${name}"`)));
  return own + JSON.stringify(rows.map(({ results }) => results));
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
  expect(await ask("GET", `${path}/${other.id}/erase`)).toMatchObject({
    status: 404,
    body: { code: "erasure_not_found" },
  });
});
