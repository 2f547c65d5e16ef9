/** Key rotation: secrets of actions survive it if the sweep had the time, and say so if it had not. */

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { everyMinute } from "../../src/cron.ts";
import { resealDefinitions } from "../../src/definitions/sealing.ts";
import { keyRing } from "../../src/settings/key-ring.ts";

import { askWith, envWith } from "../support/bindings.ts";
import { replicated } from "../support/replicated.ts";
import { watchLog } from "../support/secrets.ts";
import { newActionsPath, ORIGIN_A, rowOfAction, runWith, scopeOf, triggerAt } from "./actions.ts";

const OLD = "the-old-signing-key-of-32-bytes-and-more";
const NEW = "the-new-signing-key-of-32-bytes-and-more";

let ahead = 0;
const logged = watchLog();
beforeEach(async () => {
  const now = Date.now.bind(Date);
  ahead += 60_000;
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  await env.DB.prepare("DELETE FROM definitions").run();
});

const ring = (...keys: string[]) => envWith({ CALLBACK_SIGNING_KEYS: keys.join(",") });
/** The cron of an isolate with these keys. */
const sweep = (...keys: string[]) => everyMinute(ring(...keys), Date.now());

async function storeUnder(...keys: string[]): Promise<string> {
  const path = `${newActionsPath()}/deploy`;
  const body = { trigger: triggerAt(`${ORIGIN_A}/hook`) };
  expect((await askWith(ring(...keys), "PUT", path, { body })).status).toBe(201);
  return path;
}

async function keyIdOf(key: string): Promise<string | undefined> {
  const keys = keyRing(key);
  return keys.ok ? (await keys.value.keyIds("definition-secrets"))[0] : undefined;
}

async function readiness(...keys: string[]) {
  ahead += 60_000;
  const { body } = await askWith<{ secretsUnderOlderKeys: number }>(ring(...keys), "GET", "/readyz", { token: null });
  return body.secretsUnderOlderKeys;
}

describe("a rotation", () => {
  it("old,new, then new,old, then the sweep, then new: the action runs at each stage, and so do retries", async () => {
    const path = await storeUnder(OLD);
    const before = await rowOfAction(path);
    expect(before?.keyId).toBe(await keyIdOf(OLD));
    const runs = path.replace(/actions\/deploy$/, "action-runs");
    const ended: string[] = [];
    /** Runs the action, and retries the runs of all stages so far. */
    const play = async (...keys: string[]) => {
      const made = await runWith(ring(...keys), path);
      expect(made.status, keys.join()).toBe(201);
      expect((await askWith(ring(...keys), "DELETE", `${runs}/${made.body.id}`)).status).toBe(200);
      ended.push(made.body.id);
      for (const id of ended) {
        const retried = await askWith(ring(...keys), "POST", `${runs}/${id}/retry`, { body: {} });
        expect(retried.status, keys.join()).toBe(201);
      }
    };
    for (const keys of [[OLD], [OLD, NEW], [NEW, OLD]]) await play(...keys);
    expect(await readiness(OLD, NEW)).toBe(0);
    expect(await readiness(NEW, OLD)).toBe(1);
    await sweep(OLD, NEW);
    expect(await rowOfAction(path)).toEqual(before);
    await sweep(NEW, OLD);
    const after = await rowOfAction(path);
    expect(after).toEqual({ ...before, keyId: await keyIdOf(NEW), secrets: expect.any(String) });
    expect(after?.secrets).not.toBe(before?.secrets);
    expect(await readiness(NEW, OLD)).toBe(0);
    for (const keys of [
      [NEW, OLD],
      [OLD, NEW],
    ])
      await play(...keys);
    // Only D1 knows ids whose key has left the ring.
    await replicated(runs);
    await play(NEW);
  });

  it("does not seal back and forth while isolates with old,new and new,old run side by side", async () => {
    const path = await storeUnder(OLD);
    await sweep(NEW, OLD);
    const after = await rowOfAction(path);
    expect(after?.keyId).toBe(await keyIdOf(NEW));
    for (let minute = 1; minute < 5; minute++) {
      ahead += 60_000;
      for (const keys of [[OLD, NEW], [NEW, OLD], [OLD]]) await sweep(...keys);
    }
    expect(await rowOfAction(path)).toEqual(after);
    // If old,new stays, somebody has gone back to the old key, which will soon be alone.
    ahead += 60_000;
    await sweep(OLD, NEW);
    expect((await rowOfAction(path))?.keyId).toBe(await keyIdOf(OLD));
  });

  it("without the sweep loses the secrets: 409 action_secrets_lost, until they are sent again", async () => {
    const path = await storeUnder(OLD);
    const again = (key: string) =>
      askWith<{ id: string }>(ring(key), "POST", `${path}/runs`, { body: {}, headers: { "Idempotency-Key": "again" } });
    const first = await again(OLD);
    const refused = await runWith(ring(NEW), path);
    expect([refused.status, refused.body.code]).toEqual([409, "action_secrets_lost"]);
    const replay = await again(NEW);
    expect([replay.status, replay.body.id]).toEqual([201, first.body.id]);
    await sweep(NEW);
    expect((await rowOfAction(path))?.keyId).toBe(await keyIdOf(OLD));
    expect(await readiness(NEW)).toBe(1);
    const body = { trigger: triggerAt(`${ORIGIN_A}/hook`) };
    expect((await askWith(ring(NEW), "PUT", path, { body })).status).toBe(200);
    expect((await runWith(ring(NEW), path)).status).toBe(201);
  });

  it("does not lose an action without secrets", async () => {
    const path = `${newActionsPath()}/deploy`;
    await askWith(ring(OLD), "PUT", path, { body: { trigger: { type: "webhook", url: ORIGIN_A } } });
    expect((await rowOfAction(path))?.keyId).toBeNull();
    expect((await runWith(ring(NEW), path)).status).toBe(201);
  });
});

