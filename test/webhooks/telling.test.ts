/** Webhook endpoints hear of ends: real receivers, real rows, and whatever happens between an end and its message. */

import { evictDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { alarmIn, coordinator, journal, until } from "../support/direct.ts";
import { faults, resetFaults } from "../support/faults.ts";
import type { Delivery, Receiver } from "../support/receiver/client.ts";
import { ask, coordinatorOf, createRun, newRunsPath, ROOT, report } from "../support/requests.ts";
import { answering, ORIGIN } from "./runs.ts";

beforeEach(resetFaults);

const endpointsOf = (path: string) => `${ORIGIN}${path.replace(/action-runs$/, "webhook-endpoints")}`;

async function putEndpoint(path: string, to: Receiver, members: object = {}, name = "chat") {
  const body = { url: to.url, events: ["action_run.*"], ...members };
  const answer = await rawAsk("PUT", `${endpointsOf(path)}/${name}`, body);
  expect([200, 201]).toContain(answer.status);
  return answer;
}

/** Creates a run and ends it; its id. */
async function end(path: string, status = "succeeded", body: object = {}): Promise<string> {
  const run = await createRun(ORIGIN + path, { actionName: "deploy", ...body });
  const reported = await report(run, status === "failed" ? { status, error: "no" } : { status });
  expect(reported.status).toBe(200);
  return run.id;
}

async function rawAsk(method: string, url: string, body?: unknown) {
  const headers = { Authorization: `Bearer ${ROOT}`, "Content-Type": "application/json" };
  const response = await exports.default.fetch(url, { method, headers, body: JSON.stringify(body) });
  return { status: response.status, text: await response.text() };
}

const idsOf = (deliveries: readonly Delivery[]) => deliveries.map(({ headers }) => headers["webhook-id"]);

describe("an endpoint", () => {
  it("hears of each end once, with the run, its details and its links", async () => {
    const path = newRunsPath();
    const to = await answering({ status: 204 });
    await end(path);
    await putEndpoint(path, to);
    const id = await end(path, "failed");
    const [delivery] = await to.untilInbox(1);
    expect(delivery?.headers["webhook-id"]).toBe(`${id}-ended`);
    expect(JSON.parse(delivery?.body ?? "")).toMatchObject({
      type: "action_run.failed",
      data: { run: { id, status: "failed", error: "no", details: { source: "none" } } },
    });
    const ids = await Promise.all(Array.from({ length: 20 }, () => end(path)));
    const heard = idsOf(await to.untilInbox(21));
    expect(heard.sort()).toEqual([id, ...ids].map((each) => `${each}-ended`).sort());
  });
});
