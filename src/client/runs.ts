/** The runs of one environment: the API's operations, and waiting, watching and following. And bulk operations. */
import {
  bodyOf,
  type Caller,
  type CallOptions,
  type ChangeOptions,
  type CreateOptions,
  type DetailOptions,
  deleting,
  isStale,
  keyHeader,
  type List,
  type ListOptions,
  listed,
  present,
  type QueryOf,
  type Schemas,
} from "./api.ts";
import { type FollowOptions, followRuns, type RunChanges, type WatchOptions, watchEvents } from "./follow.ts";
import type { paths } from "./openapi.ts";
import { checkedDefinitionName, checkedId, type TransportSettings } from "./settings.ts";
import { pause, retryPauseMs, type SendOptions, unexpectedResponse } from "./transport.ts";

const RUNS = "/{o}/{p}/envs/{envName}/action-runs";
const FACETS = `${RUNS}/facets` as const;
const CHANGES = `${RUNS}/changes` as const;
const RUN = `${RUNS}/{id}` as const;
const EVENTS = `${RUN}/events` as const;

const WAIT_MAX_SECONDS = 60;
/** If the response to a wait comes earlier by more than this, the API can't wait at the moment. */
const EARLY_MS = 500;
/** The longest page of the API, because a follower reads all of them. */
const FOLLOWED_PAGE = 200;

/** Filters of a list. `limit` is the size of a page, not of the list. A run must have each `label`. */
export type RunFilter = Omit<NonNullable<paths[typeof RUNS]["get"]["parameters"]["query"]>, "cursor">;

type SummaryFilter = Omit<RunFilter, "limit" | "include" | "text">;

export type FollowedList = Omit<RunFilter, keyof FollowOptions<unknown> | "limit" | "order" | "text">;

export interface DecisionOptions extends ChangeOptions, DetailOptions {
  /** Why: one line of at most 1 KiB. The job and every reader of the run can see it. */
  readonly reason?: string | undefined;
}

export interface CancelOptions extends DecisionOptions {
  /** How long a running job may still work, 0 to 3600. Default: 60. With 0 the run ends at once. */
  readonly graceSeconds?: number | undefined;
}

export interface ReleaseOptions extends DecisionOptions {
  /** Requires a reason. */
  readonly throughPause?: true | undefined;
}

export interface RetryOptions extends CreateOptions {
  /** Replaces all parameters of the run. Default: the run's own. */
  readonly parameters?: Schemas["NewActionRun"]["parameters"] | undefined;
  /** The run starts no earlier: RFC 3339 with an offset, at most 30 days ahead. */
  readonly notBefore?: string | undefined;
  /** How many minutes the run may wait before it starts. Default: the action's, or 10080. */
  readonly waitTimeout?: number | undefined;
}

export interface ReadOptions extends CallOptions {
  /** Called for each response that can lack the newest changes. Read again later. */
  readonly onStale?: (() => void) | undefined;
}

export interface GetOptions extends ReadOptions, DetailOptions {}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait at most, rounded up to seconds. Default: forever. */
  readonly timeoutMs?: number | undefined;
}

type Run = Schemas["DetailedActionRun"];

export interface Runs extends ReturnType<typeof createRuns> {}

