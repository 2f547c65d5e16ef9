/** Runs that have ended, as an attempt of a delivery carries them. */

import { MINUTE_MS } from "../../src/base/time.ts";
import { detailsOf, type ShownHeartbeat, toActionRun } from "../../src/runs/action-run.ts";
import type { DeliveryAttempt } from "../../src/runs/endpoint-deliveries.ts";
import { begin, type Run } from "../../src/runs/run.ts";
import { endpointDefinition, type WholeEndpoint } from "../../src/webhook-endpoints/definition.ts";

export const SCOPE = "acme/shop/production";
export const ENDED_AT = Date.UTC(2026, 0, 31, 12, 3, 12);

/** Texts that chats, Markdown, terminals and templates read as more than text. */
export const HOSTILE = [
  "<@U123> <!channel> <!here|x> @everyone @here <#C1> <at>x</at>",
  "[click](https://evil.example/x) ![i](//evil.example) <https://evil.example|ok>",
  "https://evil.example/login www.evil.example evil.example",
  "**bold** _i_ ~~s~~ `code` ```\nblock\n``` > quote # head || spoiler ||",
  'quotes " \' \\ </script><b>x</b> &amp; {"a":1}',
  "lines\r\nand\ttabs\u0000\u0007\u001b[31mred\u2028\u2029\u0085",
  "\u202egnirts\u202c \u200f\u200e\u2066x\u2069 zero\u200bwidth\ufeff \u{e0041}\u00ad\u3164",
  "{{ run.error }} {{ secrets.KEY }} $(id) %0a {{ json run }}",
  "*zażółć* ÄÖÜ 東京 \u{1f600} \u{1d400} e\u0301",
  "\ud800 half",
  "x".repeat(255),
];

/** An ended run, with these members. */
export function endedRun(members: Partial<Run> = {}): Run {
  const createdAt = ENDED_AT - 192_000;
  const run = begin(
    {
      id: "019c0e5a-1800-8000-8000-0000000000aa",
      actionName: "deploy",
      title: null,
      subject: null,
      entityId: "svc/checkout",
      parameters: '{"branch":"main"}',
      recommendations: "{}",
      triggeredBy: "ci",
      createdAt,
      deadlineAt: createdAt + 60 * MINUTE_MS,
      heartbeatTimeoutMs: null,
      source: "action",
      actionVersion: 3,
      retryOf: null,
      labels: '["prod"]',
      traceparent: null,
      via: null,
      timeoutMs: 60 * MINUTE_MS,
      gates: null,
    },
    createdAt,
  );
  return {
    ...run,
    status: "failed",
    error: "exit 1",
    endCause: "callback",
    startedAt: createdAt,
    completedAt: ENDED_AT,
    ...members,
  };
}

export function attemptOf(
  members: Partial<Run> = {},
  more: Partial<DeliveryAttempt> = {},
  heartbeat: ShownHeartbeat | null = null,
): DeliveryAttempt {
  const run = endedRun(members);
  return {
    scope: SCOPE,
    endpoint: "chat@1",
    runId: run.id,
    kind: "ended",
    type: "action_run.failed",
    at: ENDED_AT,
    actionRun: toActionRun(run),
    details: detailsOf({ ...run, createKey: "" }, { heartbeat, queuePosition: null }),
    previousStatus: "succeeded",
    ...more,
  };
}

export function endpointOf(members: object, more: Partial<WholeEndpoint> = {}): WholeEndpoint {
  return {
    name: "chat",
    version: 7,
    createdVersion: 1,
    origin: "http://localhost:8787",
    signingSecrets: [],
    disabledReason: null,
    definition: endpointDefinition.parse({ url: "https://hooks.example.com/in", events: ["action_run.*"], ...members }),
    ...more,
  };
}
