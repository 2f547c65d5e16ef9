import { describe, expect, it } from "vitest";
import { firstIdAt, newUuidV7, parseUuid } from "../../src/base/ids.ts";
import { createdAtOf, createRunId, isGenuineRunId } from "../../src/runs/run-id.ts";
import { type KeyRing, keyRing } from "../../src/settings/key-ring.ts";

import { ask, createRun, givenRun } from "../support/requests.ts";

const SCOPE = "acme/shop/prod";
const NOW = Date.parse("2026-11-25T12:00:00.123Z");

function ringOf(...keys: string[]): KeyRing {
  const ring = keyRing(keys.map((key) => key.padEnd(32, "0123456789")).join(","));
  if (!ring.ok) throw new Error(ring.error);
  return ring.value;
}

const ring = ringOf("one");

function newId(createdAt = NOW): Promise<string> {
  return createRunId(ring, SCOPE, createdAt);
}

/** The id with one hex digit of it turned into another. */
function changed(id: string, index: number): string {
  return id.slice(0, index) + (id[index] === "0" ? "1" : "0") + id.slice(index + 1);
}

describe("the layout of a run id", () => {
  it("is that of a UUID of version 8: time, version, random, variant, random, tag", async () => {
    const time = NOW.toString(16).padStart(12, "0");
    expect(await newId()).toMatch(
      new RegExp(`^${time.slice(0, 8)}-${time.slice(8)}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
    );
  });

  it.each([0, 1, NOW, 2 ** 48 - 1])("holds the instant of its creation: %d", async (createdAt) => {
    expect(createdAtOf(await newId(createdAt))).toBe(createdAt);
  });

  it("varies in 42 bits within a millisecond", async () => {
    const ids = await Promise.all(Array.from({ length: 1000 }, () => newId()));
    expect(new Set(ids).size).toBe(ids.length);
    const random = ids.map((id) => BigInt(`0x${id.slice(14, 18)}${id.slice(19, 23)}${id.slice(24, 28)}`));
    const [ones, zeros] = [random.reduce((seen, bits) => seen | bits), random.reduce((seen, bits) => seen & bits)];
    expect((ones ^ zeros).toString(16)).toBe("fff3fffffff");
  });

  it("sorts by creation", async () => {
    const times = [0, 1, 15, 16, NOW, NOW + 1, NOW + 65_536, 2 ** 48 - 1];
    const ids = await Promise.all(times.map(newId));
    expect([...ids].sort()).toEqual(ids);
  });

  it("lies between the bounds of its millisecond", async () => {
    const id = await newId();
    expect(firstIdAt(NOW) <= id).toBe(true);
    expect(id < firstIdAt(NOW + 1)).toBe(true);
    expect(firstIdAt(-1)).toBe(firstIdAt(0));
    expect(firstIdAt(2 ** 60)).toBe(firstIdAt(2 ** 48 - 1));
  });
});

describe("a genuine run id", () => {
  it("is genuine for its scope and ring, and stays so while its key is in the ring", async () => {
    const id = await newId();
    expect(await isGenuineRunId(ring, SCOPE, id)).toBe(true);
    expect(await isGenuineRunId(ringOf("two", "one"), SCOPE, id)).toBe(true);
    expect(await isGenuineRunId(ringOf("two", "three", "four", "one"), SCOPE, id)).toBe(true);
    expect(await isGenuineRunId(ringOf("two"), SCOPE, id)).toBe(false);
  });

  it.each(["acme/shop/dev", "acme/shops/prod", "acm/shop/prod", "acme/shop", ""])(
    "is not genuine in the scope %j",
    async (scope) => {
      expect(await isGenuineRunId(ring, scope, await newId())).toBe(false);
    },
  );

  it("is not genuine with any one digit changed", async () => {
    const id = await newId();
    const places = [...id].flatMap((digit, index) => (digit === "-" ? [] : [index]));
    expect(places).toHaveLength(32);
    for (const index of places) {
      expect([index, await isGenuineRunId(ring, SCOPE, changed(id, index))]).toEqual([index, false]);
    }
  });

  it("carries a tag made for this purpose alone", async () => {
    const head = (await newId()).replaceAll("-", "").slice(0, 24);
    const hmac = await ring.sign("callback-token", `action-runs run-id v1\n${SCOPE}\n${head}`);
    const made = head + hmac.toHex().slice(0, 8);
    const id = [8, 12, 16, 20].reduceRight((hex, at) => `${hex.slice(0, at)}-${hex.slice(at)}`, made);
    expect(parseUuid(id)).toBe(id);
    expect(await isGenuineRunId(ring, SCOPE, id)).toBe(false);
  });

  it("is not a UUID of another version", async () => {
    expect(await isGenuineRunId(ring, SCOPE, crypto.randomUUID())).toBe(false);
    expect(await isGenuineRunId(ring, SCOPE, newUuidV7(NOW))).toBe(false);
  });
});

describe("an id in the path", () => {
  it("finds its run in any letter case", async () => {
    const { path, run } = await givenRun();
    const upper = `${path}/${run.id.toUpperCase()}`;
    expect((await ask("GET", upper)).body.id).toBe(run.id);
    const done = await ask("POST", `${upper}/callback`, { token: run.callback.token, body: { status: "succeeded" } });
    expect([done.status, done.body.id]).toEqual([200, run.id]);
    const other = await createRun(path);
    const cancelled = await ask("DELETE", `${path}/${other.id.toUpperCase()}`);
    expect([cancelled.body.id, cancelled.body.status]).toEqual([other.id, "cancelled"]);
  });

  it.each(["1", "latest", "{id}", "no-hyphens", "id%20", "%00", "id-", "urn:uuid:id"])(
    "is 404 if it is not a UUID, and no callback token opens it: %s",
    async (shape) => {
      const { path, run } = await givenRun();
      const id = shape.replace("no-hyphens", run.id.replaceAll("-", "")).replace("id", run.id);
      for (const method of ["GET", "DELETE"]) {
        const answer = await ask<{ code: string }>(method, `${path}/${id}`);
        expect([method, answer.status, answer.body.code]).toEqual([method, 404, "run_not_found"]);
      }
      // What a token opens is judged first: there is no token for what is no run.
      const reported = await ask<{ code: string }>("POST", `${path}/${id}/callback`, {
        token: run.callback.token,
        body: { status: "succeeded" },
      });
      expect([reported.status, reported.body.code]).toEqual([401, "token_invalid"]);
    },
  );
});
