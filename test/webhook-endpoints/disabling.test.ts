import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/base/time.ts";
import { disableDefinition } from "../../src/definitions/store.ts";
import { selectDefinitions } from "../../src/runs/d1/control-database.ts";
import { type EndpointHealth, readEndpointKey } from "../../src/runs/endpoint-deliveries.ts";
import { hasFailedForDays } from "../../src/webhook-endpoints/entrypoints.ts";
import { ENDPOINT_KIND } from "../../src/webhook-endpoints/kind.ts";

import { clockFromOne } from "../support/clock.ts";
import { hurryTimers, until } from "../support/direct.ts";
import { faults, faulty, holdWrites } from "../support/faults.ts";
import { type Answer, ask } from "../support/requests.ts";
import { audited, ENDPOINT, type EndpointOnWire, loaded, newEndpointPath, put, refOf, SHOWN } from "./endpoints.ts";

const later = clockFromOne();

const REASON = "It has not succeeded for 5 days.";

function disable(path: string, version = 1, db = env.DB): Promise<boolean> {
  return disableDefinition(db, ENDPOINT_KIND, { ...refOf(path), version, reason: REASON, at: Date.now() });
}

function enable(path: string): Promise<Answer<EndpointOnWire>> {
  return ask("POST", `${path}/enable`, { headers: { "Content-Type": "" } });
}

async function isDisabled(path: string): Promise<boolean | undefined> {
  const { scope, name } = refOf(path);
  return (await selectDefinitions(env.DB, scope)).endpoints.find(
    ({ endpoint }) => readEndpointKey(endpoint).name === name,
  )?.isDisabled;
}

describe("the service", () => {
  it("disables the version that failed, once, and says so in the audit as itself", async () => {
    const path = newEndpointPath();
    await put(path);
    const before = await ask("GET", path);
    expect(await loaded(path)).toMatchObject({ disabledReason: null });
    // Entries of one instant are in no order.
    later(1);
    const both = await Promise.all([disable(path), disable(path)]);
    expect(both.toSorted()).toEqual([false, true]);
    expect([await isDisabled(path), await loaded(path)]).toMatchObject([true, { disabledReason: REASON }]);
    expect(await audited(path)).toEqual(["webhook_endpoint_put", "webhook_endpoint_disabled"]);
    const after = await ask("GET", path);
    expect([after.body, after.headers.get("ETag")]).toEqual([before.body, before.headers.get("ETag")]);
    const { body } = await ask<object[]>("GET", `${path.split("/").slice(0, 3).join("/")}/audit?limit=1`);
    expect(body).toMatchObject([
      { actor: "service", actorName: "service", sessionId: null, target: "chat", scope: refOf(path).scope },
    ]);
  });

  it("disables no other version, no other endpoint and none that is gone", async () => {
    const path = newEndpointPath();
    await put(path);
    await put(path.replace(/chat$/, "other"));
    await put(path, { ...SHOWN, onlyOnChange: true });
    expect(await disable(path, 1)).toBe(false);
    expect(await disable(path, 2)).toBe(true);
    expect(await isDisabled(path.replace(/chat$/, "other"))).toBe(false);
    await ask("DELETE", path);
    expect(await disable(path, 2)).toBe(false);
    await put(path);
    expect([await isDisabled(path), await loaded(path)]).toMatchObject([false, { disabledReason: null }]);
  });

  it("waits 5 s for D1 at most, because an attempt holds its permit meanwhile", async () => {
    const path = newEndpointPath();
    await put(path);
    const held = holdWrites(/UPDATE definitions/);
    hurryTimers();
    await expect(disable(path, 1, faulty(env.DB))).rejects.toThrow("no answer within 5000 ms");
    held.open();
    await until(async () => (await isDisabled(path)) === true);
  });

  it("disables an endpoint once if D1's answer was lost", async () => {
    const path = newEndpointPath();
    await put(path);
    faults.writes = "committed_then_error";
    await expect(disable(path, 1, faulty(env.DB))).rejects.toThrow();
    faults.writes = null;
    expect(await disable(path)).toBe(false);
    expect(await audited(path)).toEqual(["webhook_endpoint_put", "webhook_endpoint_disabled"]);
  });

  it("does not disable what a PUT stores, because another version may work", async () => {
    const path = newEndpointPath();
    await put(path);
    await disable(path);
    // The same definition is the same version.
    await put(path, SHOWN);
    expect(await isDisabled(path)).toBe(true);
    await put(path, ENDPOINT);
    expect([await isDisabled(path), await loaded(path)]).toMatchObject([false, { disabledReason: null }]);
  });
});

describe("enable", () => {
  it("clears the service's switch and says so in the audit, and otherwise changes nothing", async () => {
    const path = newEndpointPath();
    await put(path);
    expect((await enable(path)).status).toBe(204);
    expect(await audited(path)).toEqual(["webhook_endpoint_put"]);
    await disable(path);
    expect((await enable(path)).status).toBe(204);
    expect([await isDisabled(path), await loaded(path)]).toMatchObject([false, { disabledReason: null }]);
    const all = ["webhook_endpoint_put", "webhook_endpoint_disabled", "webhook_endpoint_enabled"];
    expect(await audited(path)).toEqual(all);
    expect(await disable(path)).toBe(true);
  });

  it("leaves a person's own switch", async () => {
    const path = newEndpointPath();
    await put(path, { ...ENDPOINT, disabled: true });
    await disable(path);
    await enable(path);
    expect((await ask<EndpointOnWire>("GET", path)).body.disabled).toBe(true);
  });

  it("of an endpoint that is missing gets 404", async () => {
    const refused = await enable(newEndpointPath());
    expect([refused.status, refused.body.code]).toEqual([404, "webhook_endpoint_not_found"]);
  });

  it("whose answer from D1 was lost is tried again, and counts once", async () => {
    const path = newEndpointPath();
    await put(path);
    await disable(path);
    hurryTimers();
    faults.writes = "committed_then_silence";
    expect((await enable(path)).status).toBe(204);
    expect((await audited(path)).filter((action) => action.endsWith("_enabled"))).toHaveLength(1);
  });
});

const NOW = 100 * DAY_MS + HOUR_MS;

/** Instants in days before NOW. */
function health(failingSince: number | null, failedDays: number[], succeededAt: number | null = null) {
  const at = (days: number | null) => (days === null ? null : NOW - days * DAY_MS);
  const days = failedDays.map((day) => 100 - day);
  return { version: 2, failures: 9, failingSince: at(failingSince), failedDays: days, succeededAt: at(succeededAt) };
}

describe("an endpoint has failed for days", () => {
  it.each<[string, EndpointHealth, boolean]>([
    ["failed for five days on three of them", health(5, [5, 4, 0]), true],
    ["failed so after it had worked", health(5, [5, 4, 3], 5.5), true],
    ["failed for less than five days", health(4.99, [4, 3, 2]), false],
    ["failed on only two days", health(9, [9, 8]), false],
    ["works", health(null, [], 9), false],
  ])("is $2 if it %s", (_, known, expected) => {
    expect(hasFailedForDays(known, NOW)).toBe(expected);
  });
});
