/** Which webhook endpoints hear of an event. PURE. */

import type { EndpointKey, EventType, RunWithEvent } from "./telling.ts";

/** What decides which events an endpoint hears of. `actionNames` null: every action. */
export interface EndpointFilter {
  readonly events: readonly (EventType | "action_run.*")[];
  readonly actionNames: readonly string[] | null;
  /** All of these. */
  readonly labels: readonly string[];
  readonly includeUnstored: boolean;
  readonly onlyOnChange: boolean;
  /** A person's own switch. */
  readonly disabled: boolean;
  /** Whether a delivery can show the outcome before. */
  readonly showsPrevious: boolean;
}

/** An endpoint that nobody has disabled. It hears of events behind the number `afterSeq`, when it was not stored yet. */
export interface Listener {
  readonly endpoint: EndpointKey;
  readonly afterSeq: number;
  readonly filter: EndpointFilter;
}

/** What is not known about the outcome before counts as a change. */
export function hears({ filter }: Pick<Listener, "filter">, run: RunWithEvent): boolean {
  const isSame = run.type === `action_run.${run.previousStatus}`;
  return isWanted(filter, run) && !(isSame && isCompared(filter, run));
}

/** Whether the endpoint needs the outcome before. */
export function needsPrevious({ filter }: Pick<Listener, "filter">): boolean {
  return filter.showsPrevious || filter.onlyOnChange;
}

function isWanted({ events, actionNames, labels, includeUnstored }: EndpointFilter, run: RunWithEvent): boolean {
  if (!isWantedType(events, run.type)) return false;
  // A caller can give a run any name. Only a run of a stored action is what its name says.
  const isNamed = includeUnstored || run.source === "action";
  if (actionNames !== null && !(isNamed && actionNames.includes(run.actionName))) return false;
  if (labels.length === 0) return true;
  const ofRun = new Set(JSON.parse(run.labels) as string[]);
  return labels.every((label) => ofRun.has(label));
}

function isWantedType(events: EndpointFilter["events"], type: EventType): boolean {
  return events.some((event) => event === "action_run.*" || event === type);
}

function isCompared({ onlyOnChange, includeUnstored }: EndpointFilter, { source }: RunWithEvent): boolean {
  return onlyOnChange && (includeUnstored || source === "action");
}
