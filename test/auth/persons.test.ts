/** For whom a request acts: what a run shows, and whose repetition a request with the same key is. */

import { describe, expect, it, vi } from "vitest";
import { replicated } from "../support/replicated.ts";
import { type ActionRun, ask, createRun, newRunsPath, report } from "../support/requests.ts";
import { beginSession } from "../support/sessions.ts";
import { grantToken, type Refusal } from "../support/tokens.ts";

interface Detailed extends ActionRun {
  readonly details: { readonly via: string | null; readonly cancel: { readonly by: string } | null };
}

const PROJECT = "/acme/shop";
const portal = () => grantToken(PROJECT, { role: "admin", name: "portal", mayActForOthers: true });
const acting = (token: string, person: string, key?: string) => ({
  token,
  headers: { "On-Behalf-Of": person, ...(key !== undefined && { "Idempotency-Key": key }) },
});

describe("a run of a person", () => {
  it("shows the person who created, retried and cancelled it, and is found by the person", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const run = await createRun(runs, undefined, acting(token, "ada@acme"));
    expect(run.triggeredBy).toBe("ada@acme");
    const cancel = `${runs}/${run.id}/cancel?include=details`;
    const cancelled = await ask<Detailed>("POST", cancel, { ...acting(token, "bo"), body: {} });
    expect([cancelled.status, cancelled.body.details.cancel?.by]).toEqual([200, "bo"]);
    const again = await ask("POST", `${runs}/${run.id}/retry`, { ...acting(token, "cy"), body: {} });
    expect([again.status, again.body.triggeredBy]).toEqual([201, "cy"]);
    const listed = await ask<ActionRun[]>("GET", `${runs}?triggeredBy=ada@acme`, { token });
    expect(listed.body.map(({ id }) => id)).toEqual([run.id]);
    const timeline = await ask<{ type: string; by?: string }[]>("GET", `${runs}/${run.id}/events`, { token });
    expect(timeline.body.find(({ type }) => type === "created")?.by).toBe("ada@acme");
  });

  it("shows and finds the person in lower case, however the name was written", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const laptop = await grantToken(PROJECT, { role: "member", name: "laptop", person: "ADA@Acme" });
    expect(laptop.person).toBe("ada@acme");
    const ofHeader = await createRun(runs, undefined, acting(token, "Ada@ACME"));
    const ofToken = await createRun(runs, undefined, { token: laptop.token });
    expect([ofHeader.triggeredBy, ofToken.triggeredBy]).toEqual(["ada@acme", "ada@acme"]);
    const { body } = await ask<Detailed>("POST", `${runs}/${ofHeader.id}/cancel?include=details`, {
      ...acting(token, "BO"),
      body: {},
    });
    expect(body.details.cancel?.by).toBe("bo");
    await replicated(runs);
    for (const name of ["ada@acme", "Ada@Acme"]) {
      const listed = await ask<ActionRun[]>("GET", `${runs}?triggeredBy=${name}`);
      expect(listed.body.map(({ id }) => id)).toEqual([ofToken.id, ofHeader.id]);
      const counted = await ask<object>("GET", `${runs}/summary?triggeredBy=${name}`);
      expect(counted.body).toMatchObject({ pending: 1, cancelled: 1 });
    }
    const found = await ask<object>("GET", `${runs}/facets?field=triggeredBy&contains=ADA`);
    expect(found.body).toEqual({ values: ["ada@acme"], more: false });
  });

  it("keeps the case of a token's name, and is found by it in any case", async () => {
    const runs = newRunsPath();
    const { token } = await grantToken(PROJECT, { role: "member", name: "Release-Bot" });
    const { id, triggeredBy } = await createRun(runs, undefined, { token });
    expect(triggeredBy).toBe("Release-Bot");
    for (const name of ["Release-Bot", "release-bot"]) {
      const listed = await ask<ActionRun[]>("GET", `${runs}?triggeredBy=${name}`);
      expect(listed.body.map((run) => run.id)).toEqual([id]);
    }
  });

  it("shows the person who deleted it", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const run = await createRun(runs);
    const deleted = await ask("DELETE", `${runs}/${run.id}`, acting(token, "ada"));
    expect([deleted.status, deleted.body.status]).toEqual([200, "cancelled"]);
    const { body } = await ask<{ type: string; by?: string }[]>("GET", `${runs}/${run.id}/events`);
    expect(body.at(-1)).toMatchObject({ type: "ended", by: "ada" });
  });

  it("is told to its receiver and to an action's templates under the person's name", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const actions = runs.replace(/action-runs$/, "actions");
    expect((await ask("PUT", `${actions}/deploy`, { ...acting(token, "ada"), body: {} })).status).toBe(201);
    const started = await ask("POST", `${actions}/deploy/runs`, { ...acting(token, "ada"), body: {} });
    expect([started.status, started.body.triggeredBy]).toEqual([201, "ada"]);
  });
});

it("details.via names the token that acted for a person, and is null without one", async () => {
  const runs = newRunsPath();
  const { token } = await portal();
  const viaOf = async (id: string) => (await ask<Detailed>("GET", `${runs}/${id}?include=details`)).body.details.via;
  expect(await viaOf((await createRun(runs, undefined, acting(token, "ada"))).id)).toBe("portal");
  expect(await viaOf((await createRun(runs, undefined, { token })).id)).toBeNull();
});

