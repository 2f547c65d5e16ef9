/** The API as the OpenAPI document describes it: openapi-fetch with the generated types. */

import type { Client } from "openapi-fetch";
import createOpenApiClient from "openapi-fetch";
import type { components, paths } from "./openapi.ts";
import { isRedirect, redirected, type Send, type SendOptions, unexpectedResponse } from "./transport.ts";

type Schemas = components["schemas"];

export type ActionRun = Schemas["ActionRun"];
/** A run as some calls can return it. Only with `include: "details"` it has `details`. */
export type DetailedActionRun = Schemas["DetailedActionRun"];
/** A run after a report. `truncated`: what the report was too long for. */
export type ReportedActionRun = Schemas["ReportedActionRun"];
export type ActionRunDetails = Schemas["ActionRunDetails"];
export type CreatedActionRun = Schemas["CreatedActionRun"];
/**
 * A run of a stored action, or a retry. Without `callback` if the action has a trigger: only the receiver gets the
 * token.
 */
export type StartedActionRun = Schemas["StartedActionRun"];
export type NewActionRun = Schemas["NewActionRun"];
export type NewRunOfAction = Schemas["NewRunOfAction"];
export type ActionRunSummary = Schemas["ActionRunSummary"];
export type ActionRunFacets = Schemas["ActionRunFacets"];
/** What an approver decides about, and who has approved. */
export type RunApproval = Schemas["RunApproval"];
/** A pause of a concurrency group, or of the environment. */
export type Pause = Schemas["Pause"];
export type NewPause = Schemas["PauseRequest"];
/** Starts a bulk operation, or with `dryRun` counts the runs that it would meet. */
export type BulkRequest = AnyBulkRequest & (OfRuns | OfFilter);
type AnyBulkRequest = Schemas["BulkRequest"];
type OfRuns = Required<Pick<AnyBulkRequest, "runIds">>;
type OfFilter = Required<Pick<AnyBulkRequest, "filter" | "maxRuns">>;
/** Cancels or retries many runs, one after the other. */
export type BulkOperation = Schemas["BulkOperation"];
/** The runs that a bulk operation would meet. */
export type BulkPreview = Schemas["BulkPreview"];
/** What happened to one run of a bulk operation. */
export type BulkItem = Schemas["BulkItem"];
/** The runs of a group with the same key: how many run, and how many wait. */
export type ConcurrencyGroup = Schemas["ConcurrencyGroup"];
/** What a PUT stores. null in the place of a secret keeps the stored value. */
export type ActionDefinition = Schemas["ActionDefinition"];
/** A stored definition as the API shows it: with all defaults, and null in the place of each secret. */
export type Action = Schemas["Action"];
export type ListedAction = Schemas["ListedAction"];
export type ListedVersion = Schemas["ListedVersion"];
export type TimelineEvent = Schemas["TimelineEvent"];
export type Heartbeat = Schemas["Heartbeat"];
export type HeartbeatAnswer = Schemas["HeartbeatAnswer"];
export type Report = Schemas["Report"];
export type ApiToken = Schemas["ApiToken"];
export type CreatedApiToken = Schemas["CreatedApiToken"];
export type NewApiToken = Schemas["NewApiToken"];
/** What a token is and opens. */
export type CurrentToken = Schemas["CurrentToken"];
/** An environment that a token opens. */
export type Place = Schemas["Place"];
/** A person who is signed in to the console. */
export type ConsoleSession = Schemas["Session"];
export type RevokedApiTokens = Schemas["RevokedApiTokens"];
/** A token with its new secret, and the tokens that it created. */
export type RotatedApiToken = Schemas["RotatedApiToken"];
export type AuditEntry = Schemas["AuditEntry"];
/** What a PUT stores. null for `url` keeps the stored one, and then null in the place of a secret keeps that, too. */
export type WebhookEndpoint = Schemas["WebhookEndpoint"];
/** A stored endpoint as the API shows it: with all defaults, and null in the place of each secret. */
export type StoredWebhookEndpoint = Schemas["StoredWebhookEndpoint"];
export type ListedWebhookEndpoint = Schemas["ListedWebhookEndpoint"];
export type ListedWebhookEndpointVersion = Schemas["ListedWebhookEndpointVersion"];
export type RotatedSigningSecret = Schemas["RotatedSigningSecret"];
export type EndpointStatus = Schemas["EndpointStatus"];
/** A message of an endpoint, and how far it got. */
export type EndpointDelivery = Schemas["Delivery"];
export type NewEndpointRecovery = Schemas["RecoveryRequest"];
export type EndpointRecovery = Schemas["Recovery"];
export type NewEndpointTest = Schemas["EndpointTest"];
export type EndpointTestResult = Schemas["EndpointTestResult"];

