/** `kill -9` of the real server while runs fail and are retried: each failed run has one retry, and no more than it may. */

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startReceiver } from "../../support/receiver/server.ts";
import { type Installation, killAll, newInstallation, type Server } from "../installation.ts";
import { ask, type CreatedRun, forEachOf } from "../load.ts";
import { createKeys, letTimePass } from "../state.ts";
import { until } from "../until.ts";

/** More than one call of the Worker takes. */
const RUNS = 40;
const ATTEMPTS = 2;
/** After that, an attempt that was cut off counts as lost. */
const LEASE_MS = 30_000;

let installation: Installation;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let server: Server;
beforeAll(async () => {
  installation = await newInstallation("ALLOW_INSECURE_WEBHOOKS=true\n");
  receiver = await startReceiver();
  server = await installation.start();
});
afterAll(async () => {
  await installation.remove();
  await receiver.close();
});

const retriesIn = (state: string) => createKeys(state).filter((key) => key.startsWith("t:auto:"));

it("each of 40 runs that no receiver takes is retried twice, although the server is killed three times", async () => {
  const { runs, token, state } = installation;
  await fetch(`${receiver.url}/_script/job`, { method: "PUT", body: JSON.stringify([{ status: 404 }]) });
  const action = `${runs.replace("/action-runs", "/actions")}/deploy`;
  const trigger = { type: "webhook", url: `${receiver.url}/job` };
  // Runs of one subject would replace the retries of each other.
  // An attempt that a kill cut off may have begun the job, so that end counts as a timeout.
  const retry = { attempts: ATTEMPTS, delaySeconds: 1, on: ["delivery", "timeout"] };
  const body = { trigger, subject: "{{ parameters.n }}", retry };
  expect((await ask("PUT", action, { token, body })).status).toBe(201);
  const firsts: string[] = [];
  await forEachOf([...Array(RUNS).keys()], async (n: number) => {
    const { body: run } = await ask<CreatedRun>("POST", `${action}/runs`, {
      token,
      body: { parameters: { n: `${n}` } },
    });
    firsts.push(run.id);
  });
  for (const retries of [1, RUNS / 2, RUNS + 5]) {
    while (retriesIn(state).length < retries) await delay(1);
    await killAll(server);
    letTimePass(state, LEASE_MS);
    server = await installation.start();
  }
  await until("each run was retried twice", () => retriesIn(state).length === RUNS * ATTEMPTS);
  type Details = { readonly retry: { readonly runId: string | null } | null };
  const chainOf = async (id: string): Promise<readonly string[]> => {
    const { body: run } = await ask<{ status: string; details: Details }>("GET", `${runs}/${id}?include=details`, {
      token,
    });
    const next = run.details.retry?.runId;
    return next == null ? [id] : [id, ...(await chainOf(next))];
  };
  const chains = await Promise.all(firsts.map(chainOf));
  expect(chains.map((chain) => chain.length)).toEqual(Array(RUNS).fill(ATTEMPTS + 1));
  expect(new Set(chains.flat()).size).toBe(RUNS * (ATTEMPTS + 1));
});
