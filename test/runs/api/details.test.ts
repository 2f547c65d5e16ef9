/** `?include=details`, labels, and the job's page: what the extra member says, and that nobody gets it who did not ask. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { readRunId } from "../../../src/runs/run-id.ts";
import { journal } from "../../support/direct.ts";
import { hopsOf, watchHops } from "../../support/hops.ts";
import {
  type ActionRun,
  type Answer,
  type Ask,
  ask,
  type CreatedRun,
  createRun,
  newRunsPath,
  report,
  rowOf,
} from "../../support/requests.ts";
import { beat, eventsOf } from "../../support/stream.ts";
import { sha256 } from "../../support/tokens.ts";

interface Details {
  readonly action: null;
  readonly retryOf: string | null;
  readonly labels: readonly string[];
  readonly externalUrl: string | null;
  readonly heartbeat: {
    readonly at: string;
    readonly message: string | null;
    readonly progress: number | null;
  };
  readonly cancel: object | null;
}
type Told = CreatedRun & { readonly code?: string; readonly details?: Details };

afterEach(() => vi.restoreAllMocks());

const NOTHING = {
  ...{ action: null, retryOf: null, labels: [], externalUrl: null },
  ...{ heartbeat: null, cancel: null },
};
const keyed = (key: string): Ask => ({ headers: { "Idempotency-Key": key } });

function create(path: string, body: object = {}, query = "?include=details", options: Ask = {}) {
  return ask<Told>("POST", `${path}${query}`, { body: { actionName: "deploy", ...body }, ...options });
}

function get(path: string, id: string, query = "?include=details"): Promise<Answer<Told>> {
  return ask("GET", `${path}/${id}${query}`);
}

describe("details", () => {
  it("are one more member of a create, a get, a cancel and a retry", async () => {
    const path = newRunsPath();
    const { body: run } = await create(path);
    expect(run.details).toEqual(NOTHING);
    expect((await get(path, run.id)).body.details).toEqual(NOTHING);
    await beat(run);
    const asked = await ask<Told>("POST", `${path}/${run.id}/cancel?include=details`, {
      body: { reason: "why", graceSeconds: 30 },
    });
    const cancel = { by: "root", reason: "why", requestedAt: expect.any(String), until: expect.any(String) };
    const heartbeat = { at: expect.any(String), message: null, progress: null };
    expect(asked.body.details).toEqual({ ...NOTHING, heartbeat, cancel });
    await report(run, { status: "succeeded" });
    const again = await ask<Told>("POST", `${path}/${run.id}/retry?include=details`);
    expect(again.body.details).toEqual({ ...NOTHING, retryOf: run.id });
  });

  it("show the last heartbeat with news", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    await beat(run, { message: "building", progress: 0.5 });
    await beat(run, {});
    const { body: events } = await eventsOf(`${path}/${run.id}`);
    const heartbeat = { at: events.at(-1)?.at, message: "building", progress: 0.5 };
    expect((await get(path, run.id)).body.details?.heartbeat).toEqual(heartbeat);
  });

  it("are in the answer to a wait, whether the run ends meanwhile or has ended", async () => {
    const path = newRunsPath();
    const run = await createRun(path, { actionName: "deploy", labels: ["a"] });
    const waiting = get(path, run.id, "?wait=30&include=details");
    await report(run, { status: "succeeded" });
    for (const { body } of [await waiting, await get(path, run.id, "?wait=30&include=details")]) {
      expect(body).toMatchObject({ status: "succeeded", details: { labels: ["a"] } });
    }
  });

  it("leave every other answer byte for byte as it is, also from the memory of ended runs", async () => {
    const path = newRunsPath();
    const { body: run } = await create(path, { labels: ["a"] }, "");
    expect(Object.keys(run)).toEqual([...Object.keys(await plain(path, run.id)), "callback"]);
    await beat(run, { externalUrl: "https://ci.example/1" });
    await report(run, { status: "succeeded" });
    const first = JSON.stringify(await plain(path, run.id));
    expect((await get(path, run.id)).body.details?.labels).toEqual(["a"]);
    for (let n = 0; n < 2; n++) expect(JSON.stringify(await plain(path, run.id))).toBe(first);
    expect(Object.keys(JSON.parse(first))).toHaveLength(12);
    expect((await ask<ActionRun[]>("GET", path)).body).toEqual([JSON.parse(first)]);
  });

  it("of an ended run are remembered once somebody asked for them", async () => {
    watchHops();
    const path = newRunsPath();
    const run = await createRun(path);
    await report(run, { status: "succeeded" });
    await get(path, run.id, "");
    const first = await hopsOf(() => get(path, run.id));
    const second = await hopsOf(() => get(path, run.id));
    const without = await hopsOf(() => get(path, run.id, ""));
    expect([first, second, without].map(({ lines }) => lines[0]?.coordinator)).toEqual([1, 0, 0]);
  });

  it.each(["?include=", "?include=x", "?include=details&include=details"])("%s is 400", async (query) => {
    const path = newRunsPath();
    const run = await createRun(path);
    await report(run, { status: "succeeded" });
    for (const answer of [
      await create(path, {}, query),
      await get(path, run.id, query),
      await ask<Told>("POST", `${path}/${run.id}/cancel${query}`),
      await ask<Told>("POST", `${path}/${run.id}/retry${query}`),
    ]) {
      expect(answer).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    }
  });

  it("are in the answer to a repeated create", async () => {
    const path = newRunsPath();
    const first = await create(path, { labels: ["a"] }, "?include=details", keyed("k"));
    const again = await create(path, { labels: ["a"] }, "?include=details", keyed("k"));
    expect(again.body).toEqual(first.body);
    expect((await create(path, { labels: ["a"] }, "", keyed("k"))).body.details).toBeUndefined();
  });
});

async function plain(path: string, id: string): Promise<ActionRun> {
  return (await get(path, id, "")).body;
}

it("of a run with a trigger of its own name no action", async () => {
  const trigger = { type: "webhook", url: "https://ci.example.com/a", startOn: "heartbeat" };
  const { body } = await create(newRunsPath(), { trigger });
  expect(body.details).toEqual(NOTHING);
});

describe("labels", () => {
  const labelsOf = async (path: string, labels: unknown) => create(path, { labels });

  it("are a set of up to 10, sorted", async () => {
    const path = newRunsPath();
    const ten = Array.from({ length: 10 }, (_, n) => `l${n}`);
    expect((await labelsOf(path, ["b", "a", "b"])).body.details?.labels).toEqual(["a", "b"]);
    expect((await labelsOf(path, [])).body.details?.labels).toEqual([]);
    expect((await labelsOf(path, [...ten, "l0"])).body.details?.labels).toEqual(ten);
    expect((await labelsOf(path, ["\u{1f680}".repeat(64)])).status).toBe(201);
  });

  it("beyond 10 are 422, and nothing is created", async () => {
    const path = newRunsPath();
    const answer = await labelsOf(
      path,
      Array.from({ length: 11 }, (_, n) => `l${n}`),
    );
    expect(answer).toMatchObject({ status: 422, body: { code: "too_many_labels" } });
    expect((await ask<ActionRun[]>("GET", path)).body).toEqual([]);
  });

  it.each([[[""]], [["x".repeat(65)]], [["a\u0007"]], [["\ud800"]], [[1]], ["a"], [null], [{ a: 1 }]])(
    "%j is 400",
    async (labels) => {
      const answer = await labelsOf(newRunsPath(), labels);
      expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body" } });
      expect(answer.body).toMatchObject({ error: expect.stringContaining("labels") });
    },
  );

  it("are part of what a key is bound to, whatever their order", async () => {
    const path = newRunsPath();
    const first = await create(path, { labels: ["a", "b"] }, "", keyed("k"));
    expect((await create(path, { labels: ["b", "a", "a"] }, "", keyed("k"))).body.id).toBe(first.body.id);
    expect((await create(path, {}, "", keyed("k"))).status).toBe(422);
    const none = await create(path, {}, "", keyed("n"));
    expect((await create(path, { labels: [] }, "", keyed("n"))).body.id).toBe(none.body.id);
  });
});

it("a create without labels has the fingerprint that it had before there were labels", async () => {
  const path = newRunsPath();
  for (const [n, more] of [{}, { labels: [] }].entries()) {
    const { body } = await create(path, more, "", keyed(`k${n}`));
    const { coordinator } = readRunId(body.id);
    const query = "SELECT create_fingerprint AS kept FROM runs WHERE id = ?";
    const [row] = await journal<{ kept: string }>(path, coordinator, query, body.id);
    const text = '{"actionName":"deploy","entityId":null,"parameters":{},"recommendations":{},"timeout":60}';
    expect(row?.kept).toBe(await sha256(text));
  }
});

describe("the job's page", () => {
  it("from a heartbeat is a version, at most five times, and never after the end", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    await beat(run);
    const urlOf = async () => (await get(path, run.id)).body.details?.externalUrl;
    for (const [n, version] of [3, 4, 5, 6, 7, 7, 7].entries()) {
      expect((await beat(run, { externalUrl: `https://ci.example/${n}` })).status).toBe(200);
      expect(await urlOf()).toBe(`https://ci.example/${Math.min(n, 4)}`);
      await ask("GET", path);
      expect((await rowOf(run.id))?.version).toBe(version);
    }
    await report(run, { status: "succeeded" });
    expect((await beat(run, { externalUrl: "https://ci.example/9" })).status).toBe(409);
    expect(await urlOf()).toBe("https://ci.example/4");
  });

  it("that is no https link is accepted and shown in the timeline alone", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    for (const externalUrl of ["http://ci.example/1", "https://user:pw@ci.example/1"]) {
      expect((await beat(run, { externalUrl })).status).toBe(200);
    }
    expect((await get(path, run.id)).body.details?.externalUrl).toBeNull();
  });
});
