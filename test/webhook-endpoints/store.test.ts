import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { selectDefinitions } from "../../src/runs/d1/control-database.ts";
import type { Env } from "../../src/settings/env.ts";
import { loadEndpoint } from "../../src/webhook-endpoints/kind.ts";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { askWith, envWith } from "../support/bindings.ts";
import { clockFromOne } from "../support/clock.ts";
import { hurryTimers, until } from "../support/direct.ts";
import { faults, faulty, holdWrites } from "../support/faults.ts";
import { type Answer, ask } from "../support/requests.ts";
import {
  audited,
  ENDPOINT,
  type EndpointOnWire,
  loaded,
  newEndpointPath,
  newEndpointsPath,
  OWN_SECRET,
  put,
  refOf,
  rotate,
  SHOWN,
  URL_A,
} from "./endpoints.ts";

clockFromOne();

const WHSEC = /^whsec_[A-Za-z0-9+/]{43}=$/;
const etag = (answer: Answer<unknown>) => answer.headers.get("ETag");

describe("a PUT", () => {
  it("makes a signing secret for a new endpoint, and shows it once", async () => {
    const path = newEndpointPath();
    const created = await put(path);
    expect([created.status, etag(created)]).toEqual([201, '"1"']);
    expect(created.headers.get("Location")).toBe(`https://runs.example${path}`);
    expect(created.body).toEqual({ ...SHOWN, signingSecret: expect.stringMatching(WHSEC) });
    expect((await loaded(path)).signingSecrets).toEqual([created.body.signingSecret]);
    const got = await ask("GET", path);
    expect([got.status, etag(got), got.body]).toEqual([200, '"1"', SHOWN]);
  });

  it("takes the caller's signing secret, and does not show it", async () => {
    const path = newEndpointPath();
    expect((await put(path, { ...ENDPOINT, signingSecret: OWN_SECRET })).body).toEqual(SHOWN);
    expect((await loaded(path)).signingSecrets).toEqual([OWN_SECRET]);
  });

  it("with dryRun=true makes no signing secret, and neither stores it nor tells the coordinator", async () => {
    const path = newEndpointPath();
    watchHops();
    const tried = () => put(`${path}?dryRun=true`);
    expect((await hopsOf(tried)).lines).toEqual([{ status: 200, d1: 1, coordinator: 0 }]);
    const { headers, body } = await tried();
    expect([headers.get("ETag"), body]).toEqual(['"0"', SHOWN]);
    expect((await ask("GET", path)).status).toBe(404);
  });

  it("accepts what a GET returns, and changes nothing", async () => {
    const path = newEndpointPath();
    await put(path);
    const before = await loaded(path);
    const { body } = await ask("GET", path);
    const again = await put(path, body);
    expect([again.status, etag(again), again.body]).toEqual([200, '"1"', SHOWN]);
    const { signingSecret: _, ...without } = body as unknown as typeof SHOWN;
    expect(etag(await put(path, without))).toBe('"1"');
    expect(await loaded(path)).toEqual(before);
    expect(await audited(path)).toEqual(["webhook_endpoint_put"]);
  });

  it("whose response was lost can be repeated: it makes no second secret, and shows none", async () => {
    const path = newEndpointPath();
    const first = await put(path);
    const second = await put(path);
    expect([second.status, etag(second), second.body]).toEqual([200, '"2"', SHOWN]);
    expect((await loaded(path)).signingSecrets).toEqual([first.body.signingSecret]);
  });

  it("whose answer from D1 was lost is tried again, and shows the secret that is stored", async () => {
    hurryTimers();
    const path = newEndpointPath();
    faults.writes = "committed_then_silence";
    const created = await put(path);
    expect([created.status, etag(created)]).toEqual([201, '"1"']);
    expect((await loaded(path)).signingSecrets).toEqual([created.body.signingSecret]);
    expect(await audited(path)).toEqual(["webhook_endpoint_put"]);
  });

  it("that races to create makes one secret, and only the winner sees it", async () => {
    const path = newEndpointPath();
    const answers = await Promise.all(Array.from({ length: 3 }, () => put(path)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    expect(answers.map(etag).sort()).toEqual(['"1"', '"2"', '"3"']);
    const shown = answers.map(({ body }) => body.signingSecret).filter((secret) => secret !== null);
    expect(shown).toEqual([expect.stringMatching(WHSEC)]);
    expect((await loaded(path)).signingSecrets).toEqual(shown);
  });

  it("stores the 20th endpoint and refuses the 21st, also if two come at once", async () => {
    const endpoints = newEndpointsPath();
    const names = Array.from({ length: 19 }, (_, n) => `e-${n}`);
    await Promise.all(names.map((name) => put(`${endpoints}/${name}`)));
    const [one, other] = await Promise.all([put(`${endpoints}/x`), put(`${endpoints}/y`)]);
    expect([one.status, other.status].sort()).toEqual([201, 409]);
    expect([one, other].find(({ status }) => status === 409)?.body.code).toBe("too_many_endpoints");
    expect((await selectDefinitions(env.DB, refOf(endpoints).scope)).endpoints).toHaveLength(20);
    expect((await put(`${endpoints}/e-0`)).status).toBe(200);
    // Actions have room of their own.
    const action = `${endpoints.replace("webhook-endpoints", "actions")}/deploy`;
    expect((await ask("PUT", action, { body: {} })).status).toBe(201);
  });

  it("asks the coordinator before D1, which it reads once and writes once, and tells it afterwards", async () => {
    const path = newEndpointPath();
    watchHops();
    expect((await hopsOf(() => put(path))).lines).toEqual([{ status: 201, d1: 2, coordinator: 2 }]);
    // The first such PUT may have been cut off behind its write.
    const same = { ...SHOWN };
    expect((await hopsOf(() => put(path, same))).lines).toEqual([{ status: 200, d1: 1, coordinator: 2 }]);
  });

  it("writes nothing before the coordinator has answered", async () => {
    const path = newEndpointPath();
    let mayGo = false;
    let asked = 0;
    const slow = withEndpointCalls(async (name) => {
      if (name === "note") asked++;
      while (name === "note" && !mayGo) await scheduler.wait(1);
    });
    const putting = askWith<EndpointOnWire>(slow, "PUT", path, { body: ENDPOINT });
    await until(async () => asked === 1);
    expect((await ask("GET", path)).status).toBe(404);
    mayGo = true;
    expect((await putting).status).toBe(201);
  });

  it("is answered although the coordinator could not be told of what D1 has", async () => {
    const path = newEndpointPath();
    const broken = withEndpointCalls((name) =>
      name === "changed" ? Promise.reject(new Error("unreachable")) : Promise.resolve(),
    );
    expect((await askWith<EndpointOnWire>(broken, "PUT", path, { body: ENDPOINT })).status).toBe(201);
  });

  it("stores nothing if a coordinator can't be reached, and can be repeated", async () => {
    const path = newEndpointPath();
    const broken = withEndpointCalls(() => Promise.reject(new Error("unreachable")));
    const refused = await askWith<EndpointOnWire>(broken, "PUT", path, { body: ENDPOINT });
    expect([refused.status, refused.body.code]).toEqual([503, "coordinator_unavailable"]);
    expect(refused.body.error).toContain("nothing was stored");
    expect((await ask("GET", path)).status).toBe(404);
    expect(await audited(path)).toEqual([]);
    expect((await put(path)).status).toBe(201);
    // A person's own switch must work then, and so must a deletion.
    const disabled = await askWith<EndpointOnWire>(broken, "PUT", path, { body: { ...SHOWN, disabled: true } });
    expect([disabled.status, disabled.body.disabled]).toEqual([200, true]);
    expect((await askWith(broken, "DELETE", path)).status).toBe(204);
  });

  it.each([
    [{ ...ENDPOINT, url: "https://127.0.0.1/hook" }, "/url"],
    [{ ...ENDPOINT, url: "http://hooks.example.com/hook" }, "/url"],
    [{ ...ENDPOINT, url: "https://hooks.example.com:8443/hook" }, "/url"],
    [{ ...ENDPOINT, events: [] }, "/events"],
    [{ ...ENDPOINT, secrets: {} }, "/payload"],
  ])("refuses what no attempt could send, and stores nothing (%#)", async (body, pointer) => {
    const path = newEndpointPath();
    const refused = await put(path, body);
    expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
    expect(refused.body).toMatchObject({ pointer });
    expect((await ask("GET", path)).status).toBe(404);
  });

  it("needs PUBLIC_URL outside loopback, as a trigger does, also if it keeps the URL", async () => {
    const path = newEndpointPath();
    const { PUBLIC_URL: _, ...others } = envWith({});
    const without = others as Env;
    for (const body of [ENDPOINT, SHOWN]) {
      const refused = await askWith<EndpointOnWire>(without, "PUT", path, { body });
      expect([refused.status, refused.body.code]).toEqual([503, "not_configured"]);
      expect(refused.body.error).toContain("PUBLIC_URL");
      await put(path);
    }
    const local = await askWith<EndpointOnWire>(without, "PUT", `http://localhost:8787${path}`, { body: ENDPOINT });
    expect(local.status).toBe(200);
    expect((await loaded(path)).origin).toBe("http://localhost:8787");
  });
});

/** The test's environment with a coordinator that answers calls about endpoints like this. */
function withEndpointCalls(answer: (name: string) => Promise<void>): Env {
  const getByName = () => ({ call: (_subject: string, name: string) => answer(name) });
  return envWith({ COORDINATORS: { getByName } as unknown as Env["COORDINATORS"] });
}

describe("an endpoint", () => {
  it("and an action can have one name, and neither is found as the other", async () => {
    const path = newEndpointPath();
    const action = path.replace("webhook-endpoints", "actions");
    await put(path);
    expect((await ask("GET", action)).status).toBe(404);
    expect((await ask("PUT", action, { body: { timeout: 7 } })).status).toBe(201);
    expect((await ask("GET", path)).body).toEqual(SHOWN);
    await ask("DELETE", action);
    expect((await ask("GET", path)).body).toEqual(SHOWN);
    expect(await loaded(path)).toMatchObject({ version: 1 });
  });

  it("has versions as an action has, and they never repeat", async () => {
    const path = newEndpointPath();
    await put(path);
    await put(path, { ...SHOWN, events: ["action_run.*"] });
    const versions = await ask<{ version: number }[]>("GET", `${path}/versions`);
    expect(versions.body.map(({ version }) => version)).toEqual([2, 1]);
    expect((await ask("GET", `${path}/versions/1`)).body).toEqual(SHOWN);
    expect((await ask<EndpointOnWire>("DELETE", `${path}/versions/2`)).body.code).toBe("version_current");
    expect((await ask("DELETE", `${path}/versions/1`)).status).toBe(204);
    expect((await ask<EndpointOnWire>("GET", `${path}/versions/1`)).body.code).toBe("version_not_found");
    expect((await ask("DELETE", path)).status).toBe(204);
    expect((await ask<EndpointOnWire>("GET", `${path}/versions`)).body.code).toBe("webhook_endpoint_not_found");
    expect(etag(await put(path))).toBe('"3"');
    expect(await loaded(path)).toMatchObject({ version: 3, createdVersion: 3 });
    expect(await audited(path)).toEqual([
      "webhook_endpoint_put",
      "webhook_endpoint_put",
      "webhook_endpoint_version_deleted",
      "webhook_endpoint_deleted",
      "webhook_endpoint_put",
    ]);
  });

  it("keeps the version at which it was created, through changes", async () => {
    const path = newEndpointPath();
    await put(path);
    await put(path, { ...SHOWN, onlyOnChange: true });
    expect(await loaded(path)).toMatchObject({ version: 2, createdVersion: 1 });
  });
});

describe("what a coordinator reads", () => {
  it("reads the filters of all endpoints at D1's primary, without secrets and templates", async () => {
    const endpoints = newEndpointsPath();
    await put(`${endpoints}/all`);
    const filter = {
      events: ["action_run.failed", "action_run.succeeded"],
      actionNames: ["deploy"],
      labels: ["prod"],
      includeUnstored: true,
      onlyOnChange: true,
      final: false,
      disabled: true,
    };
    await put(`${endpoints}/some`, { ...ENDPOINT, ...filter });
    await rotate(`${endpoints}/some`);
    const before = faults.sessions.length;
    const { endpoints: read } = await selectDefinitions(faulty(env.DB), refOf(endpoints).scope);
    expect(faults.sessions.slice(before)).toEqual(["first-primary"]);
    const none = {
      actionNames: null,
      labels: [],
      includeUnstored: false,
      onlyOnChange: false,
      final: false,
      disabled: false,
      showsPrevious: false,
    };
    const all = { events: ["action_run.failed"], ...none };
    expect(read.map((row) => ({ ...row, filter: JSON.parse(row.filter) }))).toEqual([
      { endpoint: "all@1", version: 1, isDisabled: false, filter: all },
      { endpoint: "some@1", version: 2, isDisabled: false, filter: { ...filter, showsPrevious: false } },
    ]);
    expect(JSON.stringify(read)).not.toContain(URL_A);
    expect(JSON.stringify(read)).not.toContain("summary");
  });

  it.each([
    ["the default body", { payload: undefined }, true],
    ["a payload without it", { payload: { text: "{{ event.summary }} {{ run.id }}" } }, false],
    ["a payload", { payload: { text: ["{{ event.previousStatus }}"] } }, true],
    ["the whole event", { payload: { all: "{{ json event }}" } }, true],
    ["a header", { headers: { "X-Before": "was {{event.previousStatus}}" } }, true],
    ["the URL", { url: `${URL_A}?was={{ event.previousStatus }}` }, true],
  ])("knows whether %s shows the outcome before, also after the secrets are kept", async (_, members, shows) => {
    const path = newEndpointPath();
    await put(path, { url: URL_A, events: ["action_run.failed"], payload: {}, ...members });
    const { body: shown } = await ask<EndpointOnWire>("GET", path);
    expect((await put(path, { ...shown, labels: ["x"] })).status).toBe(200);
    const [found] = (await selectDefinitions(env.DB, refOf(path).scope)).endpoints;
    expect(JSON.parse(found?.filter ?? "")).toMatchObject({ labels: ["x"], showsPrevious: shows });
  });

  it("sees a PUT that has just ended, and never what an isolate remembers", async () => {
    const path = newEndpointPath();
    const { scope } = refOf(path);
    expect((await selectDefinitions(env.DB, scope)).endpoints).toEqual([]);
    await put(path);
    expect((await selectDefinitions(env.DB, scope)).endpoints).toHaveLength(1);
    await env.DB.prepare("UPDATE definitions SET version = 9 WHERE scope = ?").bind(scope).run();
    expect((await selectDefinitions(env.DB, scope)).endpoints).toMatchObject([{ version: 9 }]);
  });
});

it("a PUT that waits for D1 while the endpoint is deleted creates it anew", async () => {
  const path = newEndpointPath();
  await put(path);
  const { open } = holdWrites(/INSERT INTO definitions/);
  const late = put(path, ENDPOINT);
  await until(async () => faults.gatedCalls === 1);
  expect((await ask("DELETE", path)).status).toBe(204);
  open();
  const created = await late;
  expect([created.status, etag(created)]).toEqual([201, '"2"']);
  expect(created.body.signingSecret).toMatch(WHSEC);
  expect((await loaded(path)).signingSecrets).toEqual([created.body.signingSecret]);
});

it("an isolate uses its own changes at once", async () => {
  const path = newEndpointPath();
  expect(await loadEndpoint(env, refOf(path))).toBeNull();
  await put(path);
  expect(await loadEndpoint(env, refOf(path))).toMatchObject({ version: 1 });
  await put(path, { ...SHOWN, onlyOnChange: true });
  expect(await loadEndpoint(env, refOf(path))).toMatchObject({ version: 2 });
  const { body } = await rotate(path);
  expect(await loadEndpoint(env, refOf(path))).toMatchObject({
    signingSecrets: [body.signingSecret, expect.any(String)],
  });
  await ask("DELETE", path);
  expect(await loadEndpoint(env, refOf(path))).toBeNull();
});