export function createRuns(caller: Caller, settings: TransportSettings) {
  const { api, scope, sent } = caller;
  const of = (id: string) => ({ ...scope, id: checkedId(id) });
  const changing = (id: string, options: ChangeOptions & DetailOptions) => ({
    path: of(id),
    query: present({ include: options.include }),
    header: keyHeader(options),
  });

  async function read(
    id: string,
    { signal, include, onStale }: GetOptions,
    wait?: number,
    how?: Omit<SendOptions, "signal">,
  ): Promise<Run> {
    const params = { path: of(id), query: present({ wait, include }) };
    const result = await api.GET(RUN, { params, ...sent({ signal }, how) });
    if (isStale(result.response)) onStale?.();
    return bodyOf(result);
  }

  const list = (filter: RunFilter = {}, { signal, onStale }: ReadOptions = {}): List<Run> =>
    listed(filter, (query) => api.GET(RUNS, { params: { path: scope, query }, ...sent({ signal }) }), onStale);

  return {
    /** A retry creates no second run. Only this response has the callback token. */
    async create(body: Schemas["NewActionRun"], options: CreateOptions = {}): Promise<Schemas["CreatedActionRun"]> {
      const params = { path: scope, query: present({ include: options.include }), header: keyHeader(options) };
      return bodyOf(await api.POST(RUNS, { params, body, ...sent(options) }));
    },
    /** Only with `include: "details"` the run has `details`. */
    get: (id: string, options: GetOptions = {}): Promise<Run> => read(id, options),
    /** The run as JSON text, just as the API sent it. */
    async getText(id: string, options: CallOptions & DetailOptions = {}): Promise<string> {
      const params = { path: of(id), query: present({ include: options.include }) };
      return bodyOf(await api.GET(RUN, { params, parseAs: "text", ...sent(options) }));
    },
    /** Newest first, unless `order` says otherwise. */
    list,
    /** How many runs of each status match. It can be some seconds behind. A count beyond 1000 is `{ atLeast: 1000 }`. */
    summary: async (query: SummaryFilter = {}, options?: CallOptions): Promise<Schemas["ActionRunSummary"]> =>
      bodyOf(await api.GET(`${RUNS}/summary`, { params: { path: scope, query }, ...sent(options) })),
    /** Values that `list` can filter by and that contain a text of 2 characters or more; 20 at most. */
    facets: async (
      query: paths[typeof FACETS]["get"]["parameters"]["query"],
      options?: CallOptions,
    ): Promise<Schemas["ActionRunFacets"]> =>
      bodyOf(await api.GET(FACETS, { params: { path: scope, query }, ...sent(options) })),
    /** The newest run of each of these actions that has one, in a short form. */
    async newest(actionName: readonly string[], options?: CallOptions): Promise<Schemas["NewestRuns"]> {
      const query = { actionName: [...actionName] };
      return bodyOf(await api.GET(`${RUNS}/newest`, { params: { path: scope, query }, ...sent(options) }));
    },
    /** A pending run ends at once. A running one stays open for `graceSeconds`: check `status`, or use `wait`. */
    async cancel(id: string, options: CancelOptions = {}): Promise<Run> {
      const body = present({ reason: options.reason, graceSeconds: options.graceSeconds });
      return bodyOf(await api.POST(`${RUN}/cancel`, { params: changing(id, options), body, ...sent(options) }));
    },
    /** Cancels a run only if it is pending. A running run is refused with `run_running`. */
    async cancelPending(id: string, options: ChangeOptions = {}): Promise<Schemas["ActionRun"]> {
      const params = { path: of(id), header: keyHeader(options) };
      return bodyOf(await api.DELETE(RUN, { params, ...sent(options) }));
    },
    /** A new run with the inputs, labels and timeouts of an ended one. No `callback` if the action has a trigger. */
    async retry(id: string, options: RetryOptions = {}): Promise<Schemas["StartedActionRun"]> {
      const { include, parameters, notBefore, waitTimeout } = options;
      const params = { path: of(id), query: present({ include }), header: keyHeader(options) };
      const body = present({ parameters, notBefore, waitTimeout });
      return bodyOf(await api.POST(`${RUN}/retry`, { params, body, ...sent(options) }));
    },
    /** The request as it will be sent, without secrets, and the approvals. `approval_not_found` if it needs none. */
    approval: async (id: string, options?: CallOptions): Promise<Schemas["RunApproval"]> =>
      bodyOf(await api.GET(`${RUN}/approval`, { params: { path: of(id) }, ...sent(options) })),
    /**
     * Approves a run. The token needs `mayApprove`. The run starts when it has all its approvals, its time has come and
     * its concurrency group has room, so check `details.waiting`. Your own run is refused with `own_run`.
     */
    async approve(id: string, options: DecisionOptions = {}): Promise<Run> {
      const body = present({ reason: options.reason });
      return bodyOf(await api.POST(`${RUN}/approve`, { params: changing(id, options), body, ...sent(options) }));
    },
    /** Rejects a run, which ends as cancelled. The token needs `mayApprove`. */
    async reject(id: string, options: DecisionOptions = {}): Promise<Run> {
      const body = present({ reason: options.reason });
      return bodyOf(await api.POST(`${RUN}/reject`, { params: changing(id, options), body, ...sent(options) }));
    },
    /**
     * Opens the time gate of a run, as if its `notBefore` had come. The run still needs its approvals and a slot. With
     * `throughPause` and a reason, lets the run pass the pauses that hold it back now, and opens no other gate.
     */
    async release(id: string, options: ReleaseOptions = {}): Promise<Run> {
      const { throughPause, reason } = options;
      const isEmpty = throughPause === undefined && reason === undefined;
      const body = isEmpty ? {} : { body: present({ throughPause, reason }) };
      return bodyOf(await api.POST(`${RUN}/release`, { params: changing(id, options), ...body, ...sent(options) }));
    },
    /** An open run is cancelled first. Repeat it until `complete` is true. Throws `own_run` if you created the run. */
    erase: async (id: string, reason: string, options: CallOptions = {}): Promise<Schemas["RunErasure"]> =>
      bodyOf(await api.POST(`${RUN}/erase`, { params: { path: of(id) }, body: { reason }, ...sent(options) })),
    /** How far the erasure got. Throws `erasure_not_found` if nobody asked for one. */
    erasure: async (id: string, options: CallOptions = {}): Promise<Schemas["RunErasure"]> =>
      bodyOf(await api.GET(`${RUN}/erase`, { params: { path: of(id) }, ...sent(options) })),
    /** Resolves with the run when it has ended. After `timeoutMs` it resolves with the open run, so check `status`. */
    async wait(id: string, options: WaitOptions & DetailOptions = {}): Promise<Run> {
      const { signal, include, timeoutMs = Number.POSITIVE_INFINITY } = options;
      const until = Date.now() + timeoutMs;
      for (let early = 0; ; ) {
        const askedAt = Date.now();
        const seconds = Math.min(Math.max(Math.ceil((until - askedAt) / 1000), 1), WAIT_MAX_SECONDS);
        const how = { timeoutMs: seconds * 1000 + settings.timeoutMs };
        const run = await read(id, { signal, include }, seconds, how);
        const now = Date.now();
        const isOpen = run.status === "pending" || run.status === "running";
        if (!isOpen || now >= until) return run;
        const isEarly = now - askedAt < seconds * 1000 - EARLY_MS;
        early = isEarly ? early + 1 : 0;
        if (isEarly) await pause(Math.min(retryPauseMs(settings.retryDelayMs, early), until - now), signal);
      }
    },
    /** The events so far, oldest first. */
    events: (id: string, options?: CallOptions): List<Schemas["TimelineEvent"]> =>
      listed({}, (query) => api.GET(EVENTS, { params: { path: of(id), query }, ...sent(options) })),
    /** The events so far, and further events as they happen, until the run ends. */
    watch(id: string, options: WatchOptions = {}): AsyncIterable<Schemas["TimelineEvent"]> {
      const open = async (seq: number, signal: AbortSignal) => {
        const { response } = await api.GET(EVENTS, {
          params: { path: of(id) },
          headers: { Accept: "text/event-stream", "Last-Event-ID": seq === 0 ? undefined : String(seq) },
          parseAs: "stream",
          ...sent({ signal }, { isStream: true }),
        });
        return response;
      };
      return watchEvents(open, options, settings);
    },
    /**
     * All runs: it lists them, or begins at `after`, and then gives each change as it happens. It goes on by itself when
     * the connection breaks or the server restarts, until the signal aborts or you leave the loop. It throws
     * `cursor_gone` if the environment was restored or resynced.
     */
    follow(options: FollowOptions<FollowedList> = {}): AsyncIterable<RunChanges> {
      const { signal, actionName, subject, label, waiting, group, include } = options;
      const filters = present({ actionName, subject, label, waiting, group, include });
      const source = {
        async cursor() {
          const result = await api.GET(CHANGES, { params: { path: scope, query: {} }, ...sent({ signal }) });
          return bodyOf(result).cursor;
        },
        list: list({ ...options.list, ...filters, limit: FOLLOWED_PAGE }, { signal }),
        async open(after: string, stop: AbortSignal) {
          const { response } = await api.GET(CHANGES, {
            params: { path: scope, query: { ...filters, after } },
            headers: { Accept: "text/event-stream" },
            parseAs: "stream",
            ...sent({ signal: stop }, { isStream: true }),
          });
          return response;
        },
      };
      return followRuns(source, options, settings);
    },
  };
}

