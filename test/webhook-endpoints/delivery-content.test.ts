/** What a delivery says, and what its answer means. */

import { describe, expect, it } from "vitest";
import { DELIVERY_MAX_BYTES, INPUTS_MAX_BYTES, OUTPUT_MAX_BYTES, utf8Bytes } from "../../src/base/limits.ts";
import { type DeliveryAttempt, EVENT_TYPES } from "../../src/runs/endpoint-deliveries.ts";
import type { Run } from "../../src/runs/run.ts";
import { madeUpAttempt, messageId, renderDelivery, summaryOf } from "../../src/webhook-endpoints/delivery-content.ts";
import { judge } from "../../src/webhook-endpoints/send-delivery.ts";

import { attemptOf, ENDED_AT, endedRun, endpointOf, HOSTILE } from "./ended-run.ts";

const BASE = "https://runs.example";

function rendered(members: object, attempt: DeliveryAttempt) {
  return renderDelivery(endpointOf(members).definition, attempt, BASE);
}

function sent(members: object, attempt: DeliveryAttempt) {
  const delivery = rendered(members, attempt);
  if (!delivery.ok) throw new Error(delivery.error.message);
  return delivery.value;
}

function shownRun(members: Partial<Run>) {
  const { actionRun, details } = attemptOf(members);
  return { ...JSON.parse(actionRun), details: JSON.parse(details) };
}

const bodyOf = (attempt: DeliveryAttempt, members = {}) => JSON.parse(sent(members, attempt).body);

describe("without a payload", () => {
  it("the body is the event after Standard Webhooks, with the run and its details", () => {
    const attempt = attemptOf({ output: '{"url":"https://x.example"}' });
    expect(bodyOf(attempt)).toEqual({
      type: "action_run.failed",
      timestamp: "2026-01-31T12:03:12.000Z",
      data: {
        run: { ...JSON.parse(attempt.actionRun), details: JSON.parse(attempt.details) },
        previousStatus: "succeeded",
        retry: null,
        url: `${BASE}/acme/shop/envs/production/action-runs/${attempt.runId}`,
        consoleUrl: `${BASE}/console/-/acme/shop/production/runs/${attempt.runId}`,
      },
    });
    expect(attempt.actionRun).toContain("exit 1");
    expect(bodyOf(attempt).data.run.details).toMatchObject({
      labels: ["prod"],
      action: { name: "deploy", version: 3 },
    });
  });

  it("is the same at each attempt, and never read as a template", () => {
    const attempt = attemptOf({ error: "{{ run.id }} {{ oops", parameters: '{"{{ x }}":"{{ event.summary }}"}' });
    expect(bodyOf(attempt).data.run).toMatchObject({
      error: "{{ run.id }} {{ oops",
      parameters: { "{{ x }}": "{{ event.summary }}" },
    });
    expect(sent({}, attempt).body).toBe(sent({}, attempt).body);
  });

  const KIB = 1024;
  const holding = (bytes: number) => JSON.stringify({ a: "x".repeat(bytes - '{"a":""}'.length) });
  const SIZES: readonly [string, Partial<Run>, readonly string[] | undefined][] = [
    ["a large output", { output: holding(250 * KIB) }, undefined],
    ["an output and parameters", { output: holding(200 * KIB), parameters: holding(200 * KIB) }, ["output"]],
    ["parameters alone", { parameters: holding(INPUTS_MAX_BYTES - 2) }, ["output", "parameters"]],
    [
      "recommendations alone",
      { recommendations: holding(INPUTS_MAX_BYTES - 2) },
      ["output", "parameters", "recommendations"],
    ],
  ];
  it.each(SIZES)(
    "%s: output, parameters and recommendations become null until 256 KiB hold it",
    (_what, members, omitted) => {
      const attempt = attemptOf(members);
      const { body } = sent({}, attempt);
      expect(utf8Bytes(body)).toBeLessThanOrEqual(DELIVERY_MAX_BYTES);
      const { data } = JSON.parse(body);
      expect(data.omitted).toEqual(omitted);
      const nulls = Object.fromEntries((omitted ?? []).map((member) => [member, null]));
      expect(data.run).toEqual({ ...JSON.parse(attempt.actionRun), details: JSON.parse(attempt.details), ...nulls });
    },
  );

  it("the longest run of all still fits", () => {
    const control = (length: number) => "\u0001".repeat(length);
    const attempt = attemptOf(
      {
        output: JSON.stringify({ a: control(OUTPUT_MAX_BYTES / 6 - 2) }),
        recommendations: holding(INPUTS_MAX_BYTES - 2),
        error: control(8192),
        cancelReason: control(1024),
        cancelRequestedAt: 0,
        cancelBy: "\u{1f600}".repeat(255),
        actionName: "\u{1f600}".repeat(255),
        entityId: "\u{1f600}".repeat(255),
        externalUrl: "x".repeat(2048),
        labels: JSON.stringify(Array(10).fill("\u{1f600}".repeat(64))),
      },
      {},
      { at: 0, message: control(1024), progress: 1, tail: null },
    );
    expect(utf8Bytes(attempt.actionRun)).toBeGreaterThan(500 * KIB);
    expect(utf8Bytes(sent({}, attempt).body)).toBeLessThan(128 * KIB);
  });
});

