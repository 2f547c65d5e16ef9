/** The API as the OpenAPI document describes it: openapi-fetch with the generated types. */

import createOpenApiClient, { type Client } from "openapi-fetch";
import { redirected, unexpectedAnswer } from "./errors.ts";
import type { components, paths } from "./openapi.ts";
import { isRedirect, type Send, type SendOptions } from "./transport.ts";

export type ActionRun = components["schemas"]["ActionRun"];
export type CreatedActionRun = components["schemas"]["CreatedActionRun"];
export type NewActionRun = components["schemas"]["NewActionRun"];
export type TimelineEvent = components["schemas"]["TimelineEvent"];
export type Heartbeat = components["schemas"]["Heartbeat"];
export type HeartbeatAnswer = components["schemas"]["HeartbeatAnswer"];
export type Report = components["schemas"]["Report"];
export type ApiToken = components["schemas"]["ApiToken"];
export type CreatedApiToken = components["schemas"]["CreatedApiToken"];
export type NewApiToken = components["schemas"]["NewApiToken"];
export type RevokedApiTokens = components["schemas"]["RevokedApiTokens"];
export type AuditEntry = components["schemas"]["AuditEntry"];

/**
 * The raw client. It tries once. It returns `{ data, error }` for a response, and throws an ActionRunsError for a redirect
 * or fetch's own error if there is no response.
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

export function createApi(baseUrl: string, token: string, fetch: typeof globalThis.fetch): Api {
  return createOpenApiClient<paths, "application/json">({
    baseUrl,
    // Not among the options, because a call can override those.
    async fetch(request) {
      // Pass the signal again, because Node loses an abort if only a Request holds the signal.
      const { signal } = request;
      const response = await fetch(new Request(request, { redirect: "manual" }), { signal });
      if (isRedirect(response)) throw await redirected(response);
      return response;
    },
    headers: { Authorization: `Bearer ${token}` },
  });
}

/** A `fetch` for an openapi-fetch call. It retries if that is safe, and throws an ActionRunsError for every refusal. */
export function sending(send: Send, options: SendOptions): (request: Request) => Promise<Response> {
  return (request) => send(request, options);
}

/** The body of a response. Throws if there is none. */
export function bodyOf<T>({
  data,
  response,
}: {
  readonly data?: T;
  readonly response: Response;
}): NonNullable<T> {
  if (data === undefined || data === null) throw unexpectedAnswer(response, "The response has no body");
  return data;
}
