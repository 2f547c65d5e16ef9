/** The bulk operations of one environment: each cancels or retries many runs, also when the client is gone. */
import {
  bodyOf,
  type Caller,
  type CallOptions,
  type ChangeOptions,
  keyHeader,
  type List,
  type ListOptions,
  listed,
  type Schemas,
} from "./api.ts";
import type { WaitOptions } from "./runs.ts";
import { checkedId } from "./settings.ts";
import { pause, unexpectedResponse } from "./transport.ts";

const OPERATIONS = "/{o}/{p}/envs/{envName}/bulk-operations";
const OPERATION = `${OPERATIONS}/{id}` as const;

/** The time between two reads of a wait. It doubles, because a few runs take no time, and many take minutes. */
const PAUSE_MIN_MS = 100;
/** Meanwhile the service decides about 40 runs. */
const PAUSE_MAX_MS = 2000;

type Request = Omit<Schemas["BulkRequest"], "dryRun">;
type Operation = Schemas["BulkOperation"];

/**
 * What happens to which runs. `runIds` names at most 500. A `filter` needs `maxRuns`: if more runs match, nothing
 * happens.
 */
export type BulkChange = Request & (Required<Pick<Request, "runIds">> | Required<Pick<Request, "filter" | "maxRuns">>);

export interface BulkItemFilter extends ListOptions {
  /** Default: all runs of the operation, also those that are undecided. */
  readonly outcome?: NonNullable<Schemas["BulkItem"]["outcome"]> | undefined;
}

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
    async cancel(id: string, options?: CallOptions): Promise<Operation> {
      return bodyOf(await api.POST(`${OPERATION}/cancel`, { params: { path: of(id) }, ...sent(options) }));
    },
    /**
     * Resolves with the operation when it has ended, so check `status` and `counts`. After `timeoutMs` it resolves with
     * the operation that goes on.
     */
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
