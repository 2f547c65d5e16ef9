/** `kill -9` of the real server while the times of schedules come: each time has one run. */

import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Installation, killAll, newInstallation, type Server } from "../installation.ts";
import { ask } from "../load.ts";
import { createKeys, letTimePass, scheduleOutcomes } from "../state.ts";
import { until } from "../until.ts";

/** More than one call of the Worker takes. */
const SCHEDULES = 30;
/** Far away, so that no other time comes meanwhile. */
const NEW_YEAR = "0 0 1 1 *";

let installation: Installation;
let server: Server;
let environment = "";
beforeAll(async () => {
  installation = await newInstallation();
  environment = installation.runs.replace("/action-runs", "");
  server = await installation.start();
});
afterAll(() => installation.remove());

async function put(path: string, body: object): Promise<void> {
  const { status } = await ask("PUT", `${environment}/${path}`, { token: installation.token, body });
  if (status > 299) throw new Error(`PUT ${path} answered ${status}`);
}

/** Kills the server when there are so many runs, and starts it again. */
async function killAt(runs: number): Promise<void> {
  // From the files, because a batch takes some ten ms.
  while (createKeys(installation.state).length < runs) await delay(1);
  await killAll(server);
  server = await installation.start();
  // This wakes the object. Otherwise its alarm does, when the lease of the lost call is over.
  await ask("GET", `${environment}/schedules/s-0/status`, { token: installation.token });
}

it("each of 30 schedules has one run of a time, although the server is killed three times", async () => {
  await put("actions/deploy", { trigger: { type: "webhook", url: "https://ci.example.com/deploy" } });
  const names = Array.from({ length: SCHEDULES }, (_, n) => `s-${n}`).sort();
  for (const name of names) await put(`schedules/${name}`, { action: "deploy", cron: NEW_YEAR, timezone: "UTC" });
  await until("the coordinator knows the schedules", () => scheduleOutcomes(installation.state).length === SCHEDULES);
  const { body } = await ask<{ readonly nextTimes: readonly { readonly at: string }[] }>(
    "GET",
    `${environment}/schedules/s-0/status`,
    { token: installation.token },
  );
  await killAll(server);
  letTimePass(installation.state, Date.parse(body.nextTimes[0]?.at ?? "") - Date.now() + 1000);
  server = await installation.start();
  await killAt(1);
  await killAt(SCHEDULES / 2);
  await until("each time is decided", () =>
    scheduleOutcomes(installation.state).every(({ outcome }) => outcome === "started"),
  );
  const ofSchedules = createKeys(installation.state).map((key) => key.split(":")[2] ?? "");
  expect(ofSchedules.sort()).toEqual(names);
});
