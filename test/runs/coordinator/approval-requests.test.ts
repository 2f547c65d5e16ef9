/** A run that lacks approvals is announced from its creation on: once, and only while somebody can still approve it. */

import { describe, expect, it } from "vitest";
import type { RecoveryOrder } from "../../../src/runs/endpoint-deliveries.ts";

import { createAged, direct, HOUR_MS, journal, newIdIn, restart, until } from "../../support/direct.ts";
import { faults } from "../../support/faults.ts";
import { newRunsPath } from "../../support/requests.ts";
import { newRun } from "../../support/rows.ts";
import {
  answer,
  CHAT,
  deliveryRows,
  given,
  givenWorking,
  outside,
  pass,
  put,
  untilSent,
  useStandInEndpoints,
} from "./stand-in-endpoints.ts";

useStandInEndpoints();

const actor = (name: string) => ({ tokenId: name, tokenName: name, parents: [], person: null });

/** Creates a run that lacks so many approvals; 0: it has no such gate. Its time has not come, so nothing releases it during a test. */
async function request(path: string, required = 1): Promise<string> {
  const createdAt = Date.now();
  const id = await newIdIn(path, createdAt);
  const waitUntil = createdAt + 24 * HOUR_MS;
  const dispatch = { host: "ci.example", sealed: new Uint8Array(10), maxAttempts: 1, initialDelayMs: 1 };
  const run = newRun({
    id,
    createdAt,
    source: "action",
    actionVersion: 1,
    triggeredBy: "ann",
    deadlineAt: waitUntil + HOUR_MS,
    gates: {
      notBefore: createdAt + HOUR_MS,
      concurrency: null,
      sealedUnder: null,
      waitUntil,
      creator: actor("ann"),
      approval: required === 0 ? null : { required, allowSelf: false },
    },
  });
  const reply = await direct(path).runs.create(run, key(), { ...dispatch, startOn: "heartbeat" }, {});
  if (!reply.ok) throw new Error(`create: ${reply.reason}`);
  return id;
}

const key = () => ({ key: `m:${crypto.randomUUID()}`, fingerprint: "" });

async function approve(path: string, id: string, by = "bob"): Promise<void> {
  const reply = await direct(path).gates.approve(id, { by: actor(by), reason: null }, key());
  if (!reply.ok) throw new Error(`approve: ${reply.reason}`);
}

const reject = (path: string, id: string) => direct(path).gates.reject(id, { by: actor("bob"), reason: "no" }, key());
const resend = (path: string, id: string, type: "action_run.approval_requested" | "action_run.failed" | null) =>
  direct(path).endpoints.resend(CHAT, id, type);
const sent = () => outside.sent.map(({ runId, kind, type }) => [runId, kind, type]);

const APPROVAL = ["approval", "action_run.approval_requested"];

it("is announced once, though it waits for its time and an approval leaves it one short, and its end as well", async () => {
  const path = await givenWorking(CHAT);
  const id = await request(path, 2);
  await untilSent(1);
  expect(JSON.parse(outside.sent[0]?.details ?? "")).toMatchObject({
    waiting: { for: "time" },
    approval: { required: 2, approvals: [] },
  });
  expect(outside.sent[0]?.at).toBe(Date.parse(JSON.parse(outside.sent[0]?.actionRun ?? "").createdAt));
  await approve(path, id, "bob");
  // The run still asks for the same approval.
  expect(await journal(path, "SELECT change_seq, event_seq, ended_seq FROM runs")).toEqual([
    { change_seq: 2, event_seq: 1, ended_seq: null },
  ]);
  await approve(path, id, "eve");
  await direct(path).runs.cancel(id, { type: "cancel_requested", by: "ann", reason: null, graceMs: 0 }, key());
  await untilSent(2);
  expect(sent()).toEqual([
    [id, ...APPROVAL],
    [id, "ended", "action_run.cancelled"],
  ]);
});

it("has a delivery only if there is an endpoint, and if the run needs an approval", async () => {
  const silent = newRunsPath();
  await request(silent);
  const path = await given(CHAT);
  await createAged(path);
  await request(path, 0);
  const id = await request(path);
  await untilSent(1);
  expect((await deliveryRows(path)).map(({ run_id }) => run_id)).toEqual([id]);
  expect(await deliveryRows(silent)).toEqual([]);
});

