import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../src/app.ts";
import { detailsOf, NO_DETAILS, toActionRun } from "../../../src/runs/action-run.ts";
import {
  type ActionRun,
  ask,
  type CreatedRun,
  createRun,
  givenRun,
  newRunsPath,
  ROOT,
  scopeOfPath,
} from "../../support/requests.ts";
import { idAt, insertRows, onTheWire, type Row, toJournaledRun, toRun } from "../../support/rows.ts";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");

async function list(path: string, query: Record<string, string | readonly string[]> = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) for (const one of [value].flat()) search.append(name, one);
  const answer = await ask<ActionRun[]>("GET", `${path}?${search}`);
  expect(answer.status).toBe(200);
  return answer;
}

/** Where Link says that the next page is. */
function nextOf(headers: Headers): URL | null {
  const link = headers.get("Link");
  if (link === null) return null;
  const [, url = ""] = /^<([^>]+)>; rel="next"$/.exec(link) ?? [];
  return new URL(url);
}

describe("a list", () => {
  it("is a bare array of ActionRuns, the newest first, without callback tokens", async () => {
    const path = newRunsPath();
    expect((await list(path)).body).toEqual([]);
    const created: CreatedRun[] = [];
    for (const actionName of ["a", "b", "c"]) {
      created.unshift(await createRun(path, { actionName }));
      // Within one millisecond the order is by chance.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const { body, headers } = await list(path);
    expect(body).toEqual(created.map(({ callback: _, ...run }) => run));
    expect(headers.has("Link")).toBe(false);
  });

  it("shows 50 runs by default, and links to the next page only if there is one", async () => {
    const path = newRunsPath();
    const rows = Array.from({ length: 51 }, (_, i) => ({ id: idAt(NOON - i) }));
    await insertRows(scopeOfPath(path), rows);
    const first = await list(path);
    expect(first.body.map(({ id }) => id)).toEqual(rows.slice(0, 50).map(({ id }) => id));
    expect(nextOf(first.headers)).not.toBeNull();
    for (const [limit, length, hasNext] of [
      ["1", 1, true],
      ["50", 50, true],
      ["51", 51, false],
      ["200", 51, false],
    ] as const) {
      const { body, headers } = await list(path, { limit });
      expect(body).toHaveLength(length);
      expect(nextOf(headers) !== null).toBe(hasNext);
    }
  });

  it("is of one environment alone", async () => {
    const [path, other] = [newRunsPath(), newRunsPath()];
    await createRun(other);
    expect((await list(path)).body).toEqual([]);
  });
});

describe("the next page", () => {
  it("keeps every filter and the limit, escaped", async () => {
    const path = newRunsPath();
    const actionName = 'a & b=c?#+ é %41 "q" 🚀';
    const row = { actionName, triggeredBy: "c+d", entityId: "0199d2a5-0000-8000-8000-000000000001" };
    const rows = Array.from({ length: 5 }, (_, i) => ({ ...row, id: idAt(NOON - i) }));
    await insertRows(scopeOfPath(path), [...rows, { ...row, id: idAt(NOON - 1), triggeredBy: "e" }]);
    const asked = {
      ...row,
      limit: "2",
      status: ["pending", "running"],
      createdAfter: "2026-11-20T11:00:00.0001+00:00",
      createdBefore: "2026-11-20T13:00:00Z",
    };
    let { body, headers } = await list(path, asked);
    const seen = [...body];
    for (let next = nextOf(headers); next !== null; next = nextOf(headers)) {
      const { cursor: _, ...kept } = Object.fromEntries(next.searchParams);
      expect(kept).toEqual({ ...asked, status: "running" });
      expect(next.searchParams.getAll("status")).toEqual(asked.status);
      expect(next.searchParams.getAll("cursor")).toHaveLength(1);
      ({ body, headers } = await ask<ActionRun[]>("GET", next.href));
      seen.push(...body);
    }
    expect(seen).toEqual(rows.map(onTheWire));
  });

  it("is reached by a cursor that says nothing to its holder, and that no one can spell in two ways", async () => {
    const { path } = await givenRun();
    await createRun(path);
    const { body, headers } = await list(path, { limit: "1" });
    const cursor = nextOf(headers)?.searchParams.get("cursor") ?? "";
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(cursor).not.toContain(body[0]?.id);
    for (const bad of [`${cursor}=`, `${cursor}A`, cursor.slice(1), cursor.slice(0, -1), cursor.toLowerCase()]) {
      const refused = await ask<unknown>("GET", `${path}?cursor=${bad}`);
      expect(refused.status).toBe(400);
      expect(refused.body).toEqual({
        error: expect.stringContaining("cursor"),
        code: "invalid_query",
        pointer: "/cursor",
      });
    }
  });

  it("starts with PUBLIC_URL if that is set, as Location and callback.url do", async () => {
    const path = newRunsPath();
    const app = createApp();
    for (const [PUBLIC_URL, base] of [
      ["https://runs.public.example", "https://runs.public.example"],
      ["https://public.example/runs/", "https://public.example/runs"],
      ["", "https://inner.local:8787"],
    ] as const) {
      const send = (address: string, init: RequestInit = {}) => {
        const headers = { Authorization: `Bearer ${ROOT}`, "Content-Type": "application/json" };
        return app.fetch(new Request(`http://inner.local:8787${address}`, { ...init, headers }), {
          ...env,
          PUBLIC_URL,
        });
      };
      const created = await send(path, { method: "POST", body: '{"actionName":"a"}' });
      const run = await created.json<CreatedRun>();
      expect(created.headers.get("Location")).toBe(`${base}${path}/${run.id}`);
      expect(run.callback.url).toBe(`${base}${path}/${run.id}/callback`);
      await send(path, { method: "POST", body: '{"actionName":"a"}' });
      const page = await send(`${path}?limit=1`);
      expect(page.headers.get("Link")).toMatch(new RegExp(`^<${base}${path}\\?limit=1&cursor=[^&>]+>; rel="next"$`));
    }
  });
});

it("letter case of an entity's id does not matter, that of an action's name does", async () => {
  const path = newRunsPath();
  const entityId = "0199d2a5-0000-8000-8000-00000000000a";
  await insertRows(scopeOfPath(path), [{ id: idAt(NOON), actionName: "deploy", entityId }]);
  expect((await list(path, { entityId: entityId.toUpperCase() })).body).toHaveLength(1);
  expect((await list(path, { actionName: "DEPLOY" })).body).toEqual([]);
});

describe("createdAfter and createdBefore leave out the instant they name", () => {
  const path = newRunsPath();
  /** Runs at .122, .123 and .124 of this second. */
  const SECOND = "2026-11-20T12:00:00";
  const rows = [122, 123, 124].map((ms) => ({ id: idAt(NOON + ms) }));
  beforeAll(() => insertRows(scopeOfPath(path), rows));

  it.each([
    [`${SECOND}.121Z`, [122, 123, 124], []],
    [`${SECOND}.122Z`, [123, 124], []],
    [`${SECOND}.123Z`, [124], [122]],
    [`${SECOND}.12300Z`, [124], [122]],
    [`${SECOND}.123000000000Z`, [124], [122]],
    [`${SECOND}.1230001Z`, [124], [122, 123]],
    [`${SECOND}.123999999999Z`, [124], [122, 123]],
    [`${SECOND}.124Z`, [], [122, 123]],
    [`${SECOND}.125Z`, [], [122, 123, 124]],
    [`${SECOND}.12Z`, [122, 123, 124], []],
    [`${SECOND}Z`, [122, 123, 124], []],
    ["2026-11-20T12:00:01Z", [], [122, 123, 124]],
    ["2026-11-20t14:00:00.123+02:00", [124], [122]],
    ["2026-11-20T06:30:00.123-05:30", [124], [122]],
    ["2026-11-21T11:59:00.1235+23:59", [124], [122, 123]],
    ["1900-01-01T00:00:00Z", [122, 123, 124], []],
    ["0000-01-01T00:00:00Z", [122, 123, 124], []],
    ["9999-12-31T23:59:59.999Z", [], [122, 123, 124]],
    ["9999-12-31T23:59:59-23:59", [], [122, 123, 124]],
  ])("after %s come %j, and before it %j", async (instant, after, before) => {
    const of = async (query: Record<string, string>) =>
      (await list(path, query)).body.map(({ createdAt }) => Date.parse(createdAt) - NOON).reverse();
    expect(await of({ createdAfter: instant })).toEqual(after);
    expect(await of({ createdBefore: instant })).toEqual(before);
  });

  it("together they bound a range of time, and one that is empty is no error", async () => {
    const range = { createdAfter: `${SECOND}.122Z`, createdBefore: `${SECOND}.124Z` };
    expect((await list(path, range)).body.map(({ id }) => id)).toEqual([rows[1]?.id]);
    const turned = { createdAfter: range.createdBefore, createdBefore: range.createdAfter };
    expect((await list(path, turned)).body).toEqual([]);
  });
});

it("a list by labels keeps every label in the link to the next page, and finds no run of another environment", async () => {
  const [path, labels] = [newRunsPath(), ["a", "b", "team:é 🚀"]];
  const row = { labels: JSON.stringify(labels) };
  await insertRows(
    scopeOfPath(path),
    [NOON, NOON - 1].map((ms) => ({ ...row, id: idAt(ms) })),
  );
  const { headers } = await list(path, { label: labels, limit: "1", include: "details" });
  const next = nextOf(headers)?.searchParams;
  expect([next?.getAll("label"), next?.get("include")]).toEqual([labels, "details"]);
  expect((await list(newRunsPath(), { label: "a" })).body).toEqual([]);
});

describe("the details of a list", () => {
  const path = newRunsPath();
  const RETRIED = "0199d2a5-0000-8000-8000-00000000000a";
  const LABELLED: Row = {
    id: idAt(NOON - 1),
    status: "running",
    source: "action",
    actionVersion: 3,
    retryOf: RETRIED,
    labels: '["a","b"]',
    externalUrl: "https://ci.example/1",
    cancelBy: "ci",
    cancelReason: "éß",
    cancelRequestedAt: NOON,
    cancelUntil: NOON + 1000,
  };
  const PLAIN: Row = { id: idAt(NOON - 2) };
  beforeAll(() => insertRows(scopeOfPath(path), [LABELLED, PLAIN]));

  async function textOf(query: string): Promise<string> {
    const headers = { Authorization: `Bearer ${ROOT}` };
    const response = await exports.default.fetch(`https://runs.example${path}${query}`, { headers });
    expect(response.status).toBe(200);
    return response.text();
  }

  const bodies = [LABELLED, PLAIN].map((row) => toActionRun(toRun(row)));

  it("are left out byte for byte if nobody asks for them", async () => {
    expect(await textOf("")).toBe(`[${bodies.join(",")}]`);
    expect(await textOf("?label=a")).toBe(`[${bodies[0]}]`);
    expect(await textOf("?actionName=deploy&status=pending")).toBe(`[${bodies.slice(1).join(",")}]`);
  });

  it("are added to each run if `include=details` asks for them, without a heartbeat", async () => {
    const withDetails = (body: string | undefined, details: string) => `${body?.slice(0, -1)},"details":${details}}`;
    const detailed = [withDetails(bodies[0], detailsOf(toJournaledRun(LABELLED))), withDetails(bodies[1], NO_DETAILS)];
    expect(await textOf("?include=details")).toBe(`[${detailed.join(",")}]`);
    expect(await textOf("?include=details&label=b&status=running")).toBe(`[${detailed[0]}]`);
    expect(JSON.parse(detailed[0] ?? "")).toMatchObject({
      details: {
        action: { name: "deploy", version: 3 },
        retryOf: RETRIED,
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
    expect(results).toEqual([{ details: detailsOf(toJournaledRun(LABELLED)) }, { details: null }]);
  });

  it("come on every page, and a page links on as without them", async () => {
    const first = await list(path, { include: "details", limit: "1" });
    const second = await ask<ActionRun[]>("GET", nextOf(first.headers)?.href ?? "");
    const runs = [...first.body, ...second.body] as (ActionRun & { details: unknown })[];
    expect(runs.map(({ id, details }) => [id, typeof details])).toEqual(
      [LABELLED, PLAIN].map(({ id }) => [id, "object"]),
    );
  });
});
