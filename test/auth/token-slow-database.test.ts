import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { faults } from "../support/faults.ts";
import { ask, createRun, newRunsPath, ROOT } from "../support/requests.ts";

afterEach(() => {
  vi.useRealTimers();
});

it("hears a revocation from a database that answers late, though the answer it was asked for did not wait", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const path = newRunsPath();
  await createRun(path);
  const minted = await ask<{ id: string; token: string }>("POST", "/acme/shop/tokens", {
    token: ROOT,
    body: { name: "ci", role: "viewer" },
  });
  const { token } = minted.body;
  expect((await ask("GET", path, { token })).status).toBe(200);
  await env.DB.prepare("DELETE FROM tokens WHERE id = ?").bind(minted.body.id).run();

  vi.setSystemTime(Date.now() + 31_000);
  faults.readDelayMs = 1500;
  expect((await ask("GET", path, { token })).status).toBe(200);
  faults.readDelayMs = 0;
  await vi.waitFor(async () => expect((await ask("GET", path, { token })).status).toBe(401), 5000);
});
