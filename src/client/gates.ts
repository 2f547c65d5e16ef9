/** What holds runs back before they start: decisions of people about one run, concurrency groups, and pauses. */
import {
  bodyOf,
  type Caller,
  type CallOptions,
  type ChangeOptions,
  type DetailOptions,
  deleting,
  keyHeader,
  type List,
  type ListOptions,
  listed,
  present,
  type Schemas,
} from "./api.ts";
import { checkedDefinitionName, checkedId } from "./settings.ts";

const RUN = "/{o}/{p}/envs/{envName}/action-runs/{id}";
const GROUPS = "/{o}/{p}/envs/{envName}/concurrency-groups";
const PAUSES = "/{o}/{p}/envs/{envName}/pauses";
const PAUSE = `${PAUSES}/{group}` as const;

export interface DecisionOptions extends ChangeOptions, DetailOptions {
  /** Why: one line of at most 1 KiB. Every reader of the run can see it. */
  readonly reason?: string | undefined;
}

export interface ReleaseOptions extends DecisionOptions {
  /** Requires a reason. */
  readonly throughPause?: true | undefined;
}

/** The client decides for nobody: there is no approval of several runs at once. */
export function createDecisions({ api, scope, sent }: Caller) {
  const paramsOf = (id: string, options: DecisionOptions) => ({
    path: { ...scope, id: checkedId(id) },
    query: present({ include: options.include }),
    header: keyHeader(options),
  });
  return {
    /**
     * What an approver decides about: the request as it will be sent, with null in the place of each secret, and the
     * approvals so far. `approval_not_found` if the run needs no approval.
     */
    async approval(id: string, options?: CallOptions): Promise<Schemas["RunApproval"]> {
      const params = { path: { ...scope, id: checkedId(id) } };
      return bodyOf(await api.GET(`${RUN}/approval`, { params, ...sent(options) }));
    },
    /**
     * Approves a run. The token needs `mayApprove`. The run starts when it has all its approvals, its time has come and
     * its concurrency group has room, so check `details.waiting`. Your own run is refused with `own_run`.
     */
    async approve(id: string, options: DecisionOptions = {}): Promise<Schemas["DetailedActionRun"]> {
      const body = present({ reason: options.reason });
      return bodyOf(await api.POST(`${RUN}/approve`, { params: paramsOf(id, options), body, ...sent(options) }));
    },
    /** Rejects a run, which ends as cancelled. The token needs `mayApprove`. */
    async reject(id: string, options: DecisionOptions = {}): Promise<Schemas["DetailedActionRun"]> {
      const body = present({ reason: options.reason });
      return bodyOf(await api.POST(`${RUN}/reject`, { params: paramsOf(id, options), body, ...sent(options) }));
    },
    /**
     * Opens the time gate of a run, as if its `notBefore` had come. The run still needs its approvals and a slot. With
     * `throughPause` and a reason, lets the run pass the pauses that hold it back now, and opens no other gate.
     */
    async release(id: string, options: ReleaseOptions = {}): Promise<Schemas["DetailedActionRun"]> {
      const { throughPause, reason } = options;
      const isEmpty = throughPause === undefined && reason === undefined;
      const body = isEmpty ? {} : { body: present({ throughPause, reason }) };
      return bodyOf(await api.POST(`${RUN}/release`, { params: paramsOf(id, options), ...body, ...sent(options) }));
    },
  };
}

export interface GroupFilter extends ListOptions {
  /** Only the keys of this group. */
  readonly group?: string | undefined;
}

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
    /**
     * Ends the pauses of a group that have begun, or only the one with this `from`, also before it begins. A retry
     * succeeds if a try before it ended the pause.
     */
    async delete(group: string, options: DeletePauseOptions = {}): Promise<void> {
      const params = { path: of(group), query: present({ from: options.from }) };
      await deleting("pause_not_found", (onRetry) => api.DELETE(PAUSE, { params, ...sent(options, { onRetry }) }));
    },
  };
}
