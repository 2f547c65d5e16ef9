/** The API as its document describes it: openapi-fetch with the generated types, and how a call of it is made ours. */

import createOpenApiClient, { type Client } from "openapi-fetch";
import { unexpectedAnswer } from "./errors.ts";
import type { components, paths } from "./openapi.ts";
import type { Send, SendOptions } from "./transport.ts";

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

/** One try a call, `{ data, error }` for an answer, and whatever fetch throws for none. */
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
    fetch,
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