const OPERATIONS = "/{o}/{p}/envs/{envName}/bulk-operations";
const OPERATION = `${OPERATIONS}/{id}` as const;

/** The time between two reads of a wait. It doubles, because a few runs take no time, and many take minutes. */
const PAUSE_MIN_MS = 100;
/** Meanwhile the service decides about 40 runs. */
const PAUSE_MAX_MS = 2000;

type BulkRequest = Omit<Schemas["BulkRequest"], "dryRun">;
type Operation = Schemas["BulkOperation"];

/** `runIds` names at most 500. A `filter` needs `maxRuns`: if more runs match, nothing happens. */
export type BulkChange = BulkRequest &
  (Required<Pick<BulkRequest, "runIds">> | Required<Pick<BulkRequest, "filter" | "maxRuns">>);

/** Without an outcome: all runs of the operation, also those that are undecided. */
export type BulkItemFilter = QueryOf<"listBulkOperationItems">;

export interface WaitForBulkOptions extends WaitOptions {
  /** Called with each read of the operation, also the last one, so that you can show how far it is. */
  readonly onProgress?: ((operation: Operation) => void) | undefined;
}

export interface BulkOperations extends ReturnType<typeof createBulkOperations> {}

export function createBulkOperations({ api, scope, sent }: Caller) {
  const of = (id: string) => ({ ...scope, id: checkedId(id) });

  async function get(id: string, options?: CallOptions): Promise<Operation> {
    return bodyOf(await api.GET(OPERATION, { params: { path: of(id) }, ...sent(options) }));
  }

  return {
    /** Starts an operation. A retry of the request uses the same key, so it starts no second one. */
    async create(change: BulkChange, options: ChangeOptions = {}): Promise<Operation> {
      const params = { path: scope, header: keyHeader(options) };
      const result = await api.POST(OPERATIONS, { params, body: change, ...sent(options) });
      const created = bodyOf(result);
      if ("id" in created) return created;
      throw unexpectedResponse(result.response, "The response is not a bulk operation");
    },
    /** Counts the runs that the same change would meet now. Nothing happens, and `create` can meet others. */
    async preview(change: BulkChange, options?: CallOptions): Promise<Schemas["BulkPreview"]> {
      const body = { ...change, dryRun: true };
      const result = await api.POST(OPERATIONS, { params: { path: scope }, body, ...sent(options) });
      const preview = bodyOf(result);
      if ("byStatus" in preview) return preview;
      throw unexpectedResponse(result.response, "The response is not a preview");
    },
    get,
    /** Newest first. */
    list: (query: ListOptions = {}, options?: CallOptions): List<Operation> =>
      listed(query, (query) => api.GET(OPERATIONS, { params: { path: scope, query }, ...sent(options) })),
    /** What happened to each run. */
    items: (id: string, filter: BulkItemFilter = {}, options?: CallOptions): List<Schemas["BulkItem"]> =>
      listed(filter, (query) => api.GET(`${OPERATION}/items`, { params: { path: of(id), query }, ...sent(options) })),
    /** Stops an operation. A retry finishes up to 25 runs first. What it has done stays done. */
    cancel: async (id: string, options?: CallOptions): Promise<Operation> =>
      bodyOf(await api.POST(`${OPERATION}/cancel`, { params: { path: of(id) }, ...sent(options) })),
    /** Resolves when the operation has ended, or after `timeoutMs`, so check `status` and `counts`. */
    async wait(id: string, options: WaitForBulkOptions = {}): Promise<Operation> {
      const { signal, timeoutMs = Number.POSITIVE_INFINITY, onProgress } = options;
      const until = Date.now() + timeoutMs;
      for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
        const operation = await get(id, { signal });
        onProgress?.(operation);
        const leftMs = until - Date.now();
        // An operation that was stopped is over only when its last batch is.
        const isOver = operation.status === "completed" || operation.status === "aborted";
        if (isOver || leftMs <= 0) return operation;
        await pause(Math.min(pauseMs, leftMs), signal);
      }
    },
  };
}

