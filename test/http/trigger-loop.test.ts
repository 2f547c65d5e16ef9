/** No loop can be built of runs: what receivers get carries a header that our own front door refuses. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { DELIVERY_HEADER } from "../../src/http/headers.ts";
import { ROUTES, untouchableEnv } from "../support/bindings.ts";
import { ask, createRun, newRunsPath } from "../support/requests.ts";

describe("a request that a receiver got", () => {
  const app = createApp();

  it("is refused on every route, with any token", async () => {
    expect(ROUTES.length).toBeGreaterThan(10);
    const { environment, uses } = untouchableEnv();
    for (const route of [...ROUTES, "GET /nothing/at/all", "TRACE /", "POST /:o/:p/envs/:envName/action-runs/:id"]) {
      const [method = "", pattern = ""] = route.split(" ");
      const path = pattern
        .replace(":id", crypto.randomUUID())
        .replaceAll(/:(\w+)/g, (_, name: string) => name.toLowerCase());
      let pulled = 0;
      const body = new ReadableStream({ pull: () => void pulled++ }, { highWaterMark: 0 });
      const headers = {
        [DELIVERY_HEADER]: "",
        Authorization: `Bearer ${env.ROOT_TOKEN}`,
        "Content-Type": "application/json",
      };
      const init = { method, headers, ...(/GET|TRACE/.test(method) ? {} : { body }) };
      const response = await app.fetch(new Request(`https://runs.example${path}`, init), environment);
      const refusal = { code: "loop_detected", error: expect.stringMatching(/\.$/) };
      expect([route, response.status, await response.json(), pulled]).toEqual([route, 508, refusal, 0]);
    }
    expect(uses()).toEqual([]);
  });

  it("has no effect, while the same request without the header has one", async () => {
    const path = newRunsPath();
    const run = await createRun(path);
    const body = { status: "succeeded" };
    const headers = { [DELIVERY_HEADER.toLowerCase()]: run.id };
    const looped = await ask("POST", run.callback.url, { token: run.callback.token, body, headers });
    expect(looped).toMatchObject({ status: 508, body: { code: "loop_detected" } });
    expect(await ask("POST", path, { body: { actionName: "deploy" }, headers })).toMatchObject({ status: 508 });
    expect((await ask<unknown[]>("GET", path)).body).toHaveLength(1);
    expect((await ask("GET", `${path}/${run.id}`)).body.status).toBe("pending");
    expect((await ask("POST", run.callback.url, { token: run.callback.token, body })).status).toBe(200);
  });
});
