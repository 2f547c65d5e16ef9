/** While D1 does not answer, an API token is 503 and never 401, and a token that was valid lately works. */

import { expect, it, vi } from "vitest";
import { hurryTimers, MINUTE_MS } from "../support/direct.ts";
import { faults } from "../support/faults.ts";
import { ask, newRunsPath, ROOT } from "../support/requests.ts";
import { createToken, expectUnavailable, type Refusal } from "./calls.ts";

it.each(["down", "hang"] as const)(
  "a token that was valid works for 10 more minutes with D1's reads %s",
  async (fault) => {
    const path = newRunsPath();
    const { token } = await createToken(path);
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
  const { id, token } = await createToken(path);
  const use = () => ask<Refusal>("GET", path, { token });
  expect((await use()).status).toBe(200);
  await ask("DELETE", `${path.replace(/\/envs\/.*/, "/tokens")}/${id}`);
  expect((await use()).status).toBe(401);
  faults.reads = "down";
  expect((await use()).status).toBe(401);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + MINUTE_MS });
  expectUnavailable(await use(), "database_unavailable");
});

it("tokens are not created or revoked while D1 takes no writes, and ROOT_TOKEN works without D1", async () => {
  const path = newRunsPath();
  const { id } = await createToken(path);
  const tokens = path.replace(/\/envs\/.*/, "/tokens");
  faults.writes = "down";
  expectUnavailable(
    await ask("POST", tokens, { body: { name: "x", role: "viewer" }, token: ROOT }),
    "database_unavailable",
  );
  expectUnavailable(await ask("DELETE", `${tokens}/${id}`), "database_unavailable");
  faults.reads = "down";
  expect((await ask("POST", path, { body: { actionName: "deploy" } })).status).toBe(201);
});