const GROUPS = "/{o}/{p}/envs/{envName}/concurrency-groups";
const PAUSES = "/{o}/{p}/envs/{envName}/pauses";
const PAUSE = `${PAUSES}/{group}` as const;

export type GroupFilter = QueryOf<"listConcurrencyGroups">;

export interface ConcurrencyGroups extends ReturnType<typeof createConcurrencyGroups> {}

export function createConcurrencyGroups({ api, scope, sent }: Caller) {
  return {
    /** One entry for each group and key with open runs, and for each other group of an action: how many run and wait. */
    list: (filter: GroupFilter = {}, options?: CallOptions): List<Schemas["ConcurrencyGroup"]> =>
      listed(filter, (query) => api.GET(GROUPS, { params: { path: scope, query }, ...sent(options) })),
  };
}

export interface DeletePauseOptions extends CallOptions {
  /** The pause's `from`, as the list shows it. */
  readonly from?: string | undefined;
}

/** In the place of a group: a pause of all runs of the environment that have any gate. */
export const WHOLE_ENVIRONMENT = "-environment";

export interface Pauses extends ReturnType<typeof createPauses> {}

function checkedGroup(group: string): string {
  return group === WHOLE_ENVIRONMENT ? group : checkedDefinitionName("The group", group, `, or "${WHOLE_ENVIRONMENT}"`);
}

