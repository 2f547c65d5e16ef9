/** Receivers that hang hold up neither a healthy receiver nor a create. */

import { expect, it } from "vitest";
import { until } from "../support/direct.ts";
import { ask, newRunsPath } from "../support/requests.ts";
import { answering, type Fired, fire } from "./runs.ts";

const HANGING = 200;
const HEALTHY = 8;
/** Creates that run at the same time. */
const AT_ONCE = 10;

it("200 hanging receivers in one environment delay neither a healthy receiver nor creates", async () => {
  const path = newRunsPath();
  const hanging = await answering({ mode: "hang" });
  const healthy = await answering({ status: 202 });

  const creates: number[] = [];
  const runs: Fired[] = [];
  for (let n = 0; n < HANGING; n += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, async () => {
      const askedAt = performance.now();
      const run = await fire(hanging.url, {}, { path });
      creates.push(performance.now() - askedAt);
      return run;
    });
    runs.push(...(await Promise.all(batch)));
  }
  // An attempt at a hanging receiver takes 15 s: nobody waited for one.
  expect(Math.max(...creates)).toBeLessThan(10_000);
  await until(async () => (await hanging.open()).open === HANGING);

  const took = await Promise.all(
    Array.from({ length: HEALTHY }, async () => {
      const askedAt = performance.now();
      const run = await fire(healthy.url, {}, { path });
      creates.push(performance.now() - askedAt);
      await run.untilStatus("running");
      return performance.now() - askedAt;
    }),
  );
  expect(Math.max(...took)).toBeLessThan(10_000);
  expect(Math.max(...creates)).toBeLessThan(10_000);

  // All of them still hang, and can be cancelled meanwhile.
  expect((await hanging.open()).open).toBe(HANGING);
  const cancelled = await Promise.all(runs.map(({ cancel }) => cancel()));
  expect(cancelled.every(({ status }) => status === 200)).toBe(true);
  expect((await ask<unknown[]>("GET", `${path}?status=running`)).body).toHaveLength(HEALTHY);
});
