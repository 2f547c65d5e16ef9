/** What each filter of a list asks of a run. PURE. */

import { firstIdAt } from "../base/uuid.ts";
import type { WaitingFor } from "./gates.ts";
import type { Run, Status } from "./run.ts";
import type { RunFilters } from "./run-filters.ts";

/** What filters look at. */
export interface RunFacts {
  readonly id: string;
  readonly status: Status;
  readonly waitingFor: WaitingFor | null;
  /** The concurrency group; null if the run has none. */
  readonly group: string | null;
  /** A JSON array of texts. */
  readonly labels: string;
  readonly actionName: string;
  readonly entityId: string | null;
  readonly triggeredBy: string;
}

export function factsOf(run: Run): RunFacts {
  const { id, status, waitingFor, gates, labels, actionName, entityId, triggeredBy } = run;
  const group = gates?.concurrency?.group ?? null;
  return { id, status, waitingFor, group, labels, actionName, entityId, triggeredBy };
}

/** Whether the run passes all filters that are given. */
export function matches(run: RunFacts, filters: RunFilters): boolean {
  return passesAll(run, filters, NAMES);
}

/** Whether the run passes all filters that are given and whose answer for a run never changes. */
export function matchesFixed(run: RunFacts, filters: RunFilters): boolean {
  return passesAll(run, filters, FIXED_NAMES);
}

type Name = keyof RunFilters;
type Values = { readonly [N in Name]-?: NonNullable<RunFilters[N]> };
type Given = { readonly [N in Name]?: Values[N] | undefined };

interface Filter<Value> {
  /** Whether a run that passes once always passes. */
  readonly isFixed: boolean;
  readonly passes: (run: RunFacts, value: Value) => boolean;
}

const FILTERS: { readonly [N in Name]: Filter<Values[N]> } = {
  status: {
    isFixed: false,
    passes: ({ status }, asked) => asked.length === 0 || asked.includes(status),
  },
  waiting: {
    isFixed: false,
    passes: ({ status, waitingFor }, asked) =>
      status === "pending" && waitingFor !== null && (asked === "any" || asked === waitingFor),
  },
  group: { isFixed: true, passes: ({ group }, asked) => group === asked },
  label: {
    isFixed: true,
    passes: ({ labels }, asked) => {
      const own = JSON.parse(labels) as string[];
      return asked.every((label) => own.includes(label));
    },
  },
  actionName: { isFixed: true, passes: ({ actionName }, asked) => actionName === asked },
  entityId: { isFixed: true, passes: ({ entityId }, asked) => entityId === asked },
  triggeredBy: {
    isFixed: true,
    passes: ({ triggeredBy }, asked) => inLowerCase(triggeredBy) === inLowerCase(asked),
  },
  createdAfter: { isFixed: true, passes: ({ id }, { floorMs }) => id >= firstIdAt(floorMs + 1) },
  createdBefore: { isFixed: true, passes: ({ id }, { ceilMs }) => id < firstIdAt(ceilMs) },
};

const NAMES = Object.keys(FILTERS) as Name[];
const FIXED_NAMES = NAMES.filter((name) => FILTERS[name].isFixed);

function passesAll(run: RunFacts, filters: RunFilters, names: readonly Name[]): boolean {
  return names.every((name) => passes(run, filters, name));
}

function passes<N extends Name>(run: RunFacts, filters: Given, name: N): boolean {
  const value: Values[N] | undefined = filters[name];
  return value === undefined || FILTERS[name].passes(run, value);
}

/** As D1's column compares names: only ASCII letters have a case. */
function inLowerCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
