/** Gates while D1 is down: a key still makes one run, and people can still stop a deploy or let it go. */

import { expect, it, vi } from "vitest";
import { hurryTime } from "../support/clock.ts";
import { journal, restart } from "../support/direct.ts";
import { breakD1 } from "../support/faults.ts";
import { ask, newRunsPath } from "../support/requests.ts";
import { decide, detailsOf, ONE_AT_A_TIME, startGated, storeGated } from "../support/runs/gated.ts";

it("ten creates with one key make one run, which waits in its queue, also after a restart", async () => {
  const path = newRunsPath();
  await storeGated(path, ONE_AT_A_TIME);
  await startGated(path);
  const { open } = breakD1("down");
  const start = async () => (await startGated(path, {}, { headers: { "Idempotency-Key": "once" } })).body.id;
  const made = await Promise.all(Array.from({ length: 9 }, start));
  await restart(path);
  made.push(await start());
  expect(new Set(made).size).toBe(1);
  expect(await journal(path, "SELECT id FROM runs")).toHaveLength(2);
  expect((await detailsOf(path, made[0] ?? "")).details.waiting).toMatchObject({ position: 1 });
  open();
});

it("a freeze and its end take effect, and an end makes room", async () => {
  const path = newRunsPath();
  await storeGated(path, ONE_AT_A_TIME);
  const { body: ahead } = await startGated(path);
  const { body: next } = await startGated(path);
  const { open } = breakD1("down");
  // The entries in the audit wait for D1.
  hurryTime();
  const freeze = `${path.replace(/action-runs$/, "pauses")}/prod`;
  expect((await ask("PUT", freeze, { body: { reason: "freeze" } })).status).toBe(200);
  await decide(path, ahead.id, "cancel", { body: { graceSeconds: 0 } });
  const waiting = async () => (await detailsOf(path, next.id)).details.waiting;
  await vi.waitFor(async () => expect(await waiting()).toMatchObject({ for: "pause" }), { timeout: 60_000 });
  expect((await ask("DELETE", freeze)).status).toBe(204);
  expect(await waiting()).toBeNull();
  open();
});
