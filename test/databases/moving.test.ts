/** Moving an environment to another database: nothing is lost, nothing is left behind, and each step can be repeated. */

import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { askWith, calledThrough, envWith } from "../support/bindings.ts";
import { alarmAt, alarmIn, coordinator, createAged, direct, journal } from "../support/direct.ts";
import { breakD1, faults, holdWrites } from "../support/faults.ts";
import { walkedTo } from "../support/landed.ts";
import { scopeOfPath } from "../support/requests.ts";
import { bindOneDatabase, resetChanged } from "../support/settings.ts";
import { useSettings } from "../support/use-settings.ts";
import {
  beginMove,
  copyingTo,
  databaseOf,
  driveUntil,
  homeOf,
  idsIn,
  kill,
  lackingOf,
  livingIn,
  metadataOf,
  moveOf,
  moveTo,
  replicatedIn,
  ringUntil,
  row,
  watchFailures,
} from "./moves.ts";

await useSettings("databases");

watchFailures();

describe("a move", () => {
  it("brings all runs to the new database, and leaves none in the old one", async () => {
    const { path, ids } = await livingIn(1);
    expect(await beginMove(path, 2)).toMatchObject({ ok: true, move: { status: "copying" } });
    await driveUntil(path, "resting");
    expect([await row(path), await homeOf(path)]).toEqual(Array(2).fill({ database: 2, generation: 2 }));
    expect(await idsIn(2, path)).toEqual([...ids].sort());
    expect(await idsIn(1, path)).toEqual([...ids].sort());
    await driveUntil(path, "cleaned");
    expect(await idsIn(1, path)).toEqual([]);
    await driveUntil(path, null);
    expect(await idsIn(2, path)).toEqual([...ids].sort());
    // What the old database was known to have is forgotten, and a new instance replicates to the new one.
    expect((await metadataOf(path)).filter((name) => /replica:1/.test(name))).toEqual([]);
    await evictDurableObject(coordinator(path));
    await replicatedIn(path, 2, [await createAged(path)]);
    expect(await idsIn(1, path)).toEqual([]);
  });

  it("copies labels, and deletes those of the old database", async () => {
    const { path } = await livingIn(1);
    const scope = scopeOfPath(path);
    const insert = databaseOf(1).prepare("INSERT INTO run_labels (scope, label, id) VALUES (?, ?, ?)");
    await databaseOf(1).batch([1, 2, 3].map((i) => insert.bind(scope, `label-${i}`, `id-${i}`)));
    await moveTo(path, 2);
    await driveUntil(path, "cleaned");
    const left = databaseOf(1).prepare("SELECT count(*) AS n FROM run_labels WHERE scope = ?").bind(scope);
    expect(await left.first("n")).toBe(0);
  });

  it("leaves a database that takes nothing any more", async () => {
    const { path, ids } = await livingIn(1);
    faults.only = 1;
    faults.writes = { refuse: () => true };
    const stuck = await createAged(path);
    await moveTo(path, 2);
    await replicatedIn(path, 2, [...ids, stuck]);
    faults.writes = null;
    faults.only = null;
    await driveUntil(path, "cleaned");
    expect(await idsIn(1, path)).toEqual([]);
  });

  it("to a database that is down harms nobody, and can be cancelled", async () => {
    const { path, ids } = await livingIn(1);
    faults.only = 2;
    const { open } = breakD1("down");
    await beginMove(path, 2);
    const id = await createAged(path);
    await replicatedIn(path, 1, [id]);
    expect(await lackingOf(path)).toMatchObject({ ids: [], isStale: false, home: { database: 1 } });
    expect(await direct(path).moves.cancel()).toMatchObject({ ok: true, move: { isCancelled: true } });
    open();
    await driveUntil(path, "cleaned");
    expect(await idsIn(2, path)).toEqual([]);
    expect(await idsIn(1, path)).toEqual([...ids, id].sort());
    expect([await row(path), await homeOf(path)]).toEqual(Array(2).fill({ database: 1, generation: 1 }));
  });

  it("copies again after a resync, because the target may have been restored", async () => {
    const { path, ids } = await livingIn(1);
    const { open } = await copyingTo(path, 2);
    await journal(path, "UPDATE metadata SET value = json_set(value, '$.walkedTo', 'f') WHERE name = 'replica:2'");
    await kill(path);
    await direct(path).upkeep.resync();
    expect(await walkedTo(path, 2)).toBe("");
    open();
    await replicatedIn(path, 2, ids);
  });
});

