/** Automatic retries: which ends they follow, how they begin, and what prevents them. */

import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { DAY_MS } from "../../src/base/time.ts";
import { begin as begun } from "../../src/runs/run.ts";
import { nextRetryOf } from "../../src/runs/starts.ts";
import { later } from "../support/clock.ts";
import { coordinator, direct, journal, newIdIn, restart, sqlStorage, until } from "../support/direct.ts";
import { faults, resetFaults } from "../support/faults.ts";
import { receiver } from "../support/receiver/client.ts";
import { ask, newRunsPath } from "../support/requests.ts";
import { newRun } from "../support/rows.ts";
import { detailsOf, startGated } from "../support/runs/gated.ts";
import { grantToken } from "../support/tokens.ts";
import { useSettings } from "../support/use-settings.ts";
import { alarmsIn, hearsOf, putEndpoint, untilCertain, untilFannedOut } from "../webhook-endpoints/deliveries.ts";
import { answering, ORIGIN } from "../webhooks/runs.ts";
import { begin, failAndRetry, reports, retryOf, start, storeAction } from "./starts.ts";

await useSettings("development");

const RETRY = { retry: { attempts: 2, delaySeconds: 600 } };

/** An action of a token that is not the operator's. D1 does not say whether that token lives until the faults are reset. */
async function storeUnasked(runs: string, members: object): Promise<void> {
  const admin = await grantToken(runs.split("/").slice(0, 3).join("/"), { role: "admin" });
  await storeAction(runs, members, "deploy", admin.token);
}
function hideTokens(): void {
  faults.reads = { refuse: (_bound, sql) => sql.startsWith("SELECT expires_at AS expiresAt FROM tokens") };
}

const plans = (runs: string) => journal(runs, "SELECT run_id, retry_id FROM planned_retries ORDER BY run_id");

describe("the rule", () => {
  const rule = { attempt: 0, delaysMs: [1000, 5000], on: ["failed", "delivery"], origin: "" } as const;
  const failed = {
    ...begun(newRun({ id: "0198a5d0-0000-7000-8000-00000000000a", retryRule: rule }), 0),
    status: "failed",
    completedAt: 100,
  } as const;

  it.each([
    ["the job says that it failed", { endCause: "callback" }, 1],
    ["no receiver takes the webhook", { endCause: "delivery" }, 1],
    ["a deadline that is not named passes", { endCause: "deadline" }, null],
    ["a deadline that is named passes", { endCause: "deadline", retryRule: { ...rule, on: ["timeout"] } }, 1],
    ["a named silence", { endCause: "silence", retryRule: { ...rule, on: ["timeout"] } }, 1],
    ["a wait at a gate that was too long", { endCause: "gate" }, null],
    ["the second retry", { endCause: "callback", retryRule: { ...rule, attempt: 1 } }, 2],
    ["no retry is left", { endCause: "callback", retryRule: { ...rule, attempt: 2 } }, null],
    ["a success", { status: "succeeded", endCause: "callback" }, null],
    ["a failure after somebody asked the job to stop", { endCause: "callback", cancelRequestedAt: 50 }, null],
    ["a run without a rule", { endCause: "callback", retryRule: null }, null],
  ] as const)("follows if %s: %j", (_what, members, attempt) => {
    expect(nextRetryOf({ ...failed, ...members })?.attempt ?? null).toBe(attempt);
  });

  it("waits as long as it says for this retry, from the end on", () => {
    const second = { ...failed, endCause: "callback", retryRule: { ...rule, attempt: 1 } } as const;
    expect(nextRetryOf(second)?.at).toBe(5100);
  });
});

