/** D1 is down from before the create until after the end, and neither caller nor receiver notices. */

import { expect, it } from "vitest";
import { until } from "../support/direct.ts";
import { breakD1, resetFaults } from "../support/faults.ts";
import { rowOf } from "../support/requests.ts";
import { useSettings } from "../support/use-settings.ts";
import { answering, type Fired, fire } from "./runs.ts";

await useSettings("development");

async function expectReplicated(run: Fired, open: () => void): Promise<void> {
  const told = await run.get();
  expect(await rowOf(run.created.id)).toBeNull();
  resetFaults();
  open();
  // Later than any clock of the test.
  await run.alarmIn(120_000);
  await until(async () => (await rowOf(run.created.id))?.status === told.status);
  const { body = "" } = (await rowOf(run.created.id)) ?? {};
  expect(JSON.parse(body)).toEqual(told);
}

const FAULTS = ["down", "hang"] as const;

it.each(FAULTS)("D1 is %s: a dispatch is retried and starts the run, which is followed to its end", async (fault) => {
  const { open } = breakD1(fault);
  const r = await answering({ status: 503 }, { mode: "reset" }, { status: 202 });
  const run = await fire(r.url);
  await run.untilStatus("running");
  expect(await r.inbox()).toHaveLength(3);
  const heard = await run.heartbeat({ message: "half-way", progress: 0.5 });
  expect(heard).toMatchObject({ status: 200, body: { status: "running" } });
  const reported = await run.report({ status: "succeeded", output: { url: "x" } });
  expect(reported).toMatchObject({ status: 200, body: { status: "succeeded" } });
  const attempts = Array(3).fill(["attempt_started", "attempt_answered"]).flat();
  expect(await run.story()).toEqual(["created", ...attempts, "started", "heartbeat", "ended"]);
  await expectReplicated(run, open);
});
