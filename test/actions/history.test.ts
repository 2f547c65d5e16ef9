/** The versions of a stored action: what a PUT keeps of the one it replaces, how long, and who may see it. */

import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { clockFromOne } from "../support/clock.ts";
import { hurryTimers, until } from "../support/direct.ts";
import { faults, holdWrites } from "../support/faults.ts";
import { type Answer, ask, pagesOf } from "../support/requests.ts";
import { grantToken, type Refusal } from "../support/tokens.ts";
import { type Definition, get, newActionsPath, ORIGIN_A, put, rowOfAction, scopeOf, triggerAt } from "./actions.ts";

clockFromOne();

/** Of an environment. */
const VERSIONS_MAX_BYTES = 64 * 1024 * 1024;

interface Version {
  readonly version: number;
  readonly changedAt: string;
  readonly actor: string;
  readonly actorName: string;
  readonly definition: Definition;
}

const newPath = () => `${newActionsPath()}/deploy`;
const etag = (answer: { readonly headers: Headers }) => answer.headers.get("ETag");
const match = (version: number) => ({ headers: { "If-Match": `"${version}"` } });

function versions(path: string, query = ""): Promise<Answer<Version[]>> {
  return ask<Version[]>("GET", `${path}/versions${query}`);
}

async function numbers(path: string): Promise<number[]> {
  return (await versions(path, "?limit=200")).body.map(({ version }) => version);
}

function remove(path: string, version: number): Promise<Answer<Refusal>> {
  return ask<Refusal>("DELETE", `${path}/versions/${version}`);
}

/** Rows of versions that D1 has for this action. */
async function kept(path: string): Promise<number[]> {
  const { results } = await env.DB.prepare(
    "SELECT version FROM definition_versions WHERE scope = ? AND name = ? ORDER BY version",
  )
    .bind(scopeOf(path), path.split("/").at(-1))
    .all<{ version: number }>();
  return results.map(({ version }) => version);
}

