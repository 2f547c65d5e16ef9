/** Webhook endpoints hear of ends: real receivers, real rows, and whatever happens between an end and its delivery. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { DeliveryAttempt } from "../../src/runs/endpoint-deliveries.ts";
import type { Env } from "../../src/settings/env.ts";
import { DeliverySender, WebhookEndpoints } from "../../src/webhook-endpoints/entrypoints.ts";
import { endpointMemory, loadEndpoint } from "../../src/webhook-endpoints/kind.ts";

import { envWith } from "../support/bindings.ts";
import { DAY_MS, direct, journal, until } from "../support/direct.ts";
import { breakD1, faults, resetFaults } from "../support/faults.ts";
import { receiver } from "../support/receiver/client.ts";
import { ask, type CreatedRun, newRunsPath, scopeOfPath } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, ORIGIN } from "../webhooks/runs.ts";
import { sendWith } from "../webhooks/stand-in-sender.ts";
import {
  alarmsIn,
  auditOf,
  deliveriesOf,
  deliveryRows,
  end,
  endpointOf,
  hearsOf,
  putEndpoint,
  runsOf,
  statusOf,
  storedEndpoint,
  untilAnswered,
  untilCertain,
  untilDeliveries,
  withEndpoint,
} from "./deliveries.ts";

await useSettings("development");

/** For tests that ask who hears of a run, and not what the receiver says. */
const ANYWHERE = receiver();

const SVC_A = "0198a5d0-0000-7000-8000-00000000000a";
const SVC_B = "0198a5d0-0000-7000-8000-00000000000b";

describe("an endpoint", () => {
  it("hears of each end once, with the run, its details and its links, and of none from before", async () => {
    const path = newRunsPath();
    const to = await answering({ status: 204 });
    await end(path);
    await putEndpoint(path, to);
    const id = await end(path, "failed");
    const [request] = await to.untilInbox(1);
    expect(request?.headers["webhook-id"]).toBe(`${id}-ended`);
    expect(JSON.parse(request?.body ?? "")).toMatchObject({
      type: "action_run.failed",
      data: { run: { id, status: "failed", error: "no", details: { source: "none" } } },
    });
    const ids = await Promise.all(Array.from({ length: 20 }, () => end(path)));
    expect(runsOf(await to.untilInbox(21)).sort()).toEqual([id, ...ids].sort());
  });

  it("hears of the runs that its filters name, and a run that only has an action's name is not that action's", async () => {
    const path = newRunsPath();
    const all = {
      failures: { events: ["action_run.failed"] },
      ends: { events: ["action_run.succeeded", "action_run.cancelled"] },
      deploys: { actionNames: ["deploy", "roll"] },
      named: { actionNames: ["deploy"], includeUnstored: true },
      labelled: { labels: ["x", "y"] },
      off: { disabled: true },
    };
    for (const [name, members] of Object.entries(all)) await putEndpoint(path, ANYWHERE, members, name);
    const ids = [
      await end(path, "succeeded", { stored: true }),
      await end(path, "failed"),
      await end(path, "failed", { stored: true, actionName: "other", labels: ["z", "y", "x"] }),
      await end(path, "cancelled", { labels: ["x"] }),
    ];
    const hears = await hearsOf(path);
    expect(ids.map((id) => hears(id))).toEqual([
      ["deploys", "ends", "named"],
      ["failures", "named"],
      ["failures", "labelled"],
      ["ends", "named"],
    ]);
  });
});

describe("a run that needs an approval", () => {
  it("has a delivery of its own id, with who may decide, and its end has another one", async () => {
    const path = newRunsPath();
    const [everything, requests] = [await answering({ status: 204 }), await answering({ status: 204 })];
    await putEndpoint(path, everything);
    const events = ["action_run.approval_requested"];
    await putEndpoint(path, requests, { events, actionNames: ["deploy"], onlyOnChange: true }, "approvers");
    const action = `${ORIGIN}${path.replace(/action-runs$/, "actions")}/deploy`;
    const trigger = { type: "webhook", url: everything.url };
    const stored = await ask("PUT", action, { body: { trigger, approval: { required: 2 } } });
    expect(stored.status).toBe(201);
    const { body: run } = await ask<CreatedRun>("POST", `${action}/runs`, { body: {} });
    const [delivery] = await requests.untilInbox(1);
    expect(delivery?.headers["webhook-id"]).toBe(`${run.id}-approval`);
    expect(JSON.parse(delivery?.body ?? "")).toMatchObject({
      type: "action_run.approval_requested",
      timestamp: run.createdAt,
      data: {
        previousStatus: null,
        run: {
          id: run.id,
          status: "pending",
          details: { waiting: { for: "approval" }, approval: { required: 2, approvals: [] } },
        },
        url: expect.stringContaining(`/action-runs/${run.id}`),
        consoleUrl: expect.stringContaining(`/runs/${run.id}`),
      },
    });
    expect((await deliveriesOf(path, "approvers")).map(({ runId }) => runId)).toEqual([run.id]);
    expect((await ask("POST", `${ORIGIN}${path}/${run.id}/cancel`, { body: {} })).status).toBe(200);
    const ids = (await everything.untilInbox(2)).map(({ headers }) => headers["webhook-id"]);
    expect(ids).toEqual([`${run.id}-approval`, `${run.id}-ended`]);
    expect(await requests.inbox()).toHaveLength(1);
    const refused = await ask("POST", `${endpointOf(path, "approvers")}/deliveries/${run.id}/resend`, {
      body: { type: events[0] },
    });
    expect(refused.status).toBe(409);
  });
});

