/** `kill -9` while the texts of runs are erased: a repeated request finishes, and no freed page keeps the texts. */

import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Schemas } from "../../../src/client/index.ts";
import { type Installation, killAll, newInstallation } from "../installation.ts";
import { ask, type CreatedRun } from "../load.ts";
import { bytesOf, filesOf } from "../state.ts";
import { until } from "../until.ts";

const SECRET = "Ada-Lovelace-4711";
/** How long after the request the server dies, in ms. */
const KILLED_AFTER_MS = [1, 4, 12];

let installation: Installation;
beforeAll(async () => {
  installation = await newInstallation();
});
afterAll(() => installation.remove());

/** Moves what the write-ahead logs have into the databases, as SQLite does when a log is long. */
function checkpoint(state: string): void {
  for (const file of filesOf(state).filter((name) => name.endsWith(".sqlite"))) {
    const database = new DatabaseSync(file);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
  }
}

const PAGE_BYTES = 4096;

/** How many pages of files have the text. */
function pagesWith(text: string, state: string): number {
  const pages = bytesOf(state).flatMap((bytes, file) => {
    const found: string[] = [];
    for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
      found.push(`${file}:${Math.floor(at / PAGE_BYTES)}`);
    }
    return found;
  });
  return new Set(pages).size;
}

test("an erasure that dies at any moment is repeated, and no page that SQLite has freed keeps a text", async () => {
  const { state, token, runs } = installation;
  let server = await installation.start();
  const owner = await ask<{ token: string }>("POST", `${new URL("/acme/shop/tokens", runs)}`, {
    token,
    body: { name: "owner", role: "owner" },
  });
  const erase = (id: string) =>
    ask<Schemas["RunErasure"]>("POST", `${runs}/${id}/erase`, { token: owner.body.token, body: { reason: "asked" } });

  const ids: string[] = [];
  for (const ms of KILLED_AFTER_MS) {
    const parameters = { of: SECRET, long: SECRET.repeat(2000) };
    const body = { actionName: "deploy", title: SECRET, parameters };
    const { body: run } = await ask<CreatedRun>("POST", runs, { token, body });
    const job = { token: run.callback.token };
    await ask("POST", `${runs}/${run.id}/heartbeat`, { ...job, body: { message: SECRET } });
    const report = { status: "failed", error: SECRET, output: { long: SECRET.repeat(2000) } };
    expect((await ask("POST", run.callback.url, { ...job, body: report })).status).toBe(200);
    ids.push(run.id);
    const asked = erase(run.id).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, ms));
    await killAll(server);
    await asked;
    server = await installation.start();
  }
  expect(pagesWith(SECRET, state)).toBeGreaterThan(100);
  await until("every erasure is complete", async () => {
    const erased = await Promise.all(ids.map(erase));
    return erased.every(({ status }) => status === 200);
  });
  await killAll(server);
  checkpoint(state);
  // The rows of the three runs lie in a page or two with others. What such a page does not use stays as it is.
  expect(pagesWith(SECRET, state)).toBeLessThanOrEqual(3);
});
