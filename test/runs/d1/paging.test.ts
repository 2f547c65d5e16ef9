import { beforeAll, describe, expect, it } from "vitest";
import { type ActionRun, ask, newRunsPath, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows, type Row } from "../../support/rows.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");
const ENTITY = "0199d2a5-0000-8000-8000-00000000000a";
const MIB = 1024 * 1024;

interface Page {
  readonly runs: readonly ActionRun[];
  readonly bytes: number;
}

/** Follows the links to the end; `between` runs after each page. */
async function pages(path: string, query = "", between = async () => {}): Promise<Page[]> {
  const all: Page[] = [];
  let url: string | undefined = `${path}?${query}`;
  while (url !== undefined) {
    expect(all.length).toBeLessThan(300);
    const answer: Awaited<ReturnType<typeof ask<ActionRun[]>>> = await ask<ActionRun[]>("GET", url);
    expect(answer.status).toBe(200);
    all.push({ runs: answer.body, bytes: new TextEncoder().encode(JSON.stringify(answer.body)).byteLength });
    url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1];
    await between();
  }
  return all;
}

const idsOf = (all: readonly Page[]) => all.flatMap(({ runs }) => runs.map(({ id }) => id));
const newestFirst = (rows: readonly Row[]) =>
  rows
    .map(({ id }) => id)
    .sort()
    .reverse();

describe("1000 runs of the same millisecond", () => {
  const QUERIES: readonly (readonly [string, Partial<Row>])[] = [
    ["", {}],
    ["status=running&status=pending", {}],
    ["actionName=deploy", {}],
    ["label=x", { labels: '["x"]' }],
    ["label=x&label=odd", { labels: '["odd","x"]' }],
    [`entityId=${ENTITY}&status=pending`, { entityId: ENTITY }],
    ["createdAfter=2026-11-20T11:59:59.999Z&createdBefore=2026-11-20T12:00:00.001Z&triggeredBy=root", {}],
  ];

  it.each(QUERIES)("are each listed once, with inserts between pages: ?%s", async (query, row) => {
    const path = newRunsPath();
    const atStart = Array.from({ length: 1000 }, () => ({ ...row, id: idAt(NOON) }));
    await insertRows(scopeOfPath(path), atStart);
    const inserted: Row[] = [];
    const insert = async () => {
      // Of that millisecond too, so that some fall before and some behind the page; and of the ones around it.
      const more = [NOON, NOON, NOON, NOON + 1, NOON - 1].map((ms) => ({ ...row, id: idAt(ms) }));
      inserted.push(...more);
      await insertRows(scopeOfPath(path), more);
    };
    const seen = idsOf(await pages(path, `limit=70&${query}`, insert));
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual([...seen].sort().reverse());
    const old = new Set(atStart.map(({ id }) => id));
    expect(seen.filter((id) => old.has(id))).toEqual(newestFirst(atStart));
    const known = new Set([...old, ...inserted.map(({ id }) => id)]);
    expect(seen.filter((id) => !known.has(id))).toEqual([]);
  });

  it.each(QUERIES)("are listed in the other order from the oldest on: ?%s", async (query, row) => {
    const path = newRunsPath();
    const rows = Array.from({ length: 150 }, () => ({ ...row, id: idAt(NOON) }));
    await insertRows(scopeOfPath(path), rows);
    const seen = idsOf(await pages(path, `order=oldest&limit=70&${query}`));
    expect(seen).toEqual(newestFirst(rows).reverse());
    expect(idsOf(await pages(path, `order=newest&limit=70&${query}`))).toEqual(newestFirst(rows));
  });

  it("fill every page, and only the last page has no next one", async () => {
    const path = newRunsPath();
    await insertRows(
      scopeOfPath(path),
      Array.from({ length: 400 }, () => ({ id: idAt(NOON) })),
    );
    const all = await pages(path, "limit=200");
    expect(all.map(({ runs }) => runs.length)).toEqual([200, 200]);
  });
});

