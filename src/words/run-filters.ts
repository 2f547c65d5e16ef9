/** The filters of console and command line. TypeScript reports a filter of the API that is missing here. PURE. */
import type { paths } from "../client/openapi.ts";

type Query = NonNullable<paths["/{o}/{p}/envs/{envName}/action-runs"]["get"]["parameters"]["query"]>;
/** `text` is a filter of lists alone: summaries, bulk operations and the feed refuse it. */
export type RunFilters = Omit<Query, "limit" | "cursor" | "order" | "include" | "text">;
export type RunFilterName = keyof RunFilters;

interface RunFilterWords<Value> {
  /** What stands before a value. In a search, its first word stands before the colon. */
  readonly shown: string;
  /** Whether a list takes several values. Of the others, a run has one each. */
  readonly isRepeatable: Value extends readonly unknown[] ? true : false;
}

export const RUN_FILTERS: { readonly [N in RunFilterName]-?: RunFilterWords<NonNullable<RunFilters[N]>> } = {
  status: { shown: "status", isRepeatable: true },
  actionName: { shown: "action", isRepeatable: false },
  subject: { shown: "subject", isRepeatable: false },
  label: { shown: "label", isRepeatable: true },
  triggeredBy: { shown: "by", isRepeatable: false },
  entityId: { shown: "entity", isRepeatable: false },
  waiting: { shown: "waiting for", isRepeatable: false },
  group: { shown: "group", isRepeatable: false },
  createdAfter: { shown: "since", isRepeatable: false },
  createdBefore: { shown: "until", isRepeatable: false },
};

export const RUN_FILTER_NAMES = Object.keys(RUN_FILTERS) as readonly RunFilterName[];