describe("with a payload", () => {
  it("every placeholder has its value", () => {
    const members = { output: '{"a":[1]}', parameters: '{"a":"p"}', recommendations: '{"a":{}}', traceparent: "00-1" };
    const values = {
      "run.id": endedRun().id,
      "run.actionName": "deploy",
      "run.triggeredBy": "ci",
      "run.createdAt": "2026-01-31T12:00:00.000Z",
      "run.startedAt": "2026-01-31T12:00:00.000Z",
      "run.completedAt": "2026-01-31T12:03:12.000Z",
      "run.traceparent": "00-1",
      "run.status": "failed",
      "run.error": "exit 1",
      "run.output.a": [1],
      "run.url": `${BASE}/acme/shop/envs/production/action-runs/${endedRun().id}`,
      "run.consoleUrl": `${BASE}/console/-/acme/shop/production/runs/${endedRun().id}`,
      "entity.id": "svc/checkout",
      "parameters.a": "p",
      "recommendations.a": {},
      "event.type": "action_run.failed",
      "event.previousStatus": "succeeded",
      "event.summary": "deploy for svc/checkout: failed after 3m 12s",
    };
    const payload = Object.fromEntries(Object.keys(values).map((path) => [path, `{{ ${path} }}`]));
    expect(bodyOf(attemptOf(members), { payload })).toEqual(values);
  });

  it.each(HOSTILE)("%j arrives unchanged from every place that somebody can fill", (text) => {
    const value = JSON.stringify({ a: text });
    const inputs = { output: value, parameters: value, recommendations: value };
    const attempt = attemptOf({ actionName: text, entityId: text, triggeredBy: text, error: text, ...inputs });
    const wanted = {
      name: text,
      entity: text,
      by: text,
      error: text,
      out: text,
      in: text,
      rec: text,
      alone: { a: text },
    };
    const url = "https://hooks.example.com/?n={{ run.actionName }}&o={{ run.output.a }}";
    const delivery = sent(
      {
        url,
        payload: {
          name: "{{ run.actionName }}",
          entity: "{{ entity.id }}",
          by: "{{ run.triggeredBy }}",
          error: "{{ run.error }}",
          out: "{{ run.output.a }}",
          in: "{{ parameters.a }}",
          rec: "{{ recommendations.a }}",
          alone: "{{ run.output }}",
        },
      },
      attempt,
    );
    expect(JSON.parse(delivery.body)).toEqual(wanted);
    const { origin, pathname, searchParams } = new URL(delivery.url);
    expect(origin + pathname).toBe("https://hooks.example.com/");
    expect([...searchParams]).toEqual(["n", "o"].map((name) => [name, text.toWellFormed()]));
  });

  it.each(HOSTILE)("%j stays in its part of the path, or the delivery is refused", (text) => {
    const delivery = rendered(
      { url: "https://hooks.example.com/{{ run.actionName }}/x" },
      attemptOf({ actionName: text }),
    );
    expect(delivery.ok).toBe(!/\p{Cc}|%0a/u.test(text));
    if (!delivery.ok) return;
    const { pathname } = new URL(delivery.value.url);
    expect(pathname.split("/").map(decodeURIComponent)).toEqual(["", text.toWellFormed(), "x"]);
  });

  it("a form is a form, and secrets are put in", () => {
    const headers = { "Content-Type": "application/x-www-form-urlencoded", Authorization: "Bearer {{ secrets.KEY }}" };
    const delivery = sent(
      { headers, secrets: { KEY: "k&y" }, payload: { text: "{{ event.summary }}", token: "{{ secrets.KEY }}" } },
      attemptOf({ actionName: "a&b=c" }),
    );
    expect(delivery.body).toBe("text=a_b_c+for+svc%2Fcheckout%3A+failed+after+3m+12s&token=k%26y");
    expect(delivery.headers.Authorization).toBe("Bearer k&y");
  });

  it("the caller's position in a trace goes to no receiver by itself", () => {
    expect(sent({}, attemptOf({ traceparent: "00-1" })).headers).toEqual({});
  });

  it.each<[string, object, Partial<Run>, string]>([
    [
      "a parameter that empties a part of the path",
      { url: "https://hooks.example.com/{{ parameters.sha }}/x" },
      {},
      "url: has nothing between",
    ],
    [
      "a parameter that leaves the path",
      { url: "https://hooks.example.com/{{ parameters.sha }}/x" },
      { parameters: '{"sha":".."}' },
      "url: has a part . or ..",
    ],
    [
      "a long value in the URL",
      { url: "https://hooks.example.com/{{ run.actionName }}{{ entity.id }}" },
      { actionName: "ä".repeat(255), entityId: "ä".repeat(255) },
      "url: has more than 2048",
    ],
    [
      "a line break in a header",
      { headers: { X: "{{ run.error }}" } },
      { error: "a\r\nEvil: 1" },
      "headers.X: a value that was put in has characters",
    ],
    [
      "a payload of 512 KiB",
      { payload: Array(5).fill("{{ run.output }}") },
      { output: JSON.stringify({ a: "x".repeat(200_000) }) },
      "payload: has more than 524288 bytes",
    ],
  ])("%s can't be rendered", (_what, members, run, fault) => {
    const delivery = rendered(members, attemptOf(run));
    if (delivery.ok) throw new Error("rendered");
    expect(`${delivery.error.path.join(".")}: ${delivery.error.message}`.slice(0, fault.length)).toBe(fault);
  });
});

