/**
 * Where a job reports to. The caller of a request chooses its Host. So outside loopback, what a receiver gets together
 * with a callback token begins with PUBLIC_URL and with nothing else.
 */

import { describe, expect, it } from "vitest";
import { newActionsPath, ORIGIN_A, triggerAt } from "../../../actions/actions.ts";
import { askWith, envWith } from "../../../support/bindings.ts";
import { type CreatedRun, newRunsPath } from "../../../support/requests.ts";
import type { Refusal } from "../../../support/tokens.ts";
import { create, expectTaken, PATH, WEBHOOK } from "./trigger-create.ts";

const NAMELESS = { PUBLIC_URL: "" };
const SENTENCE = /^PUBLIC_URL is not set\. Set it to .*\.$/;

const OUTSIDE = [
  "https://runs.example",
  "http://runs.example",
  "https://evil.example:8443",
  "http://10.0.0.1:8787",
  "http://localhost.evil.example",
  "http://127.0.0.1.evil.example",
  "http://0.0.0.0:8787",
  "http://[::2]:8787",
];
const LOOPBACK = [
  "http://localhost:8787",
  "https://localhost",
  "http://127.0.0.1:8787",
  "http://127.8.9.1",
  "http://[::1]:1",
];

describe("without PUBLIC_URL", () => {
  it.each(OUTSIDE)("a trigger is refused at %s, before anything is asked", async (origin) => {
    expect(await create({ trigger: WEBHOOK }, NAMELESS, `${origin}${PATH}`)).toEqual({
      status: 503,
      code: "not_configured",
      error: expect.stringMatching(SENTENCE),
      uses: [],
    });
  });

  it.each(LOOPBACK)("a trigger is taken at %s", (origin) =>
    expectTaken({ trigger: WEBHOOK }, NAMELESS, `${origin}${PATH}`),
  );

  it("headers of proxies make no other host of it", async () => {
    const headers = { "X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "http", Forwarded: "host=localhost" };
    const body = { actionName: "deploy", trigger: WEBHOOK };
    const refused = await askWith<Refusal>(envWith(NAMELESS), "POST", newRunsPath(), { body, headers });
    expect(refused).toMatchObject({ status: 503, body: { code: "not_configured" } });
    const plain = { body: { actionName: "deploy" }, headers };
    const made = await askWith<CreatedRun>(envWith(NAMELESS), "POST", newRunsPath(), plain);
    expect(made.body.callback.url).toMatch(/^https:\/\/runs\.example\//);
  });

  it("a stored action is neither stored with a trigger, nor run, nor retried", async () => {
    const actions = newActionsPath();
    const runs = actions.replace(/actions$/, "action-runs");
    const body = { trigger: triggerAt(ORIGIN_A, { startOn: "heartbeat" }) };
    const path = `${actions}/deploy`;
    const refusal = { status: 503, body: { code: "not_configured", error: expect.stringMatching(SENTENCE) } };
    expect(await askWith(envWith(NAMELESS), "PUT", path, { body })).toMatchObject(refusal);
    expect(await askWith(envWith({}), "PUT", path, { body })).toMatchObject({ status: 201 });
    expect(await askWith(envWith(NAMELESS), "POST", `${path}/runs`, { body: {} })).toMatchObject(refusal);
    const made = await askWith<CreatedRun>(envWith({}), "POST", `${path}/runs`, { body: {} });
    expect(made.status).toBe(201);
    await askWith(envWith({}), "DELETE", `${runs}/${made.body.id}`);
    const again = `${runs}/${made.body.id}/retry`;
    expect(await askWith(envWith(NAMELESS), "POST", again, { body: {} })).toMatchObject(refusal);
  });

  it.each([
    ["https://runs.example:8443", "https://runs.example:8443"],
    // TLS may have ended before the service.
    ["http://runs.example", "https://runs.example"],
    ["http://10.0.0.1:8787", "https://10.0.0.1:8787"],
    ["http://localhost:8787", "http://localhost:8787"],
    ["http://127.0.0.1", "http://127.0.0.1"],
  ])("a create without a trigger at %s gives its own caller a callback at %s", async (origin, base) => {
    const path = newRunsPath();
    const body = { actionName: "deploy" };
    const made = await askWith<CreatedRun>(envWith(NAMELESS), "POST", origin + path, { body });
    expect(made.status).toBe(201);
    expect(made.body.callback.url).toBe(`${base}${path}/${made.body.id}/callback`);
    expect(made.headers.get("Location")).toBe(`${base}${path}/${made.body.id}`);
  });
});

const NO_PLAIN_URL = [
  "runs.example",
  "ftp://runs.example",
  "https://",
  "javascript:x",
  "https:runs.example",
  "https:///x",
  " https://runs.example",
  "https://runs.example/a b",
  "https://me:secret@runs.example",
  "https://@runs.example",
  "https://runs.example/?a=1",
  "https://runs.example/#f",
  "https://runs.example\\x",
];
it.each(NO_PLAIN_URL)("a PUBLIC_URL that is no plain web address is refused with a trigger: %s", async (PUBLIC_URL) => {
  for (const origin of ["https://runs.example", "http://localhost:8787"]) {
    const answer = await create({ trigger: WEBHOOK }, { PUBLIC_URL }, origin + PATH);
    expect(answer).toMatchObject({ status: 503, code: "not_configured", uses: [] });
    expect(answer.error).toMatch(/^PUBLIC_URL is not a plain http or https URL\. /);
    expect(answer.error).not.toContain("secret");
  }
});
