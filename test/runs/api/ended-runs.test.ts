/** Ended runs that an isolate remembers: who may read them, how many fit, and for how long. */

import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { recallEnded, rememberEnded } from "../../../src/runs/api/ended-runs.ts";
import { toGroupRow } from "../../../src/runs/d1/store.ts";
import { hopsOf, watchHops } from "../../support/hops.ts";
import { ask, createRun, newRunsPath, report, scopeOfPath } from "../../support/requests.ts";
import { idAt, landRows, toRun } from "../../support/rows.ts";
import { grantToken } from "../../support/tokens.ts";

const MAX_BYTES = 16 * 1024 * 1024;
const MIB = "x".repeat(1024 * 1024);

beforeEach(watchHops);
afterEach(() => vi.restoreAllMocks());

const FROM_MEMORY = { lines: [{ status: 200, d1: 0, coordinator: 0 }], calls: 0 };
const FROM_D1 = { lines: [{ status: 200, d1: 1, coordinator: 0 }], calls: 1 };

function get(path: string, id: string, token?: string | null) {
  return hopsOf(() => ask("GET", `${path}/${id}`, token === undefined ? {} : { token }));
}

/** A run that has ended, and that this isolate has read. */
async function remembered(path: string): Promise<string> {
  const run = await createRun(path);
  await report(run, { status: "succeeded", output: { of: path } });
  expect(await get(path, run.id)).toEqual(FROM_D1);
  expect(await get(path, run.id)).toEqual(FROM_MEMORY);
  return run.id;
}

describe("a remembered run", () => {
  it("is not found under the path of another environment, project or organisation, and costs one read of D1", async () => {
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
    for (const path of paths) await land(path, id, { output: JSON.stringify({ of: path }) });
    for (const expected of [FROM_D1, FROM_MEMORY]) {
      for (const path of paths) {
        expect(await get(path, id)).toEqual(expected);
        expect((await ask("GET", `${path}/${id}`)).body.output).toEqual({ of: path });
      }
    }
  });
});

/** An ended run put straight into D1, to be kept until `purgeAt`. */
async function land(
  path: string,
  id: string,
  { output = null as string | null, purgeAt = Date.now() + 1e9 } = {},
) {
  const ended = { status: "succeeded", output, completedAt: Date.now() } as const;
  const keys = {
    createKey: "",
    createFingerprint: "",
    fingerprintKeyId: null,
    changeKey: null,
    changeFingerprint: null,
  };
  const row = toGroupRow({ ...toRun({ id, ...ended }), ...keys, purgeAt });
  await landRows(scopeOfPath(path), [row]);
}

describe("a remembered run is forgotten", () => {
  function turnClock(to: number): void {
    vi.mocked(Date.now).mockImplementation(() => to);
  }

  it("in the millisecond in which its retention ends", async () => {
    const path = newRunsPath();
    const id = idAt(Date.now());
    const purgeAt = Date.now() + 20_000;
    await land(path, id, { purgeAt });
    expect(await get(path, id)).toEqual(FROM_D1);
    turnClock(purgeAt - 1);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
    turnClock(purgeAt);
    expect((await get(path, id)).calls).toBe(1);
    await env.DB.prepare("DELETE FROM runs WHERE id = ?").bind(id).run();
    expect((await get(path, id)).lines).toMatchObject([{ status: 404 }]);
  });

  it("a minute after it was read, and is then read from D1 again", async () => {
    const path = newRunsPath();
    const id = idAt(Date.now());
    await land(path, id);
    const readAt = Date.now();
    turnClock(readAt);
    expect(await get(path, id)).toEqual(FROM_D1);
    turnClock(readAt + 59_999);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
    turnClock(readAt + 60_000);
    expect(await get(path, id)).toEqual(FROM_D1);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
  });

  it("when newer ones fill 16 MB, the oldest first", async () => {
    const path = newRunsPath();
    const id = await remembered(path);
    const fill = (n: number) => rememberEnded("o/p/fill", `${n}`, MIB, Date.now() + 1e9, Date.now());
    const isKept = (n: number) => recallEnded("o/p/fill", `${n}`, Date.now()) !== null;
    for (let n = 0; n < 15; n++) fill(n);
    expect(await get(path, id)).toEqual(FROM_MEMORY);
    fill(15);
    expect(await get(path, id)).toEqual(FROM_D1);
    for (let n = 16; n < 40; n++) fill(n);
    const kept = Array.from({ length: 40 }, (_, n) => n).filter(isKept);
    // Fifteen and what each costs besides.
    expect(kept).toEqual(Array.from({ length: 15 }, (_, i) => 25 + i));
  });
});

describe("the bound counts", () => {
  const kept = (scope: string, n: number) =>
    Array.from({ length: n }, (_, i) => i).filter((i) => recallEnded(scope, `${i}`, Date.now()) !== null);
  const put = (scope: string, i: number, text: string) =>
    rememberEnded(scope, `${i}`, text, Date.now() + 1e9, Date.now());

  it("bytes, not characters", () => {
    const text = "€".repeat(1024 * 1024);
    for (let i = 0; i < 10; i++) put("o/p/euros", i, text);
    expect(kept("o/p/euros", 10)).toEqual([5, 6, 7, 8, 9]);
  });

  it("each run once, however often it was read", () => {
    for (let i = 0; i < 8; i++) put("o/p/many", i, MIB);
    for (let n = 0; n < 50; n++) put("o/p/many", 7, MIB);
    expect(kept("o/p/many", 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("an overhead for each run, so that tiny runs count too", () => {
    const n = MAX_BYTES / 256 + 1000;
    for (let i = 0; i < n; i++) put("o/p/small", i, "");
    expect(kept("o/p/small", n)).toHaveLength(MAX_BYTES / 256);
  });
});