it("is announced although the deliveries could not be written with the creation, in another object", async () => {
  const path = await givenWorking(CHAT);
  await journal(path, "CREATE TRIGGER broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'broken'); END");
  const [id, approved] = [await request(path), await request(path)];
  await approve(path, approved);
  await restart(path);
  await journal(path, "DROP TRIGGER broken");
  await pass(path, 31_000);
  await untilSent(1);
  // Nobody needs the delivery of a run that was approved meanwhile.
  await until(async () => (await journal(path, "SELECT 1 FROM metadata WHERE name = 'fan_out_after'")).length === 0);
  expect(sent()).toEqual([[id, ...APPROVAL]]);
});

describe("a delivery that nobody needs any more", () => {
  it.each([
    ["approved", approve],
    ["rejected", reject],
  ])("is dropped when its next attempt is due: the run is %s", async (_, decide) => {
    const path = await given(CHAT);
    const id = await request(path);
    await until(async () => outside.underWay.length === 1);
    await decide(path, id);
    outside.answers = () => 200;
    await answer(path, outside.underWay, 503);
    const kinds = async () => (await deliveryRows(path)).map((row) => [row.kind, row.state]);
    await until(async () => JSON.stringify(await kinds()).includes("waiting"));
    await pass(path, 6001);
    await until(async () => !JSON.stringify(await kinds()).includes("approval"));
    expect(sent().filter(([, kind]) => kind === "approval")).toHaveLength(1);
  });
});

it("can be sent again while the run lacks approvals, and no longer", async () => {
  const path = newRunsPath();
  outside.answers = () => 200;
  const id = await request(path);
  expect(await resend(path, id, "action_run.failed")).toBe("no_such_event");
  expect(await resend(path, id, null)).toBe("accepted");
  await untilSent(1);
  expect(await resend(path, id, "action_run.approval_requested")).toBe("accepted");
  await untilSent(2);
  expect(sent()).toEqual([
    [id, ...APPROVAL],
    [id, ...APPROVAL],
  ]);
  await approve(path, id);
  expect([await resend(path, id, null), await resend(path, id, "action_run.approval_requested")]).toEqual([
    "no_such_event",
    "no_such_event",
  ]);
});

describe("a recovery", () => {
  const recover = async (path: string, include: RecoveryOrder["include"], since = Date.now() - HOUR_MS) => {
    await direct(path).endpoints.recover(CHAT, { since, until: null, include });
    await until(async () => (await direct(path).endpoints.report(CHAT)).recovery?.isOver === true);
  };

  it("brings a request that the endpoint never heard of, if the run still lacks approvals", async () => {
    const path = newRunsPath();
    outside.answers = () => 200;
    const [id, approved] = [await request(path), await request(path)];
    await approve(path, approved);
    await put(path, CHAT);
    await recover(path, "missing", Date.now() + 1);
    await recover(path, "missing");
    await untilSent(1);
    await recover(path, "missing");
    expect(sent()).toEqual([[id, ...APPROVAL]]);
  });

  it("brings a request that was given up, with eight new attempts", async () => {
    const path = await given(CHAT);
    outside.answers = () => 422;
    const id = await request(path);
    await until(async () => (await deliveryRows(path))[0]?.state === "failed");
    outside.answers = () => 200;
    await recover(path, "failed");
    await until(async () => (await deliveryRows(path))[0]?.state === "delivered");
    expect(await deliveryRows(path)).toMatchObject([{ run_id: id, kind: "approval", attempt: 1 }]);
  });
});

/** Creates a run that lacks two approvals, is announced, and is announced again because the first one is withdrawn. */
async function requestAgain(path: string): Promise<string> {
  const id = await request(path, 2);
  await untilSent(1);
  await approve(path, id, "bob");
  faults.revoked = async () => ["bob"];
  await approve(path, id, "eve");
  faults.revoked = null;
  await untilSent(2);
  return id;
}

it("is announced again if an approval was withdrawn, because its token was revoked", async () => {
  const path = await givenWorking(CHAT);
  const id = await requestAgain(path);
  expect(sent()).toEqual([
    [id, ...APPROVAL],
    [id, ...APPROVAL],
  ]);
  const [first, second] = outside.sent;
  expect(second?.at).toBeGreaterThan(first?.at ?? 0);
  expect(JSON.parse(second?.details ?? "")).toMatchObject({ approval: { approvals: [] } });
});

it("stays to be sent again if only an attempt from before the withdrawal was delivered", async () => {
  const path = await given(CHAT);
  const id = await requestAgain(path);
  const [before, after] = outside.underWay;
  await answer(path, [before], 200);
  await answer(path, [after], 503);
  await until(async () => (await deliveryRows(path))[0]?.lease_until === null);
  expect(await deliveryRows(path)).toMatchObject([{ run_id: id, state: "waiting", attempt: 1 }]);
});
