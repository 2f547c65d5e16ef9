/** The runs of one environment: the API's operations, and waiting, watching and paging on top of them. */
import {
  type ActionRun,
  type ActionRunFacets,
  type ActionRunSummary,
  type Api,
  bodyOf,
  type CallOptions,
  type ChangeOptions,
  type CreatedActionRun,
  type CreateOptions,
  creatingHeader,
  type DetailedActionRun,
  type DetailOptions,
  listOf,
  type NewActionRun,
  nextOf,
  pages,
  present,
  type StartedActionRun,
  sending,
  type TimelineEvent,
} from "./api.ts";
import { type FollowOptions, followRuns, type RunChanges, type WatchOptions, watchEvents } from "./follow.ts";
import { createDecisions, type Decisions } from "./gates.ts";
import type { paths } from "./openapi.ts";
import { checkedId, type Environment } from "./settings.ts";
import { pause, retryPauseMs, type Send, type SendOptions, type TransportSettings } from "./transport.ts";

const RUNS = "/{o}/{p}/envs/{envName}/action-runs";
const SUMMARY = `${RUNS}/summary` as const;
const FACETS = `${RUNS}/facets` as const;
const CHANGES = `${RUNS}/changes` as const;
const RUN = `${RUNS}/{id}` as const;
const CANCEL = `${RUN}/cancel` as const;
const RETRY = `${RUN}/retry` as const;
const EVENTS = `${RUN}/events` as const;

type FacetQuery = paths[typeof FACETS]["get"]["parameters"]["query"];
type ListQuery = NonNullable<paths[typeof RUNS]["get"]["parameters"]["query"]>;

/** Filters of a list. `limit` is the size of a page, not of the list. A run must have each `label`. */
export type RunFilter = Omit<ListQuery, "cursor">;

