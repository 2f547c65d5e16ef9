/**
 * What version 1.0.0 stored is kept and served by this code: nothing reads differently, and everything that was under
 * way goes on. `write-release.ts` wrote it. Never write it again: if this fails, this code can't be deployed over 1.0.0.
 */

import { applyD1Migrations, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { JOURNAL_STEPS, migrate } from "../../../src/runs/journal/steps.ts";
import { coordinator, HOUR_MS, MINUTE_MS, until } from "../../support/direct.ts";
import { landed } from "../../support/landed.ts";
import { type ActionRun, type Ask, ask, type Beaten, newRunsPath } from "../../support/requests.ts";
import { changed } from "../../support/settings.ts";
import d1 from "./1.0.0/d1.sql?raw";
import journal0 from "./1.0.0/journal-0.sql?raw";
import journal1 from "./1.0.0/journal-1.sql?raw";
import journal2 from "./1.0.0/journal-2.sql?raw";
import journal3 from "./1.0.0/journal-3.sql?raw";
import text from "./1.0.0/release.json?raw";
import {
  DOWN,
  ENVIRONMENT,
  HEADER_SECRET,
  type KnownRun,
  NAMED_SECRET,
  RECEIVER,
  type Received,
  type Release,
  RUNS,
  receivers,
  SIGNING_KEY,
  WRITTEN_AT,
} from "./release.ts";
import { dumpD1, dumpJournal, loadD1, loadJournal, NUMBERS, schemaIn } from "./stored.ts";

const { secrets, runs, alarms, answers } = JSON.parse(text) as Release;
const JOURNALS = [journal0, journal1, journal2, journal3];

let received: readonly Received[] = [];

/** Once, because it takes long. The tests change different runs, and the first one changes none. */
beforeAll(async () => {
  changed.CALLBACK_SIGNING_KEYS = SIGNING_KEY;
  received = receivers();
  // A little after the release has written.
  vi.useFakeTimers({ toFake: ["Date"], now: WRITTEN_AT + 4 * MINUTE_MS });
  await loadD1(d1);
  for (const [n, sql] of JOURNALS.entries()) {
    await loadJournal(RUNS, n, { sql, alarmAt: alarms[n] ?? null });
  }
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

afterAll(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function known(
  name: string,
): KnownRun & { readonly callback: { readonly url: string; readonly token: string } } {
  const run = runs[name];
  return { id: run?.id ?? "", callback: run?.callback ?? { url: "", token: "" } };
}

function report(name: string, body: unknown) {
  const { url, token } = known(name).callback;
  return ask("POST", url, { token, body });
}

/** Moves the clock, and rings the alarms. */
async function later(ms: number): Promise<void> {
  vi.setSystemTime(Date.now() + ms);
  for (const n of NUMBERS) await runDurableObjectAlarm(coordinator(RUNS));
}

/** Waits for a request that a run causes, and returns it. */
async function sent(isIt: (request: Received) => boolean): Promise<Received> {
  await until(async () => received.some(isIt), 30_000);
  return received.find(isIt) as Received;
}

/** Waits for the request that starts the job of a run. */
async function expectStarted(id: string): Promise<void> {
  const { url, headers, text } = await sent((one) => one.headers.get("webhook-id") === id);
  expect([url, headers.get("Authorization")]).toEqual([`${RECEIVER}/shop`, HEADER_SECRET]);
  expect(JSON.parse(text)).toEqual({ token: NAMED_SECRET, callback: expect.stringMatching(`^${id}:`) });
}

const asApprover: Ask = { token: secrets.approver };

describe("no edit has reached", () => {
  it("a migration that 1.0.0 has applied", async () => {
    const stored = await dumpD1();
    const isApplied = ({ name }: { readonly name: string }) => d1.includes(`'${name}'`);
    await loadD1("");
    await applyD1Migrations(env.DB, env.TEST_MIGRATIONS.filter(isApplied));
    const made = schemaIn(await dumpD1());
    await loadD1(stored);
    expect(made.toSorted()).toEqual(schemaIn(d1).toSorted());
  });

  it("a step that a journal of 1.0.0 has taken", async () => {
    const path = newRunsPath();
    const taken = journal0.match(/^INSERT INTO "schema_steps"/gm)?.length;
    await runInDurableObject(coordinator(path), async (_, { storage }) => {
      await storage.deleteAll();
      migrate(storage, JOURNAL_STEPS.slice(0, taken));
    });
    expect(schemaIn((await dumpJournal(path, 0)).sql)).toEqual(schemaIn(journal0));
  });
});

describe("over what 1.0.0 stored, this code", () => {
  it("answers what 1.0.0 answered", async () => {
    for (const [path, answer] of Object.entries(answers)) {
      const { status, body } = await ask("GET", path);
      expect([path, status, body]).toEqual([path, 200, answer]);
    }
  });

  it("is ready", async () => {
    expect((await ask("GET", "/readyz", { token: null })).status).toBe(200);
  });

  it("lists a run that 1.0.0 could not write into D1", async () => {
    await landed(RUNS);
    const { body } = await ask<ActionRun[]>("GET", `${RUNS}?label=unlanded`);
    expect(body).toMatchObject([{ id: known("unlanded").id, status: "pending" }]);
  });

  it("knows the tokens, a replaced secret and the session", async () => {
    const { admin, ci, oldCi, approver, portal, session } = secrets;
    for (const token of [admin, ci, oldCi, approver, portal]) {
      expect((await ask("GET", "/whoami", { token })).status).toBe(200);
    }
    expect((await ask("GET", "/whoami", { token: null, headers: session })).body).toMatchObject({
      name: "ops",
    });
  });

  it("takes reports with the callback tokens of 1.0.0", async () => {
    for (const name of ["pending", "running", "unlanded"]) {
      expect((await report(name, { status: "succeeded" })).body.status).toBe("succeeded");
    }
  });

  it("tells a job that 1.0.0 cancelled its run", async () => {
    const { url, token } = known("stopping").callback;
    const beaten = await ask<Beaten>("POST", url.replace(/callback$/, "heartbeat"), { token, body: {} });
    expect(beaten.body.cancel).toMatchObject({ until: expect.any(String) });
    expect((await report("stopping", { status: "failed", error: "stopped" })).body.status).toBe("cancelled");
  });

  it("finds the runs of idempotency keys", async () => {
    const repeated = (key: string) => ({ headers: { "Idempotency-Key": key } });
    const body = { actionName: "deploy" };
    expect((await ask("POST", RUNS, { body, ...repeated("create-1") })).body.id).toBe(known("keyed").id);
    const retry = `${RUNS}/${known("failed").id}/retry`;
    const retried = await ask("POST", retry, { token: secrets.admin, ...repeated("retry-1") });
    expect(retried.body.id).toBe(known("again").id);
  });

  it("retries a run with the secrets of the stored action", async () => {
    await report("shipped", { status: "succeeded" });
    const retried = await ask("POST", `${RUNS}/${known("shipped").id}/retry`, { token: secrets.ci });
    expect(retried.status).toBe(201);
    await expectStarted(retried.body.id);
  });

  it("stores a version of an action after those of 1.0.0", async () => {
    const path = `${ENVIRONMENT}/actions/ship`;
    const stored = await ask<Record<string, unknown>>("GET", path);
    const [newest] = (await ask<readonly { readonly version: number }[]>("GET", `${path}/versions`)).body;
    const put = { body: { ...stored.body, timeout: 5 }, headers: { "If-Match": `"${newest?.version}"` } };
    expect((await ask("PUT", path, put)).status).toBe(200);
  });

  it("starts a run that is approved", async () => {
    const { id } = known("unapproved");
    expect((await ask("POST", `${RUNS}/${id}/approve`, asApprover)).status).toBe(200);
    await expectStarted(id);
  });

  it("starts a run when its slot is free", async () => {
    await report("holder", { status: "succeeded" });
    await expectStarted(known("waiter").id);
  });

  it("starts a run when its pause ends", async () => {
    await ask("DELETE", `${ENVIRONMENT}/pauses/frozen`, { token: secrets.admin });
    await expectStarted(known("frozen").id);
  });

  it("sends again what a receiver refused: a webhook, a stop request and a message", async () => {
    const { id } = known("failed");
    await later(10 * MINUTE_MS);
    await sent(({ url, headers }) => url === DOWN && headers.get("webhook-id") === known("flaky").id);
    await sent(({ url }) => url === `${RECEIVER}/77/stop`);
    const { headers, text } = await sent((one) => one.headers.get("webhook-id") === `${id}-ended`);
    const sentAt = new Date(Number(headers.get("webhook-timestamp")) * 1000);
    const signature = new Webhook(secrets.signingSecret).sign(`${id}-ended`, sentAt, text);
    expect(headers.get("webhook-signature")).toBe(signature);
    expect(JSON.parse(text)).toMatchObject({ data: { run: { id, triggeredBy: "ada" } } });
  });

  it("starts a run when its time has come", async () => {
    await later(HOUR_MS);
    await expectStarted(known("later").id);
  });

  it("ends a run whose time is up", async () => {
    await later(HOUR_MS);
    await landed(RUNS);
    const { body } = await ask<ActionRun[]>("GET", `${RUNS}?status=failed&actionName=deploy`);
    expect(body).toContainEqual(
      expect.objectContaining({ id: known("keyed").id, error: expect.any(String) }),
    );
  });
});