/** Writes versions `from` to `to` of an action into D1 directly, as if later ones had replaced them. */
async function insertVersions(path: string, from: number, to: number, bytes = 2): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n (version) AS (SELECT ?3 UNION ALL SELECT version + 1 FROM n WHERE version < ?4)
     INSERT INTO definition_versions
       (scope, kind, name, version, changed_at, changed_by, changed_by_name, bytes, definition)
     SELECT ?1, 'action', ?2, version, 0, 'root', 'root', ?5, '{}' FROM n`,
  )
    .bind(scopeOf(path), path.split("/").at(-1), from, to, bytes)
    .run();
}

/** Moves an action to this version, as if it had been stored so often. */
async function ageTo(path: string, version: number): Promise<void> {
  await env.DB.prepare("UPDATE definitions SET version = ?3 WHERE scope = ?1 AND name = ?2")
    .bind(scopeOf(path), path.split("/").at(-1), version)
    .run();
}

describe("a PUT", () => {
  it("keeps what it replaces, with who stored it and when, and with no secret", async () => {
    const path = newPath();
    await put(path, { trigger: triggerAt(`${ORIGIN_A}/first`), timeout: 1 });
    const admin = await grantToken(path.split("/envs/")[0] ?? "", { role: "admin", name: "ada" });
    const second = { trigger: triggerAt(`${ORIGIN_A}/second`), timeout: 2 };
    await put(path, second, { token: admin.token });
    const { status, body } = await versions(path);
    expect(status).toBe(200);
    expect(body).toMatchObject([
      { version: 2, actor: admin.id, actorName: "ada", definition: { timeout: 2 } },
      { version: 1, actor: "root", actorName: "root", definition: { timeout: 1 } },
    ]);
    for (const { changedAt } of body) expect(Math.abs(Date.parse(changedAt) - Date.now())).toBeLessThan(60_000);
    const shown = { headers: { Authorization: null, "X-Api-Key": null }, secrets: { token: null } };
    for (const { version, definition } of body) {
      expect(definition.trigger).toMatchObject({ ...shown, signingSecret: null });
      const one = await get(`${path}/versions/${version}`);
      expect([one.status, one.body]).toEqual([200, definition]);
    }
    const rows = await env.DB.prepare("SELECT * FROM definition_versions WHERE scope = ?").bind(scopeOf(path)).all();
    expect(JSON.stringify(rows.results)).not.toMatch(/secret-\d|whsec_/);
  });

  it("that equals the definition and sends no secret keeps the version, and the audit says nothing", async () => {
    const path = newPath();
    await put(path, { trigger: triggerAt(`${ORIGIN_A}/hook`) });
    const { body } = await get(path);
    const before = await rowOfAction(path);
    for (const options of [{}, match(1)]) {
      const again = await put(path, body, options);
      expect([again.status, etag(again), again.body]).toEqual([200, '"1"', body]);
    }
    expect([await rowOfAction(path), await numbers(path)]).toEqual([before, [1]]);
    expect((await ask<unknown[]>("GET", `${path.split("/envs/")[0]}/audit`)).body).toHaveLength(1);
    expect((await put(path, body, match(2))).status).toBe(412);
    // The order of members is part of a definition, because a form shows them in that order.
    const turned = { timeout: 5, parametersSchema: { properties: { a: {}, b: {} } } };
    await put(path, turned);
    const other = await put(path, { ...turned, parametersSchema: { properties: { b: {}, a: {} } } });
    expect(etag(other)).toBe('"3"');
  });

  it("that sends a secret makes a version, also with the same definition", async () => {
    const path = newPath();
    const definition = { trigger: triggerAt(`${ORIGIN_A}/hook`) };
    await put(path, definition);
    expect(etag(await put(path, definition))).toBe('"2"');
    const nulls = (await get(path)).body;
    const rotated = { ...nulls, trigger: { ...nulls.trigger, secrets: { token: "rotated" } } };
    expect(etag(await put(path, rotated))).toBe('"3"');
    expect(await numbers(path)).toEqual([3, 2, 1]);
  });

  it("restores a version with its nulls and If-Match, and asks for secrets that are no longer stored", async () => {
    const path = newPath();
    await put(path, { trigger: triggerAt(`${ORIGIN_A}/first`), timeout: 1 });
    await put(path, { trigger: { ...triggerAt(`${ORIGIN_A}/second`), secrets: {} }, timeout: 2 });
    await put(path, { trigger: { ...triggerAt(`${ORIGIN_A}/third`), secrets: {} }, timeout: 3 });
    const [, second, first] = (await versions(path)).body;
    expect((await put(path, second?.definition, match(2))).status).toBe(412);
    const restored = await put(path, second?.definition, match(3));
    expect([restored.status, etag(restored), restored.body]).toEqual([200, '"4"', second?.definition]);
    const refused = await put(path, first?.definition, match(4));
    expect([refused.status, refused.body.code, refused.body.pointer]).toEqual([
      422,
      "secret_required",
      "/trigger/secrets/token",
    ]);
    const trigger = { ...first?.definition.trigger, secrets: { token: "sent-again" } };
    expect(etag(await put(path, { ...first?.definition, trigger }, match(4)))).toBe('"5"');
  });

  it("writes at most 10 rows, 3 of them for the version", async () => {
    const path = newPath();
    await put(path, { timeout: 1 });
    const batch = vi.spyOn(env.DB, "batch");
    await put(path, { timeout: 2 });
    const results = (await batch.mock.results[0]?.value) as D1Result[];
    expect(results.map(({ meta }) => meta.rows_written)).toEqual([3, 0, 0, 2, 5, 0]);
  });

  it("that loses its race keeps nothing, and each winner keeps what it replaced", async () => {
    const path = newPath();
    await put(path, { timeout: 1 });
    const raced = await Promise.all(Array.from({ length: 6 }, (_, n) => put(path, { timeout: 10 + n }, match(1))));
    expect(raced.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await kept(path)).toEqual([1]);
    const free = await Promise.all(Array.from({ length: 3 }, (_, n) => put(path, { timeout: 20 + n })));
    expect(free.map(etag).sort()).toEqual(['"3"', '"4"', '"5"']);
    const all = (await versions(path)).body;
    expect(all.map(({ version }) => version)).toEqual([5, 4, 3, 2, 1]);
    // Each has the definition that its own PUT sent.
    for (const answer of free) {
      const one = all.find(({ version }) => `"${version}"` === etag(answer));
      expect(one?.definition).toEqual(answer.body);
    }
  });

  it("that a DELETE overtakes keeps nothing of the action that is gone", async () => {
    const path = newPath();
    await put(path, { timeout: 1 });
    await put(path, { timeout: 2 });
    const calls = faults.calls + 2;
    const { open } = holdWrites(/INSERT INTO definitions/);
    const late = put(path, { timeout: 3 });
    await until(async () => faults.calls >= calls);
    faults.gate = null;
    expect((await ask("DELETE", path)).status).toBe(204);
    open();
    const stored = await late;
    expect([stored.status, etag(stored), await numbers(path)]).toEqual([201, '"3"', [3]]);
  });

  it("whose answer from D1 was lost keeps one copy", async () => {
    hurryTimers();
    const path = newPath();
    await put(path, { timeout: 1 });
    faults.writes = "committed_then_silence";
    expect(etag(await put(path, { timeout: 2 }))).toBe('"2"');
    expect([await numbers(path), await kept(path)]).toEqual([[2, 1], [1]]);
  });
});

describe("what is kept", () => {
  it("is the newest 100 versions of an action", async () => {
    const path = newPath();
    await put(path, { timeout: 1 });
    await ageTo(path, 200);
    await insertVersions(path, 50, 199);
    await put(path, { timeout: 2 });
    const all = await numbers(path);
    expect([all.length, all[0], all.at(-1)]).toEqual([100, 201, 102]);
  });

  it("is 64 MiB of an environment, and the version that was replaced first goes first", async () => {
    const actions = newActionsPath();
    const [first, second] = [`${actions}/first`, `${actions}/second`];
    const elsewhere = newPath();
    for (const path of [first, second, elsewhere]) {
      await put(path, { timeout: 1 });
      await ageTo(path, 10);
    }
    await insertVersions(elsewhere, 1, 1, VERSIONS_MAX_BYTES + 1);
    await insertVersions(first, 1, 3, 1024);
    await insertVersions(second, 1, 1, VERSIONS_MAX_BYTES - 1024 - 200);
    expect(await kept(first)).toEqual([1, 2, 3]);
    // The version that this keeps has a few bytes. So one version of 1 KiB still has room beside the large one.
    await put(first, { timeout: 2 });
    expect([await kept(first), await kept(second)]).toEqual([[3, 10], [1]]);
    expect(await kept(elsewhere)).toEqual([1]);
    await insertVersions(first, 4, 4, 400);
    await put(second, { timeout: 2 });
    expect([await kept(first), await kept(second)]).toEqual([
      [4, 10],
      [1, 10],
    ]);
    await insertVersions(first, 5, 5, 1024);
    await put(second, { timeout: 3 });
    expect([await kept(first), await kept(second)]).toEqual([
      [4, 5, 10],
      [10, 11],
    ]);
  });

  it("goes with the action, and does not come back with a new one of its name", async () => {
    const path = newPath();
    for (const timeout of [1, 2, 3]) await put(path, { timeout });
    expect((await ask("DELETE", path, match(2))).status).toBe(412);
    expect(await kept(path)).toEqual([1, 2]);
    expect((await ask("DELETE", path)).status).toBe(204);
    expect(await kept(path)).toEqual([]);
    expect((await versions(path)).body).toMatchObject({ code: "action_not_found" });
    expect((await get(`${path}/versions/3`)).body.code).toBe("version_not_found");
    await put(path, { timeout: 1 });
    expect(await numbers(path)).toEqual([4]);
  });

  it("is listed in pages, newest first", async () => {
    const path = newPath();
    await put(path, { timeout: 1 });
    await ageTo(path, 8);
    await insertVersions(path, 1, 7);
    const pages = await pagesOf<Version>(`${path}/versions?limit=3`);
    expect(pages.map((page) => page.map(({ version }) => version))).toEqual([
      [8, 7, 6],
      [5, 4, 3],
      [2, 1],
    ]);
    expect((await versions(path, "?cursor=MQ")).body).toEqual([]);
    expect((await versions(path, "?cursor=x")).status).toBe(400);
    // A page ends at 4 MiB of definitions.
    await insertVersions(path, 20, 22, 2 * 1024 * 1024);
    await ageTo(path, 30);
    expect((await versions(path)).body.map(({ version }) => version)).toEqual([30, 22]);
  });
});

describe("a version", () => {
  it("can be deleted, once, with an entry in the audit, unless it is the current one", async () => {
    const path = newPath();
    for (const timeout of [1, 2, 3]) await put(path, { timeout });
    expect([(await remove(path, 3)).status, (await remove(path, 3)).body.code]).toEqual([409, "version_current"]);
    const answers = await Promise.all(Array.from({ length: 3 }, () => remove(path, 1)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404]);
    expect((await remove(path, 1)).body.code).toBe("version_not_found");
    expect((await get(`${path}/versions/1`)).status).toBe(404);
    expect([await numbers(path), (await get(path)).body]).toEqual([[3, 2], { timeout: 3 }]);
    const { body } = await ask<{ action: string; target: string; scope: string }[]>(
      "GET",
      `${path.split("/envs/")[0]}/audit`,
    );
    const deletions = body.filter(({ action }) => action === "action_version_deleted");
    expect(deletions).toMatchObject([{ target: "deploy/versions/1", targetName: "deploy", scope: scopeOf(path) }]);
    // Of another action, and numbers that are no versions.
    expect((await remove(`${path}-2`, 2)).status).toBe(404);
    for (const no of ["0", "01", "1e3", "-1", "9".repeat(16)])
      expect((await get(`${path}/versions/${no}`)).body.code).toBe("not_found");
  });

  it("whose deletion D1 confirmed to nobody is deleted once", async () => {
    hurryTimers();
    const path = newPath();
    for (const timeout of [1, 2]) await put(path, { timeout });
    faults.writes = "committed_then_silence";
    expect((await remove(path, 1)).status).toBe(204);
    expect(await numbers(path)).toEqual([2]);
  });
});