/** One page of a list. It can be short or empty and still have a next one. */
export interface RunPage {
  readonly runs: readonly DetailedActionRun[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
  /** Whether the page can lack the newest changes. List again later. */
  readonly isStale: boolean;
}

export interface CancelOptions extends ChangeOptions, DetailOptions {
  /** Why: one line of at most 1 KiB. The job and every reader of the run can see it. */
  readonly reason?: string | undefined;
  /** How long a running job may still work, 0 to 3600. Default: 60. With 0 the run ends at once. */
  readonly graceSeconds?: number | undefined;
}

export interface RetryOptions extends CreateOptions {
  /** Replaces all parameters of the run. Default: the run's own. */
  readonly parameters?: NewActionRun["parameters"] | undefined;
  /** The run starts no earlier: RFC 3339 with an offset, at most 30 days ahead. */
  readonly notBefore?: string | undefined;
  /** How many minutes the run may wait before it starts. Default: the action's, or 10080. */
  readonly waitTimeout?: number | undefined;
}

/** Options of calls that read runs. */
export interface ReadOptions extends CallOptions {
  /** Called for each response that can lack the newest changes. Read again later. */
  readonly onStale?: (() => void) | undefined;
}

export interface GetOptions extends ReadOptions, DetailOptions {}

/** How the list of a `follow` is narrowed. */
export type FollowedList = Omit<RunFilter, keyof FollowOptions<unknown> | "limit" | "order">;

/** The longest page of the API, because a follower reads all of them. */
const FOLLOWED_PAGE = 200;

export interface Runs extends Decisions {
  /**
   * Creates a run. A retry uses the same key, so it creates no second run. Only this response has the callback token.
   */
  create(body: NewActionRun, options?: CreateOptions): Promise<CreatedActionRun>;
  get(id: string, options?: GetOptions): Promise<DetailedActionRun>;
  /** The run as JSON text, just as the API sent it. */
  getText(id: string, options?: CallOptions & DetailOptions): Promise<string>;
  /** Newest first, unless `order` says otherwise. Requests further pages as you read on. */
  list(filter?: RunFilter, options?: ReadOptions): AsyncIterable<DetailedActionRun>;
  /** One page, newest first unless `order` says otherwise. Its `cursor` is the `next` of the page before it. */
  page(filter?: ListQuery, options?: CallOptions): Promise<RunPage>;
  /** How many runs of each status match. It can be some seconds behind. A count beyond 1000 is `{ atLeast: 1000 }`. */
  summary(filter?: Omit<RunFilter, "limit" | "include">, options?: CallOptions): Promise<ActionRunSummary>;
  /** Values that `list` can filter by and that contain a text of 2 characters or more; 20 at most. */
  facets(query: FacetQuery, options?: CallOptions): Promise<ActionRunFacets>;
  /**
   * Cancels a run. A pending run is cancelled at once. A running run stays open for `graceSeconds`, so that its job can
   * stop, and then ends as cancelled. So check `status`, or use `wait`.
   */
  cancel(id: string, options?: CancelOptions): Promise<DetailedActionRun>;
  /** Cancels a run only if it is pending. A running run is refused with `run_running`. */
  cancelPending(id: string, options?: ChangeOptions): Promise<ActionRun>;
  /** Creates a new run with the inputs, labels and timeouts of a run that has ended. */
  retry(id: string, options?: RetryOptions): Promise<StartedActionRun>;
  /** Resolves with the run when it has ended. After `timeoutMs` it resolves with the open run, so check `status`. */
  wait(id: string, options?: WaitOptions & DetailOptions): Promise<DetailedActionRun>;
  /** The events so far, oldest first. Requests further pages as you read on. */
  events(id: string, options?: CallOptions): AsyncIterable<TimelineEvent>;
  /** The events so far, and further events as they happen, until the run ends. */
  watch(id: string, options?: WatchOptions): AsyncIterable<TimelineEvent>;
  /**
   * All runs: it lists them, or begins at `after`, and then gives each change as it happens. It goes on by itself when
   * the connection breaks or the server restarts, until the signal aborts or you leave the loop. It throws `cursor_gone`
   * if the environment was restored or resynced.
   */
  follow(options?: FollowOptions<FollowedList>): AsyncIterable<RunChanges>;
}

export function createRuns(api: Api, scope: Environment, settings: TransportSettings, send: Send): Runs {
  const of = (id: string) => ({ ...scope, id: checkedId(id) });

  async function read(
    id: string,
    query: { readonly wait?: number } & DetailOptions,
    options: SendOptions,
    onStale?: () => void,
  ): Promise<DetailedActionRun> {
    const fetch = sending(send, options);
    const result = await api.GET(RUN, { params: { path: of(id), query: present(query) }, fetch });
    if (isStale(result.response)) onStale?.();
    return bodyOf(result);
  }

  function listed(query: ListQuery, signal: AbortSignal | undefined) {
    return api.GET(RUNS, { params: { path: scope, query }, fetch: sending(send, { signal }) });
  }

  async function page(query: ListQuery = {}, { signal }: CallOptions = {}): Promise<RunPage> {
    const result = await listed(query, signal);
    return { runs: listOf(result), next: nextOf(result), isStale: isStale(result.response) };
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

  function follow(options: FollowOptions<FollowedList> = {}): AsyncIterable<RunChanges> {
    const { signal, actionName, label, waiting, group, include, list } = options;
    const filters = present({ actionName, label, waiting, group, include });
    const source = {
      async cursor() {
        const params = { path: scope, query: {} };
        return bodyOf(await api.GET(CHANGES, { params, fetch: sending(send, { signal }) })).cursor;
      },
      page(cursor: string | null) {
        const more = cursor === null ? {} : { cursor };
        return page({ ...list, ...filters, ...more, limit: FOLLOWED_PAGE }, { signal });
      },
      async open(after: string, stop: AbortSignal) {
        const { response } = await api.GET(CHANGES, {
          params: { path: scope, query: { ...filters, after } },
          headers: { Accept: "text/event-stream" },
          parseAs: "stream",
          fetch: sending(send, { signal: stop, isStream: true }),
        });
        return response;
      },
    };
    return followRuns(source, options, settings);
  }

  return {
    ...createDecisions(api, scope, send),
    async create(body, options = {}) {
      const { signal, include } = options;
      const params = { path: scope, query: present({ include }), header: creatingHeader(options) };
      return bodyOf(await api.POST(RUNS, { params, body, fetch: sending(send, { signal }) }));
    },
    get: (id, { signal, include, onStale } = {}) => read(id, { include }, { signal }, onStale),
    async getText(id, { signal, include } = {}) {
      const params = { path: of(id), query: present({ include }) };
      return bodyOf(await api.GET(RUN, { params, parseAs: "text", fetch: sending(send, { signal }) }));
    },
    list: (filter = {}, { signal, onStale } = {}) =>
      pages(async (cursor) => {
        const result = await listed({ ...filter, ...present({ cursor }) }, signal);
        if (isStale(result.response)) onStale?.();
        return result;
      }),
    page,
    async summary(filter = {}, { signal } = {}) {
      const params = { path: scope, query: filter };
      return bodyOf(await api.GET(SUMMARY, { params, fetch: sending(send, { signal }) }));
    },
    async facets(query, { signal } = {}) {
      const params = { path: scope, query };
      return bodyOf(await api.GET(FACETS, { params, fetch: sending(send, { signal }) }));
    },
    async cancel(id, options = {}) {
      const { signal, include, reason, graceSeconds, idempotencyKey = crypto.randomUUID() } = options;
      const header = { "Idempotency-Key": idempotencyKey };
      const params = { path: of(id), query: present({ include }), header };
      const body = present({ reason, graceSeconds });
      return bodyOf(await api.POST(CANCEL, { params, body, fetch: sending(send, { signal }) }));
    },
    async cancelPending(id, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
      const header = { "Idempotency-Key": idempotencyKey };
      const params = { path: of(id), header };
      return bodyOf(await api.DELETE(RUN, { params, fetch: sending(send, { signal }) }));
    },
    async retry(id, options = {}) {
      const { signal, include, parameters, notBefore, waitTimeout } = options;
      const params = { path: of(id), query: present({ include }), header: creatingHeader(options) };
      const body = present({ parameters, notBefore, waitTimeout });
      return bodyOf(await api.POST(RETRY, { params, body, fetch: sending(send, { signal }) }));
    },
    wait: (id, options = {}) =>
      untilEnd(
        (wait) =>
          read(
            id,
            { wait, include: options.include },
            { signal: options.signal, timeoutMs: wait * 1000 + settings.timeoutMs },
          ),
        options,
        settings.retryDelayMs,
      ),
    events: (id, { signal } = {}) =>
      pages((cursor) =>
        api.GET(EVENTS, { params: { path: of(id), query: present({ cursor }) }, fetch: sending(send, { signal }) }),
      ),
    watch: (id, options = {}) => watchEvents((seq, signal) => openStream(id, seq, signal), options, settings),
    follow,
  };
}

/** Whether the service says that the newest changes can be missing from its response. */
function isStale({ headers }: Response): boolean {
  return headers.get("Action-Runs-Stale") === "true";
}

/* SECTION: Waits for a run's end, with reads to which the API responds when the run ends. */

/** The API's longest wait. */
const WAIT_MAX_SECONDS = 60;
/** If the response comes earlier by more than this, the API can't wait at the moment. */
const EARLY_MS = 500;

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait at most, rounded up to seconds. Default: forever. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Resolves with the ended run, or with the open run after `timeoutMs`. `read`: reads the run, and waits `seconds` for
 * its end.
 */
export async function untilEnd(
  read: (seconds: number) => Promise<ActionRun>,
  { signal, timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions,
  retryDelayMs: number,
): Promise<ActionRun> {
  const until = Date.now() + timeoutMs;
  for (let early = 0; ; ) {
    const askedAt = Date.now();
    const seconds = Math.min(Math.max(Math.ceil((until - askedAt) / 1000), 1), WAIT_MAX_SECONDS);
    const run = await read(seconds);
    const now = Date.now();
    if (hasEnded(run) || now >= until) return run;
    const isEarly = now - askedAt < seconds * 1000 - EARLY_MS;
    early = isEarly ? early + 1 : 0;
    if (isEarly) await pause(Math.min(retryPauseMs(retryDelayMs, early), until - now), signal);
  }
}

function hasEnded({ status }: ActionRun): boolean {
  return status !== "pending" && status !== "running";
}