describe("an action", () => {
  it.each([
    ["no trigger", { ...RETRY, trigger: undefined }, 422, "trigger_required", "/retry"],
    ["no retry", { retry: { attempts: 0, delaySeconds: 1 } }, 400, "invalid_body", "/retry/attempts"],
    ["six retries", { retry: { attempts: 6, delaySeconds: 1 } }, 400, "invalid_body", "/retry/attempts"],
    [
      "a list of another length",
      { retry: { attempts: 2, delaySeconds: [1] } },
      400,
      "invalid_body",
      "/retry/delaySeconds",
    ],
    [
      "a delay of two days",
      { retry: { attempts: 1, delaySeconds: 172_800 } },
      400,
      "invalid_body",
      "/retry/delaySeconds",
    ],
    ["no end", { retry: { attempts: 1, delaySeconds: 1, on: [] } }, 400, "invalid_body", "/retry/on"],
    [
      "an end that is none",
      { retry: { attempts: 1, delaySeconds: 1, on: ["cancelled"] } },
      400,
      "invalid_body",
      "/retry/on/0",
    ],
  ])("with %s is refused", async (_what, members, status, code, pointer) => {
    const body = { trigger: { type: "webhook", url: "https://ci.example.com/hook" }, ...members };
    const path = `${newRunsPath().replace(/action-runs$/, "actions")}/deploy`;
    expect(await ask("PUT", path, { body })).toMatchObject({ status, body: { code, pointer } });
  });

  it("that retries is stored anew if another token sends the same, because its runs need a token that lives", async () => {
    const runs = newRunsPath();
    const path = `${ORIGIN}${runs.replace(/action-runs$/, "actions")}/deploy`;
    await storeAction(runs, RETRY);
    const { body, headers } = await ask<object>("GET", path);
    const again = await ask("PUT", path, { body });
    expect(again.headers.get("ETag")).toBe(headers.get("ETag"));
    const admin = await grantToken(runs.split("/").slice(0, 3).join("/"), { role: "admin" });
    const others = await ask("PUT", path, { body, token: admin.token });
    expect(others.headers.get("ETag")).not.toBe(headers.get("ETag"));
  });

  it("that retries is not stored for a portal that names no person", async () => {
    const runs = newRunsPath();
    const portal = await grantToken(runs.split("/").slice(0, 3).join("/"), { role: "admin", mayActForOthers: true });
    const path = `${ORIGIN}${runs.replace(/action-runs$/, "actions")}/deploy`;
    const body = { trigger: { type: "webhook", url: "https://ci.example.com/hook" }, ...RETRY };
    const options = { body, token: portal.token };
    expect(await ask("PUT", path, options)).toMatchObject({ status: 422, body: { code: "person_required" } });
    const named = { ...options, headers: { "On-Behalf-Of": "ada@example.com" } };
    expect((await ask("PUT", path, named)).status).toBe(201);
  });
});