describe("a page ends at 4 MB", () => {
  /** Sizes in KiB of runs, the newest first. */
  it.each([
    ["of equal runs", Array(13).fill(700)],
    ["of runs of which one more would just not fit", [1023, 1023, 1023, 1023, 1023, 1]],
    ["of small runs between large ones", Array.from({ length: 40 }, (_, i) => (i % 3 ? 1 : 700))],
    ["of runs that are each as large as a run can be", Array(5).fill(1200)],
  ])("in a list %s, and no run is left out", async (_, sizes: number[]) => {
    const path = newRunsPath();
    const rows = sizes.map((kib, i) => ({
      id: idAt(NOON - i),
      parameters: JSON.stringify({ a: "é".repeat((kib * 1024) / 2) }),
    }));
    await insertRows(scopeOfPath(path), rows);
    for (const query of ["limit=200", "limit=200&status=pending&actionName=deploy"]) {
      const all = await pages(path, query);
      expect(idsOf(all)).toEqual(rows.map(({ id }) => id));
      for (const [i, { runs, bytes }] of all.entries()) {
        expect(runs.length).toBeGreaterThan(0);
        // The commas and brackets of the list are not counted.
        expect(bytes).toBeLessThanOrEqual(4 * MIB + 201);
        const next = all[i + 1]?.runs[0];
        if (next === undefined) continue;
        const nextBytes = new TextEncoder().encode(JSON.stringify(next)).byteLength;
        expect(bytes + nextBytes).toBeGreaterThan(4 * MIB);
      }
    }
  });
});

describe("a page ends after 5000 rows looked at", () => {
  it("so a page may be empty and still have a next one, and every run is found", async () => {
    const path = newRunsPath();
    // The places at which a page's walk begins, ends, and may be off by one.
    const wantedAt = [0, 1, 4998, 4999, 5000, 5001, 9999, 10_000, 12_344];
    const rows = Array.from({ length: 12_345 }, (_, i) => ({
      id: idAt(NOON - i),
      entityId: ENTITY,
      actionName: wantedAt.includes(i) ? "wanted" : "other",
    }));
    await insertRows(scopeOfPath(path), rows);
    const wanted = wantedAt.map((i) => rows[i]?.id);
    const both = `entityId=${ENTITY}&actionName=wanted`;
    const all = await pages(path, both);
    expect(idsOf(all)).toEqual(wanted);
    expect(all.map(({ runs }) => runs.length)).toEqual([4, 3, 2]);
    for (const limit of [1, 2, 3]) expect(idsOf(await pages(path, `limit=${limit}&${both}`))).toEqual(wanted);
    expect(idsOf(await pages(path, `${both}&status=pending&triggeredBy=root`))).toEqual(wanted);

    const none = await pages(path, `entityId=${ENTITY}&actionName=other&status=failed`);
    expect(none.map(({ runs }) => runs.length)).toEqual([0, 0, 0]);
    // Along one index alone there is nothing to pass over, so the first look finds it.
    expect(await pages(path, "status=failed")).toHaveLength(1);
    expect(idsOf(await pages(path, "actionName=wanted"))).toEqual(wanted);
  });

  it("so exactly 5000 rows that do not pass give two empty pages", async () => {
    const path = newRunsPath();
    const rows = Array.from({ length: 5000 }, (_, i) => ({ id: idAt(NOON - i), entityId: ENTITY }));
    await insertRows(scopeOfPath(path), rows);
    const all = await pages(path, `entityId=${ENTITY}&actionName=none`);
    expect(all.map(({ runs }) => runs.length)).toEqual([0, 0]);
  });
});

describe("a page by label ends after 5000 rows looked at", () => {
  const path = newRunsPath();
  const wantedAt = [0, 4999, 5000, 9999, 10_000, 10_499];
  const rows = Array.from({ length: 10_500 }, (_, i) => ({
    id: idAt(NOON - i),
    labels: wantedAt.includes(i) ? '["common","rare"]' : '["common"]',
    entityId: ENTITY,
  }));
  beforeAll(() => insertRows(scopeOfPath(path), rows));
  const wanted = wantedAt.map((i) => rows[i]?.id);

  it("so pages may be empty, and every run is found, whichever index is walked", async () => {
    for (const query of ["label=common&label=rare", "label=rare&label=common", `label=rare&entityId=${ENTITY}`]) {
      for (const limit of ["1", "200"]) expect(idsOf(await pages(path, `${query}&limit=${limit}`))).toEqual(wanted);
    }
    const first = await ask<ActionRun[]>("GET", `${path}?label=common&label=none`);
    expect([first.body, first.headers.has("Link")]).toEqual([[], true]);
    expect(idsOf(await pages(path, "label=common&label=none"))).toEqual([]);
  });

  it("walks the first label, so the rarest first is found at once", async () => {
    const rarestFirst = await ask<ActionRun[]>("GET", `${path}?label=rare&label=common`);
    expect([rarestFirst.body.map(({ id }) => id), rarestFirst.headers.has("Link")]).toEqual([wanted, false]);
  });
});
