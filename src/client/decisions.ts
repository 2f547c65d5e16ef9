/**
 * What people decide about a run that waits: approve it, reject it, or start it before its time. The client decides for
 * nobody: there is no approval of several runs at once.
 */

import {
  type Api,
  bodyOf,
  type CallOptions,
  type ChangeOptions,
  type DetailedActionRun,
  type DetailOptions,
  present,
  type RunApproval,
  sending,
} from "./api.ts";
import { checkedId, type Environment } from "./settings.ts";
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