describe("a retry", () => {
  it("is a run of its own that waits for its time, with the inputs and the creator of the first", async () => {
    const runs = newRunsPath();
    await storeAction(runs, RETRY);
    const first = await start(runs, { parameters: { version: "7" }, labels: ["mine"] });
    const id = await failAndRetry(runs, first);
    const ended = await detailsOf(runs, first);
    const at = new Date(Date.parse(ended.completedAt ?? "") + 600_000).toISOString();
    expect(ended.details.retry).toEqual({ runId: id, at, attempt: 1, dropped: null });
    const retry = await detailsOf(runs, id);
    expect(retry).toMatchObject({ status: "pending", parameters: { version: "7" }, triggeredBy: ended.triggeredBy });
    expect(retry.details).toMatchObject({ retryOf: first, via: "retry", labels: ["mine"] });
    expect(retry.details.waiting).toMatchObject({ for: "time", notBefore: at });
    expect(await plans(runs)).toEqual([{ run_id: first, retry_id: id }]);
    const { body } = await ask<object[]>("GET", `${runs}/${first}/events`);
    expect(body.at(-1)).toMatchObject({ type: "ended", status: "failed", retryAt: at });
  });

  it("follows as often as the action says, and then no more", async () => {
    const runs = newRunsPath();
    await storeAction(runs, RETRY);
    let id = await start(runs);
    for (const attempt of [1, 2]) {
      const next = await failAndRetry(runs, id);
      expect((await retryOf(runs, id)).attempt).toBe(attempt);
      await begin(runs, next);
      id = next;
    }
    expect(await plans(runs)).toEqual([]);
    await reports(runs, id, "failed");
    expect((await detailsOf(runs, id)).details.retry).toBeNull();
    expect(await plans(runs)).toEqual([]);
  });

  it("starts at once if its time has come when it is made", async () => {
    const runs = newRunsPath();
    await storeUnasked(runs, { retry: { attempts: 1, delaySeconds: 1 } });
    const first = await start(runs);
    hideTokens();
    await reports(runs, first, "failed");
    later(2000);
    resetFaults();
    await runDurableObjectAlarm(coordinator(runs));
    const { runId } = await retryOf(runs, first);
    expect((await detailsOf(runs, runId ?? "")).details.waiting).toBeNull();
    expect(await plans(runs)).toEqual([]);
  });

  it("is asked to be approved anew, and not by who created the first run", async () => {
    const runs = newRunsPath();
    const project = runs.split("/").slice(0, 3).join("/");
    await storeAction(runs, { ...RETRY, approval: {} });
    const ada = await grantToken(project, { role: "member", mayApprove: true });
    const { body } = await startGated(ORIGIN + runs, {}, { token: ada.token });
    expect((await ask("POST", `${runs}/${body.id}/approve`)).status).toBe(200);
    const id = await failAndRetry(runs, body.id);
    const approving = (token?: string) => ask("POST", `${runs}/${id}/approve`, token === undefined ? {} : { token });
    expect(await approving(ada.token)).toMatchObject({ status: 403, body: { code: "own_run" } });
    expect((await approving()).status).toBe(200);
  });

  it.each([
    ["a refusal", 404, ["delivery"], true],
    ["an answer after which the job may have begun", 504, ["failed", "delivery"], false],
    ["that, if timeout is named", 504, ["timeout"], true],
  ] as const)("follows a webhook that was not taken: %s", async (_what, status, on, isRetried) => {
    const runs = newRunsPath();
    const to = await answering({ status });
    const trigger = { type: "webhook", url: to.url, retry: { maxAttempts: 1 } };
    await storeAction(runs, { trigger, retry: { attempts: 1, delaySeconds: 600, on } });
    const id = await start(runs);
    await until(async () => (await detailsOf(runs, id)).status === "failed");
    expect((await detailsOf(runs, id)).details.retry !== null).toBe(isRetried);
  });

  it("that is planned when the object dies is made by the next, and only once", async () => {
    const runs = newRunsPath();
    await storeUnasked(runs, RETRY);
    const first = await start(runs);
    hideTokens();
    await reports(runs, first, "failed");
    await restart(runs);
    expect(await plans(runs)).toEqual([{ run_id: first, retry_id: null }]);
    resetFaults();
    const { runId } = await retryOf(runs, first);
    await restart(runs);
    await detailsOf(runs, first);
    expect(await journal(runs, "SELECT id FROM runs WHERE retry_of = ?", first)).toEqual([{ id: runId }]);
  });

  it("is not made when the token that stored the action is revoked, and says why", async () => {
    const runs = newRunsPath();
    const project = runs.split("/").slice(0, 3).join("/");
    const admin = await grantToken(project, { role: "admin" });
    await storeAction(runs, RETRY, "deploy", admin.token);
    const first = await start(runs);
    expect((await ask("DELETE", `${project}/tokens/${admin.id}`)).status).toBeLessThan(300);
    await reports(runs, first, "failed");
    const { dropped, runId } = await retryOf(runs, first, (retry) => retry.dropped !== null);
    expect([dropped, runId]).toEqual(["The token that stored the action was revoked. Store the action again.", null]);
    expect(await plans(runs)).toEqual([]);
  });

  it("is not made when the token that created the run is revoked, and is made when it has only expired", async () => {
    const runs = newRunsPath();
    const project = runs.split("/").slice(0, 3).join("/");
    await storeAction(runs, { ...RETRY, subject: "{{ parameters.n }}" });
    const retryFor = async (n: string, role: object, end: (id: string) => Promise<unknown>) => {
      const creator = await grantToken(project, { role: "member", ...role });
      const { body } = await startGated(ORIGIN + runs, { parameters: { n } }, { token: creator.token });
      await end(creator.id);
      await reports(runs, body.id, "failed");
      return retryOf(runs, body.id, ({ dropped, runId }) => (dropped ?? runId) !== null);
    };
    const revoked = await retryFor("1", {}, (id) => ask("DELETE", `${project}/tokens/${id}`));
    expect(revoked.dropped).toMatch(/^The token that created the run was revoked\./);
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    expect((await retryFor("2", { expiresAt }, async () => later(120_000))).dropped).toBeNull();
  });

  it("is not made if the action refuses the inputs now, and says why", async () => {
    const runs = newRunsPath();
    await storeAction(runs, RETRY);
    const first = await start(runs);
    await storeAction(runs, { ...RETRY, parametersSchema: { type: "object", required: ["region"] } });
    await reports(runs, first, "failed");
    const { dropped } = await retryOf(runs, first, (retry) => retry.dropped !== null);
    expect(dropped).toMatch(/^The retry was refused as invalid_parameters\. /);
  });
});

