/** Which endpoints hear of a run. PURE. */

import {
  type EventType,
  endpointKey,
  type Match,
  type PreviousStatus,
  type RunToTell,
} from "../runs/telling.ts";
import type { EndpointFilter } from "./endpoint-filter.ts";
import type { FilteredEndpoint } from "./filtered-endpoints.ts";

/** Those of the endpoints that hear of these runs, apart from what they say of the outcome before. */
export function candidates(
  endpoints: readonly FilteredEndpoint[],
  runs: readonly RunToTell[],
): readonly { readonly run: RunToTell; readonly endpoint: FilteredEndpoint }[] {
  const active = endpoints.filter(({ isDisabled, filter }) => !isDisabled && !filter.disabled);
  return runs.flatMap((run) =>
    active.filter(({ filter }) => isWanted(filter, run)).map((endpoint) => ({ run, endpoint })),
  );
}

function isWanted({ events, actionNames, labels, includeUnstored }: EndpointFilter, run: RunToTell): boolean {
  if (!isWantedType(events, run.type)) return false;
  // A caller can give a run any name. Only a run of a stored action is what its name says.
  const isNamed = includeUnstored || run.source === "action";
  if (actionNames !== null && !(isNamed && actionNames.includes(run.actionName))) return false;
  const ofRun = new Set(JSON.parse(run.labels) as string[]);
  return labels.every((label) => ofRun.has(label));
}

function isWantedType(events: EndpointFilter["events"], type: EventType): boolean {
  return events.some((event) => event === "action_run.*" || event === type);
}

/** Whether the message needs the outcome before. Only a success and a failure are compared. */
export function needsPrevious({ filter }: FilteredEndpoint, run: RunToTell): boolean {
  const isOutcome = run.type === "action_run.succeeded" || run.type === "action_run.failed";
  return isOutcome && (filter.showsPrevious || isCompared(filter, run));
}

/**
 * The message of a candidate; null if the endpoint hears only of changes, and the outcome is the one before. What is not
 * known counts as a change.
 */
export function matchOf(
  endpoint: FilteredEndpoint,
  run: RunToTell,
  previousStatus: PreviousStatus,
): Match | null {
  if (isCompared(endpoint.filter, run) && run.type === `action_run.${previousStatus}`) return null;
  return { runId: run.id, endpoint: endpointKey(endpoint), previousStatus };
}

function isCompared({ onlyOnChange, includeUnstored }: EndpointFilter, { source }: RunToTell): boolean {
  return onlyOnChange && (includeUnstored || source === "action");
}
