import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { loadEndpoint } from "../../src/webhook-endpoints/stored-endpoint.ts";
import { clockFrom } from "../support/clock.ts";
import { faults, faulty } from "../support/faults.ts";
import { ask } from "../support/requests.ts";
import { newEndpointsPath, put, refOf, rotate, SHOWN } from "./endpoints.ts";

// Versions are made of the clock. While it stands at this instant, they count from 1.
const later = clockFrom(1);
afterEach(() => vi.restoreAllMocks());

const newPath = () => `${newEndpointsPath()}/chat`;
/** As an attempt loads it. */
const load = (path: string) => loadEndpoint({ ...env, DB: faulty(env.DB) }, refOf(path));

/** Changes the endpoint as another isolate would. */
async function changeElsewhere(path: string): Promise<void> {
  await env.DB.prepare("UPDATE definitions SET disabled_version = version, disabled_reason = 'x' WHERE scope = ?")
    .bind(refOf(path).scope)
    .run();
}

it("an attempt reads an endpoint once in 30 s, so that a change elsewhere takes effect within 30 s", async () => {
  const path = newPath();
  await put(path);
  expect(await load(path)).toMatchObject({ disabledReason: null });
  await changeElsewhere(path);
  later(29_999);
  const calls = faults.calls;
  expect(await load(path)).toMatchObject({ disabledReason: null });
  expect(faults.calls).toBe(calls);
  later(30_000);
  expect(await load(path)).toMatchObject({ disabledReason: "x" });
});

it("an isolate uses its own changes at once", async () => {
  const path = newPath();
  expect(await load(path)).toBeNull();
  await put(path);
  expect(await load(path)).toMatchObject({ version: 1 });
  await put(path, { ...SHOWN, onlyOnChange: true });
  expect(await load(path)).toMatchObject({ version: 2 });
  const { body } = await rotate(path);
  expect(await load(path)).toMatchObject({ signingSecrets: [body.signingSecret, expect.any(String)] });
  await ask("DELETE", path);
  expect(await load(path)).toBeNull();
});

it("an attempt is made for 10 minutes while D1 is down, and then not", async () => {
  const path = newPath();
  await put(path);
  await load(path);
  faults.reads = "down";
  later(599_999);
  expect(await load(path)).toMatchObject({ version: 1 });
  later(610_000);
  await expect(load(path)).rejects.toMatchObject({ code: "database_unavailable" });
});
