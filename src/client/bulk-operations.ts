/** The bulk operations of one environment: many runs that one request cancels or retries. */

import type { Client } from "openapi-fetch";
import { type Api, bodyOf, type CallOptions, type ChangeOptions, present, sending } from "./api.ts";
import { listOf, nextOf, type PageQuery } from "./paging.ts";
import { checkedId, type Environment } from "./settings.ts";
import type { Send } from "./transport.ts";

const BULK = "/{o}/{p}/envs/{envName}/bulk-operations";
const ONE = `${BULK}/{id}` as const;
const ITEMS = `${ONE}/items` as const;
const CANCEL = `${ONE}/cancel` as const;

type Count = number | { readonly atLeast: number };
type RunStatus = "pending" | "running" | "succeeded" | "failed" | "cancelled";

export interface BulkFilter {
  readonly status?: RunStatus[];
  readonly labels?: string[];
  readonly actionName?: string;
  readonly entityId?: string;
  readonly triggeredBy?: string;
  readonly createdAfter?: string;
  readonly createdBefore?: string;
  readonly waiting?: "any" | "time" | "approval" | "concurrency" | "pause";
  readonly group?: string;
}

export interface NewBulkOperation {
  readonly operation: "cancel" | "retry";
  readonly reason?: string;
  readonly graceSeconds?: number;
  readonly includeRetried?: boolean;
  readonly runIds?: string[];
  readonly filter?: BulkFilter;
  readonly maxRuns?: number;
}

export interface BulkPreview {
  readonly matched: Count;
  readonly byStatus: Readonly<Record<RunStatus, number>>;
  readonly newest: string[];
  readonly wouldStart: number;
}

export interface BulkOperation {
  readonly id: string;
  readonly operation: "cancel" | "retry";
  readonly status: "collecting" | "running" | "completed" | "aborted";
  readonly abortReason: "asked" | "too_many_runs" | "token_revoked" | "token_expired" | null;
  readonly filter: BulkFilter | null;
  readonly by: string;
  readonly byId: string | null;
  readonly counts: {
    readonly matched: Count;
    readonly accepted: number;
    readonly skipped: number;
    readonly failed: number;
    readonly remaining: Count;
  };
  readonly createdAt: string;
  readonly completedAt: string | null;
  readonly ended?: { readonly succeeded: number; readonly failed: number; readonly cancelled: number } | null;
}

export interface BulkItem {
  readonly runId: string;
  readonly outcome: "accepted" | "skipped" | "failed" | null;
  readonly code: string | null;
  readonly newRunId: string | null;
}

export type BulkChange = NewBulkOperation;

export interface BulkPage {
  readonly operations: readonly BulkOperation[];
  readonly next: string | null;
}

export interface BulkItemPage {
  readonly items: readonly BulkItem[];
  readonly next: string | null;
}

export interface BulkOperations {
  create(body: NewBulkOperation, options?: ChangeOptions): Promise<BulkOperation>;
  preview(body: NewBulkOperation, options?: CallOptions): Promise<BulkPreview>;
  get(id: string, options?: CallOptions): Promise<BulkOperation>;
  page(query?: PageQuery, options?: CallOptions): Promise<BulkPage>;
  itemPage(
    id: string,
    query?: PageQuery & { readonly outcome?: BulkItem["outcome"] | undefined },
    options?: CallOptions,
  ): Promise<BulkItemPage>;
  cancel(id: string, options?: CallOptions): Promise<BulkOperation>;
}

interface Untyped {
  readonly parameters: {
    readonly query?: Record<string, unknown>;
    readonly header?: Record<string, string>;
    readonly path: Record<string, string>;
  };
}
interface Method<Body, Answer> extends Untyped {
  readonly requestBody: { readonly content: { readonly "application/json": Body } };
  readonly responses: { readonly 200: { readonly content: { readonly "application/json": Answer } } };
}
interface Reading<Answer> extends Untyped {
  readonly responses: { readonly 200: { readonly content: { readonly "application/json": Answer } } };
}
interface Paths {
  readonly [BULK]: {
    readonly post: Method<NewBulkOperation & { readonly dryRun?: true }, BulkOperation | BulkPreview>;
    readonly get: Reading<BulkOperation[]>;
  };
  readonly [ONE]: { readonly get: Reading<BulkOperation> };
  readonly [ITEMS]: { readonly get: Reading<BulkItem[]> };
  readonly [CANCEL]: { readonly post: Reading<BulkOperation> };
}

export function createBulkOperations(given: Api, scope: Environment, send: Send): BulkOperations {
  const api = given as unknown as Client<Paths, "application/json">;
  const of = (id: string) => ({ ...scope, id: checkedId(id) });
  return {
    async create(body, { signal, idempotencyKey = crypto.randomUUID() } = {}) {
      const params = { path: { ...scope }, header: { "Idempotency-Key": idempotencyKey } };
      return bodyOf(
        await api.POST(BULK, { params, body, fetch: sending(send, { signal }) }),
      ) as BulkOperation;
    },
    async preview(body, { signal } = {}) {
      const sent = { ...body, dryRun: true } as const;
      const params = { path: { ...scope } };
      return bodyOf(
        await api.POST(BULK, { params, body: sent, fetch: sending(send, { signal }) }),
      ) as BulkPreview;
    },
    async get(id, { signal } = {}) {
      const params = { path: of(id) };
      return bodyOf(await api.GET(ONE, { params, fetch: sending(send, { signal }) })) as BulkOperation;
    },
    async page(query = {}, { signal } = {}) {
      const params = { path: { ...scope }, query: present({ ...query }) };
      const result = await api.GET(BULK, { params, fetch: sending(send, { signal }) });
      return { operations: listOf(result) as unknown as BulkOperation[], next: nextOf(result) };
    },
    async itemPage(id, query = {}, { signal } = {}) {
      const params = { path: of(id), query: present({ ...query }) };
      const result = await api.GET(ITEMS, { params, fetch: sending(send, { signal }) });
      return { items: listOf(result), next: nextOf(result) };
    },
    async cancel(id, { signal } = {}) {
      const params = { path: of(id) };
      return bodyOf(await api.POST(CANCEL, { params, fetch: sending(send, { signal }) })) as BulkOperation;
    },
  };
}
