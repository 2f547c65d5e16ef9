/** What `GET …/metrics` says of webhook endpoints. */

import { expect, it } from "vitest";
import { later } from "../support/clock.ts";
import { HOUR_MS, journal, MINUTE_MS } from "../support/direct.ts";
import { replicated } from "../support/replicated.ts";
import { ask, newRunsPath } from "../support/requests.ts";
import { nonZero, scrape } from "../support/runs/metrics.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering } from "../webhooks/runs.ts";
import { alarmsIn, end, endpointOf, putEndpoint, storedEndpoint, untilDeliveries } from "./deliveries.ts";

await useSettings("development");

const outcomes = (samples: Map<string, number>) => nonZero(samples, "action_runs_deliveries_total");
const of = (outcome: string) => `action_runs_deliveries_total{endpoint="chat",outcome="${outcome}"}`;

it("count their deliveries by outcome once somebody has asked, and nobody else pays a row", async () => {
  const path = newRunsPath();
  const ok = { status: 204 };
  await putEndpoint(path, await answering(ok, ok, ok, { status: 400 }, { status: 503 }));
  const first = await end(path);
  await untilDeliveries(path, ([row]) => row?.state === "delivered");
  await replicated(path);
  const counted = "SELECT delivered, failed, expired FROM endpoint_health";
  expect(await journal(path, counted)).toEqual([{ delivered: 0, failed: 0, expired: 0 }]);
  later(0);
  const samples = await scrape(path);
  expect([samples.get(of("delivered")), outcomes(samples)]).toEqual([0, {}]);
  // The same delivery again is no other one.
  const body = { type: "action_run.succeeded" };
  expect((await ask("POST", `${endpointOf(path)}/deliveries/${first}/resend`, { body })).status).toBe(202);
  await untilDeliveries(path, ([row]) => row?.is_resend === 1 && row.state === "delivered");
  await end(path);
  await untilDeliveries(path, (rows) => rows.filter(({ state }) => state === "delivered").length === 2);
  await end(path);
  await untilDeliveries(path, (rows) => rows.some(({ state }) => state === "failed"));
  await end(path);
  await untilDeliveries(path, (rows) => rows.some(({ state, lease_until }) => state === "waiting" && !lease_until));
  // It has waited for as long as it is kept.
  await journal(path, "UPDATE deliveries SET due_at = 1, expires_at = 1 WHERE state = 'waiting'");
  await alarmsIn(path, 1);
  later(MINUTE_MS);
  expect(outcomes(await scrape(path))).toEqual({ [of("delivered")]: 1, [of("failed")]: 1, [of("expired")]: 1 });
});

it("say for how long they have failed, and whether the service has disabled them", async () => {
  const path = newRunsPath();
  await putEndpoint(path, await answering({ status: 503 }));
  later(0);
  await end(path);
  await untilDeliveries(path, ([row]) => row?.state === "waiting" && row.lease_until === null);
  await replicated(path);
  later(HOUR_MS);
  const failing = await scrape(path);
  const at = (name: string) => failing.get(`action_runs_endpoint_${name}{endpoint="chat"}`);
  expect([at("failing_seconds"), at("disabled")]).toEqual([3610, 0]);
  const { key } = await storedEndpoint(path);
  await journal(path, `UPDATE endpoints SET is_disabled = 1 WHERE endpoint = '${key}'`);
  expect((await scrape(path)).get('action_runs_endpoint_disabled{endpoint="chat"}')).toBe(1);
});
