/**
 * What a delivery says: its id, its context for templates, and its body without a payload. PURE. It is made for each
 * attempt from the run as it is, so a changed endpoint counts at once. No callback token is in it.
 */

import { newUuidV7 } from "../base/ids.ts";
import { isJsonObject } from "../base/json.ts";
import { DELIVERY_MAX_BYTES, SUMMARY_MAX_CHARACTERS, utf8Bytes } from "../base/limits.ts";
import type { Result } from "../base/result.ts";
import { DAY_MS, rfc3339 } from "../base/time.ts";
import type { MemberFault } from "../http/errors.ts";
import { detailsOf, toActionRun, withDetails } from "../runs/action-run.ts";
import {
  type DeliveryAttempt,
  type EndpointKey,
  EVENT_TYPES,
  type EventType,
  eventOf,
} from "../runs/endpoint-deliveries.ts";
import { begin, type Gates, type Run } from "../runs/run.ts";
import { type EventContext, IN_ENDPOINT_URL } from "../webhooks/placeholder.ts";
import { type Rendered, renderRequest } from "../webhooks/render.ts";
import type { EndpointDefinition } from "./definition.ts";

type ShownRetry = NonNullable<EventContext["event"]["retry"]>;

/** The members of an ActionRun that templates reach, and `details`. */
type ShownRun = Omit<EventContext["run"], "url" | "consoleUrl" | Detail> &
  Pick<EventContext, "parameters" | "recommendations"> & {
    readonly entityId: string | null;
    readonly details: Pick<EventContext["run"], Detail> & {
      readonly retry: (ShownRetry & { readonly dropped: string | null }) | null;
    };
  };

type Detail = "traceparent" | "title" | "subject";

/** Null if none follows, or none after all. */
function retryOf({ details: { retry } }: ShownRun): ShownRetry | null {
  if (retry === null || retry.dropped !== null) return null;
  const { runId, at, attempt } = retry;
  return { runId, at, attempt };
}

/** Each attempt has the same id, so that receivers can drop repetitions. A second request for approvals has another id. */
export function messageId({ runId, kind, at, actionRun }: DeliveryAttempt): string {
  const isAgain = kind === "approval" && at !== Date.parse((JSON.parse(actionRun) as ShownRun).createdAt);
  return `${runId}-${kind}${isAgain ? `-${at}` : ""}`;
}

/** `base`: the service's URL. */
function linksOf(base: string, scope: string, runId: string) {
  const [o, p, envName] = scope.split("/");
  return {
    url: `${base}/${o}/${p}/envs/${envName}/action-runs/${runId}`,
    consoleUrl: `${base}/console/-/${o}/${p}/${envName}/runs/${runId}`,
  };
}

/** The request with all placeholders put in, or what can't be rendered. `base`: the service's URL. */
export function renderDelivery(
  { url, headers, payload, secrets = {} }: Pick<EndpointDefinition, "url" | "headers" | "payload" | "secrets">,
  attempt: DeliveryAttempt,
  base: string,
): Result<Rendered, MemberFault> {
  const whole = withDetails(attempt.actionRun, attempt.details);
  const run = JSON.parse(whole) as ShownRun;
  const links = linksOf(base, attempt.scope, attempt.runId);
  const request =
    payload === undefined ? { body: defaultBody(attempt, whole, { ...links, retry: retryOf(run) }) } : { payload };
  return renderRequest(
    { url, method: "POST", headers, ...request },
    { ...contextOf(run, attempt, links), secrets },
    [],
    IN_ENDPOINT_URL,
  );
}

type Links = ReturnType<typeof linksOf>;

function contextOf(
  run: ShownRun,
  { type, previousStatus, isTest = false }: DeliveryAttempt,
  links: Links,
): EventContext {
  const { parameters, recommendations, entityId, details, ...shown } = run;
  const { traceparent, title, subject } = details;
  const output = isJsonObject(run.output) ? run.output : null;
  return {
    run: { ...shown, output, ...links, traceparent, title, subject },
    parameters,
    recommendations,
    entity: { id: entityId },
    event: { type, previousStatus, summary: summaryOf(run, type, isTest), retry: retryOf(run) },
  };
}

/** What is left out of a body that is too large, in this order. */
const OMITTED = ["output", "parameters", "recommendations"] as const;

/**
 * The body without a payload, after Standard Webhooks. Past 256 KiB, members of the run become null until it fits, and
 * `data.omitted` names them. Without these three, a run has less than 128 KiB, escapes included.
 */
function defaultBody(
  { type, at, previousStatus, isTest = false }: DeliveryAttempt,
  whole: string,
  besides: Links & { readonly retry: ShownRetry | null },
): string {
  const written = (run: string, omitted: readonly string[]) => {
    const more = { ...besides, ...(omitted.length > 0 && { omitted }), ...(isTest && { test: true }) };
    const rest = JSON.stringify({ previousStatus, ...more }).slice(1);
    return `{"type":"${type}","timestamp":"${rfc3339(at)}","data":{"run":${run},${rest}}`;
  };
  let body = written(whole, []);
  for (let n = 1; n <= OMITTED.length && utf8Bytes(body) > DELIVERY_MAX_BYTES; n++) {
    const omitted = OMITTED.slice(0, n);
    const nulls = Object.fromEntries(omitted.map((member) => [member, null]));
    body = written(JSON.stringify({ ...(JSON.parse(whole) as ShownRun), ...nulls }), omitted);
  }
  return body;
}

