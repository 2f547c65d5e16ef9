/** Lists by label, and the details of a list. That they find the right runs is in filters.test.ts. */

import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { detailsOf, NO_DETAILS, toActionRun } from "../../../src/runs/action-run.ts";

import { type ActionRun, ask, newRunsPath, ROOT, scopeOfPath } from "../../support/requests.ts";
import { idAt, insertRows, type Row, toJournaledRun, toRun } from "../../support/rows.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");
const ENTITIES = ["0199d2a5-0000-8000-8000-00000000000a", "0199d2a5-0000-8000-8000-00000000000b"] as const;

type Query = Readonly<Record<string, string | readonly string[]>>;

function searchOf(query: Query): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return new URLSearchParams(pairs as [string, string][]).toString();
}

/** Follows the links to the end. */
async function listAll<T extends { readonly id: string } = ActionRun>(path: string, query: Query): Promise<T[]> {
  const all: T[] = [];
  let url: string | undefined = `${path}?${searchOf(query)}`;
  while (url !== undefined) {
    const answer: Awaited<ReturnType<typeof ask<T[]>>> = await ask<T[]>("GET", url);
    expect(answer.status).toBe(200);
    all.push(...answer.body);
    url = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("Link") ?? "")?.[1];
  }
  return all;
}

const idsOf = (runs: readonly { readonly id: string }[]) => runs.map(({ id }) => id);

it("a list by labels keeps every label in the link to the next page, and finds no run of another environment", async () => {
  const [path, labels] = [newRunsPath(), ["a", "b", "team:é 🚀"]];
  const row = { labels: JSON.stringify(labels) };
  await insertRows(
    scopeOfPath(path),
    [NOON, NOON - 1].map((ms) => ({ ...row, id: idAt(ms) })),
  );
  const { headers } = await ask("GET", `${path}?${searchOf({ label: labels, limit: "1", include: "details" })}`);
  const [, url = ""] = /^<([^>]+)>; rel="next"$/.exec(headers.get("Link") ?? "") ?? [];
  expect(new URL(url).searchParams.getAll("label")).toEqual(labels);
  expect(new URL(url).searchParams.get("include")).toBe("details");
  expect(await listAll(newRunsPath(), { label: "a" })).toEqual([]);
});

describe("a page by label ends after 5000 rows looked at", () => {
  const path = newRunsPath();
  const wantedAt = [0, 4999, 5000, 9999, 10_000, 10_499];
  const rows = Array.from({ length: 10_500 }, (_, i) => ({
    id: idAt(NOON - i),
    labels: wantedAt.includes(i) ? '["common","rare"]' : '["common"]',
    entityId: ENTITIES[0],
  }));
  beforeAll(() => insertRows(scopeOfPath(path), rows));
  const wanted = wantedAt.map((i) => rows[i]?.id);

  it("so pages may be empty, and every run is found, whichever index is walked", async () => {
    for (const query of [
      { label: ["common", "rare"] },
      { label: ["rare", "common"] },
      { label: "rare", entityId: ENTITIES[0] },
    ]) {
      for (const limit of ["1", "200"]) expect(idsOf(await listAll(path, { ...query, limit }))).toEqual(wanted);
    }
    const first = await ask<ActionRun[]>("GET", `${path}?label=common&label=none`);
    expect([first.body, first.headers.has("Link")]).toEqual([[], true]);
    expect(await listAll(path, { label: ["common", "none"] })).toEqual([]);
  });

  it("walks the first label, so the rarest first is found at once", async () => {
    const rarestFirst = await ask<ActionRun[]>("GET", `${path}?label=rare&label=common`);
    expect([idsOf(rarestFirst.body), rarestFirst.headers.has("Link")]).toEqual([wanted, false]);
  });
});

describe("the details of a list", () => {
  const path = newRunsPath();
  const LABELLED: Row = {
    id: idAt(NOON - 1),
    status: "running",
    source: "action",
    actionVersion: 3,
    retryOf: ENTITIES[0],
    labels: '["a","b"]',
    externalUrl: "https://ci.example/1",
    cancelBy: "ci",
    cancelReason: "éß",
    cancelRequestedAt: NOON,
    cancelUntil: NOON + 1000,
  };
  const PLAIN: Row = { id: idAt(NOON - 2) };
  const OLD: Row = { id: idAt(NOON - 3) };
  beforeAll(() => insertRows(scopeOfPath(path), [LABELLED, PLAIN, OLD]));

  async function textOf(query: string): Promise<string> {
    const headers = { Authorization: `Bearer ${ROOT}` };
    const response = await exports.default.fetch(`https://runs.example${path}${query}`, { headers });
    expect(response.status).toBe(200);
    return response.text();
  }

  const bodies = [LABELLED, PLAIN, OLD].map((row) => toActionRun(toRun(row)));

  it("are left out byte for byte if nobody asks for them", async () => {
    expect(await textOf("")).toBe(`[${bodies.join(",")}]`);
    expect(await textOf("?label=a")).toBe(`[${bodies[0]}]`);
    expect(await textOf("?actionName=deploy&status=pending")).toBe(`[${bodies.slice(1).join(",")}]`);
  });

  it("are added to each run if `include=details` asks for them, without a heartbeat", async () => {
    const withDetails = (body: string | undefined, details: string) => `${body?.slice(0, -1)},"details":${details}}`;
    const detailed = [
      withDetails(bodies[0], detailsOf(toJournaledRun(LABELLED))),
      withDetails(bodies[1], NO_DETAILS),
      withDetails(bodies[2], NO_DETAILS),
    ];
    expect(await textOf("?include=details")).toBe(`[${detailed.join(",")}]`);
    expect(await textOf("?include=details&label=b&status=running")).toBe(`[${detailed[0]}]`);
    expect(JSON.parse(detailed[0] ?? "")).toMatchObject({
      details: {
        action: { name: "deploy", version: 3 },
        retryOf: ENTITIES[0],
        labels: ["a", "b"],
        externalUrl: "https://ci.example/1",
        heartbeat: null,
        cancel: { by: "ci", reason: "éß", until: new Date(NOON + 1000).toISOString() },
      },
    });
  });

  it("take no room in D1 if there is nothing to tell", async () => {
    expect(detailsOf(toJournaledRun(PLAIN))).toBe(NO_DETAILS);
    const { results } = await env.DB.prepare("SELECT details FROM runs WHERE scope = ? ORDER BY id DESC")
      .bind(scopeOfPath(path))
      .all();
    expect(results).toEqual([{ details: detailsOf(toJournaledRun(LABELLED)) }, { details: null }, { details: null }]);
  });

  it("come on every page, and a page links on as without them", async () => {
    const runs = await listAll<ActionRun & { details: unknown }>(path, { include: "details", limit: "1" });
    expect(runs.map(({ id, details }) => [id, typeof details])).toEqual(
      [LABELLED, PLAIN, OLD].map(({ id }) => [id, "object"]),
    );
  });
});