export function createPauses({ api, scope, sent }: Caller) {
  const of = (group: string) => ({ ...scope, group: checkedGroup(group) });
  return {
    async list(options?: CallOptions): Promise<readonly Schemas["Pause"][]> {
      const all = listed({}, () => api.GET(PAUSES, { params: { path: scope }, ...sent(options) }));
      return (await all.page()).entries;
    },
    /**
     * Pauses a concurrency group, or with `"-environment"` all runs of the environment that have any gate. Runs that
     * started before go on. With a `from` in the future, the pause is planned. A pause replaces the one of the group with
     * the same `from`, or without one, the one that was put without one. Without `until` it lasts until you delete it.
     * The answer has a `warning` if no action has the group.
     */
    put: async (group: string, body: Schemas["PauseRequest"], options?: CallOptions): Promise<Schemas["Pause"]> =>
      bodyOf(await api.PUT(PAUSE, { params: { path: of(group) }, body, ...sent(options) })),
    /** Ends the pauses that have begun, or the one with this `from`. A retry succeeds if an earlier try ended it. */
    async delete(group: string, options: DeletePauseOptions = {}): Promise<void> {
      const params = { path: of(group), query: present({ from: options.from }) };
      await deleting("pause_not_found", (onRetry) => api.DELETE(PAUSE, { params, ...sent(options, { onRetry }) }));
    },
  };
}
