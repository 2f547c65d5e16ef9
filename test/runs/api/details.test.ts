/**
 * `?include=details`, labels, and the job's page: what the extra member says, and that nobody gets it who did not ask.
 */

import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { hopsOf, watchHops } from "../../support/api/hops.ts";
import { journal } from "../../support/direct.ts";
import { replicatedRow } from "../../support/replicated.ts";
import {
  type ActionRun,
  type Answer,
  type Ask,
  ask,
  type CreatedRun,
  givenRun,
  keyed,
  newRunsPath,
  ROOT,
  report,
  type Schemas,
} from "../../support/requests.ts";
import { beat, eventsOf, givenStarted } from "../../support/runs/stream.ts";
import { sha256 } from "../../support/tokens.ts";

type Told = CreatedRun & { readonly code?: string; readonly details?: Schemas["ActionRunDetails"] };

const NOTHING = {
  source: "none",
  title: null,
  subject: null,
  action: null,
  retryOf: null,
  bulkOperationId: null,
  schedule: null,
  retry: null,
  labels: [],
  traceparent: null,
  externalUrl: null,
  heartbeat: null,
  cancel: null,
  via: null,
  agent: null,
  waiting: null,
  approval: null,
  delivery: null,
};

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
    const heartbeat = { at: expect.any(String), message: null, progress: null, tail: null };
    expect(asked.body.details).toEqual({ ...NOTHING, heartbeat, cancel });
    await report(run, { status: "succeeded" });
    const again = await ask<Told>("POST", `${path}/${run.id}/retry?include=details`);
    expect(again.body.details).toEqual({ ...NOTHING, retryOf: run.id });
  });

  it("say what the run came from, in a get and in a list, also before an attempt was begun", async () => {
    const path = newRunsPath();
    const trigger = { type: "webhook", url: "https://ci.example.com/hook" };
    const { body: run } = await create(path, { trigger });
    expect(run.details).toEqual({ ...NOTHING, source: "trigger" });
    expect((await get(path, run.id)).body.details?.source).toBe("trigger");
    const { body: plain } = await create(path);
    const listed = await ask<Told[]>("GET", `${path}?include=details`);
    const sources = listed.body.map(({ id, details }) => [id, details?.source]);
    expect(sources).toEqual([
      [plain.id, "none"],
      [run.id, "trigger"],
    ]);
  });

  it("show the last heartbeat with news", async () => {
    const { path, run, runPath } = await givenRun();
    await beat(run, { message: "building", progress: 0.5 });
    await beat(run, {});
    const { body: events } = await eventsOf(runPath);
    const heartbeat = { at: events.at(-1)?.at, message: "building", progress: 0.5, tail: null };
    expect((await get(path, run.id)).body.details?.heartbeat).toEqual(heartbeat);
  });

  it("are in the answer to a wait, whether the run ends meanwhile or has ended", async () => {
    const { path, run } = await givenRun({ actionName: "deploy", labels: ["a"] });
    const waiting = get(path, run.id, "?wait=30&include=details");
    await report(run, { status: "succeeded" });
    for (const { body } of [await waiting, await get(path, run.id, "?wait=30&include=details")]) {
      expect(body).toMatchObject({ status: "succeeded", details: { labels: ["a"] } });
    }
  });

  it("of an ended run are remembered once somebody asked for them", async () => {
    watchHops();
    const { path, run } = await givenRun();
    await report(run, { status: "succeeded" });
    await get(path, run.id, "");
    const first = await hopsOf(() => get(path, run.id));
    const second = await hopsOf(() => get(path, run.id));
    const without = await hopsOf(() => get(path, run.id, ""));
    expect([first, second, without].map(({ lines }) => lines[0]?.coordinator)).toEqual([1, 0, 0]);
  });

  it.each(["?include=", "?include=x", "?include=details&include=details"])("%s is 400", async (query) => {
    const { path, run, runPath } = await givenRun();
    await report(run, { status: "succeeded" });
    for (const answer of [
      await create(path, {}, query),
      await get(path, run.id, query),
      await ask<Told>("POST", `${runPath}/cancel${query}`),
      await ask<Told>("POST", `${runPath}/retry${query}`),
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

describe("an answer that nobody asked for details", () => {
  const NOW = "2031-02-03T04:05:06.789Z";
  beforeEach(() => vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(NOW) }));

  /** The text of an answer. */
  async function textOf(method: string, path: string, body?: unknown, token = ROOT): Promise<string> {
    const headers = new Headers({ Authorization: `Bearer ${token}` });
    if (body !== undefined) headers.set("Content-Type", "application/json");
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await exports.default.fetch(`https://runs.example${path}`, { method, headers, ...sent });
    return response.text();
  }

  /** What the reference prints, and nothing else. `more`: the members from `startedAt` on. */
  const printed = (id: string, status: string, [startedAt, ...more]: readonly string[]) =>
    `{"id":"${id}","actionName":"deploy","entityId":null,"status":"${status}","parameters":{"a":1},"recommendations":{},` +
    `"triggeredBy":"root","createdAt":"${NOW}","startedAt":${startedAt},"completedAt":${more[0]},"error":${more[1]},"output":${more[2]}}`;
  const at = `"${NOW}"`;
  const PENDING = ["null", "null", "null", "null"];
  const RUNNING = [at, "null", "null", "null"];
  const SUCCEEDED = [at, at, "null", '{"n":1}'];
  const CANCELLED = ["null", at, "null", "null"];

  const created = (text: string) => {
    const { id, callback } = JSON.parse(text) as CreatedRun;
    const withCallback = (run: string) => `${run.slice(0, -1)},"callback":${JSON.stringify(callback)}}`;
    expect(Object.keys(callback)).toEqual(["url", "token", "expiresAt"]);
    expect(text).toBe(withCallback(printed(id, "pending", PENDING)));
    return { id, token: callback.token };
  };

  it("is byte for byte what the reference prints, whatever the run has besides", async () => {
    const path = newRunsPath();
    const action = `${path.replace(/action-runs$/, "actions")}/deploy`;
    await ask("PUT", action, { body: { labels: ["stored"] } });
    const body = { parameters: { a: 1 }, labels: ["b", "a"] };
    const { id, token } = created(await textOf("POST", path, { actionName: "deploy", ...body }));
    const beaten = await textOf("POST", `${path}/${id}/heartbeat`, { externalUrl: "https://ci.example/1" }, token);
    expect(beaten).toMatch(/^\{"status":"running","deadlineAt":"[^"]+","cancel":null\}$/);
    const running = printed(id, "running", RUNNING);
    expect(await textOf("POST", `${path}/${id}/cancel`, { reason: "why" })).toBe(running);
    expect(await textOf("GET", `${path}/${id}`)).toBe(running);
    for (const query of ["", "?label=a&label=b", "?actionName=deploy&status=running"])
      expect(await textOf("GET", path + query)).toBe(`[${running}]`);
    const report = { status: "succeeded", output: { n: 1 } };
    const ended = printed(id, "succeeded", SUCCEEDED);
    expect(await textOf("POST", `${path}/${id}/callback`, report, token)).toBe(ended);
    // Once from its coordinator, once with details, and then from the memory of ended runs.
    for (const query of ["", "?include=details", "", "?wait=1"]) {
      const text = await textOf("GET", `${path}/${id}${query}`);
      if (query !== "?include=details") expect(text).toBe(ended);
      else expect(text.startsWith(`${ended.slice(0, -1)},"details":{"source":"none",`)).toBe(true);
    }
    const again = created(await textOf("POST", `${path}/${id}/retry`));
    expect(await textOf("DELETE", `${path}/${again.id}`)).toBe(printed(again.id, "cancelled", CANCELLED));
    const started = created(await textOf("POST", `${action}/runs`, body));
    const cancelled = await textOf("POST", `${path}/${started.id}/cancel`, { graceSeconds: 0 });
    expect(cancelled).toBe(printed(started.id, "cancelled", CANCELLED));
  });
});

describe("labels", () => {
  const labelsOf = async (path: string, labels: unknown) => create(path, { labels });

  it("are a set of up to 10, sorted", async () => {
    const path = newRunsPath();
    const ten = Array.from({ length: 10 }, (_, n) => `l${n}`);
    expect((await labelsOf(path, ["b", "a", "b"])).body.details?.labels).toEqual(["a", "b"]);
    expect((await labelsOf(path, [])).body.details?.labels).toEqual([]);
    expect((await labelsOf(path, ten)).body.details?.labels).toEqual(ten);
    expect((await labelsOf(path, ["\u{1f680}".repeat(64)])).status).toBe(201);
  });

  it("beyond 10 are 400, and nothing is created", async () => {
    const path = newRunsPath();
    const answer = await labelsOf(
      path,
      Array.from({ length: 11 }, (_, n) => `l${n}`),
    );
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_body" } });
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
    const query = "SELECT create_fingerprint AS kept FROM runs WHERE id = ?";
    const [row] = await journal<{ kept: string }>(path, query, body.id);
    const text = '{"actionName":"deploy","entityId":null,"parameters":{},"recommendations":{},"timeout":60}';
    expect(row?.kept).toBe(await sha256(text));
  }
});

describe("the job's page", () => {
  it("from a heartbeat is a version, at most five times, and never after the end", async () => {
    const { path, run } = await givenStarted();
    const urlOf = async () => (await get(path, run.id)).body.details?.externalUrl;
    for (const [n, version] of [3, 4, 5, 6, 7, 7, 7].entries()) {
      const { status, body } = await beat(run, { externalUrl: `https://ci.example/${n}` });
      expect(status).toBe(200);
      if (n < 5) expect(body).not.toHaveProperty("externalUrlRefused");
      else expect(body.externalUrlRefused).toMatch(/was already set 5 times/);
      expect(await urlOf()).toBe(`https://ci.example/${Math.min(n, 4)}`);
      expect((await replicatedRow(path, run.id))?.version).toBe(version);
    }
    await report(run, { status: "succeeded" });
    expect((await beat(run, { externalUrl: "https://ci.example/9" })).status).toBe(409);
    expect(await urlOf()).toBe("https://ci.example/4");
  });

  it("that is no https link is accepted and shown in the timeline alone, once, and both say why", async () => {
    const { path, run, runPath } = await givenRun();
    const told = [];
    for (const [externalUrl, why] of [
      ["http://ci.example/1", /not an https URL/],
      ["https://user:pw@ci.example/1", /a user name or a password/],
      [`https://ci.example/${"\u00e9".repeat(400)}`, /more than 2048 characters/],
    ] as const) {
      // A job sends the same link with each heartbeat.
      for (let n = 0; n < 3; n++) {
        const { status, body } = await beat(run, { message: "m", externalUrl });
        expect([status, body.externalUrlRefused]).toEqual([200, expect.stringMatching(why)]);
      }
      const externalUrlRefused = expect.stringMatching(why);
      told.push({ type: "heartbeat", externalUrl: new URL(externalUrl).href, externalUrlRefused });
    }
    expect((await eventsOf(runPath)).body.slice(2)).toMatchObject(told);
    expect((await get(path, run.id)).body.details?.externalUrl).toBeNull();
  });
});
