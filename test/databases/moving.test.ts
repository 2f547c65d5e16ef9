/** Moving an environment to another database: nothing is lost, nothing is left behind, and each step can be repeated. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { askWith, calledThrough, envWith } from "../support/bindings.ts";
import { breakD1, faults, holdWrites } from "../support/faults.ts";
import { scopeOfPath } from "../support/requests.ts";
import { bindOneDatabase, resetChanged } from "../support/settings.ts";
import { useSettings } from "../support/use-settings.ts";
import { databaseOf, livingIn, watchFailures } from "./moves.ts";

await useSettings("databases");

watchFailures();

describe("a move", () => {
  it("brings all runs to the new database, and leaves none in the old one", async () => {
    const shop = await livingIn(1);
    expect(await shop.beginMove(2)).toMatchObject({ ok: true, move: { status: "copying" } });
    await shop.driveUntil("resting");
    expect([await shop.row(), await shop.home()]).toEqual(Array(2).fill({ database: 2, generation: 2 }));
    expect(await shop.idsIn(2)).toEqual([...shop.ids].sort());
    expect(await shop.idsIn(1)).toEqual([...shop.ids].sort());
    await shop.driveUntil("cleaned");
    expect(await shop.idsIn(1)).toEqual([]);
    await shop.driveUntil(null);
    expect(await shop.idsIn(2)).toEqual([...shop.ids].sort());
    // What the old database was known to have is forgotten, and a new instance replicates to the new one.
    expect((await shop.metadata()).filter((name) => /replica:1/.test(name))).toEqual([]);
    await shop.restart();
    await shop.replicatedIn(2, [await shop.create()]);
    expect(await shop.idsIn(1)).toEqual([]);
  });

  it("copies labels, and deletes those of the old database", async () => {
    const shop = await livingIn(1);
    const scope = scopeOfPath(shop.path);
    const insert = databaseOf(1).prepare("INSERT INTO run_labels (scope, label, id) VALUES (?, ?, ?)");
    await databaseOf(1).batch([1, 2, 3].map((i) => insert.bind(scope, `label-${i}`, `id-${i}`)));
    await shop.moveTo(2);
    await shop.driveUntil("cleaned");
    const left = databaseOf(1).prepare("SELECT count(*) AS n FROM run_labels WHERE scope = ?").bind(scope);
    expect(await left.first("n")).toBe(0);
  });

  it("leaves a database that takes nothing any more", async () => {
    const shop = await livingIn(1);
    faults.only = 1;
    faults.writes = { refuse: () => true };
    const stuck = await shop.create();
    await shop.moveTo(2);
    await shop.replicatedIn(2, [...shop.ids, stuck]);
    faults.writes = null;
    faults.only = null;
    await shop.driveUntil("cleaned");
    expect(await shop.idsIn(1)).toEqual([]);
  });

  it("to a database that is down harms nobody, and can be cancelled", async () => {
    const shop = await livingIn(1);
    faults.only = 2;
    const { open } = breakD1("down");
    await shop.beginMove(2);
    const id = await shop.create();
    await shop.replicatedIn(1, [id]);
    expect(await shop.lacking()).toMatchObject({ ids: [], isStale: false, home: { database: 1 } });
    expect(await shop.calls.moves.cancel()).toMatchObject({ ok: true, move: { isCancelled: true } });
    open();
    await shop.driveUntil("cleaned");
    expect(await shop.idsIn(2)).toEqual([]);
    expect(await shop.idsIn(1)).toEqual([...shop.ids, id].sort());
    expect([await shop.row(), await shop.home()]).toEqual(Array(2).fill({ database: 1, generation: 1 }));
  });

  it("copies again after a resync, because the target may have been restored", async () => {
    const shop = await livingIn(1);
    const { open } = await shop.copyingTo(2);
    await shop.journal("UPDATE metadata SET value = json_set(value, '$.walkedTo', 'f') WHERE name = 'replica:2'");
    await shop.restart();
    await shop.calls.upkeep.resync();
    expect(await shop.walkedTo(2)).toBe("");
    open();
    await shop.replicatedIn(2, shop.ids);
  });
});

describe("the operator", () => {
  it("sees the newest move, also if the one before was cancelled", async () => {
    const shop = await livingIn(1);
    const { open } = await shop.copyingTo(3);
    await shop.calls.moves.cancel();
    open();
    await shop.moveTo(2);
    expect(await shop.move()).toMatchObject({ target: { database: 2, generation: 3 } });
  });

  it("can't move back to a database whose rows are not all deleted, but to another one", async () => {
    const shop = await livingIn(1);
    await shop.moveTo(2);
    expect(await shop.beginMove(1)).toEqual({ ok: false, reason: "moved_lately" });
    expect(await shop.beginMove(3)).toMatchObject({ ok: true });
    await shop.ringUntil(async () => (await shop.row())?.database === 3);
    await shop.driveUntil(null);
    expect([await shop.idsIn(1), await shop.idsIn(2)]).toEqual([[], []]);
    expect(await shop.idsIn(3)).toEqual([...shop.ids].sort());
    expect(await shop.beginMove(1)).toMatchObject({ ok: true });
  });

  it("is refused if they have seen the environment where it was before its last move", async () => {
    const shop = await livingIn(1);
    await shop.moveTo(2);
    const stale = await shop.calls.moves.begin({ database: 1, generation: 1 }, 3);
    expect(stale).toEqual({ ok: false, reason: "move_under_way" });
  });

  it("begins and cancels nothing that the journal can't write", async () => {
    const shop = await livingIn(1);
    const full = /FULL/;
    await shop.journal(
      "CREATE TRIGGER full BEFORE INSERT ON metadata WHEN new.name = 'replica:2' BEGIN SELECT RAISE(ABORT, 'SQLITE_FULL'); END",
    );
    await expect(async () => shop.beginMove(2)).rejects.toThrow(full);
    expect([await shop.move(), await shop.home()]).toEqual([null, { database: 1, generation: 1 }]);
    await shop.journal("DROP TRIGGER full");
    const { open } = await shop.copyingTo(2);
    await shop.journal(
      "CREATE TRIGGER full BEFORE UPDATE ON metadata WHEN new.name = 'replica:2' BEGIN SELECT RAISE(ABORT, 'SQLITE_FULL'); END",
    );
    await expect(async () => shop.calls.moves.cancel()).rejects.toThrow(full);
    await shop.journal("DROP TRIGGER full");
    expect(await shop.move()).toMatchObject({ status: "copying", isCancelled: false });
    open();
    await shop.driveUntil("resting");
    await shop.replicatedIn(2, [await shop.create()]);
  });
});

describe("the cleaning", () => {
  it("comes again an hour later, against a statement that was given up and ran late", async () => {
    const shop = await livingIn(1);
    await shop.moveTo(2);
    await shop.driveUntil("cleaned");
    await databaseOf(1)
      .prepare(
        `INSERT INTO runs (scope, id, version, status, action_name, triggered_by, purge_at, bytes, body)
         VALUES (?, 'late', 1, 'pending', 'deploy', 'root', 1, 1, '{}')`,
      )
      .bind(scopeOfPath(shop.path))
      .run();
    await shop.driveUntil(null);
    expect(await shop.idsIn(1)).toEqual([]);
  });

  it("does not let the alarm ring again and again while it takes long", async () => {
    const shop = await livingIn(1);
    await shop.moveTo(2);
    faults.only = 1;
    const { open } = holdWrites(/DELETE FROM runs/);
    await shop.ringUntil(async () => faults.gatedCalls > 0);
    const now = Date.now();
    expect(await shop.alarmAt()).toBeGreaterThan(now + 20_000);
    // A pass can have many statements, and ends after 28 s at the latest.
    await shop.alarmIn(25_000);
    expect(await shop.alarmAt()).toBeGreaterThan(now + 27_000);
    open();
    await shop.driveUntil(null);
    expect(await shop.idsIn(1)).toEqual([]);
  });
});

it("an environment of the time with one database stays where it is until its copy is done", async () => {
  bindOneDatabase();
  const shop = await livingIn(0);
  resetChanged();
  await shop.restart();
  const { open } = await shop.copyingTo(2);
  expect(await shop.home()).toEqual({ database: 0, generation: 0 });
  expect((await shop.lacking()).home).toEqual({ database: 0, generation: 0 });
  open();
  await shop.driveUntil("resting");
  expect(await shop.idsIn(2)).toEqual([...shop.ids].sort());
});

it("with one database, nothing of all this is written", async () => {
  bindOneDatabase();
  const shop = await livingIn(0);
  expect((await shop.metadata()).filter((name) => !/^(name|epoch|replication_retry_at|replica:0)$/.test(name))).toEqual(
    [],
  );
  expect(await shop.row()).toBeNull();
  expect(await env.DB.prepare("SELECT count(*) AS n FROM database_report").first("n")).toBe(0);
});

it("a cancel whose first answer was lost says that the move is cancelled", async () => {
  const shop = await livingIn(1);
  const { open } = await shop.copyingTo(2);
  let isLost = false;
  const losing = calledThrough(async (name, go) => {
    const answer = await go();
    if (name !== "moves.cancel" || isLost) return answer;
    isLost = true;
    throw new Error("Network connection lost.");
  });
  const answer = await askWith<{ move: unknown }>(
    envWith(losing),
    "PUT",
    shop.path.replace(/action-runs$/, "database"),
    { body: { database: 1 } },
  );
  expect(await shop.move()).toMatchObject({ isCancelled: true });
  expect(answer).toMatchObject({ status: 202, body: { move: { isCancelled: true } } });
  open();
});