describe("the operator", () => {
  it("sees the newest move, also if the one before was cancelled", async () => {
    const { path } = await livingIn(1);
    const { open } = await copyingTo(path, 3);
    await direct(path).moves.cancel();
    open();
    await moveTo(path, 2);
    expect(await moveOf(path)).toMatchObject({ target: { database: 2, generation: 3 } });
  });

  it("can't move back to a database whose rows are not all deleted, but to another one", async () => {
    const { path, ids } = await livingIn(1);
    await moveTo(path, 2);
    expect(await beginMove(path, 1)).toEqual({ ok: false, reason: "moved_lately" });
    expect(await beginMove(path, 3)).toMatchObject({ ok: true });
    await ringUntil(path, async () => (await row(path))?.database === 3);
    await driveUntil(path, null);
    expect([await idsIn(1, path), await idsIn(2, path)]).toEqual([[], []]);
    expect(await idsIn(3, path)).toEqual([...ids].sort());
    expect(await beginMove(path, 1)).toMatchObject({ ok: true });
  });

  it("is refused if they have seen the environment where it was before its last move", async () => {
    const { path } = await livingIn(1);
    await moveTo(path, 2);
    const stale = await direct(path).moves.begin({ database: 1, generation: 1 }, 3);
    expect(stale).toEqual({ ok: false, reason: "move_under_way" });
  });

  it("begins and cancels nothing that the journal can't write", async () => {
    const { path } = await livingIn(1);
    const full = /FULL/;
    await journal(
      path,
      "CREATE TRIGGER full BEFORE INSERT ON metadata WHEN new.name = 'replica:2' BEGIN SELECT RAISE(ABORT, 'SQLITE_FULL'); END",
    );
    await expect(async () => beginMove(path, 2)).rejects.toThrow(full);
    expect([await moveOf(path), await homeOf(path)]).toEqual([null, { database: 1, generation: 1 }]);
    await journal(path, "DROP TRIGGER full");
    const { open } = await copyingTo(path, 2);
    await journal(
      path,
      "CREATE TRIGGER full BEFORE UPDATE ON metadata WHEN new.name = 'replica:2' BEGIN SELECT RAISE(ABORT, 'SQLITE_FULL'); END",
    );
    await expect(async () => direct(path).moves.cancel()).rejects.toThrow(full);
    await journal(path, "DROP TRIGGER full");
    expect(await moveOf(path)).toMatchObject({ status: "copying", isCancelled: false });
    open();
    await driveUntil(path, "resting");
    await replicatedIn(path, 2, [await createAged(path)]);
  });
});

describe("the cleaning", () => {
  it("comes again an hour later, against a statement that was given up and ran late", async () => {
    const { path } = await livingIn(1);
    await moveTo(path, 2);
    await driveUntil(path, "cleaned");
    await databaseOf(1)
      .prepare(
        `INSERT INTO runs (scope, id, version, status, action_name, triggered_by, purge_at, bytes, body)
         VALUES (?, 'late', 1, 'pending', 'deploy', 'root', 1, 1, '{}')`,
      )
      .bind(scopeOfPath(path))
      .run();
    await driveUntil(path, null);
    expect(await idsIn(1, path)).toEqual([]);
  });

  it("does not let the alarm ring again and again while it takes long", async () => {
    const { path } = await livingIn(1);
    await moveTo(path, 2);
    faults.only = 1;
    const { open } = holdWrites(/DELETE FROM runs/);
    await ringUntil(path, async () => faults.gatedCalls > 0);
    const now = Date.now();
    expect(await alarmAt(path)).toBeGreaterThan(now + 20_000);
    // A pass can have many statements, and ends after 28 s at the latest.
    await alarmIn(25_000, coordinator(path));
    expect(await alarmAt(path)).toBeGreaterThan(now + 27_000);
    open();
    await driveUntil(path, null);
    expect(await idsIn(1, path)).toEqual([]);
  });
});

it("an environment of the time with one database stays where it is until its copy is done", async () => {
  bindOneDatabase();
  const { path, ids } = await livingIn(0);
  resetChanged();
  await kill(path);
  const { open } = await copyingTo(path, 2);
  expect(await homeOf(path)).toEqual({ database: 0, generation: 0 });
  expect((await lackingOf(path)).home).toEqual({ database: 0, generation: 0 });
  open();
  await driveUntil(path, "resting");
  expect(await idsIn(2, path)).toEqual([...ids].sort());
});

it("with one database, nothing of all this is written", async () => {
  bindOneDatabase();
  const { path } = await livingIn(0);
  expect(
    (await metadataOf(path)).filter((name) => !/^(name|epoch|replication_retry_at|replica:0)$/.test(name)),
  ).toEqual([]);
  expect(await row(path)).toBeNull();
  expect(await env.DB.prepare("SELECT count(*) AS n FROM database_report").first("n")).toBe(0);
});

it("a cancel whose first answer was lost says that the move is cancelled", async () => {
  const { path } = await livingIn(1);
  const { open } = await copyingTo(path, 2);
  let isLost = false;
  const losing = calledThrough(async (name, go) => {
    const answer = await go();
    if (name !== "moves.cancel" || isLost) return answer;
    isLost = true;
    throw new Error("Network connection lost.");
  });
  const answer = await askWith<{ move: unknown }>(envWith(losing), "PUT", path.replace(/action-runs$/, "database"), {
    body: { database: 1 },
  });
  expect(await moveOf(path)).toMatchObject({ isCancelled: true });
  expect(answer).toMatchObject({ status: 202, body: { move: { isCancelled: true } } });
  open();
});
