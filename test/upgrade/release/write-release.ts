/**
 * Writes what a release stores: the rows in D1, the coordinators' journals, and what the API says of them. It plays a
 * set of runs, so that each table has a row. `release.test.ts` begins with these files. They are in a folder of the
 * version in package.json. When a version is released, never write its files again.
 *
 *   WRITE_RELEASE=true npx vitest run --project runtime -u
 */

import { runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { readRunId } from "../../../src/runs/run-id.ts";
import { bulkOf, bulkPath, startBulk } from "../../support/bulk.ts";
import { coordinator, journal, MINUTE_MS, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { landed } from "../../support/landed.ts";
import { type Ask, ask, type CreatedRun, createRun, report } from "../../support/requests.ts";
import { beginSession } from "../../support/sessions.ts";
import { changed } from "../../support/settings.ts";
import { grantToken, type TokenOnWire } from "../../support/tokens.ts";
import {
  DOWN,
  ENVIRONMENT,
  HEADER_SECRET,
  type KnownRun,
  NAMED_SECRET,
  PROJECT,
  RECEIVER,
  type Release,
  RUNS,
  receivers,
  SIGNING_KEY,
  WRITTEN_AT,
} from "./release.ts";
import { dumpD1, dumpJournal, NUMBERS } from "./stored.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Each step is a second later than the one before. */
const tick = (ms = 1000) => vi.setSystemTime(Date.now() + ms);

async function done<T>(method: string, path: string, options: Ask = {}): Promise<T> {
  tick();
  const { status, body } = await ask<T>(method, path, options);
  if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(body)}`);
  return body;
}

function create(body: Record<string, unknown>, options: Ask = {}): Promise<CreatedRun> {
  tick();
  return createRun(RUNS, body, options);
}

/** A run of a stored action. */
async function start(action: string, body: Record<string, unknown>, token: string): Promise<KnownRun> {
  const { id } = await done<{ id: string }>("POST", `${ENVIRONMENT}/actions/${action}/runs`, { body, token });
  return { id, callback: null };
}

async function tokens() {
  const grant = (name: string, wanted: Partial<Parameters<typeof grantToken>[1]> = {}, asker?: string) =>
    grantToken(PROJECT, { role: "member", name, ...wanted }, asker);
  const admin = await grant("ops", { role: "admin" });
  const ci = await grant("ci", { envName: "prod" }, admin.token);
  const revoked = await grant("left", {}, admin.token);
  await done("DELETE", `${PROJECT}/tokens/${revoked.id}`, { token: admin.token });
  const approver = await grant("release-manager", { mayApprove: true });
  const portal = await grant("portal", { mayActForOthers: true, expiresAt: "2099-12-31T00:00:00Z" });
  // The newest API token rotates itself: nobody else may know its secret.
  const rotated = await done<TokenOnWire>("POST", `${PROJECT}/tokens/${ci.id}/rotate`, {
    token: ci.token,
    body: { overlapSeconds: 604_800 },
  });
  const session = await beginSession(admin.token);
  return {
    admin: admin.token,
    ci: rotated.token,
    oldCi: ci.token,
    approver: approver.token,
    portal: portal.token,
    session: session.headers,
  };
}

const PARAMETERS_SCHEMA = {
  type: "object",
  properties: { service: { type: "string" } },
  required: ["service"],
};
const SHOP = { parameters: { service: "shop" } };

/** The actions by what is special about each, and the endpoint, whose signing secret this returns. */
async function definitions(token: string): Promise<string> {
  const trigger = {
    type: "webhook",
    url: `${RECEIVER}/{{ parameters.service }}`,
    headers: { Authorization: HEADER_SECRET },
    secrets: { token: NAMED_SECRET },
    payload: { token: "{{ secrets.token }}", callback: "{{ run.callbackToken }}" },
    cancel: { url: `${RECEIVER}/{{ response.build }}/stop` },
  };
  const put = (name: string, definition: object) =>
    done("PUT", `${ENVIRONMENT}/actions/${name}`, { token, body: { trigger, ...definition } });
  await put("ship", { description: "The first version" });
  await put("ship", { parametersSchema: PARAMETERS_SCHEMA, labels: ["team:shop"], timeout: 90 });
  await put("release", { approval: {}, timeout: 90 });
  await put("queue", { concurrency: { group: "deploys", key: "{{ parameters.service }}" } });
  await put("freeze", { concurrency: { group: "frozen" } });
  await put("flaky", { trigger: { type: "webhook", url: DOWN, headers: { Authorization: HEADER_SECRET } } });
  const pause = { reason: "a release freeze" };
  await done("PUT", `${ENVIRONMENT}/pauses/frozen`, { token, body: pause });
  const endpoint = { url: DOWN, events: ["action_run.succeeded", "action_run.failed"] };
  const path = `${ENVIRONMENT}/webhook-endpoints/chat`;
  return (await done<{ signingSecret: string }>("PUT", path, { token, body: endpoint })).signingSecret;
}

async function simpleRuns(admin: string, portal: string): Promise<Record<string, KnownRun>> {
  const heartbeat = (run: CreatedRun, body: object) =>
    done("POST", run.callback.url.replace(/callback$/, "heartbeat"), { token: run.callback.token, body });
  const whole = {
    parameters: { version: "1.4.2", replicas: 3 },
    recommendations: { rollback: "1.4.1" },
    entityId: "0b4c1c9e-6a0e-4a57-9d0a-3b7f5f6d2a11",
    labels: ["night", "team:shop"],
  };
  const succeeded = await create({ actionName: "deploy", ...whole });
  await heartbeat(succeeded, {
    message: "half way ☃",
    progress: 0.5,
    externalUrl: "https://ci.example.com/1",
  });
  await report(succeeded, { status: "succeeded", output: { url: "https://shop.example", n: [1, null] } });
  const failed = await create(
    { actionName: "deploy" },
    { headers: { "On-Behalf-Of": "ada" }, token: portal },
  );
  await report(failed, { status: "failed", error: 'it\'s "broken";\nsecond line' });
  const cancelled = await create({ actionName: "deploy" });
  await done("POST", `${RUNS}/${cancelled.id}/cancel`, { token: admin, body: { reason: "wrong" } });
  const timedOut = await create({ actionName: "deploy", timeout: 1 });
  tick(2 * MINUTE_MS);
  await runDurableObjectAlarm(coordinator(RUNS));
  const again = await done<CreatedRun>("POST", `${RUNS}/${failed.id}/retry`, {
    token: admin,
    headers: { "Idempotency-Key": "retry-1" },
  });
  const running = await create({ actionName: "watch", heartbeatTimeout: 60, timeout: 600 });
  await heartbeat(running, { message: "at work" });
  const stopping = await create({ actionName: "watch" });
  await heartbeat(stopping, {});
  await done("POST", `${RUNS}/${stopping.id}/cancel`, { token: admin, body: { graceSeconds: 3600 } });
  const pending = await create({ actionName: "deploy", timeout: 90 });
  const keyed = await create({ actionName: "deploy" }, { headers: { "Idempotency-Key": "create-1" } });
  return { succeeded, failed, cancelled, timedOut, again, running, stopping, pending, keyed };
}

/** Runs that wait, whose webhook is under way, or whose job gets a stop request. */
async function triggeredRuns(ci: string, admin: string): Promise<Record<string, KnownRun>> {
  const runs = {
    shipped: await start("ship", SHOP, ci),
    stopped: await start("ship", SHOP, ci),
    flaky: await start("flaky", SHOP, ci),
    unapproved: await start("release", SHOP, ci),
    later: await start(
      "ship",
      { ...SHOP, notBefore: new Date(Date.now() + 60 * MINUTE_MS).toISOString() },
      ci,
    ),
    holder: await start("queue", SHOP, ci),
    waiter: await start("queue", SHOP, ci),
    frozen: await start("freeze", SHOP, ci),
  };
  const isStarted = async (id: string) => (await ask(`GET`, `${RUNS}/${id}`)).body.status === "running";
  for (const { id } of [runs.shipped, runs.stopped, runs.holder]) await until(() => isStarted(id));
  const body = { graceSeconds: 3600, reason: "stop" };
  await done("POST", `${RUNS}/${runs.stopped.id}/cancel`, { token: admin, body });
  return runs;
}

/** Starts a bulk operation, and moves the clock on until it has ended, because an operation keeps a rate. */
async function bulkEnded(change: Record<string, unknown>, token: string): Promise<string> {
  const { status, body } = await startBulk(RUNS, change, { token });
  if (status !== 202) throw new Error(`the bulk operation was not started: ${JSON.stringify(body)}`);
  await until(async () => {
    tick(100);
    await runDurableObjectAlarm(coordinator(RUNS));
    return (await bulkOf(RUNS, body.id)).completedAt !== null;
  });
  return body.id;
}

/** Until no request to a receiver is under way. */
async function untilQuiet(): Promise<void> {
  const leased = ["deliveries", "stop_requests", "messages"].map(
    (table) =>
      `SELECT count(*) AS n FROM ${table} WHERE lease_until IS NOT NULL OR (attempt = 0 AND next_at IS NOT NULL)`,
  );
  const query = `SELECT sum(n) AS n FROM (${leased.join(" UNION ALL ")})`;
  for (const n of NUMBERS) {
    await until(async () => {
      await runDurableObjectAlarm(coordinator(RUNS));
      return (await journal<{ n: number }>(RUNS, query))[0]?.n === 0;
    }, 30_000);
  }
}

it("writes what this release stores", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: WRITTEN_AT });
  changed.CALLBACK_SIGNING_KEYS = SIGNING_KEY;
  const received = receivers();
  const secrets = await tokens();
  const signingSecret = await definitions(secrets.admin);
  const runs = {
    ...(await simpleRuns(secrets.admin, secrets.portal)),
    ...(await triggeredRuns(secrets.ci, secrets.admin)),
  };
  for (const label of ["bulk", "bulk"]) await create({ actionName: "import", labels: [label] });
  await landed(RUNS);
  const filter = { labels: ["bulk"], status: ["pending"] };
  const bulkId = await bulkEnded({ operation: "cancel", filter, maxRuns: 10 }, secrets.admin);
  await untilQuiet();
  await landed(RUNS);
  const answers: Record<string, unknown> = {};
  for (const query of ["status=failed&include=details", "label=night", "waiting=any"]) {
    answers[`${RUNS}?${query}`] = await done("GET", `${RUNS}?${query}`);
  }
  // The last run is only in its journal, because D1 is down.
  faults.writes = "down";
  const unlanded = await create({ actionName: "deploy", labels: ["unlanded"] });
  const known = Object.entries({ ...runs, unlanded });
  const sent = received.map(({ text }) => (JSON.parse(text) as { callback?: string }).callback ?? "");
  const callbackOf = (id: string) => {
    const token = sent.find((one) => one.startsWith(id));
    return token === undefined ? null : { url: `https://runs.example${RUNS}/${id}/callback`, token };
  };

  const versions = await done<readonly { readonly version: number }[]>(
    "GET",
    `${ENVIRONMENT}/actions/ship/versions`,
  );
  const paths = [
    ...known.flatMap(([, { id }]) => [`${RUNS}/${id}?include=details`, `${RUNS}/${id}/events`]),
    ...["ship", "release", "queue", "freeze", "flaky"].map((name) => `${ENVIRONMENT}/actions/${name}`),
    `${ENVIRONMENT}/actions/ship/versions`,
    ...versions.map(({ version }) => `${ENVIRONMENT}/actions/ship/versions/${version}`),
    `${ENVIRONMENT}/webhook-endpoints/chat`,
    `${ENVIRONMENT}/webhook-endpoints/chat/deliveries`,
    `${ENVIRONMENT}/pauses`,
    `${ENVIRONMENT}/concurrency-groups`,
    bulkPath(RUNS, bulkId),
    bulkPath(RUNS, bulkId, "/items"),
    `${PROJECT}/audit`,
    `${PROJECT}/tokens`,
  ];
  for (const path of paths) answers[path] = await done("GET", path);
  const journals = await Promise.all(NUMBERS.map((n) => dumpJournal(RUNS, n)));
  const release: Release = {
    secrets: { ...secrets, signingSecret },
    runs: Object.fromEntries(
      known.map(([name, { id, callback }]) => [name, { id, callback: callback ?? callbackOf(id) }]),
    ),
    bulkId,
    alarms: journals.map(({ alarmAt }) => alarmAt),
    answers,
  };
  await expect(await dumpD1()).toMatchFileSnapshot(`${packageJson.version}/d1.sql`);
  for (const [n, { sql }] of journals.entries()) {
    await expect(sql).toMatchFileSnapshot(`${packageJson.version}/journal-${n}.sql`);
  }
  await expect(`${JSON.stringify(release, null, 2)}\n`).toMatchFileSnapshot(
    `${packageJson.version}/release.json`,
  );
});
