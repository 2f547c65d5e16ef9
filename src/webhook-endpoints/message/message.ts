/**
 * What a delivery says: its id, its context for templates, and its body without a payload. PURE. It is made for each
 * attempt from the run as it is, so a changed endpoint counts at once. No callback token is in it.
 */

import { isJsonObject } from "../../base/json.ts";
import { DELIVERY_MAX_BYTES, utf8Bytes } from "../../base/limits.ts";
import type { Result } from "../../base/result.ts";
import { rfc3339 } from "../../base/time.ts";
import { withDetails } from "../../runs/details.ts";
import type { DeliveryAttempt } from "../../runs/telling.ts";
import { type Rendered, type RequestFault, renderRequest } from "../../webhooks/request/render.ts";
import { type EventContext, IN_ENDPOINT_URL } from "../../webhooks/template/placeholder.ts";
import type { EndpointDefinition } from "../definition.ts";
import { summaryOf } from "./summary.ts";

/** The members of an ActionRun that templates reach, and `details`. */
interface ShownRun {
  readonly id: string;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly status: string;
  readonly parameters: EventContext["parameters"];
  readonly recommendations: EventContext["recommendations"];
  readonly triggeredBy: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly error: string | null;
  readonly output: EventContext["run"]["output"];
  readonly details: { readonly traceparent: string | null };
}

/**
 * `webhook-id`, which is the same for each attempt and for each time that the delivery is sent again. So a receiver can
 * drop repetitions. A run that lacks approvals again, because some were withdrawn, is no repetition.
 */
export function messageId({ runId, kind, at, actionRun }: DeliveryAttempt): string {
  const isAgain = kind === "approval" && at !== Date.parse((JSON.parse(actionRun) as ShownRun).createdAt);
  return `${runId}-${kind}${isAgain ? `-${at}` : ""}`;
}

/** Where people and programs find the run. `base`: the service's URL. */
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
): Result<Rendered, RequestFault> {
  const whole = withDetails(attempt.actionRun, attempt.details);
  const run = JSON.parse(whole) as ShownRun;
  const links = linksOf(base, attempt.scope, attempt.runId);
  const request = payload === undefined ? { body: defaultBody(attempt, whole, links) } : { payload };
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
  const { id, actionName, triggeredBy, createdAt, status, startedAt, completedAt, error } = run;
  const output = isJsonObject(run.output) ? run.output : null;
  return {
    run: {
      id,
      actionName,
      triggeredBy,
      createdAt,
      status,
      startedAt,
      completedAt,
      error,
      output,
      ...links,
      traceparent: run.details.traceparent,
    },
    parameters: run.parameters,
    recommendations: run.recommendations,
    entity: { id: run.entityId },
    event: { type, previousStatus, summary: summaryOf(run, type, isTest) },
  };
}

/** What is left out of a body that is too large, in this order. */
const OMITTED = ["output", "parameters", "recommendations"] as const;

/**
 * The body without a payload, after Standard Webhooks. Past 256 KiB, members of the run become null until it fits, and
 * `data.omitted` names them. Nothing else of a run is long: without these three, a run has less than 128 KiB, escapes
 * included.
 */
function defaultBody(
  { type, at, previousStatus, isTest = false }: DeliveryAttempt,
  whole: string,
  links: Links,
): string {
  const written = (run: string, omitted: readonly string[]) => {
    const more = { ...links, ...(omitted.length > 0 && { omitted }), ...(isTest && { test: true }) };
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
