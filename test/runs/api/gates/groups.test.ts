/** GET …/concurrency-groups: how many runs are running and queued. */

import { beforeAll, describe, expect, it } from "vitest";
import { hurryTime } from "../../../support/clock.ts";
import { breakD1 } from "../../../support/faults.ts";
import { ask, newRunsPath, pagesOf } from "../../../support/requests.ts";
import { loseCoordinator } from "../../../support/runs/changes.ts";
import { decide, startGated, storeGated } from "../../../support/runs/gated.ts";
import type { Refusal } from "../../../support/tokens.ts";

interface Group {
  readonly group: string;
  readonly key: string;
  readonly limit: number;
  readonly holders: number;
  readonly waiters: number;
  readonly paused: string | null;
}

const pathOf = (runs: string, query = "") => `${runs.replace(/action-runs$/, "concurrency-groups")}${query}`;
const groupsOf = async (runs: string, query = "") => (await ask<Group[]>("GET", pathOf(runs, query))).body;

/** In the order of their UTF-8 bytes. */
const KEYS = ["Z", "a", "b", "é", "\uffee", "\u{1f680}", "\u{1f680}".repeat(254), "\u{1f680}".repeat(255)];
const runs = newRunsPath();
const one = (group: string, key: string): Group => ({ group, key, limit: 1, holders: 1, waiters: 0, paused: null });

beforeAll(async () => {
  await storeGated(runs, { concurrency: { group: "prod", key: "{{ parameters.version }}" } });
  for (const version of KEYS.toReversed()) await startGated(runs, { parameters: { version } });
  await storeGated(runs, { concurrency: { group: "Alone", limit: 2 } }, "alone");
  for (let n = 0; n < 4; n++) await startGated(runs, {}, {}, "alone");
});

describe("the groups of an environment", () => {
  const ALONE = { ...one("Alone", ""), limit: 2, holders: 2, waiters: 2 };
  const ALL = [ALONE, ...KEYS.map((key) => one("prod", key))];

  it("are in order of group and key", async () => {
    expect(await groupsOf(runs)).toEqual(ALL);
    expect(await groupsOf(runs, "?group=prod")).toEqual(ALL.slice(1));
    expect(await groupsOf(runs, "?group=none")).toEqual([]);
  });

  it.each([1, 2, 3, 8, 9, 10])("come in pages of %i", async (limit) => {
    const pages = await pagesOf<Group>(pathOf(runs, `?limit=${limit}`));
    for (const page of pages) expect(page.length).toBe(page === pages.at(-1) ? ALL.length % limit || limit : limit);
    expect(pages.flat()).toEqual(ALL);
  });

  it("say why they are paused", async () => {
    const pause = `${runs.replace(/action-runs$/, "pauses")}/Alone`;
    await ask<unknown>("PUT", pause, { body: { reason: "freeze" } });
    expect((await groupsOf(runs)).map(({ paused }) => paused)).toEqual(["freeze", ...KEYS.map(() => null)]);
    await ask("DELETE", pause);
  });
});

describe("a group in which no run is", () => {
  const idle = (group: string, limit = 1) => ({ ...one(group, ""), limit, holders: 0 });

  it("is listed as long as an action names it, with the least limit, and can be paused", async () => {
    const path = newRunsPath();
    await storeGated(path, { concurrency: { group: "prod", limit: 3 }, approval: {} });
    await storeGated(path, { concurrency: { group: "prod", limit: 2 } }, "other");
    expect(await groupsOf(path)).toEqual([idle("prod", 2)]);
    const { body: run } = await startGated(path);
    // It waits for its approval, so it is not in its queue yet.
    expect(await groupsOf(path)).toEqual([idle("prod", 2)]);
    await ask<unknown>("PUT", `${path.replace(/action-runs$/, "pauses")}/prod`, { body: { reason: "freeze" } });
    expect(await groupsOf(path)).toEqual([{ ...idle("prod", 2), paused: "freeze" }]);
    await decide(path, run.id, "cancel");
    for (const name of ["deploy", "other"]) await ask("DELETE", `${path.replace(/action-runs$/, "actions")}/${name}`);
    expect(await groupsOf(path)).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5, 6])("is in order among the others, in pages of %i", async (limit) => {
    const path = newRunsPath();
    for (const group of ["a", "c", "e"]) await storeGated(path, { concurrency: { group } }, group);
    await storeGated(path, { concurrency: { group: "b", key: "{{ parameters.version }}" } }, "b");
    for (const version of ["1", "2"]) await startGated(path, { parameters: { version } }, {}, "b");
    await startGated(path, {}, {}, "c");
    const all = [idle("a"), one("b", "1"), one("b", "2"), one("c", ""), idle("e")];
    expect((await pagesOf<Group>(pathOf(path, `?limit=${limit}`))).flat()).toEqual(all);
    expect(await groupsOf(path, "?group=a")).toEqual([idle("a")]);
    expect(await groupsOf(path, "?group=b")).toEqual(all.slice(1, 3));
  });

  it.each(["down", "hang"] as const)("is left out while D1 is %s", async (fault) => {
    const path = newRunsPath();
    for (const group of ["a", "b"]) await storeGated(path, { concurrency: { group } }, group);
    await startGated(path, {}, {}, "b");
    const { open } = breakD1(fault);
    hurryTime();
    expect(await groupsOf(path)).toEqual([one("b", "")]);
    open();
  });
});

it.each(["limit=0", "limit=201", "cursor=x", `cursor=${btoa("no-group")}`, "group=", "group=a%20b", "key=a"])(
  "refuses %s",
  async (query) => {
    const { status, body } = await ask<Refusal>("GET", pathOf(runs, `?${query}`));
    expect([status, body.code]).toEqual([400, "invalid_query"]);
  },
);

it("is 503 while the coordinator can't be reached", async () => {
  const { restore } = loseCoordinator(runs);
  const { status, body } = await ask<Refusal>("GET", pathOf(runs));
  expect([status, body.code]).toEqual([503, "coordinator_unavailable"]);
  restore();
});
