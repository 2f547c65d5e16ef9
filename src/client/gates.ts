/**
 * What people decide about a run that waits: approve it, reject it, or start it before its time. The client decides for
 * nobody: there is no approval of several runs at once.
 */
import {
  type Api,
  bodyOf,
  type CallOptions,
  type ChangeOptions,
  type ConcurrencyGroup,
  type DetailedActionRun,
  type DetailOptions,
  listOf,
  type NewPause,
  nextOf,
  type PageQuery,
  type Pause,
  pages,
  present,
  type RunApproval,
  sending,
} from "./api.ts";
import { deleting } from "./definitions.ts";
import { checkedGroup, checkedId, type Environment } from "./settings.ts";
import type { Send } from "./transport.ts";

const RUN = "/{o}/{p}/envs/{envName}/action-runs/{id}";
const APPROVAL = `${RUN}/approval` as const;
const APPROVE = `${RUN}/approve` as const;
const REJECT = `${RUN}/reject` as const;
const RELEASE = `${RUN}/release` as const;

export interface DecisionOptions extends ChangeOptions, DetailOptions {
  /** Why: one line of at most 1 KiB. Every reader of the run can see it. */
  readonly reason?: string | undefined;
}

export interface Decisions {
  /**
   * What an approver decides about: the request as it will be sent, with null in the place of each secret, and the
   * approvals so far. `approval_not_found` if the run needs no approval.
   */
  approval(id: string, options?: CallOptions): Promise<RunApproval>;
  /**
   * Approves a run. The token needs `mayApprove`. The run starts when it has all its approvals, its time has come and its
   * concurrency group has room, so check `details.waiting`. Your own run is refused with `own_run`.
   */
  approve(id: string, options?: DecisionOptions): Promise<DetailedActionRun>;
  /** Rejects a run, which ends as cancelled. The token needs `mayApprove`. */
  reject(id: string, options?: DecisionOptions): Promise<DetailedActionRun>;
  /** Opens the time gate of a run, as if its `notBefore` had come. The run still needs its approvals and a slot. */
  release(id: string, options?: ChangeOptions & DetailOptions): Promise<DetailedActionRun>;
}

export function createDecisions(api: Api, scope: Environment, send: Send): Decisions {
  const paramsOf = (id: string, { include, idempotencyKey = crypto.randomUUID() }: DecisionOptions) => ({
    path: { ...scope, id: checkedId(id) },
    query: present({ include }),
    header: { "Idempotency-Key": idempotencyKey },
  });
  return {
    async approval(id, { signal } = {}) {
      const params = { path: { ...scope, id: checkedId(id) } };
      return bodyOf(await api.GET(APPROVAL, { params, fetch: sending(send, { signal }) }));
    },
    async approve(id, options = {}) {
      const { signal, reason } = options;
      const params = paramsOf(id, options);
      const body = present({ reason });
      return bodyOf(await api.POST(APPROVE, { params, body, fetch: sending(send, { signal }) }));
    },
    async reject(id, options = {}) {
      const { signal, reason } = options;
      const params = paramsOf(id, options);
      const body = present({ reason });
      return bodyOf(await api.POST(REJECT, { params, body, fetch: sending(send, { signal }) }));
    },
    async release(id, options = {}) {
      const params = paramsOf(id, options);
      return bodyOf(await api.POST(RELEASE, { params, fetch: sending(send, { signal: options.signal }) }));
    },
  };
}

/* SECTION: The concurrency groups of one environment: who runs and who waits. A group is there as long as it has runs. */

const GROUPS = "/{o}/{p}/envs/{envName}/concurrency-groups";

export interface GroupFilter {
  /** Only the keys of this group. */
  readonly group?: string | undefined;
}

/** One page of a list. It can be short and still have a next one. */
export interface GroupPage {
  readonly groups: readonly ConcurrencyGroup[];
  /** Send it as `cursor` to get the next page; null on the last page. */
  readonly next: string | null;
}

export interface ConcurrencyGroups {
  /** One entry for each group and key with open runs. Requests further pages as you read on. */
  list(filter?: GroupFilter, options?: CallOptions): AsyncIterable<ConcurrencyGroup>;
  /** One page. Its `cursor` is the `next` of the page before it. */
  page(query?: GroupFilter & PageQuery, options?: CallOptions): Promise<GroupPage>;
}

export function createConcurrencyGroups(api: Api, scope: Environment, send: Send): ConcurrencyGroups {
  return {
    list: (filter = {}, { signal } = {}) =>
      pages((cursor) => {
        const params = { path: scope, query: present({ ...filter, cursor }) };
        return api.GET(GROUPS, { params, fetch: sending(send, { signal }) });
      }),
    async page(query = {}, { signal } = {}) {
      const params = { path: scope, query: present(query) };
      const result = await api.GET(GROUPS, { params, fetch: sending(send, { signal }) });
      return { groups: listOf(result), next: nextOf(result) };
    },
  };
}

/* SECTION: The pauses of one environment: meanwhile no run of a group, or no run with any gate, starts. */

const PAUSES = "/{o}/{p}/envs/{envName}/pauses";
const PAUSE = `${PAUSES}/{group}` as const;

/** In the place of a group: a pause of all runs of the environment that have any gate. */
export const WHOLE_ENVIRONMENT = "-environment";

export interface Pauses {
  list(options?: CallOptions): Promise<readonly Pause[]>;
  /**
   * Pauses a concurrency group, or with `"-environment"` all runs of the environment that have any gate. Runs that
   * started before go on. A pause replaces an earlier one. Without `until` it lasts until you delete it.
   */
  put(group: string, pause: NewPause, options?: CallOptions): Promise<Pause>;
  /** Ends a pause. A retry succeeds if a try before it ended the pause. */
  delete(group: string, options?: CallOptions): Promise<void>;
}

export function createPauses(api: Api, scope: Environment, send: Send): Pauses {
  const of = (group: string) => ({ ...scope, group: group === WHOLE_ENVIRONMENT ? group : checkedGroup(group) });
  return {
    async list({ signal } = {}) {
      return listOf(await api.GET(PAUSES, { params: { path: scope }, fetch: sending(send, { signal }) }));
    },
    async put(group, pause, { signal } = {}) {
      const params = { path: of(group) };
      return bodyOf(await api.PUT(PAUSE, { params, body: pause, fetch: sending(send, { signal }) }));
    },
    async delete(group, { signal } = {}) {
      const params = { path: of(group) };
      await deleting("pause_not_found", (onRetry) =>
        api.DELETE(PAUSE, { params, fetch: sending(send, { signal, onRetry }) }),
      );
    },
  };
}
