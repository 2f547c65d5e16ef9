/** While reads of D1 throw or hang, the coordinator answers for a run, and nothing is 404 that was not looked up. */

import { expect, it } from "vitest";
import { hurryTimers, newIdIn } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask, createRun, newRunsPath } from "../support/requests.ts";
import { createToken, expectUnavailable, type Refusal } from "./calls.ts";

it.each(["down", "hang"] as const)(
  "with D1's reads %s, a get succeeds, and whatever needs D1 is 503",
  async (fault) => {
    const path = newRunsPath();
    const created = await createRun(path);
    const { callback: _, ...run } = created;
    const { token } = await createToken(path);
    const unheardOf = await newIdIn(path, Date.now());
    faults.reads = fault;
    hurryTimers();
    const [get, missing, madeUp, cancelMadeUp, list, lookUp, ready, alive, tokens] = await Promise.all([
      ask("GET", `${path}/${created.id}`),
      ask<Refusal>("GET", `${path}/${unheardOf}`),
      ask<Refusal>("GET", `${path}/01890000-0000-8000-8000-000000000000`),
      ask<Refusal>("DELETE", `${path}/01890000-0000-8000-8000-000000000000`),
      ask<Refusal>("GET", path),
      ask<Refusal>("GET", path, { token }),
      ask<Refusal>("GET", "/readyz", { token: null }),
      ask<Refusal>("GET", "/healthz", { token: null }),
      ask<Refusal>("GET", path.replace(/\/envs\/.*/, "/tokens")),
    ]);
    expect(get).toMatchObject({ status: 200, body: run });
    expect(get.headers.get("Action-Runs-Stale")).toBeNull();
    // The coordinator of a genuine id decides whether there is a run. For another id only D1 can tell.
    expect(missing).toMatchObject({ status: 404, body: { code: "run_not_found" } });
    expectUnavailable(madeUp, "database_unavailable");
    expectUnavailable(cancelMadeUp, "database_unavailable");
    expectUnavailable(list, "database_unavailable");
    expectUnavailable(lookUp, "database_unavailable");
    expectUnavailable(tokens, "database_unavailable");
    expectUnavailable(ready, "not_ready");
    expect(alive.status).toBe(200);
  },
);

it("a get finds a run at its coordinator if D1 has no row", async () => {
  const path = newRunsPath();
  faults.writes = "down";
  const { callback: _, ...run } = await createRun(path);
  expect(await ask("GET", `${path}/${run.id}`)).toMatchObject({ status: 200, body: run });
});
