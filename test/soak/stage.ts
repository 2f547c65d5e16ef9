/** What the callers of a soak share, and what they keep of each run. */

import type { Begun } from "./bulk/bulk-operation.ts";
import type { Disturbances } from "./disturbances/disturbances.ts";
import type { SoakRecord, Told } from "./record.ts";
import type { ActionRun, Attempt, Details, Origin, RunModel } from "./run-model.ts";
import type { Site } from "./site.ts";

/** What all callers share. */
export interface Stage {
  readonly site: Site;
  readonly record: SoakRecord;
  readonly disturbances: Disturbances;
  readonly environments: readonly string[];
  /** All runs that were acknowledged, by id. */
  readonly runs: Map<string, OwnRun>;
  /** All bulk operations that were acknowledged. */
  readonly bulk: Begun[];
}

export interface OwnRun extends Told {
  readonly model: RunModel;
  /** The scope of its runs: org/project/env. */
  readonly environment: string;
  /** Its callers find it by this name, and by the label of the same text. */
  readonly owner: string;
  readonly token: string;
  readonly creation: Creation;
  /** Nobody changes it: it waits for its deadline. */
  readonly isAbandoned: boolean;
  lastReport: Report | null;
}

/** A create, a run of a stored action, or a retry. */
export interface Creation {
  readonly what: string;
  readonly environment: string;
  readonly path: string;
  readonly body: object;
  readonly key: string | null;
  readonly origin: Origin;
}

export interface Report {
  readonly attempt: Attempt;
  readonly key: string;
  readonly body: object;
}

/** A run as an answer shows it. */
export interface Detailed extends ActionRun {
  readonly details?: Details;
}

export interface Created extends Detailed {
  readonly callback: { readonly token: string; readonly expiresAt: string };
}
