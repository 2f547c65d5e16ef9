/** What people see of an endpoint's deliveries, and how they send deliveries again. */

import { describe, expect, it } from "vitest";
import { DAY_MS, journal, newIdIn, until } from "../support/direct.ts";
import { receiver } from "../support/receiver/client.ts";
import { ask } from "../support/requests.ts";
import { grantToken, type Refusal } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, ORIGIN } from "../webhooks/runs.ts";
import {
  alarmsIn,
  auditOf,
  create,
  deliveriesOf,
  deliveryRows,
  end,
  endpointOf,
  putEndpoint,
  runsOf,
  type Shown,
  statusOf,
  storedEndpoint,
  untilCertain,
  untilDeliveries,
  untilFannedOut,
  withEndpoint,
} from "./deliveries.ts";

await useSettings("development");

const ANYWHERE = receiver();

type Refused = Partial<Refusal> & { readonly messages?: number; readonly isOver?: boolean };
const post = <T = Refused>(path: string, body?: unknown, token?: string) =>
  ask<T>("POST", path, {
    ...(body === undefined ? { headers: { "Content-Type": "" } } : { body }),
    ...(token !== undefined && { token }),
  });
const codeOf = async (answer: Promise<{ status: number; body: Partial<Refusal> | null }>) => {
  const { status, body } = await answer;
  return `${status} ${body?.code ?? ""}`.trim();
};

/** An id that this environment could have made, of no run. */
const unusedId = (path: string) => newIdIn(path, Date.now() - 60_000);

describe("deliveries", () => {
  it("come newest run first, and no page has a gap while new ends come", async () => {
    const to = await answering({ status: 204 });
    const path = await withEndpoint(to);
    const ids: string[] = [];
    for (let n = 0; n < 13; n++) ids.push(await end(path));
    await untilDeliveries(path, (rows) => rows.filter(({ state }) => state === "delivered").length === 13);
    const seen: string[] = [];
    let next: string | undefined = `${endpointOf(path)}/deliveries?limit=4`;
    let pages = 0;
    while (next !== undefined) {
      const page: { body: Shown[]; headers: Headers } = await ask<Shown[]>("GET", next);
      expect(page.body.length).toBeLessThanOrEqual(4);
      seen.push(...page.body.map(({ runId }) => runId));
      if (pages++ < 2) await end(path, "failed");
      next = /<([^>]+)>/.exec(page.headers.get("Link") ?? "")?.[1];
    }
    expect(seen).toEqual(ids.toSorted().toReversed());
    await untilFannedOut(path);
    expect((await deliveriesOf(path)).length).toBe(15);
  });

  it("show each attempt and its answer, by state, and none to a member or of another environment", async () => {
    const to = await answering(
      { status: 503, body: "not now" },
      { status: 400, body: "never" },
      { status: 200, body: "thanks" },
    );
    const path = await withEndpoint(to);
    const waiting = await end(path, "failed");
    await to.untilInbox(1);
    const failed = await end(path, "failed");
    await to.untilInbox(2);
    const delivered = await end(path);
    await untilDeliveries(path, (rows) => rows.length === 3 && rows.every((row) => row.lease_until === null));
    const all = await deliveriesOf(path);
    expect(all).toMatchObject([
      { runId: delivered, type: "action_run.succeeded", state: "delivered", nextAttemptAt: null },
      { runId: failed, type: "action_run.failed", state: "failed", nextAttemptAt: null },
      { runId: waiting, state: "waiting", nextAttemptAt: expect.any(String) },
    ]);
    expect(all.flatMap(({ attempts }) => attempts)).toMatchObject([
      { status: 200, reason: "answered 200", excerpt: "thanks" },
      { status: 400, reason: "answered 400", excerpt: "never" },
      { status: 503, reason: "answered 503", excerpt: "not now" },
    ]);
    for (const [n, state] of ["delivered", "failed", "waiting"].entries()) {
      const { body } = await ask<Shown[]>("GET", `${endpointOf(path)}/deliveries?state=${state}`);
      expect(body).toEqual([all[n]]);
    }
    expect((await statusOf(path)).newestDelivery).toEqual(all[0]);
    const stored = await journal<{ attempts: string }>(path, "SELECT attempts FROM deliveries");
    expect(JSON.stringify(stored)).not.toMatch(/not now|never|thanks/);
    const refusals = await Promise.all([
      codeOf(ask("GET", `${endpointOf(path)}/deliveries?state=lost`)),
      codeOf(ask("GET", `${endpointOf(path)}/deliveries?cursor=MTIz`)),
      codeOf(ask("GET", `${endpointOf(path, "other")}/deliveries`)),
      codeOf(ask("GET", `${endpointOf(path, "other")}/status`)),
    ]);
    expect(refusals).toEqual([
      "400 invalid_query",
      "400 invalid_query",
      "404 webhook_endpoint_not_found",
      "404 webhook_endpoint_not_found",
    ]);
  });

  it("have no next attempt while their endpoint gets only trial requests", async () => {
    const to = await answering({ status: 503 });
    const path = await withEndpoint(to);
    // One coordinator of them is enough.
    await until(async () => {
      await end(path);
      return (await statusOf(path)).health.isProbed;
    });
    const waiting = await deliveriesOf(path);
    expect(waiting.some(({ state, nextAttemptAt }) => state === "waiting" && nextAttemptAt === null)).toBe(true);
    expect((await statusOf(path)).health).toMatchObject({ state: "failing", lastSuccessAt: null });
  });
});