/** Makes ?2 copies of the one action of the scope ?1. */
const COPY = `
  WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?2)
  INSERT INTO definitions (scope, kind, name, version, created_version, change_id, created_by, created_by_name,
                           changed_at, changed_by, changed_by_name, changed_lineage, key_id, bytes, secrets, definition)
  SELECT scope, kind, 'copy-' || n, version, created_version, change_id, created_by, created_by_name,
         changed_at, changed_by, changed_by_name, changed_lineage, key_id, bytes, secrets, definition
  FROM definitions, counted WHERE scope = ?1`;

/** How many actions the sweep has read, as the log says. */
function lookedAt(): number {
  const lines = logged.map((text) => JSON.parse(text) as { event: string; resealed: number; lost: number });
  const line = lines.find(({ event }) => event === "secrets_resealed");
  return line === undefined ? 0 : line.resealed + line.lost;
}

describe("the sweep", () => {
  it("leaves alone what the first key sealed, and what no key of its ring sealed", async () => {
    const paths = [await storeUnder(OLD), await storeUnder(NEW)];
    const before = await Promise.all(paths.map(rowOfAction));
    for (const keys of [[OLD], [NEW], ["a-third-signing-key-of-32-bytes-and-more"], [NEW, NEW], [""]]) {
      await sweep(...keys);
    }
    expect(await Promise.all(paths.map(rowOfAction))).toEqual(before);
  });

  it("seals at most 100 actions again in a minute", async () => {
    const actions = newActionsPath();
    await askWith(ring(OLD), "PUT", `${actions}/first`, { body: { trigger: triggerAt(ORIGIN_A) } });
    // Copies can't be opened, because their names differ. So each one is lost, and the row stays.
    await env.DB.prepare(COPY).bind(scopeOf(actions), 150).run();
    await askWith(ring(OLD), "PUT", `${actions}/last`, { body: { trigger: triggerAt(ORIGIN_A) } });
    await sweep(NEW, OLD);
    expect(lookedAt()).toBe(100);
    // In a random order, so that those that can't be opened do not stop the others for ever.
    const isDone = async () => (await rowOfAction(`${actions}/last`))?.keyId === (await keyIdOf(NEW));
    for (let n = 0; n < 100 && !(await isDone()); n++) await sweep(NEW, OLD);
    expect(await isDone()).toBe(true);
  });

  it("reads at most 2 MiB of secrets in a minute, and always some", async () => {
    const path = await storeUnder(OLD);
    await env.DB.prepare("UPDATE definitions SET secrets = zeroblob(65536) WHERE scope = ?").bind(scopeOf(path)).run();
    await env.DB.prepare(COPY).bind(scopeOf(path), 90).run();
    await sweep(NEW, OLD);
    expect(lookedAt()).toBe(32);
  });

  it("does not overwrite a version that was stored meanwhile", async () => {
    const path = await storeUnder(OLD);
    const before = await rowOfAction(path);
    const stored = { row: before };
    // The sweep has read the row when the PUT comes.
    const prepare = env.DB.prepare.bind(env.DB);
    const db = {
      prepare,
      batch: async (statements: D1PreparedStatement[]) => {
        await askWith(ring(OLD), "PUT", path, { body: { trigger: triggerAt(`${ORIGIN_A}/other`) } });
        stored.row = await rowOfAction(path);
        return env.DB.batch(statements);
      },
    } as unknown as D1Database;
    await resealDefinitions(db, `${NEW},${OLD}`, Date.now());
    expect(stored.row?.version).toBeGreaterThan(before?.version ?? 0);
    expect(await rowOfAction(path)).toEqual(stored.row);
  });

  it("never throws, and says in the log that it failed", async () => {
    await storeUnder(OLD);
    const db = {
      prepare: () => {
        throw new Error("D1 is down");
      },
    } as unknown as D1Database;
    await resealDefinitions(db, `${NEW},${OLD}`, Date.now());
    expect(logged.join()).toContain("sweep_failed");
  });
});