describe("onlyOnChange", () => {
  it("compares a run with the previous one of its action and entity, stored ones with stored ones", async () => {
    const path = newRunsPath();
    await putEndpoint(path, ANYWHERE, { onlyOnChange: true }, "stored");
    await putEndpoint(path, ANYWHERE, { onlyOnChange: true, includeUnstored: true }, "all");
    const [e, stored] = [{ entityId: SVC_A }, { entityId: SVC_A, stored: true }];
    const ended: [string, string, string[], string | null][] = [];
    const both = ["all", "stored"];
    const expected = async (
      status: "succeeded" | "failed" | "cancelled",
      body: object,
      who: string[],
      previous: string | null,
    ) => void ended.push([await end(path, status, { ...body }), `${ended.length}`, who, previous]);
    await expected("failed", stored, both, null);
    await expected("failed", stored, [], null);
    await expected("cancelled", stored, both, null);
    await expected("failed", stored, [], null);
    await expected("succeeded", stored, both, "failed");
    await expected("failed", { ...stored, entityId: SVC_B }, both, null);
    await expected("failed", { stored: true }, both, null);
    await expected("failed", { stored: true }, [], null);
    await expected("failed", { ...stored, actionName: "other" }, both, null);
    // Without `includeUnstored`, such runs are compared with nothing.
    await expected("failed", e, both, null);
    await expected("failed", e, ["stored"], "failed");
    await expected("succeeded", e, both, "failed");
    await expected("succeeded", stored, [], null);
    const hears = await hearsOf(path);
    expect(ended.map(([id, n]) => [n, hears(id)])).toEqual(ended.map(([, n, who]) => [n, who]));
    const rows = await journal<{ id: string; previous: string | null }>(
      path,
      "SELECT id, previous_status AS previous FROM runs",
    );
    for (const [id, n, who, previous] of ended) {
      if (who.length === 0) continue;
      expect([n, rows.find((row) => row.id === id)?.previous]).toEqual([n, previous]);
    }
  });
});