describe("resend", () => {
  it("sends a delivery again under its id, or a run of before the endpoint", async () => {
    const to = await answering({ status: 422 }, { status: 204 });
    const path = await withEndpoint(to, { events: ["action_run.failed"] });
    const before = await end(path);
    const id = await end(path, "failed");
    await untilDeliveries(path, ([row]) => row?.state === "failed");
    const at = (run: string, name?: string) => `${endpointOf(path, name)}/deliveries/${run}/resend`;
    expect((await post(at(id))).status).toBe(202);
    expect((await post(at(before), { type: "action_run.succeeded" })).status).toBe(202);
    expect(runsOf(await to.untilInbox(3)).toSorted()).toEqual([before, id, id].toSorted());
    await untilDeliveries(path, (rows) => rows.length === 2 && rows.every(({ state }) => state === "delivered"));
    expect((await statusOf(path)).health.state).toBe("unknown");

    const open = await create(path);
    const refusals = [
      codeOf(post(at(open.id))),
      codeOf(post(at(id), { type: "action_run.cancelled" })),
      codeOf(post(at(id), { type: "action_run.lost" })),
      codeOf(post(at(await unusedId(path)))),
      codeOf(post(at(crypto.randomUUID()))),
      codeOf(post(at(await end(await withEndpoint(ANYWHERE))))),
      codeOf(post(at(id, "other"))),
    ];
    expect(await Promise.all(refusals)).toEqual([
      "409 event_not_happened",
      "409 event_not_happened",
      "400 invalid_body",
      "404 run_not_found",
      "404 run_not_found",
      "404 run_not_found",
      "404 webhook_endpoint_not_found",
    ]);
    expect((await to.inbox()).length).toBe(3);
    const entries = await auditOf(path);
    // A disabled endpoint drops deliveries, so none that was delivered or given up may become one that waits.
    const kept = await deliveriesOf(path);
    await putEndpoint(path, to, { disabled: true });
    expect(await codeOf(post(at(id)))).toBe("409 endpoint_disabled");
    const order = { since: new Date(0).toISOString(), include: "failed" };
    expect(await codeOf(post(`${endpointOf(path)}/recover`, order))).toBe("409 endpoint_disabled");
    expect([await deliveriesOf(path), (await auditOf(path)).length]).toEqual([kept, entries.length + 1]);
    expect(entries.slice(0, 3)).toEqual([
      "root put chat",
      `root message_resent chat/deliveries/${id}`,
      `root message_resent chat/deliveries/${before}`,
    ]);
  });
});