describe("a retry that waits", () => {
  it("refuses a manual one with its id, and a manual one is taken when it was cancelled", async () => {
    const runs = newRunsPath();
    await storeAction(runs, RETRY);
    const first = await start(runs);
    const id = await failAndRetry(runs, first);
    const manual = () => ask<{ code: string; error: string }>("POST", `${ORIGIN}${runs}/${first}/retry`, { body: {} });
    const refused = await manual();
    expect([refused.status, refused.body.code]).toEqual([409, "retry_planned"]);
    expect(refused.body.error).toContain(id);
    await ask("POST", `${runs}/${id}/cancel`);
    expect((await retryOf(runs, first)).dropped).toBe(`The retry ${id} was cancelled while it waited.`);
    expect(await plans(runs)).toEqual([]);
    expect((await manual()).status).toBe(201);
  });

  it("is refused in the create itself, if a manual one and the end cross", async () => {
    const runs = newRunsPath();
    await storeAction(runs, RETRY);
    const first = await start(runs);
    await failAndRetry(runs, first);
    const input = newRun({ id: await newIdIn(runs, Date.now()), retryOf: first, createdAt: Date.now() });
    const key = { key: "m:crossed", fingerprint: "" };
    expect(await direct(runs).runs.create(input, key, null)).toEqual({ ok: false, reason: "retry_planned" });
    const dropped = { key: `t:auto:${crypto.randomUUID()}`, fingerprint: "" };
    const other = newRun({ ...input, retryOf: dropped.key.slice(7) });
    expect(await direct(runs).runs.create(other, dropped, null)).toEqual({ ok: false, reason: "retry_dropped" });
  });

  it("is replaced by a newer run of the same action, entity and subject, and by no other", async () => {
    const runs = newRunsPath();
    await storeAction(runs, { ...RETRY, subject: "{{ parameters.service }}" });
    const of = (service: string) => start(runs, { parameters: { service } });
    const first = await of("shop");
    const id = await failAndRetry(runs, first);
    await of("mail");
    expect((await detailsOf(runs, id)).status).toBe("pending");
    const newer = await of("shop");
    expect(await detailsOf(runs, id)).toMatchObject({ status: "cancelled" });
    expect((await detailsOf(runs, first)).details.retry?.dropped).toBe(`The newer run ${newer} replaced this one.`);
    expect(await plans(runs)).toEqual([]);
  });

  it("is settled by the next object if the last one could not write that it was cancelled", async () => {
    const runs = newRunsPath();
    await storeAction(runs, RETRY);
    const first = await start(runs);
    const id = await failAndRetry(runs, first);
    const storage = await sqlStorage(runs);
    const { exec } = storage;
    const failing = vi.spyOn(storage, "exec").mockImplementation(function full(this: SqlStorage, query, ...bindings) {
      if (query.startsWith("DELETE FROM planned_retries")) throw new Error("the object is full");
      return exec.call(this, query, ...bindings);
    } as SqlStorage["exec"]);
    await ask("POST", `${runs}/${id}/cancel`);
    failing.mockRestore();
    expect(await plans(runs)).toEqual([{ run_id: first, retry_id: id }]);
    await restart(runs);
    expect((await retryOf(runs, first, ({ dropped }) => dropped !== null)).runId).toBe(id);
    expect(await plans(runs)).toEqual([]);
  });

  it("is dropped by a newer run before it was made", async () => {
    const runs = newRunsPath();
    await storeUnasked(runs, RETRY);
    const first = await start(runs);
    hideTokens();
    await reports(runs, first, "failed");
    const newer = await start(runs);
    resetFaults();
    expect((await detailsOf(runs, first)).details.retry).toMatchObject({
      runId: null,
      dropped: `The newer run ${newer} replaced the retry.`,
    });
    await restart(runs);
    expect(await journal(runs, "SELECT id FROM runs WHERE retry_of IS NOT NULL")).toEqual([]);
  });

  it("is cancelled when the run that it repeats is erased", async () => {
    const runs = newRunsPath();
    const project = runs.split("/").slice(0, 3).join("/");
    await storeAction(runs, RETRY);
    const first = await start(runs);
    const id = await failAndRetry(runs, first);
    const other = await grantToken(project, { role: "owner" });
    const body = { reason: "asked to be forgotten" };
    expect((await ask("POST", `${runs}/${first}/erase`, { body, token: other.token })).status).toBeLessThan(300);
    expect(await detailsOf(runs, id)).toMatchObject({ status: "cancelled" });
    expect(await plans(runs)).toEqual([]);
  });
});

