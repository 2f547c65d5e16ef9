/** A coordinator or a D1 that is nearly full: no new run is promised what can't be kept, and runs come to their end. */

import { describe, expect, it, vi } from "vitest";
import { isDatabaseFull } from "../../src/database/d1-errors.ts";
import { STORAGE_MAX_BYTES, StorageLimit } from "../../src/runs/coordinator/context.ts";
import { isRefusedForContent } from "../../src/runs/d1/store.ts";
import {
  alarmIn,
  change,
  coordinator,
  createAged,
  DAY_MS,
  journal,
  MINUTE_MS,
  sqlStorage,
  until,
} from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { type ActionRun, ask, type CreatedRun, createRun, newRunsPath, report, rowOf } from "../support/requests.ts";
import { beat } from "../support/runs/stream.ts";
import { linesOf, watchLog } from "../support/secrets.ts";

const PAST_RETENTION_MS = 30 * DAY_MS + 61 * MINUTE_MS;

const lines = watchLog();

describe("a coordinator that stores 9 GB", () => {
  /** What a coordinator seems to store from now on. It asks at most once in a second, so the clock moves on. */
  async function store(path: string, bytes: number): Promise<void> {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
    vi.spyOn(await sqlStorage(path), "databaseSize", "get").mockReturnValue(bytes);
  }

  const create = (path: string, key: string) =>
    ask<CreatedRun & { code?: string }>("POST", path, {
      body: { actionName: "deploy" },
      headers: { "Idempotency-Key": key },
    });

  it("takes no new run and sends Retry-After, but takes runs below that", async () => {
    expect(STORAGE_MAX_BYTES).toBe(9_000_000_000);
    const path = newRunsPath();
    await createRun(path);
    await store(path, STORAGE_MAX_BYTES);
    const refused = await create(path, "a");
    expect([refused.status, refused.body.code]).toEqual([503, "storage_full"]);
    expect(refused.headers.get("Retry-After")).toBe("600");
    const followed = await ask<{ code: string }>("POST", path, { body: { actionName: "deploy", heartbeatTimeout: 5 } });
    expect([followed.status, followed.body.code]).toEqual([503, "storage_full"]);
    await store(path, STORAGE_MAX_BYTES - 1);
    expect((await create(path, "a")).status).toBe(201);
  });

  it("is asked for its size once a second, and each time while it is full", () => {
    const storage = { databaseSize: STORAGE_MAX_BYTES - 1 };
    const limit = new StorageLimit(storage as SqlStorage);
    expect(limit.isReached(5000)).toBe(false);
    storage.databaseSize = STORAGE_MAX_BYTES;
    expect(limit.isReached(5999)).toBe(false);
    expect(limit.isReached(6000)).toBe(true);
    storage.databaseSize = STORAGE_MAX_BYTES - 1;
    expect(limit.isReached(6000)).toBe(false);
    // The clock has stepped back.
    storage.databaseSize = STORAGE_MAX_BYTES;
    expect(limit.isReached(10)).toBe(true);
  });

  it("answers a repeated create, and takes every heartbeat, report and cancel", async () => {
    const path = newRunsPath();
    const made = await create(path, "made-before");
    const reported = await createRun(path);
    const cancelled = await createRun(path);
    await store(path, STORAGE_MAX_BYTES);
    expect((await create(path, "new")).status).toBe(503);
    const again = await create(path, "made-before");
    expect([again.status, again.body.id]).toEqual([201, made.body.id]);
    expect(again.headers.get("Idempotent-Replayed")).toBe("true");
    expect((await beat(reported)).status).toBe(200);
    expect(await report(reported, { status: "succeeded" })).toMatchObject({ status: 200 });
    expect(await ask<ActionRun>("DELETE", `${path}/${cancelled.id}`)).toMatchObject({ status: 200 });
  });

  it("removes old runs, even if nothing can be written any more", async () => {
    const path = newRunsPath();
    const old = await createAged(path);
    await change(path, old, { type: "cancelled" });
    await createAged(path, { deadlineAt: Date.now() + 31 * DAY_MS });
    const prototype = await sqlStorage(path);
    await alarmIn(0, coordinator(path));
    const exec = prototype.exec;
    vi.spyOn(prototype, "exec").mockImplementation(function (this: SqlStorage, sql, ...bindings) {
      if (/^\s*(INSERT|UPDATE)/i.test(sql)) throw new Error("database or disk is full: SQLITE_FULL");
      return exec.call(this, sql, ...bindings) as never;
    });
    await alarmIn(PAST_RETENTION_MS + DAY_MS, coordinator(path));
    await until(async () => (await journal(path, "SELECT id FROM runs WHERE id = ?", old)).length === 0);
    expect(linesOf(lines, "alarm_failed")).not.toEqual([]);
  });
});

describe("a D1 that is full", () => {
  it("delays no create, report or cancel; rows are replicated when retention has made room", async () => {
    const path = newRunsPath();
    const old = await createAged(path);
    await change(path, old, { type: "cancelled" });
    const open = await createRun(path);
    await until(async () => (await rowOf(old))?.status === "cancelled" && (await rowOf(open.id)) !== null);
    faults.writes = "full";
    const created = await ask<CreatedRun>("POST", path, { body: { actionName: "deploy" } });
    expect(created.status).toBe(201);
    expect(await report(open, { status: "succeeded" })).toMatchObject({ status: 200 });
    expect(await ask<ActionRun>("DELETE", `${path}/${created.body.id}`)).toMatchObject({ status: 200 });
    const waiting = await createAged(path);
    expect(await rowOf(waiting)).toBeNull();
    // Only the retention of the first run is over in ten minutes.
    const purgeAt = Date.now() + 10 * MINUTE_MS;
    await journal(path, "UPDATE runs SET due_at = ?1, purge_at = ?1 WHERE id = ?2", purgeAt, old);
    await alarmIn(11 * MINUTE_MS, coordinator(path));
    await until(async () => (await rowOf(waiting)) !== null);
    expect(await rowOf(old)).toBeNull();
    expect(linesOf(lines, "run_quarantined")).toEqual([]);
  });

  it.each([
    ["full", "full"],
    ["down", "outage"],
  ] as const)(
    "is named in the log: while writes are %s, replication_failed has the reason %s",
    async (fault, reason) => {
      const path = newRunsPath();
      faults.writes = fault;
      await createAged(path);
      const failed = () => linesOf(lines, "replication_failed");
      await until(async () => failed().length > 0);
      for (const line of failed()) expect(line).toMatchObject({ reason });
    },
  );

  it("creates no token and returns storage_full", async () => {
    faults.writes = "full";
    const created = await ask<{ code: string }>("POST", "/acme/full/tokens", { body: { name: "ci", role: "member" } });
    expect([created.status, created.body.code]).toEqual([503, "storage_full"]);
  });

  it.each([
    ["D1_ERROR: Exceeded maximum DB size", true],
    ["D1_ERROR: Exceeded maximum account storage limit of 1 TB", true],
    ["D1_ERROR: database or disk is full: SQLITE_FULL", true],
    ["D1_ERROR: Network connection lost.", false],
    ["D1_ERROR: string or blob too big: SQLITE_TOOBIG", false],
  ])("is known by what it says, and never taken for a row's content: %s", (said, isFull) => {
    expect(isDatabaseFull(new Error(said))).toBe(isFull);
    expect(isRefusedForContent(new Error(said))).toBe(said.includes("TOOBIG"));
  });
});