describe("recover", () => {
  const recover = (path: string, body: object) => post(`${endpointOf(path)}/recover`, body);
  const ago = (ms: number) => new Date(Date.now() - ms).toISOString();

  it("brings back what was given up, counts it once, and goes on if it is asked again", async () => {
    const to = await answering({ status: 400 });
    const path = await withEndpoint(to);
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) ids.push(await end(path));
    await untilDeliveries(path, (rows) => rows.filter(({ state }) => state === "failed").length === 8);
    const order = { since: ago(60_000), include: "failed" };
    const begun = await recover(path, order);
    expect([begun.status, begun.body]).toMatchObject([202, { ...order, until: null }]);
    await until(async () => (await statusOf(path)).recover?.isOver === true);
    expect((await statusOf(path)).recover).toEqual({ ...begun.body, messages: 8, isOver: true });
    expect(
      runsOf(await to.untilInbox(16))
        .slice(8)
        .toSorted(),
    ).toEqual(ids.toSorted());
    await untilDeliveries(path, (rows) => rows.every(({ state }) => state === "failed"));
    await to.script({ status: 204 });
    expect((await recover(path, order)).status).toBe(202);
    await untilDeliveries(path, (rows) => rows.every(({ state }) => state === "delivered"));
    expect(await auditOf(path)).toEqual(["root put chat", "root recovery_started chat", "root recovery_started chat"]);
  });

  it("brings what the endpoint never heard of: by its filters, from `since` on and before `until`", async () => {
    const to = await answering({ status: 204 });
    const path = await withEndpoint(to, { disabled: true });
    await untilCertain(path);
    const early = await end(path, "failed");
    await until(async () => Date.now() > Date.parse((await endOf(path, early)) ?? ""));
    const since = new Date(Date.parse(await endOf(path, early)) + 1).toISOString();
    const [wanted] = [await end(path, "failed"), await end(path, "succeeded")];
    await until(async () => Date.now() > Date.parse(await endOf(path, wanted)));
    const late = await end(path, "failed");
    const until_ = await endOf(path, late);
    await putEndpoint(path, to, { events: ["action_run.failed"] });
    const order = { since, until: until_, include: "missing" };
    expect((await recover(path, order)).status).toBe(202);
    await until(async () => (await statusOf(path)).recover?.isOver === true);
    expect(runsOf(await to.untilInbox(1))).toEqual([wanted]);
    expect((await deliveryRows(path)).map(({ run_id }) => run_id)).toEqual([wanted]);
  });

  it("refuses what is too old, empty or unknown, and another one while one is under way anywhere", async () => {
    const path = await withEndpoint(ANYWHERE);
    await end(path);
    const now = Date.now();
    const refusals = [
      codeOf(recover(path, { since: ago(7 * DAY_MS + 60_000), include: "missing" })),
      codeOf(recover(path, { since: new Date(now).toISOString(), until: ago(1000), include: "failed" })),
      codeOf(recover(path, { since: ago(1000), include: "all" })),
      codeOf(recover(path, { include: "failed" })),
      codeOf(post(`${endpointOf(path, "other")}/recover`, { since: ago(1000), include: "failed" })),
    ];
    expect(await Promise.all(refusals)).toEqual([
      ...Array(4).fill("400 invalid_body"),
      "404 webhook_endpoint_not_found",
    ]);
    // The last instant that RFC 3339 can write, and a part of a millisecond more.
    const late = { since: "9999-12-31T23:59:59.9999Z", include: "failed" };
    expect((await recover(path, late)).body).toMatchObject({ since: "9999-12-31T23:59:59.999Z" });
    await until(async () => (await statusOf(path)).recover?.isOver === true);
    const { key } = await storedEndpoint(path);
    const recovery = "INSERT OR REPLACE INTO recoveries VALUES (?, 5, NULL, 'failed', 1, 3, 0)";
    await journal(path, recovery, key);
    expect(await codeOf(recover(path, { since: ago(1000), include: "failed" }))).toBe("409 recovery_under_way");
    expect((await statusOf(path)).recover).toMatchObject({ messages: 3, isOver: false });
    expect(await journal(path, "SELECT since FROM recoveries")).toEqual([{ since: 5 }]);
  });

  /** When a run ended. */
  async function endOf(path: string, id: string): Promise<string> {
    const { body } = await ask("GET", `${ORIGIN}${path}/${id}`);
    return body.completedAt ?? "";
  }
});