describe("a delivery", () => {
  it("goes where the endpoint's URL leads at each attempt, and is dropped if a person disables the endpoint", async () => {
    const [first, second] = [await answering({ status: 503 }), await answering({ status: 503 })];
    const path = await withEndpoint(first);
    const id = await end(path);
    await first.untilInbox(1);
    await putEndpoint(path, second);
    await until(async () => {
      await alarmsIn(path, 7000);
      return (await second.inbox()).length === 1;
    });
    expect(runsOf(await second.inbox())).toEqual([id]);
    await untilAnswered(path, 2);
    await ask("PUT", endpointOf(path), { body: { url: null, events: ["action_run.*"], disabled: true } });
    await until(async () => {
      await alarmsIn(path, 7 * 60_000);
      return (await deliveryRows(path)).length === 0;
    });
    expect([(await first.inbox()).length, (await second.inbox()).length]).toEqual([1, 1]);
  });

  it("of a deleted endpoint never reaches the next owner of its name", async () => {
    const [first, next] = [await answering({ status: 503 }), await answering({})];
    const path = await withEndpoint(first);
    const lost = await end(path);
    await first.untilInbox(1);
    expect((await ask("DELETE", endpointOf(path))).status).toBe(204);
    await putEndpoint(path, next);
    const ids = [await end(path), await end(path)];
    await next.untilInbox(2);
    await until(async () => {
      await alarmsIn(path, 7000);
      return (await deliveryRows(path)).every(({ run_id }) => run_id !== lost);
    });
    expect(runsOf(await next.inbox()).sort()).toEqual(ids.sort());
    expect(await first.inbox()).toHaveLength(1);
    expect((await deliveriesOf(path)).map(({ runId }) => runId).sort()).toEqual(ids.sort());
    // The row of the first one's health is gone with its deliveries.
    const known = await journal<{ endpoint: string }>(path, "SELECT DISTINCT endpoint FROM endpoint_health");
    expect(new Set(known.map(({ endpoint }) => endpoint)).size).toBeLessThanOrEqual(1);
  });

  it("is made for no deleted endpoint once a DELETE finds none, also if D1's answer to the first one was lost", async () => {
    const path = await withEndpoint(ANYWHERE);
    const known = () => journal(path, "SELECT endpoint FROM endpoints");
    expect(await known()).toHaveLength(1);
    faults.writes = "committed_then_error";
    expect((await ask("DELETE", endpointOf(path))).status).toBe(503);
    faults.writes = null;
    expect((await ask("DELETE", endpointOf(path))).status).toBe(404);
    expect(await known()).toEqual([]);
  });

  it("is sent although D1 was down from the end to the delivery", async () => {
    const to = await answering({});
    const path = await withEndpoint(to);
    // Another run makes the isolate know the token.
    await end(path);
    await untilAnswered(path, 1);
    // The isolate has forgotten the endpoint.
    endpointMemory.forget({ scope: scopeOfPath(path), name: "chat" });
    breakD1("down");
    const id = await end(path);
    expect(await deliveryRows(path)).toHaveLength(2);
    await untilDeliveries(path, (rows) => rows.every(({ lease_until }) => lease_until === null));
    expect(await to.inbox()).toHaveLength(1);
    resetFaults();
    await alarmsIn(path, 120_000);
    expect(runsOf(await to.untilInbox(2))[1]).toBe(id);
    await untilDeliveries(path, (rows) => rows.every(({ state }) => state === "delivered"));
    expect((await deliveryRows(path)).at(-1)).toMatchObject({ run_id: id, attempt: 1 });
  });

  it("waits while an isolate lacks the key of its endpoint, and that is no attempt", async () => {
    const OLD = env.CALLBACK_SIGNING_KEYS ?? "";
    let settings: Partial<Env> = { CALLBACK_SIGNING_KEYS: "another-signing-key-of-32-bytes-and-more" };
    const send = (attempt: DeliveryAttempt) =>
      new DeliverySender({} as ExecutionContext, envWith(settings)).send(attempt);
    const restore = await sendWith(send, "DeliverySender");
    try {
      const to = await answering({});
      const path = await withEndpoint(to);
      await end(path);
      const [unmade] = await untilDeliveries(path, ([row]) => row?.attempt === 0 && row.lease_until === null);
      expect(unmade).toMatchObject({ state: "waiting", attempts: "[]" });
      settings = { CALLBACK_SIGNING_KEYS: `another-signing-key-of-32-bytes-and-more,${OLD}` };
      await alarmsIn(path, 120_000);
      await to.untilInbox(1);
      expect(await untilDeliveries(path, ([row]) => row?.state === "delivered")).toMatchObject([{ attempt: 1 }]);
    } finally {
      restore();
    }
  });
});