describe("an endpoint", () => {
  const messages = async (to: ReturnType<typeof receiver>, n: number) =>
    (await to.untilInbox(n)).map(({ body }) => JSON.parse(body).data as { run: { id: string }; retry: object | null });

  /** A run, an endpoint that wants final ends, and one that wants all. */
  const withEndpoints = async () => {
    const runs = newRunsPath();
    const [to, all] = [receiver(), receiver()];
    await storeAction(runs, RETRY);
    await putEndpoint(runs, to, { final: true }, "final");
    await putEndpoint(runs, all, {}, "all");
    return { runs, to, all, first: await start(runs) };
  };

  it("reads in a message which run retries the one that failed", async () => {
    const runs = newRunsPath();
    const to = receiver();
    await storeAction(runs, RETRY);
    await putEndpoint(runs, to);
    const first = await start(runs);
    const runId = await failAndRetry(runs, first);
    const [message] = await messages(to, 1);
    const { at, attempt } = await retryOf(runs, first);
    expect(message).toMatchObject({ run: { id: first }, retry: { runId, at, attempt } });
    await begin(runs, runId);
    await reports(runs, runId, "succeeded");
    expect((await messages(to, 2))[1]).toMatchObject({ run: { id: runId }, retry: null });
  });

  it("that wants final ends hears only of the last one", async () => {
    const { runs, first, to, all } = await withEndpoints();
    const second = await failAndRetry(runs, first);
    await begin(runs, second);
    const third = await failAndRetry(runs, second);
    await begin(runs, third);
    await reports(runs, third, "succeeded");
    expect((await messages(all, 3)).map(({ run }) => run.id).sort()).toEqual([first, second, third].sort());
    expect((await messages(to, 1)).map(({ run }) => run.id)).toEqual([third]);
  });

  it("that wants final ends hears late of a run whose retry was cancelled, and others do not hear of it again", async () => {
    const { runs, first, to, all } = await withEndpoints();
    const retry = await failAndRetry(runs, first);
    await messages(all, 1);
    // After a week, nobody knows any more who has heard.
    await journal(runs, "DELETE FROM deliveries");
    await journal(runs, `UPDATE runs SET completed_at = completed_at - ${7 * DAY_MS} WHERE id = '${first}'`);
    await ask("POST", `${runs}/${retry}/cancel`);
    expect((await messages(to, 2)).map(({ run }) => run.id).sort()).toEqual([first, retry].sort());
    expect((await messages(all, 2)).map(({ run }) => run.id).sort()).toEqual([first, retry].sort());
  });

  it("that wanted final ends until a retry was planned hears of the run once the retry is cancelled", async () => {
    const { runs, first, to } = await withEndpoints();
    const retry = await failAndRetry(runs, first);
    await putEndpoint(runs, to, {}, "final");
    await untilCertain(runs);
    await ask("POST", `${runs}/${retry}/cancel`);
    expect((await messages(to, 2)).map(({ run }) => run.id).sort()).toEqual([first, retry].sort());
  });

  it("that was stored after an end does not hear of it when a walk meets its retry's cancel", async () => {
    const { runs, first, to } = await withEndpoints();
    const retry = await failAndRetry(runs, first);
    await putEndpoint(runs, receiver(), {}, "later");
    await ask("POST", `${runs}/${retry}/cancel`);
    await messages(to, 2);
    // A walk goes over what happened since the last endpoint came.
    await putEndpoint(runs, receiver(), {}, "last");
    await alarmsIn(runs, 1000);
    await untilFannedOut(runs);
    const hears = await hearsOf(runs);
    expect([hears(first), hears(retry)]).toEqual([
      ["all", "final"],
      ["all", "final", "later"],
    ]);
  });

  it("that wants changes compares final ends: a job that fails twice and then succeeds has recovered once", async () => {
    const runs = newRunsPath();
    const to = receiver();
    await storeAction(runs, RETRY);
    await putEndpoint(runs, to, {
      onlyOnChange: true,
      payload: { was: "{{ event.previousStatus }}", id: "{{ run.id }}" },
    });
    const told = async (n: number) => (await to.untilInbox(n)).map(({ body }) => JSON.parse(body) as object);
    let last = await start(runs);
    await storeAction(runs);
    const broken = await start(runs);
    await reports(runs, broken, "failed");
    expect(await told(1)).toEqual([{ was: null, id: broken }]);
    for (let n = 0; n < 2; n++) last = await failAndRetryWith(runs, last);
    await reports(runs, last, "succeeded");
    expect((await told(2))[1]).toEqual({ was: "failed", id: last });
    // It has succeeded before, so a chain that ends well is no change.
    const again = await failAndRetryWith(runs, await start(runs));
    await reports(runs, again, "succeeded");
    await storeAction(runs);
    await reports(runs, await start(runs), "failed");
    expect((await told(3)).slice(2)).toMatchObject([{ was: "succeeded" }]);
  });
});

