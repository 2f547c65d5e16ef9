/**
 * While reads of D1 throw or hang, the coordinator answers for a run, and nothing is 404 that was not looked up. An API
 * token is 503 and never 401, and a token that was valid lately works.
 */

import { expect, it, vi } from "vitest";
import { hurryTimers, MINUTE_MS, newIdIn } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask, createRun, newRunsPath, ROOT } from "../support/requests.ts";
import { expectUnavailable, grantToken, type Refusal } from "../support/tokens.ts";

it.each(["down", "hang"] as const)(
  "with D1's reads %s, a get succeeds, and whatever needs D1 is 503",
  async (fault) => {
    const path = newRunsPath();
    const created = await createRun(path);
    const { callback: _, ...run } = created;
    const { token } = await grantToken("/acme/shop", { role: "member" });
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
      ask<Refusal>("GET", "/acme/shop/tokens"),
    ]);
    expect(get).toMatchObject({ status: 200, body: run });
    expect(get.headers.get("Action-Runs-Stale")).toBeNull();
    // The coordinator of a genuine id decides whether there is a run. For another id only D1 can tell.
    expect(missing).toMatchObject({ status: 404, body: { code: "run_not_found" } });
    for (const answer of [madeUp, cancelMadeUp, list, lookUp, tokens]) {
      expectUnavailable(answer, "database_unavailable");
    }
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

it.each(["down", "hang"] as const)(
  "a token that was valid works for 10 more minutes with D1's reads %s",
  async (fault) => {
    const path = newRunsPath();
    const { token } = await grantToken("/acme/shop", { role: "member" });
    const create = () => ask<Refusal>("POST", path, { body: { actionName: "deploy" }, token });
    expect((await create()).status).toBe(201);
    faults.reads = fault;
    hurryTimers();
    const start = Date.now();
    for (const minutes of [1, 5, 9.9]) {
      vi.useFakeTimers({ toFake: ["Date"], now: start + minutes * MINUTE_MS });
      expect((await create()).status).toBe(201);
    }
    // A hanging lookup of a token that is known no more takes its full time; the thrown one says the same at once.
    if (fault === "down") {
      vi.setSystemTime(start + 10.1 * MINUTE_MS);
      expectUnavailable(await create(), "database_unavailable");
    }
    faults.reads = null;
    vi.setSystemTime(start + 20 * MINUTE_MS);
    expect((await create()).status).toBe(201);
  },
);

it("a revoked token stays refused during an outage", async () => {
  const path = newRunsPath();
  const { id, token } = await grantToken("/acme/shop", { role: "member" });
  const use = () => ask<Refusal>("GET", path, { token });
  expect((await use()).status).toBe(200);
  await ask("DELETE", `/acme/shop/tokens/${id}`);
  expect((await use()).status).toBe(401);
  faults.reads = "down";
  expect((await use()).status).toBe(401);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + MINUTE_MS });
  expectUnavailable(await use(), "database_unavailable");
});

it("tokens are not created or revoked while D1 takes no writes, and ROOT_TOKEN works without D1", async () => {
  const path = newRunsPath();
  const { id } = await grantToken("/acme/shop", { role: "member" });
  faults.writes = "down";
  expectUnavailable(
    await ask("POST", "/acme/shop/tokens", { body: { name: "x", role: "viewer" }, token: ROOT }),
    "database_unavailable",
  );
  expectUnavailable(await ask("DELETE", `/acme/shop/tokens/${id}`), "database_unavailable");
  faults.reads = "down";
  expect((await ask("POST", path, { body: { actionName: "deploy" } })).status).toBe(201);
});
