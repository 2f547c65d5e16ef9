/** The bulk operations of one environment: each cancels or retries many runs, also when the client is gone. */
import {
  type Api,
  type BulkItem,
  type BulkOperation,
  type BulkPreview,
  type BulkRequest,
  bodyOf,
  type CallOptions,
  type ChangeOptions,
  listOf,
  nextOf,
  type PageQuery,
  pages,
  present,
  sending,
} from "./api.ts";
import type { WaitOptions } from "./runs.ts";
import { checkedId, type Environment } from "./settings.ts";
import { pause, type Send, unexpectedResponse } from "./transport.ts";

const OPERATIONS = "/{o}/{p}/envs/{envName}/bulk-operations";
const OPERATION = `${OPERATIONS}/{id}` as const;
const ITEMS = `${OPERATION}/items` as const;
const CANCEL = `${OPERATION}/cancel` as const;

/**
 * What happens to which runs. `runIds` names at most 500. A `filter` needs `maxRuns`: if more runs match, nothing
 * happens.
 */
export type BulkChange = Omitting<BulkRequest, "dryRun">;

/** `Omit` for each member of a union. */
type Omitting<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface BulkItemFilter {
  /** Default: all runs of the operation, also those that are undecided. */
  readonly outcome?: NonNullable<BulkItem["outcome"]> | undefined;
}

/** One page of a list. It can be short and still have a next one. */
export interface BulkPage {
  readonly operations: readonly BulkOperation[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

/** One page of an operation's runs. It can be short and still have a next one. */
export interface BulkItemPage {
  readonly items: readonly BulkItem[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface BulkOperations {
  /** Starts an operation. A retry of the request uses the same key, so it starts no second one. */
  create(change: BulkChange, options?: ChangeOptions): Promise<BulkOperation>;
  /** Counts the runs that the same change would meet now. Nothing happens, and `create` can meet others. */
  preview(change: BulkChange, options?: CallOptions): Promise<BulkPreview>;
  get(id: string, options?: CallOptions): Promise<BulkOperation>;
  /** Newest first. Requests further pages as you read on. */
  list(options?: CallOptions): AsyncIterable<BulkOperation>;
  /** One page, newest first. Its `cursor` is the `next` of the page before it. */
  page(query?: PageQuery, options?: CallOptions): Promise<BulkPage>;
  /** What happened to each run. Requests further pages as you read on. */
  items(id: string, filter?: BulkItemFilter, options?: CallOptions): AsyncIterable<BulkItem>;
  /** One page. Its `cursor` is the `next` of the page before it. */
  itemPage(id: string, query?: BulkItemFilter & PageQuery, options?: CallOptions): Promise<BulkItemPage>;
  /** Stops an operation. A retry finishes up to 25 runs first. What it has done stays done. */
  cancel(id: string, options?: CallOptions): Promise<BulkOperation>;
  /**
   * Resolves with the operation when it has ended, so check `status` and `counts`. After `timeoutMs` it resolves with
   * the operation that goes on.
   */
  wait(id: string, options?: WaitForBulkOptions): Promise<BulkOperation>;
}

export function createBulkOperations(api: Api, scope: Environment, send: Send): BulkOperations {
  const of = (id: string) => ({ ...scope, id: checkedId(id) });

  async function get(id: string, { signal }: CallOptions = {}): Promise<BulkOperation> {
    const params = { path: of(id) };
    return bodyOf(await api.GET(OPERATION, { params, fetch: sending(send, { signal }) }));
  }

  return {
    async create(change, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
      const params = { path: scope, header: { "Idempotency-Key": idempotencyKey } };
      const result = await api.POST(OPERATIONS, { params, body: change, fetch: sending(send, { signal }) });
      const created = bodyOf(result);
      if ("id" in created) return created;
      throw unexpectedResponse(result.response, "The response is not a bulk operation");
    },
    async preview(change, { signal } = {}) {
      const result = await api.POST(OPERATIONS, {
        params: { path: scope },
        body: { ...change, dryRun: true },
        fetch: sending(send, { signal }),
      });
      const preview = bodyOf(result);
      if ("byStatus" in preview) return preview;
      throw unexpectedResponse(result.response, "The response is not a preview");
    },
    get,
    list: ({ signal } = {}) =>
      pages((cursor) =>
        api.GET(OPERATIONS, { params: { path: scope, query: present({ cursor }) }, fetch: sending(send, { signal }) }),
      ),
    async page(query = {}, { signal } = {}) {
      const params = { path: scope, query: present(query) };
      const result = await api.GET(OPERATIONS, { params, fetch: sending(send, { signal }) });
      return { operations: listOf(result), next: nextOf(result) };
    },
    items: (id, filter = {}, { signal } = {}) =>
      pages((cursor) =>
        api.GET(ITEMS, {
          params: { path: of(id), query: present({ ...filter, cursor }) },
          fetch: sending(send, { signal }),
        }),
      ),
    async itemPage(id, query = {}, { signal } = {}) {
      const params = { path: of(id), query: present(query) };
      const result = await api.GET(ITEMS, { params, fetch: sending(send, { signal }) });
      return { items: listOf(result), next: nextOf(result) };
    },
    async cancel(id, { signal } = {}) {
      const params = { path: of(id) };
      return bodyOf(await api.POST(CANCEL, { params, fetch: sending(send, { signal }) }));
    },
    wait: (id, options = {}) => untilOver(() => get(id, { signal: options.signal }), options),
  };
}

/* SECTION: Waits for a bulk operation's end, which it reads from time to time. */

/** The time between two reads. It doubles, because a few runs take no time, and many take minutes. */
const PAUSE_MIN_MS = 100;
/** Meanwhile the service decides about 40 runs. */
const PAUSE_MAX_MS = 2000;

export interface WaitForBulkOptions extends WaitOptions {
  /** Called with each read of the operation, also the last one, so that you can show how far it is. */
  readonly onProgress?: ((operation: BulkOperation) => void) | undefined;
}

/** Resolves with the operation that has ended, or after `timeoutMs` with one that goes on. */
export async function untilOver(
  read: () => Promise<BulkOperation>,
  { signal, timeoutMs = Number.POSITIVE_INFINITY, onProgress }: WaitForBulkOptions,
): Promise<BulkOperation> {
  const until = Date.now() + timeoutMs;
  for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    const operation = await read();
    onProgress?.(operation);
    const leftMs = until - Date.now();
    if (isOver(operation) || leftMs <= 0) return operation;
    await pause(Math.min(pauseMs, leftMs), signal);
  }
}

/** An operation that was stopped is over only when its last page is. */
function isOver({ status }: BulkOperation): boolean {
  return status === "completed" || status === "aborted";
}