/**
 * The raw client. It tries once. It returns `{ data, error }` for a response, and throws an ActionRunsError for a
 * redirect or fetch's own error if there is no response.
 */
export type Api = Client<paths, "application/json">;

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call, which then throws the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of every change that the API can recognise when it is repeated. */
export interface ChangeOptions extends CallOptions {
  /** 1 to 255 printable characters by which the API recognises a repeat. Default: a new random key for each call. */
  readonly idempotencyKey?: string | undefined;
}

/** Options of calls that create a run. */
export interface CreateOptions extends ChangeOptions, DetailOptions {
  /** Your position in a trace (W3C Trace Context). The receiver gets it too. A malformed one is ignored. */
  readonly traceparent?: string | undefined;
}

/** Options of calls whose result can have `details`. */
export interface DetailOptions {
  /** "details" adds the member `details` to the run. */
  readonly include?: "details" | undefined;
}

export function createApi(
  baseUrl: string,
  headers: Readonly<Record<string, string>>,
  fetch: typeof globalThis.fetch,
): Api {
  return createOpenApiClient<paths, "application/json">({
    baseUrl,
    // `redirect` is set here and not among the options, because a call can override those.
    async fetch(request) {
      // Pass the signal again, because Node loses an abort if only a Request holds the signal.
      const { signal } = request;
      const response = await fetch(new Request(request, { redirect: "manual" }), { signal });
      if (isRedirect(response)) throw await redirected(response);
      return response;
    },
    headers,
  });
}

/** The headers of a call that creates a run. */
export function creatingHeader({ idempotencyKey = crypto.randomUUID(), traceparent }: CreateOptions) {
  return { "Idempotency-Key": idempotencyKey, ...present({ traceparent }) };
}

/** A `fetch` for an openapi-fetch call. It retries if that is safe, and throws an ActionRunsError for every refusal. */
export function sending(send: Send, options: SendOptions): (request: Request) => Promise<Response> {
  return (request) => send(request, options);
}

/** The body of a response. Throws if there is none. */
export function bodyOf<T>({ data, response }: { readonly data?: T; readonly response: Response }): NonNullable<T> {
  if (data === undefined || data === null) throw unexpectedResponse(response, "The response has no body");
  return data;
}

/** `options` without undefined members, because the API's types don't allow undefined. */
export function present<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/* SECTION: Follows pages by their Link headers (RFC 8288). Even an empty page may have a next page. */

/** One page, as openapi-fetch gives it. */
export interface Page<T> {
  readonly data?: readonly T[] | undefined;
  readonly response: Response;
}

/** All entries of all pages. Requests a page only when the entries before it are used. */
export async function* pages<T>(ask: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  for (;;) {
    const page = await ask(cursor);
    yield* listOf(page);
    const next = nextCursor(page.response.headers.get("Link"));
    if (next === undefined) return;
    if (next === cursor) throw unexpectedResponse(page.response, "The next page is the same page again");
    cursor = next;
  }
}

/** Which page: `next` of the page before it, and how many entries it has at most. */
export interface PageQuery {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** The cursor of the page after this one; null if this is the last one. */
export function nextOf({ response }: Page<unknown>): string | null {
  return nextCursor(response.headers.get("Link")) ?? null;
}

/** The entries of a page. Throws if the body is no list. */
export function listOf<T>({ data, response }: Page<T>): readonly T[] {
  if (!Array.isArray(data)) throw unexpectedResponse(response, "The response is not a list");
  return data;
}

/**
 * The cursor of the next page. The rest of the link is ignored: the client sends its token only to its own base URL,
 * which may differ from the API's own address.
 */
export function nextCursor(link: string | null): string | undefined {
  for (const [, target = "", parameters = ""] of (link ?? "").matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/;\s*rel\s*=\s*(?:next\b|"(?:[^"]*\s)?next(?:\s[^"]*)?")/i.test(parameters)) continue;
    const query = target.replace(/#.*$/, "").split("?")[1];
    return new URLSearchParams(query).get("cursor") ?? undefined;
  }
  return undefined;
}
