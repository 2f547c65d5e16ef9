/** The pauses of one environment: meanwhile no run of a group, or no run with any gate, starts. */

import { type Api, bodyOf, type CallOptions, type NewPause, type Pause, sending } from "./api.ts";
import { deleting } from "./definitions.ts";
import { listOf } from "./paging.ts";
import { checkedGroup, type Environment } from "./settings.ts";
import type { Send } from "./transport.ts";

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