describe("test", () => {
  interface Result {
    readonly outcome?: string;
    readonly status?: number | null;
    readonly reason?: string;
    readonly excerpt?: string | null;
    readonly code?: string;
  }
  const test = (path: string, body?: unknown, token?: string) => post<Result>(`${endpointOf(path)}/test`, body, token);

  it("sends a made-up run at once, or a run that has ended, and counts for nothing", async () => {
    const to = await answering({ status: 202, body: "queued" }, { status: 500 }, { status: 422 }, { status: 410 });
    const path = await withEndpoint(to, { events: ["action_run.failed"], actionNames: ["deploy"], disabled: true });
    const id = await end(path);
    const first = await test(path);
    expect([first.status, first.body]).toMatchObject([
      200,
      { outcome: "delivered", status: 202, reason: "answered 202", excerpt: "queued" },
    ]);
    const outcomes = [
      await test(path, { type: "action_run.cancelled" }),
      await test(path, { runId: id }),
      await test(path, {}),
    ];
    expect(outcomes.map(({ status, body }) => [status, body.outcome])).toEqual([
      [200, "failed"],
      [200, "refused"],
      [200, "refused"],
    ]);
    const sent = (await to.inbox()).map(({ body, headers }) => ({ ...JSON.parse(body), id: headers["webhook-id"] }));
    expect(sent).toMatchObject([
      { type: "action_run.failed", data: { test: true, run: { actionName: "deploy" } } },
      { type: "action_run.cancelled", data: { test: true } },
      { type: "action_run.succeeded", data: { run: { id } }, id: `${id}-ended` },
      { data: { test: true } },
    ]);
    expect(new Set(sent.map((one) => one.id)).size).toBe(4);
    expect(sent[2]?.data).not.toHaveProperty("test");
    const refusals = [
      codeOf(test(path, { runId: id, type: "action_run.failed" }) as never),
      codeOf(test(path, { runId: (await create(path)).id }) as never),
      codeOf(test(path, { runId: await unusedId(path) }) as never),
      codeOf(test(path, { runId: crypto.randomUUID() }) as never),
      codeOf(post(`${endpointOf(path, "other")}/test`, {})),
    ];
    expect(await Promise.all(refusals)).toEqual([
      "409 event_not_happened",
      "409 event_not_happened",
      "404 run_not_found",
      "404 run_not_found",
      "404 webhook_endpoint_not_found",
    ]);
    // Neither a delivery nor health, and the 410 did not disable it.
    expect(await deliveriesOf(path)).toEqual([]);
    expect(await statusOf(path)).toMatchObject({ health: { state: "unknown" }, disabledReason: null });
    expect(await auditOf(path)).toEqual(["root put chat", ...Array(4).fill("root tested chat")]);
  });

  it("tries a definition without storing it", async () => {
    const [stored, other] = [await answering({}), await answering({})];
    const path = await withEndpoint(stored, { headers: { "X-Key": "the-stored-key" } });
    const definition = {
      url: null,
      headers: { "X-Key": null },
      events: ["action_run.*"],
      payload: { a: "{{ event.type }}" },
    };
    expect((await test(path, { definition })).body.outcome).toBe("delivered");
    const moved = { url: other.url, headers: { "X-Key": "sent" }, events: ["action_run.*"] };
    expect((await test(path, { definition: moved })).body.outcome).toBe("delivered");
    const fresh = { url: other.url, events: ["action_run.*"] };
    expect((await post<Result>(`${endpointOf(path, "fresh")}/test`, { definition: fresh })).body.outcome).toBe(
      "delivered",
    );
    const [first] = await stored.inbox();
    expect([first?.headers["x-key"], first?.body]).toEqual(["the-stored-key", '{"a":"action_run.succeeded"}']);
    const others = await other.inbox();
    expect(others.map(({ headers }) => [headers["x-key"], typeof headers["webhook-signature"]])).toEqual([
      ["sent", "string"],
      [undefined, "string"],
    ]);
    const { body } = await ask<{ headers: object; payload?: object }>("GET", endpointOf(path));
    expect([body.headers, body.payload]).toEqual([{ "X-Key": null }, undefined]);
    expect((await ask("GET", endpointOf(path, "fresh"))).status).toBe(404);
    expect(await auditOf(path)).toEqual(["root put chat", "root tested chat", "root tested chat", "root tested fresh"]);
  });

  it("sends no stored secret to another URL, and nothing where no endpoint may lead", async () => {
    const [stored, evil] = [await answering({}), await answering({})];
    const secret = "the-stored-secret-4711";
    const path = await withEndpoint(stored, {
      headers: { "X-Key": secret },
      secrets: { KEY: secret },
      payload: "{{ secrets.KEY }}",
    });
    const events = ["action_run.*"];
    const tries = [
      { url: evil.url, headers: { "X-Key": null }, events },
      { url: stored.url, headers: { "X-Key": null }, events },
      { url: evil.url, secrets: { KEY: null }, payload: "{{ secrets.KEY }}", events },
      { url: evil.url, headers: { "X-Other": "{{ secrets.KEY }}" }, events },
      { url: null, headers: { "X-New": null }, events },
      { url: `${ORIGIN}${path}`, events },
      { url: "https://169.254.169.254/latest", events },
      { url: "https://10.0.0.1/", events },
      { url: "ftp://hooks.example.com/", events },
    ];
    const answers: string[] = [];
    for (const definition of tries) answers.push(await codeOf(test(path, { definition }) as never));
    expect(answers).toEqual([
      "422 secret_required",
      "422 secret_required",
      "422 secret_required",
      "400 invalid_body",
      "422 secret_required",
      ...Array(4).fill("400 invalid_body"),
    ]);
    const nowhere = { url: null, headers: {}, events };
    expect(await codeOf(post(`${endpointOf(path, "none")}/test`, { definition: nowhere }))).toBe("422 secret_required");
    expect([await evil.inbox(), await stored.inbox()]).toEqual([[], []]);
    expect(await auditOf(path)).toEqual(["root put chat"]);
  });

  it("is sent ten times a minute, and then it says when it may be sent again", async () => {
    const to = await answering({ status: 204 });
    const path = await withEndpoint(to);
    const answers = [];
    for (let n = 0; n < 11; n++) answers.push(await test(path, {}));
    expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(200), 429]);
    const last = answers.at(-1);
    expect(last?.body.code).toBe("too_many_tests");
    const wait = Number(last?.headers.get("Retry-After"));
    expect(wait).toBeGreaterThan(30);
    expect(wait).toBeLessThanOrEqual(60);
    expect(await to.inbox()).toHaveLength(10);
    expect(await auditOf(path)).toHaveLength(11);
    // Another environment has tests of its own.
    expect((await test(await withEndpoint(to), {})).status).toBe(200);
  });
});

describe("a token", () => {
  it("without webhooks:manage, or of another environment, reaches none of it", async () => {
    const path = await withEndpoint(ANYWHERE);
    const id = await end(path);
    await untilFannedOut(path);
    const project = `${ORIGIN}/acme/shop`;
    const tokens = await Promise.all([
      grantToken(project, { role: "member" }),
      grantToken(project, { role: "viewer" }),
      grantToken(project, { role: "admin", envName: "elsewhere" }),
    ]);
    const at = endpointOf(path);
    for (const { token, envName } of tokens) {
      const refused = await Promise.all([
        codeOf(ask("GET", `${at}/status`, { token })),
        codeOf(ask("GET", `${at}/deliveries`, { token })),
        codeOf(post(`${at}/deliveries/${id}/resend`, undefined, token)),
        codeOf(post(`${at}/recover`, { since: new Date().toISOString(), include: "failed" }, token)),
        codeOf(post(`${at}/test`, {}, token)),
      ]);
      const unseen = envName === null ? "403 forbidden" : "404 not_found";
      expect(refused).toEqual([unseen, unseen, ...Array(3).fill("403 forbidden")]);
    }
    expect(await auditOf(path)).toEqual(["root put chat"]);
    await alarmsIn(path, 1);
  });
});
