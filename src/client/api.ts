/** What all operations share: the options of a call, lists with pages, and deletes that can be repeated. */

import type { Client } from "openapi-fetch";
import createOpenApiClient from "openapi-fetch";
import type { components, operations, paths } from "./openapi.ts";
import type { Environment } from "./settings.ts";
import { ActionRunsError, isRedirect, redirected, type SendOptions, unexpectedResponse } from "./transport.ts";

/** The types of the OpenAPI document by their names, for example `Schemas["ActionRun"]`. */
export type Schemas = components["schemas"];

/** Tries once, and returns `{ data, error }`. Throws an ActionRunsError for a redirect, or fetch's own error. */
export type Api = Client<paths, "application/json">;

export interface CallOptions {
  /** Aborts the call, which then throws the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of every change that the API can recognise when it is repeated. */
export interface ChangeOptions extends CallOptions {
  /** 1 to 255 printable characters by which the API recognises a repeat. Default: a new random key for each call. */
  readonly idempotencyKey?: string | undefined;
}

export interface CreateOptions extends ChangeOptions, DetailOptions {
  /** Your position in a trace (W3C Trace Context). The receiver gets it too. A malformed one is ignored. */
  readonly traceparent?: string | undefined;
}

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

export interface Caller {
  readonly api: Api;
  /** Each path takes from it what it names. */
  readonly scope: Environment;
  /** How a call to `api` is sent: with retries if they are safe, and with an ActionRunsError for every refusal. */
  readonly sent: (
    options?: CallOptions,
    how?: Omit<SendOptions, "signal">,
  ) => { fetch: (request: Request) => Promise<Response> };
}

/** The header by which the API recognises a repeat. All tries of one call send the same key. */
export function keyHeader({ idempotencyKey = crypto.randomUUID(), traceparent }: CreateOptions) {
  return { "Idempotency-Key": idempotencyKey, ...present({ traceparent }) };
}

export function bodyOf<T>({ data, response }: { readonly data?: T; readonly response: Response }): NonNullable<T> {
  if (data === undefined || data === null) throw unexpectedResponse(response, "The response has no body");
  return data;
}

/** `options` without undefined members, because the API's types don't allow undefined. */
export function present<T extends object>(options: T): Present<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Present<T>;
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Null if an earlier try deleted and its response was lost. `gone`: the code of a repeat after such a try. */
export async function deleting<T>(gone: string, ask: (onRetry: () => void) => Promise<T>): Promise<T | null> {
  let isRepeat = false;
  try {
    return await ask(() => {
      isRepeat = true;
    });
  } catch (error) {
    if (error instanceof ActionRunsError && error.code === gone && isRepeat) return null;
    throw error;
  }
}

/** Whether the service says that the newest changes can be missing from its response. */
export function isStale({ headers }: Response): boolean {
  return headers.get("Action-Runs-Stale") === "true";
}

/** What a list asks for. `limit`: of a page. */
export type QueryOf<Id extends keyof operations> = Asked<NonNullable<operations[Id]["parameters"]["query"]>>;

type Asked<Q> = { readonly [K in keyof Q as Exclude<K, "cursor">]?: Q[K] | undefined };

/** A list of the API. A loop over it gets the entries of all pages, and requests a page only when it is needed. */
export interface List<T> extends AsyncIterable<T> {
  /** One page. `cursor`: the `next` of the page before it. */
  page(cursor?: string): Promise<Page<T>>;
}

export interface Page<T> {
  /** Can be fewer than `limit`, or even none, although there is a next page. */
  readonly entries: readonly T[];
  /** The cursor of the next page; null on the last page. */
  readonly next: string | null;
  /** Whether the newest changes can be missing here. Only lists of runs are ever stale. List again later. */
  readonly isStale: boolean;
  /** Only of a list of runs by `text` that has a next page: up to runs of this time it was searched. RFC 3339. */
  readonly searchedTo: string | null;
}

export interface ListOptions {
  readonly limit?: number | undefined;
}

/** `filter`: the query, which `ask` gets for each page with its cursor. `onStale`: called in a loop for each stale page. */
export function listed<Q extends object, T>(
  filter: Q,
  ask: (
    query: Present<Q & { readonly cursor?: string | undefined }>,
  ) => Promise<{ readonly data?: readonly T[] | undefined; readonly response: Response }>,
  onStale?: () => void,
): List<T> {
  async function read(cursor: string | undefined) {
    const { data, response } = await ask(present({ ...filter, cursor }));
    if (!Array.isArray(data)) throw unexpectedResponse(response, "The response is not a list");
    const next = nextCursor(response.headers.get("Link"));
    const searchedTo = response.headers.get("Action-Runs-Searched-To");
    const page: Page<T> = { entries: data, next: next ?? null, isStale: isStale(response), searchedTo };
    return { page, next, response };
  }
  return {
    page: async (cursor) => (await read(cursor)).page,
    async *[Symbol.asyncIterator]() {
      let cursor: string | undefined;
      do {
        const { page, next, response }: Awaited<ReturnType<typeof read>> = await read(cursor);
        if (page.isStale) onStale?.();
        yield* page.entries;
        if (next !== undefined && next === cursor) {
          throw unexpectedResponse(response, "The next page is the same page again");
        }
        cursor = next;
      } while (cursor !== undefined);
    },
  };
}

/** Of a Link header (RFC 8288) only the cursor counts: the client sends its token only to its own base URL. */
export function nextCursor(link: string | null): string | undefined {
  for (const [, target = "", parameters = ""] of (link ?? "").matchAll(/<([^>]*)>([^<]*)/g)) {
    if (!/;\s*rel\s*=\s*(?:next\b|"(?:[^"]*\s)?next(?:\s[^"]*)?")/i.test(parameters)) continue;
    const query = target.replace(/#.*$/, "").split("?")[1];
    return new URLSearchParams(query).get("cursor") ?? undefined;
  }
  return undefined;
}