type Summarized = Pick<ShownRun, "actionName" | "entityId" | "status" | "createdAt" | "completedAt"> & {
  readonly details: Pick<ShownRun["details"], "title">;
};

/** GitHub refuses a commit status that has letters beyond the basic plane. Some letters have no glyph. */
const NOT_PLAIN = /[^\p{L}\p{Nd} ._/:-]|[\u{10000}-\u{10ffff}]|\p{Default_Ignorable_Code_Point}/gu;
const CUT = "..";

/**
 * One line about an event of a run, for chats and commit statuses: `deploy for svc/checkout: failed after 3m 12s`. At
 * most 140 characters, and always with its end. Everybody who creates a run chooses its names, so no character is left
 * that is markup, a mention, a line break, or invisible. The text of the run's error is never part of it.
 */
export function summaryOf(run: Summarized, type: EventType, isTest: boolean): string {
  const { actionName, entityId, status, createdAt, completedAt, details } = run;
  const start = isTest ? "Test: " : "";
  const took = durationOf(Date.parse(completedAt ?? createdAt) - Date.parse(createdAt));
  const end = `: ${type === "action_run.approval_requested" ? "waits for approval" : `${status} after ${took}`}`;
  const room = SUMMARY_MAX_CHARACTERS - start.length - end.length;
  if (details.title !== null || entityId === null) return start + cut(plain(details.title ?? actionName), room) + end;
  const [action, entity] = [plain(actionName), plain(entityId)];
  const both = room - " for ".length;
  // The longer name is cut first.
  const actionRoom = Math.max(Math.floor(both / 2), both - entity.length);
  const cutAction = cut(action, actionRoom);
  return `${start}${cutAction} for ${cut(entity, both - cutAction.length)}${end}`;
}

/** Two slashes would make some chats show a link. */
function plain(name: string): string {
  return name.normalize("NFC").replace(NOT_PLAIN, "_").replaceAll("//", "/_");
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max - CUT.length) + CUT;
}

/** `12s`, `3m 12s`, `1h 4m`, `2d 3h`. */
function durationOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${seconds}s`;
  if (hours < 1) return `${minutes}m ${seconds % 60}s`;
  return hours < 24 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

const TOOK_MS = 42_000;
const WAITS_MS = 7 * DAY_MS;

/** How the run of each event ended. The run that waits for approval has not. */
const ENDS: Readonly<Partial<Record<EventType, Pick<Run, "status" | "error" | "output" | "endCause">>>> = {
  "action_run.succeeded": { status: "succeeded", error: null, output: '{"example":true}', endCause: "callback" },
  "action_run.failed": { status: "failed", error: "This run is made up.", output: null, endCause: "callback" },
  "action_run.cancelled": { status: "cancelled", error: null, output: null, endCause: "cancel" },
};

interface Trial {
  readonly scope: string;
  readonly endpoint: EndpointKey;
  readonly definition: Pick<EndpointDefinition, "events" | "actionNames" | "labels">;
  /** Default: the first event that the endpoint hears of. */
  readonly type?: EventType | undefined;
  /** The name of the token that asks. */
  readonly triggeredBy: string;
  readonly now: number;
}

/** A made-up run that ended just now, or waits for approval. Its id is fresh, so no receiver drops it as a repetition. */
export function madeUpAttempt({ scope, endpoint, definition, triggeredBy, now, ...trial }: Trial): DeliveryAttempt {
  const { events, actionNames: [actionName = "example"] = [], labels = [] } = definition;
  const heard = EVENT_TYPES.find((type) => events.includes("action_run.*") || events.includes(type));
  const type = trial.type ?? heard ?? "action_run.succeeded";
  const end = ENDS[type];
  const createdAt = end === undefined ? now : now - TOOK_MS;
  const begun = begin(
    {
      id: newUuidV7(now),
      actionName,
      triggeredBy,
      createdAt,
      entityId: "example",
      parameters: "{}",
      recommendations: "{}",
      labels: JSON.stringify(labels),
      retryOf: null,
      traceparent: null,
      via: null,
      deadlineAt: now + DAY_MS,
      timeoutMs: DAY_MS,
      heartbeatTimeoutMs: null,
      ...(end === undefined ? startOf(triggeredBy, now) : NOT_STORED),
    },
    now,
  );
  const run = end === undefined ? begun : { ...begun, ...end, startedAt: createdAt, completedAt: now };
  const event = eventOf(run);
  if (event === null) throw new Error(`no run has the event ${type}`);
  return {
    scope,
    endpoint,
    runId: run.id,
    ...event,
    actionRun: toActionRun(run),
    details: detailsOf({ ...run, createKey: "" }),
    previousStatus: null,
    isTest: true,
  };
}

const NOT_STORED = { source: "none", actionVersion: null, gates: null } as const;

/** Of a run that waits for approval. Only runs of stored actions do. */
function startOf(tokenName: string, now: number): Pick<Run, "source" | "actionVersion" | "gates"> {
  const gates: Gates = {
    notBefore: null,
    concurrency: null,
    waitUntil: now + WAITS_MS,
    sealedUnder: null,
    approval: { required: 1, allowSelf: false },
    creator: { tokenId: "", tokenName, parents: [], person: null },
  };
  return { source: "action", actionVersion: 1, gates };
}
