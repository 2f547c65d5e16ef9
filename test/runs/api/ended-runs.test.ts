/** Ended runs that an isolate remembers: who may read them, how many fit, and for how long. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { recallEnded, rememberEnded } from "../../../src/runs/api/read-runs.ts";
import { hopsOf, watchHops } from "../../support/api/hops.ts";
import { change, coordinator, direct, givenAged, journal, until } from "../../support/direct.ts";
import { replicated } from "../../support/replicated.ts";
import { ask, createRun, newRunsPath, report } from "../../support/requests.ts";
import { idAt, newRun } from "../../support/rows.ts";
import { grantToken } from "../../support/tokens.ts";

const MAX_BYTES = 16 * 1024 * 1024;
const MIB = "x".repeat(1024 * 1024);

beforeEach(watchHops);

const FROM_MEMORY = { lines: [{ status: 200, d1: 0, coordinator: 0 }], calls: 0 };
const FROM_COORDINATOR = { lines: [{ status: 200, d1: 0, coordinator: 1 }], calls: 0 };
/** D1 says that the run exists, because its id is not genuine. */
const FROM_BOTH = { lines: [{ status: 200, d1: 1, coordinator: 1 }], calls: 1 };

function get(path: string, id: string, token?: string | null) {
  return hopsOf(() => ask("GET", `${path}/${id}`, token === undefined ? {} : { token }));
}

function remember(scope: string, n: number, actionRun: string): void {
  rememberEnded(scope, `${n}`, { actionRun }, Date.now() + 1e9, Date.now());
}

/** A run that has ended, and that this isolate has read. */
async function remembered(path: string): Promise<string> {
  const run = await createRun(path);
  await report(run, { status: "succeeded", output: { of: path } });
  await replicated(path);
  expect(await get(path, run.id)).toEqual(FROM_COORDINATOR);
  expect(await get(path, run.id)).toEqual(FROM_MEMORY);
  return run.id;
}

describe("a remembered run", () => {
  it("is not found under the path of another environment, project or organization, and costs one read of D1", async () => {
    const path = newRunsPath();
    const id = await remembered(path);
    const elsewhere = [
      newRunsPath(),
      path.replace("/shop/", "/shop-2/"),
      path.replace("/acme/", "/acme-2/"),
      path.replace("/envs/e", "/envs/f"),
    ];
    for (const other of elsewhere) {
      expect(await get(other, id)).toEqual({ lines: [{ status: 404, d1: 1, coordinator: 0 }], calls: 1 });
    }
    expect(await get(path, id)).toEqual(FROM_MEMORY);
  });

  it("is not shown to a token of another project or environment, to an unknown token, or without a token", async () => {
    const path = newRunsPath();
    const id = await remembered(path);
    const stranger = await grantToken("/acme/another-shop", { role: "owner" });
    const neighbour = await grantToken("/acme/shop", { role: "admin", envName: "another" });
    const reader = await grantToken("/acme/shop", { role: "viewer" });
    for (const [token, status] of [
      [stranger.token, 404],
      [neighbour.token, 404],
      [reader.token, 200],
    ] as const) {
      // The first look is at the token.
      expect((await get(path, id, token)).lines).toEqual([{ status, d1: 1, coordinator: 0 }]);
      expect((await get(path, id, token)).lines).toEqual([{ status, d1: 0, coordinator: 0 }]);
    }
    for (const token of [null, "no-token-at-all"]) {
      expect((await get(path, id, token)).lines).toEqual([{ status: 401, d1: 0, coordinator: 0 }]);
    }
  });

  it("is the environment's own if two environments have a run with the same id", async () => {
    const paths = [newRunsPath(), newRunsPath()] as const;
    const id = idAt(Date.now());
    for (const path of paths) {
      const created = await direct(path).runs.create(newRun({ id }), { key: `m:${id}`, fingerprint: "" }, null);
      expect(created).toMatchObject({ ok: true });
      await change(path, id, { type: "succeeded", output: JSON.stringify({ of: path }) });
      await replicated(path);
    }
    for (const expected of [FROM_BOTH, FROM_MEMORY]) {
      for (const path of paths) {
        expect(await get(path, id)).toEqual(expected);
        expect((await ask("GET", `${path}/${id}`)).body.output).toEqual({ of: path });
      }
    }
  });
});

