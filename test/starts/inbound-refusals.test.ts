/** Events that are genuine and still start no run: what the sender hears, what is counted, and what it costs. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { hopsOf, watchHops } from "../support/api/hops.ts";
import { later } from "../support/clock.ts";
import { journal, until } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { replicated } from "../support/replicated.ts";
import { ask, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { nonZero, scrape } from "../support/runs/metrics.ts";
import { linesOf, watchLog } from "../support/secrets.ts";
import { grantToken, newProject, revokeElsewhere } from "../support/tokens.ts";
import { bearer, givenInbound, SECRET, send } from "./events.ts";

const logged = watchLog();

const SCHEMA = { parametersSchema: { type: "object", properties: { event: { type: "object" } } } };
const REFUSED = "action_runs_inbound_refused_total";
const counted = async (runs: string) => nonZero(await scrape(runs), REFUSED);
/** Whether D1 lists the environment's coordinator. */
const listed = (runs: string) =>
  env.DB.prepare("SELECT 1 FROM coordinators WHERE scope = ?").bind(scopeOfPath(runs)).first();
const TABLES = "SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'";

describe("a refused event", () => {
  it("is counted by action and has a line in the log, without anything of the event", async () => {
    const runs = newRunsPath();
    const { url } = await givenInbound(undefined, SCHEMA, { runs });
    const other = await givenInbound(undefined, SCHEMA, { runs, name: "constructor" });
    later(0);
    logged.length = 0;
    const refused = await send(url, ["a-word-of-the-event"], bearer(), { "X-Request-Id": "of-the-sender" });
    expect([refused.status, refused.body.code]).toEqual([422, "invalid_parameters"]);
    expect(linesOf(logged, "event_refused")).toEqual([
      {
        level: "info",
        event: "event_refused",
        requestId: "of-the-sender",
        scope: runs.replace(/^\/(.*)\/envs\/(.*)\/action-runs$/, "$1/$2"),
        action: "deploy",
        code: "invalid_parameters",
      },
    ]);
    for (const secret of ["a-word-of-the-event", SECRET, url.slice(-43)]) expect(logged.join()).not.toContain(secret);
    // The environment never had a run, and its metrics tell of the events nevertheless.
    await until(async () => (await listed(runs)) !== null);
    expect(await counted(runs)).toEqual({ [`${REFUSED}{action="deploy"}`]: 1 });
    await send(url, [2]);
    await send(other.url, [1]);
    expect(await counted(runs)).toEqual({
      [`${REFUSED}{action="deploy"}`]: 2,
      [`${REFUSED}{action="constructor"}`]: 1,
    });
  });

  it("leaves the counts of ended runs as they were", async () => {
    const { runs, action, url } = await givenInbound(undefined, SCHEMA);
    later(0);
    await send(url, [1]);
    const { body } = await send(url, { n: 1 });
    expect((await ask("POST", `${runs}/${body.id}/cancel`)).status).toBeLessThan(300);
    await replicated(runs);
    expect(nonZero(await scrape(runs), "action_runs_ended_total")).toEqual({
      'action_runs_ended_total{status="cancelled",cause="cancel"}': 1,
    });
    await send(url, [2]);
    expect(await counted(runs)).toEqual({ [`${REFUSED}{action="deploy"}`]: 2 });
    expect(nonZero(await scrape(runs), "action_runs_ended_by_action_total")).toEqual({
      'action_runs_ended_by_action_total{action="deploy",status="cancelled"}': 1,
    });
    expect((await ask("DELETE", action)).status).toBe(204);
  });

  it.each<[string, object, unknown, string]>([
    ["its title takes no part", { title: "{{ parameters.event.n }}" }, { n: 1 }, "ok"],
    [
      "a concurrency key that it lacks",
      { concurrency: { group: "a", key: "{{ parameters.event.n }}" } },
      {},
      "invalid_concurrency_key",
    ],
    ["no free slot", { concurrency: { group: "a", onConflict: "reject" } }, { n: 2 }, "concurrency_limit"],
  ])("for %s is counted as well", async (_what, more, body, code) => {
    const { runs, url } = await givenInbound(undefined, more);
    later(0);
    if (code === "concurrency_limit") expect((await send(url, { n: 1 })).status).toBe(201);
    const answer = await send(url, body);
    expect(answer.body.code ?? "ok").toBe(code);
    expect(answer.body).not.toHaveProperty("pointer");
    expect(Object.values(await counted(runs))).toEqual(code === "ok" ? [] : [1]);
  });

  it("is not counted if something was only down, because the sender sends it again", async () => {
    const project = newProject();
    const runs = `${project}/envs/production/action-runs`;
    const { token } = await grantToken(project, { role: "admin" });
    const { url } = await givenInbound(undefined, {}, { runs, token });
    later(0);
    // The isolate knows the action then, and not whether its token lives.
    await send(url, {}, bearer("wrong"));
    faults.reads = "down";
    expect((await send(url, { n: 1 })).body.code).toBe("database_unavailable");
    faults.reads = null;
    expect((await send(url, { n: 1 })).status).toBe(201);
    expect(await counted(runs)).toEqual({});
  });
});