it("an endpoint that is stored later takes no end for final that was retried", async () => {
  const runs = newRunsPath();
  const to = receiver();
  await storeAction(runs, RETRY);
  await reports(runs, await start(runs), "succeeded");
  const second = await failAndRetryWith(runs, await start(runs));
  const payload = { was: "{{ event.previousStatus }}", id: "{{ run.id }}" };
  await putEndpoint(runs, to, { onlyOnChange: true, payload });
  await reports(runs, second, "succeeded");
  await storeAction(runs);
  const last = await start(runs);
  await reports(runs, last, "failed");
  const [first] = await to.untilInbox(1);
  expect(JSON.parse(first?.body ?? "")).toEqual({ was: "succeeded", id: last });
});

/** The action has no rule any more, but the run has it. */
async function failAndRetryWith(runs: string, id: string): Promise<string> {
  await storeAction(runs, RETRY);
  const next = await failAndRetry(runs, id);
  await begin(runs, next);
  return next;
}

it("an action without a rule writes nothing for retries", async () => {
  const runs = newRunsPath();
  await storeAction(runs);
  await reports(runs, await start(runs), "failed");
  expect(await journal(runs, "SELECT retry_rule, next_retry FROM runs")).toEqual([
    { retry_rule: null, next_retry: null },
  ]);
  expect(await plans(runs)).toEqual([]);
});