describe("the summary", () => {
  const summary = (members: Partial<Run>, isTest = false) => summaryOf(shownRun(members), "action_run.failed", isTest);

  it.each<[string, Partial<Run>]>([
    ["deploy for svc/checkout: failed after 3m 12s", {}],
    ["deploy: failed after 3m 12s", { entityId: null }],
    ["deploy: succeeded after 0s", { entityId: null, status: "succeeded", createdAt: ENDED_AT }],
    ["deploy: cancelled after 59s", { entityId: null, status: "cancelled", createdAt: ENDED_AT - 59_400 }],
    ["deploy: failed after 1m 0s", { entityId: null, createdAt: ENDED_AT - 59_600 }],
    ["deploy: failed after 2h 5m", { entityId: null, createdAt: ENDED_AT - 7_500_000 }],
    ["deploy: failed after 1d 3h", { entityId: null, createdAt: ENDED_AT - 100_000_000 }],
    ["é 東京 _ _: failed after 3m 12s", { entityId: null, actionName: "e\u0301 東京 \u{1d400} \u3164" }],
    ["deploy shop 1.4.2: failed after 3m 12s", { title: "deploy shop 1.4.2", subject: "shop" }],
    ["https:/_evil.example/_/_: failed after 3m 12s", { entityId: null, actionName: "https://evil.example////" }],
  ])("says %s", (expected, members) => {
    expect(summary(members)).toBe(expected);
  });

  it("of a request for approval says that the run waits, and keeps that if a name is long", () => {
    const line = (members: Partial<Run>) => summaryOf(shownRun(members), "action_run.approval_requested", false);
    expect(line({})).toBe("deploy for svc/checkout: waits for approval");
    expect(line({ actionName: "a".repeat(200) })).toMatch(/^a+\.\. for svc\/checkout: waits for approval$/);
    expect(line({ actionName: "a".repeat(200) })).toHaveLength(140);
  });

  it.each(HOSTILE)("of %j has only letters, digits, blanks and .-_/:", (text) => {
    for (const members of [
      { actionName: text },
      { entityId: text },
      { actionName: text, entityId: text },
      { title: text },
    ]) {
      const line = summary({ ...members, error: "the error" });
      expect(line).toMatch(/^[\p{L}\p{Nd} .\-_/:]+: failed after 3m 12s$/u);
      expect(line.length).toBeLessThanOrEqual(140);
      expect(line).not.toContain("//");
      expect(line).not.toMatch(/\p{Default_Ignorable_Code_Point}/u);
      expect(line).not.toContain("the error");
    }
  });

  it("cuts the longer name, and uses all of the 140 characters", () => {
    const [short, long] = ["a".repeat(20), "b".repeat(200)];
    expect(summary({ actionName: short, entityId: long })).toBe(
      `${short} for ${"b".repeat(92)}..: failed after 3m 12s`,
    );
    expect(summary({ actionName: long, entityId: short })).toBe(
      `${"b".repeat(92)}.. for ${short}: failed after 3m 12s`,
    );
    for (const both of [
      summary({ actionName: long, entityId: long }),
      summary({ actionName: long, entityId: null }, true),
    ]) {
      expect(both).toHaveLength(140);
    }
  });
});