describe("the token that stored the action", () => {
  const stored = async () => {
    const project = newProject();
    const runs = `${project}/envs/production/action-runs`;
    const { id, token } = await grantToken(project, { role: "admin" });
    return { ...(await givenInbound(undefined, {}, { runs, token })), project, id };
  };

  it("must live: after its revocation no event starts a run, but one that did still finds it", async () => {
    const { runs, url, project, id } = await stored();
    later(0);
    const first = await send(url, { n: 1 });
    expect(first.status).toBe(201);
    const revoked = await ask<{ actions: readonly { readonly name: string }[] }>("DELETE", `${project}/tokens/${id}`);
    expect(revoked.body.actions.map(({ name }) => name)).toEqual(["deploy"]);
    later(30_000);
    const refused = await send(url, { n: 2 });
    expect([refused.status, refused.body.code]).toEqual([403, "starter_ended"]);
    expect((await send(url, { n: 1 })).body).toEqual(first.body);
    expect(await counted(runs)).toEqual({ [`${REFUSED}{action="deploy"}`]: 1 });
    // Somebody else stores it again.
    await givenInbound(undefined, {}, { runs });
    expect((await send(url, { n: 2 })).status).toBe(201);
  });

  it("may have known the secret: a rotation by another token ends it at once, unless it asks for a grace period", async () => {
    const { action, url, project, id } = await stored();
    const other = await grantToken(project, { role: "admin" });
    await ask("DELETE", `${project}/tokens/${id}`);
    later(30_000);
    const path = `${action}/inbound/rotate-secret`;
    const { body } = await ask<{ secret: string; graceEndsAt: string | null }>("POST", path, { token: other.token });
    expect(body.graceEndsAt).toBeNull();
    expect((await send(url, { n: 1 })).body.code).toBe("event_unverified");
    expect((await send(url, { n: 1 }, bearer(body.secret))).status).toBe(201);
  });

  it("must not have expired", async () => {
    const { url, id } = await stored();
    await env.DB.prepare("UPDATE tokens SET expires_at = ? WHERE id = ?")
      .bind(Date.now() - 1, id)
      .run();
    expect((await send(url)).body.code).toBe("starter_ended");
  });

  it("is remembered for 30 s, and longer while D1 is down", async () => {
    const { url, id } = await stored();
    later(0);
    expect((await send(url, { n: 1 })).status).toBe(201);
    await revokeElsewhere(env.DB, id);
    later(29_000);
    expect((await send(url, { n: 2 })).status).toBe(201);
    faults.reads = "down";
    later(60_000);
    expect((await send(url, { n: 3 })).status).toBe(201);
    faults.reads = null;
    later(60_000);
    expect((await send(url, { n: 4 })).body.code).toBe("starter_ended");
  });
});

describe("what an event costs", () => {
  it("is one call of the coordinator, and no read once the isolate knows the action and its token", async () => {
    watchHops();
    const project = newProject();
    const runs = `${project}/envs/production/action-runs`;
    const { token } = await grantToken(project, { role: "admin" });
    const { url } = await givenInbound({ verify: "token", when: [{ exists: "body.n" }] }, SCHEMA, { runs, token });
    const costs = async (body: unknown) => (await hopsOf(() => send(url, body))).lines;
    expect(await costs({ n: 1 })).toEqual([{ status: 201, d1: 2, coordinator: 1 }]);
    expect(await costs({ n: 2 })).toEqual([{ status: 201, d1: 0, coordinator: 1 }]);
    expect(await costs({ n: 2 })).toEqual([{ status: 200, d1: 0, coordinator: 1 }]);
    expect(await costs({ m: 1 })).toEqual([{ status: 202, d1: 0, coordinator: 0 }]);
  });

  it("is one call as well if the action refuses it, and leaves one row", async () => {
    watchHops();
    const { runs, url } = await givenInbound(undefined, SCHEMA);
    const { lines } = await hopsOf(() => send(url, [1]));
    expect(lines).toEqual([{ status: 422, d1: 1, coordinator: 1 }]);
    expect(await journal(runs, "SELECT count(*) AS n FROM ended_run_counts")).toEqual([{ n: 1 }]);
    expect(await journal(runs, "SELECT count(*) AS n FROM runs")).toEqual([{ n: 0 }]);
  });

  it("is no row in an environment's object that was never written, if a stranger sent it or it is ignored", async () => {
    const { runs, url } = await givenInbound({ verify: "token", when: [{ exists: "body.n" }] });
    await send(url, { n: 1 }, bearer("wrong"));
    await send(url, "{", bearer("wrong"));
    await send(url, "{");
    await send(url, {});
    expect(await journal(runs, TABLES)).toEqual([]);
  });
});