it("no line of the log names a person", async () => {
  // An isolate writes a bounded number of lines in a second, and other tests can have used them up.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1000 });
  const log = vi.spyOn(console, "log");
  const runs = newRunsPath();
  const { token } = await portal();
  const run = await createRun(runs, undefined, acting(token, "ada@acme"));
  await ask("DELETE", `${runs}/${run.id}`, acting(token, "ada@acme"));
  await ask("POST", runs, { ...acting(token, "ada@acme root"), body: { actionName: "deploy" } });
  expect(log.mock.calls.length).toBeGreaterThan(3);
  expect(JSON.stringify(log.mock.calls)).not.toContain("ada@acme");
});

describe("a token with a person", () => {
  it("acts for the person without a header, also through a session", async () => {
    const { token } = await grantToken(PROJECT, { role: "member", name: "laptop", person: "ada" });
    expect((await createRun(newRunsPath(), undefined, { token })).triggeredBy).toBe("ada");
    const { headers } = await beginSession(token);
    expect((await createRun(newRunsPath(), undefined, { token: null, headers })).triggeredBy).toBe("ada");
  });

  it("may not send the header, not even with its own person", async () => {
    const { token } = await grantToken(PROJECT, { role: "member", person: "ada" });
    for (const person of ["bo", "ada"]) {
      const sent = { ...acting(token, person), body: { actionName: "deploy" } };
      const { status, body } = await ask<Refusal>("POST", newRunsPath(), sent);
      expect([status, body.code]).toEqual([403, "may_not_act_for_others"]);
    }
  });

  it("may name another one if it has the flag", async () => {
    const wanted = { role: "member", person: "ada", mayActForOthers: true } as const;
    const { token } = await grantToken(PROJECT, wanted);
    expect((await createRun(newRunsPath(), undefined, acting(token, "bo"))).triggeredBy).toBe("bo");
    expect((await createRun(newRunsPath(), undefined, { token })).triggeredBy).toBe("ada");
  });
});

it("a session acts for others if its token may, and its permissions stay the token's", async () => {
  const { token } = await grantToken(PROJECT, { role: "viewer", mayActForOthers: true });
  const { headers } = await beginSession(token);
  const sent = { token: null, headers: { ...headers, "On-Behalf-Of": "ada" } };
  const refused = await ask<Refusal>("POST", newRunsPath(), { ...sent, body: { actionName: "deploy" } });
  expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
  const runs = newRunsPath();
  const run = await createRun(runs);
  expect((await ask("DELETE", `${runs}/${run.id}`, sent)).status).toBe(200);
});

describe("an Idempotency-Key of a person", () => {
  const body = { actionName: "deploy" };

  it("finds the run again for the same person, in any case of letters", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const run = await createRun(runs, body, acting(token, "Ada@Acme", "k"));
    for (const person of ["Ada@Acme", "ada@acme", "ADA@ACME"]) {
      const again = await ask("POST", runs, { ...acting(token, person, "k"), body });
      expect([again.status, again.body.id]).toEqual([201, run.id]);
      expect(again.headers.get("Idempotent-Replayed")).toBe("true");
    }
  });

  const OTHERS = ["bo", null] as const;

  it.each(OTHERS)("is refused for another person: %s", async (other) => {
    const runs = newRunsPath();
    const { token } = await portal();
    await createRun(runs, body, acting(token, "ada", "k"));
    const sent = other === null ? { token, headers: { "Idempotency-Key": "k" } } : acting(token, other, "k");
    const { status, body: refusal } = await ask<Refusal>("POST", runs, { ...sent, body });
    expect([status, refusal.code]).toEqual([422, "idempotency_key_reused"]);
    expect(JSON.stringify(refusal)).not.toContain("callback");
  });

  it("is refused for a person if the first request named none", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    await createRun(runs, body, { token, headers: { "Idempotency-Key": "k" } });
    const { status } = await ask("POST", runs, { ...acting(token, "ada", "k"), body });
    expect(status).toBe(422);
  });

  it("is refused for another person who runs an action, retries or cancels", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const actions = runs.replace(/action-runs$/, "actions");
    await ask("PUT", `${actions}/deploy`, { body: {} });
    const [ended, cancelled] = [await createRun(runs), await createRun(runs)];
    await report(ended, { status: "failed", error: "x" });
    const changes = [
      ["POST", `${actions}/deploy/runs`, {}],
      ["POST", `${runs}/${ended.id}/retry`, {}],
      ["POST", `${runs}/${cancelled.id}/cancel`, {}],
    ] as const;
    for (const [n, [method, path, sent]] of changes.entries()) {
      const as = (person: string) => ask(method, path, { ...acting(token, person, `k${n}`), body: sent });
      const first = await as("ada");
      expect([path, first.status < 300]).toEqual([path, true]);
      expect([path, (await as("ADA")).body.id]).toEqual([path, first.body.id]);
      const other = await as("bo");
      expect([path, other.status]).toEqual([path, 422]);
    }
  });

  it("does not give another person the answer of a DELETE", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const run = await createRun(runs);
    const as = (person: string) => ask<Refusal>("DELETE", `${runs}/${run.id}`, acting(token, person, "k"));
    expect([(await as("ada")).status, (await as("ADA")).status]).toEqual([200, 200]);
    const other = await as("bo");
    expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
  });

  it("with a webhook of its own is bound to the person as well", async () => {
    const runs = newRunsPath();
    const { token } = await portal();
    const withTrigger = { actionName: "deploy", trigger: { type: "webhook", url: "https://ci.example.com/x" } };
    const first = await createRun(runs, withTrigger, acting(token, "ada", "k"));
    const again = await ask("POST", runs, { ...acting(token, "Ada", "k"), body: withTrigger });
    expect([again.status, again.body.id]).toEqual([201, first.id]);
    const other = await ask("POST", runs, { ...acting(token, "bo", "k"), body: withTrigger });
    expect(other.status).toBe(422);
  });
});
