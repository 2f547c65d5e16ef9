/** The runs of one environment: the API's operations, and waiting, watching and paging on top of them. */

import {
  type ActionRun,
  type Api,
  bodyOf,
  type CallOptions,
  type ChangeOptions,
  type CreatedActionRun,
  type NewActionRun,
  sending,
  type TimelineEvent,
} from "./api.ts";
import { type BookmarkStore, bookmarksInMemory, keepingBookmarks } from "./bookmark.ts";
import type { paths } from "./openapi.ts";
import { pages } from "./paging.ts";
import { checkedId } from "./settings.ts";
import { createSend, type SendOptions, type TransportSettings } from "./transport.ts";
import { type WaitOptions, waitForEnd } from "./wait.ts";
import { type WatchOptions, watchEvents } from "./watch.ts";

const RUNS = "/{o}/{p}/envs/{envName}/action-runs";
const RUN = `${RUNS}/{id}` as const;
const EVENTS = `${RUN}/events` as const;

type ListQuery = NonNullable<paths[typeof RUNS]["get"]["parameters"]["query"]>;

/** Filters of a list. `limit` is the size of a page, not of the list. */
export type RunFilter = Omit<ListQuery, "cursor">;

/** The environment, as the API's paths name it. */
export interface Environment {
  readonly o: string;
  readonly p: string;
  readonly envName: string;
}

export interface Runs {
  /** Creates a run. A retry uses the same key, so it creates no second run. Only this response has the callback token. */
  create(body: NewActionRun, options?: ChangeOptions): Promise<CreatedActionRun>;
  get(id: string, options?: CallOptions): Promise<ActionRun>;
  /** Newest first. Requests further pages as you read on. */
  list(filter?: RunFilter, options?: CallOptions): AsyncIterable<ActionRun>;
  /** Cancels a pending run. Other runs can't be cancelled. */
  cancel(id: string, options?: ChangeOptions): Promise<ActionRun>;
  /** Resolves with the run when it has ended. After `timeoutMs` it resolves with the open run, so check `status`. */
  wait(id: string, options?: WaitOptions): Promise<ActionRun>;
  /** The events so far, oldest first. Requests further pages as you read on. */
  events(id: string, options?: CallOptions): AsyncIterable<TimelineEvent>;
  /** The events so far, and further events as they happen, until the run ends. */
  watch(id: string, options?: WatchOptions): AsyncIterable<TimelineEvent>;
}

export function createRuns(
  api: Api,
  scope: Environment,
  settings: TransportSettings,
  bookmarks: BookmarkStore = bookmarksInMemory(),
): Runs {
  const send = createSend({ ...settings, fetch: keepingBookmarks(settings.fetch, bookmarks) });
  const of = (id: string) => ({ ...scope, id: checkedId(id) });

  async function read(id: string, wait: number | undefined, options: SendOptions): Promise<ActionRun> {
    const query = wait === undefined ? {} : { wait };
    const fetch = sending(send, options);
    return bodyOf(await api.GET(RUN, { params: { path: of(id), query }, fetch }));
  }

  async function openStream(id: string, seq: number, signal: AbortSignal): Promise<Response> {
    const { response } = await api.GET(EVENTS, {
      params: { path: of(id) },
      headers: { Accept: "text/event-stream", "Last-Event-ID": seq === 0 ? undefined : String(seq) },
      parseAs: "stream",
      fetch: sending(send, { signal, isStream: true }),
    });
    return response;
  }

  return {
    async create(body, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
      const params = { path: scope, header: { "Idempotency-Key": idempotencyKey } };
      return bodyOf(await api.POST(RUNS, { params, body, fetch: sending(send, { signal }) }));
    },
    get: (id, { signal } = {}) => read(id, undefined, { signal }),
    list: (filter = {}, { signal } = {}) =>
      pages((cursor) =>
        api.GET(RUNS, {
          params: { path: scope, query: { ...filter, ...(cursor === undefined ? {} : { cursor }) } },
          fetch: sending(send, { signal }),
        }),
      ),
    async cancel(id, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
      const params = { path: of(id), header: { "Idempotency-Key": idempotencyKey } };
      return bodyOf(await api.DELETE(RUN, { params, fetch: sending(send, { signal }) }));
    },
    wait: (id, options = {}) =>
      waitForEnd(
        (seconds) =>
          read(id, seconds, { signal: options.signal, timeoutMs: seconds * 1000 + settings.timeoutMs }),
        options,
        settings.retryDelayMs,
      ),
    events: (id, { signal } = {}) =>
      pages((cursor) =>
        api.GET(EVENTS, {
          params: { path: of(id), query: cursor === undefined ? {} : { cursor } },
          fetch: sending(send, { signal }),
        }),
      ),
    watch: (id, options = {}) => watchEvents((seq, signal) => openStream(id, seq, signal), options, settings),
  };
}