describe("a remembered run is forgotten", () => {
  function turnClock(to: number): void {
    vi.mocked(Date.now).mockImplementation(() => to);
  }

  it("in the millisecond in which its retention ends", async () => {
    const { path, id } = await givenAged();
    const answer = await change(path, id, { type: "cancelled" });
    if (!answer.ok) throw new Error(answer.reason);
    await replicated(path);
    // From here on the alarm waits for the retention's end.
    turnClock(Date.now() + 10_000);
    await runDurableObjectAlarm(coordinator(path));
    turnClock(answer.purgeAt - 20_000);
    expect(await get(path, id)).toEqual(FROM_COORDINATOR);
    turnClock(answer.purgeAt - 1);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
    turnClock(answer.purgeAt);
    expect(await get(path, id)).toEqual(FROM_COORDINATOR);
    expect(await get(path, id)).toEqual(FROM_COORDINATOR);
    await runDurableObjectAlarm(coordinator(path));
    await until(async () => (await journal(path, "SELECT id FROM runs")).length === 0);
    // The coordinator's word is final.
    expect(await get(path, id)).toEqual({ lines: [{ status: 404, d1: 0, coordinator: 1 }], calls: 0 });
  });

  it("a minute after it was read, and is then read from its coordinator again", async () => {
    const path = newRunsPath();
    const id = await remembered(path);
    const readAt = Date.now() + 60_000;
    turnClock(readAt);
    expect(await get(path, id)).toEqual(FROM_COORDINATOR);
    turnClock(readAt + 59_999);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
    turnClock(readAt + 60_000);
    expect(await get(path, id)).toEqual(FROM_COORDINATOR);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
  });

  it("when newer ones fill 16 MB, the oldest first", async () => {
    const path = newRunsPath();
    const id = await remembered(path);
    const fill = (n: number) => remember("o/p/fill", n, MIB);
    const isKept = (n: number) => recallEnded("o/p/fill", `${n}`, Date.now()) !== null;
    for (let n = 0; n < 15; n++) fill(n);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
    fill(15);
    expect(await get(path, id)).toEqual(FROM_COORDINATOR);
    for (let n = 16; n < 40; n++) fill(n);
    const kept = Array.from({ length: 40 }, (_, n) => n).filter(isKept);
    // Fifteen and what each costs besides.
    expect(kept).toEqual(Array.from({ length: 15 }, (_, i) => 25 + i));
  });
});

describe("the bound counts", () => {
  const kept = (scope: string, n: number) =>
    Array.from({ length: n }, (_, i) => i).filter((i) => recallEnded(scope, `${i}`, Date.now()) !== null);

  it("bytes, not characters", () => {
    const text = "€".repeat(1024 * 1024);
    for (let i = 0; i < 10; i++) remember("o/p/euros", i, text);
    expect(kept("o/p/euros", 10)).toEqual([5, 6, 7, 8, 9]);
  });

  it("each run once, however often it was read", () => {
    for (let i = 0; i < 8; i++) remember("o/p/many", i, MIB);
    for (let n = 0; n < 50; n++) remember("o/p/many", 7, MIB);
    expect(kept("o/p/many", 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("an overhead for each run, so that tiny runs count too", () => {
    const n = MAX_BYTES / 256 + 1000;
    for (let i = 0; i < n; i++) remember("o/p/small", i, "");
    expect(kept("o/p/small", n)).toHaveLength(MAX_BYTES / 256);
  });
});