describe("a receiver", () => {
  it("that is gone has its endpoint disabled, which drops what waits, until somebody enables it", async () => {
    const to = await answering({ status: 503 }, { status: 503 }, { status: 410 }, { status: 204 });
    const path = await withEndpoint(to);
    await end(path);
    await end(path);
    await to.untilInbox(2);
    await end(path);
    await to.untilInbox(3);
    await until(async () => (await statusOf(path)).disabledReason !== null);
    expect(await statusOf(path)).toMatchObject({
      disabledReason: "The receiver answered 410 Gone.",
      disabledAt: expect.any(String),
    });
    expect(await auditOf(path)).toEqual(["root put chat", "service disabled chat"]);
    await until(async () => {
      await alarmsIn(path, 7000);
      return (await deliveryRows(path)).length === 0;
    });
    await untilCertain(path);
    await end(path);
    expect(await deliveryRows(path)).toEqual([]);
    expect((await ask("POST", `${endpointOf(path)}/enable`)).status).toBe(204);
    expect((await statusOf(path)).disabledReason).toBeNull();
    const heard = await end(path);
    expect(runsOf(await to.untilInbox(4)).at(-1)).toBe(heard);

    // Another isolate enables it, and this one remembers the disabled endpoint.
    await change(path, "disabled_version = version, disabled_reason = 'x', disabled_at = 1");
    const ref = { scope: scopeOfPath(path), name: "chat" };
    endpointMemory.forget(ref);
    expect(await loadEndpoint(env, ref)).toMatchObject({ disabledReason: "x" });
    await change(path, "disabled_version = NULL");
    const again = await end(path);
    expect(runsOf(await to.untilInbox(5)).at(-1)).toBe(again);
  });

  it("that is gone disables no newer version, which another isolate has stored meanwhile", async () => {
    const to = await answering({ status: 204 }, { status: 410 });
    const path = await withEndpoint(to);
    // With this delivery, the isolate remembers the version before.
    await end(path);
    await untilDeliveries(path, ([row]) => row?.state === "delivered");
    await change(path, "version = version + 1");
    await end(path);
    await to.untilInbox(2);
    const rows = await untilDeliveries(path, (all) => all.every(({ lease_until }) => lease_until === null));
    expect(rows.map(({ state }) => state)).toEqual(["delivered", "waiting"]);
    expect((await statusOf(path)).disabledReason).toBeNull();
    // And an endpoint that it does not know yet hears of the next end.
    await change(path, "name = 'other', created_version = 9");
    await direct(path).definitions.changed();
    const id = await end(path);
    const hears = await hearsOf(path);
    expect(hears(id)).toEqual(["other"]);
  });

  it("answers as it likes, and the deliveries say how", async () => {
    const path = newRunsPath();
    const answers = {
      busy: { status: 429, headers: { "Retry-After": "1800" }, body: "later" },
      huge: { mode: "enormous", status: 200 },
      moved: { mode: "redirect", status: 302 },
      picky: { status: 422, body: "no such field" },
      resets: { mode: "reset" },
    } as const;
    for (const [name, answer] of Object.entries(answers)) {
      await putEndpoint(path, await answering(answer), {}, name);
    }
    const id = await end(path);
    const rows = await untilDeliveries(
      path,
      (all) => all.length === 5 && all.every((row) => row.lease_until === null && row.attempt === 1),
    );
    expect(rows.map(({ state }) => state)).toEqual(["waiting", "delivered", "waiting", "failed", "waiting"]);
    const shown = async (name: string) => {
      const [delivery, ...others] = await deliveriesOf(path, name);
      expect([delivery?.runId, others]).toEqual([id, []]);
      return { ...delivery, ...delivery?.attempts[0] };
    };
    const busy = await shown("busy");
    expect(busy).toMatchObject({ status: 429, excerpt: "later" });
    expect(Date.parse(busy.nextAttemptAt ?? "")).toBeGreaterThan(Date.now() + 1_700_000);
    const huge = await shown("huge");
    expect([huge.status, huge.nextAttemptAt, huge.excerpt?.length]).toEqual([200, null, 1025]);
    expect(await shown("moved")).toMatchObject({ status: 302, state: "waiting" });
    expect(await shown("picky")).toMatchObject({ status: 422, excerpt: "no such field", nextAttemptAt: null });
    const reset = await shown("resets");
    expect(reset).toMatchObject({ status: null, reason: "could not be reached, or broke the connection off" });
  });
});

/** Changes the environment's endpoint as another isolate would. */
async function change(path: string, set: string): Promise<void> {
  const update = env.DB.prepare(`UPDATE definitions SET ${set} WHERE scope = ? AND kind = 'webhook_endpoint'`);
  await update.bind(scopeOfPath(path)).run();
}

describe("an endpoint that fails for days", () => {
  const consider = (path: string, key: string, version: number, settings: Partial<Env> = {}) =>
    new WebhookEndpoints({} as ExecutionContext, envWith(settings)).considerDisabling(scopeOfPath(path), key, version);

  /** What the coordinator knows of an endpoint that has failed for so many days, on each of them. */
  async function failed(path: string, key: string, version: number, days: number, succeededAt: number | null) {
    const since = Date.now() - days * DAY_MS;
    const failedDays = Array.from({ length: days }, (_, day) => Math.floor(since / DAY_MS) + day);
    await journal(
      path,
      "INSERT OR REPLACE INTO endpoint_health (endpoint, version, failures, failing_since, failed_days, succeeded_at) VALUES (?, ?, 9, ?, ?, ?)",
      key,
      version,
      since,
      JSON.stringify(failedDays),
      succeededAt,
    );
  }

  it("is disabled if the coordinator can be reached, and if it is the version that failed", async () => {
    const path = await withEndpoint(ANYWHERE);
    const { key, version: first } = await storedEndpoint(path);
    await failed(path, key, first, 4, null);
    await consider(path, key, first);
    expect((await statusOf(path)).disabledReason).toBeNull();

    await putEndpoint(path, ANYWHERE, { labels: ["x"] });
    const { version: second } = await storedEndpoint(path);
    await failed(path, key, second, 6, null);
    await consider(path, key, first);
    expect((await statusOf(path)).disabledReason).toBeNull();
    const unreachable = {
      getByName: () => {
        throw new Error("can't be reached");
      },
    };
    await expect(
      consider(path, key, second, { COORDINATORS: unreachable as unknown as Env["COORDINATORS"] }),
    ).rejects.toMatchObject({ code: "coordinator_unavailable" });
    expect((await statusOf(path)).disabledReason).toBeNull();
    await consider(path, key, second);
    expect((await statusOf(path)).disabledReason).toBe("No message has been delivered for five days.");
  });
});
