/** The API as its document describes it: openapi-fetch with the generated types, and how a call of it is made ours. */

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

/** One try a call, `{ data, error }` for an answer, an ActionRunsError for a redirect, and whatever fetch throws for none. */
export type Api = Client<paths, "application/json">;

/** What every call of this client takes. */
export interface CallOptions {
  /** Ends the call, which then throws the signal's reason as it is. */
  readonly signal?: AbortSignal | undefined;
}

/** What every change that can be known again takes. */
export interface ChangeOptions extends CallOptions {
  /** 1 to 255 printable characters by which the API knows a repeat; one is made up for each call unless given. */
  readonly idempotencyKey?: string | undefined;
}

export function createApi(baseUrl: string, token: string, fetch: typeof globalThis.fetch): Api {
  return createOpenApiClient<paths, "application/json">({
    baseUrl,
    // Here and not among the options, which each call may override.
    async fetch(request) {
      // The signal again, because Node loses an abort by one that only a Request holds.
      const { signal } = request;
      const response = await fetch(new Request(request, { redirect: "manual" }), { signal });
      if (isRedirect(response)) throw await redirected(response);
      return response;
    },
    headers: { Authorization: `Bearer ${token}` },
  });
}

/** For an openapi-fetch call's `fetch`: it then repeats what is safe to and throws an ActionRunsError for any refusal. */
export function sending(send: Send, options: SendOptions): (request: Request) => Promise<Response> {
  return (request) => send(request, options);
}

/** The body of an answer that must have one. */
export function bodyOf<T>({
  data,
  response,
}: {
  readonly data?: T;
  readonly response: Response;
}): NonNullable<T> {
  if (data === undefined || data === null) throw unexpectedAnswer(response, "An answer without a body");
  return data;
}