it("a made-up run says so, in each event, and has a fresh id", () => {
  for (const type of EVENT_TYPES) {
    const isRequest = type === "action_run.approval_requested";
    const { definition } = endpointOf({ events: [type], actionNames: ["deploy"], labels: ["prod"] });
    const trial = { scope: "acme/shop/production", endpoint: "chat@1", definition, triggeredBy: "ann", now: ENDED_AT };
    const attempt = madeUpAttempt(trial);
    expect(madeUpAttempt(trial).runId).not.toBe(attempt.runId);
    const { data, ...event } = bodyOf(attempt);
    expect(event).toEqual({ type, timestamp: "2026-01-31T12:03:12.000Z" });
    expect(data).toMatchObject({
      test: true,
      previousStatus: null,
      run: {
        id: attempt.runId,
        actionName: "deploy",
        status: isRequest ? "pending" : type.split(".")[1],
        triggeredBy: "ann",
      },
    });
    expect(data.run.details.labels).toEqual(["prod"]);
    expect(bodyOf(attempt, { payload: "{{ event.summary }}" })).toBe(
      `Test: deploy for example: ${isRequest ? "waits for approval" : `${data.run.status} after 42s`}`,
    );
    expect([attempt.kind, data.run.completedAt === null]).toEqual([isRequest ? "approval" : "ended", isRequest]);
    expect([data.run.details.waiting, data.run.details.approval, data.run.details.action]).toEqual(
      isRequest
        ? [
            expect.objectContaining({ for: "approval", since: data.run.createdAt }),
            { required: 1, approvals: [] },
            { name: "deploy", version: 1 },
          ]
        : [null, null, null],
    );
  }
  expect(bodyOf(attemptOf()).data).not.toHaveProperty("test");
});

it("the id of a delivery names the run and its event", () => {
  const actionRun = JSON.stringify({ createdAt: new Date(1000).toISOString() });
  const idOf = (kind: "ended" | "approval", at: number) =>
    messageId({ ...attemptOf(), runId: "019c", kind, at, actionRun });
  expect(idOf("ended", 2000)).toBe("019c-ended");
  expect(idOf("approval", 1000)).toBe("019c-approval");
  // Approvals were withdrawn, so the run asks again.
  expect(idOf("approval", 2000)).toBe("019c-approval-2000");
});

describe("an answer", () => {
  const ANSWERS: readonly [number | null, string, boolean][] = [
    [200, "delivered", true],
    [302, "failed", true],
    [404, "failed", true],
    [400, "refused", true],
    [413, "refused", true],
    [422, "refused", true],
    [408, "failed", false],
    [429, "failed", false],
    [500, "failed", false],
    [999, "failed", false],
    [null, "failed", false],
  ];
  it.each(ANSWERS)("of %s: %s, alive: %s", (status, verdict, isAlive) => {
    expect(judge(status, true)).toEqual({ verdict, isAlive });
    expect(judge(status, false)).toEqual({ verdict, isAlive });
  });

  it("of 410 ends all deliveries of a URL, or one delivery of a URL that runs choose", () => {
    expect(judge(410, true)).toEqual({ verdict: "unwanted", isAlive: true });
    expect(judge(410, false)).toEqual({ verdict: "refused", isAlive: true });
  });
});
