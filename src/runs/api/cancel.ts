/** Cancels a run, for the caller of a request or for a bulk operation. */

import { ApiError } from "../../http/errors.ts";
import { type Actor, nameOf } from "../actor.ts";
import type { Inclusion, RunReply } from "../run-answer.ts";
import type { ChangeKey } from "../run-calls.ts";
import { requirePerson } from "./gates/require-person.ts";
import { mayBeKnown } from "./read/reader.ts";
import { askForChange, type RunEnvironment } from "./run-environment.ts";

/** `graceSeconds`: how long a running job may still work. */
export interface CancelOf {
  readonly actor: Actor;
  readonly mustNamePerson: boolean;
  readonly reason: string | null;
  readonly graceSeconds: number;
}

/** Throws `run_not_found`, `person_required`, or why nobody can answer. */
export async function cancelRun(
  environment: RunEnvironment,
  id: string,
  { actor, mustNamePerson, reason, graceSeconds }: CancelOf,
  changeKey: ChangeKey,
  inclusion: Inclusion = {},
): Promise<RunReply> {
  if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
  await requirePerson(mustNamePerson, environment, id);
  const graceMs = graceSeconds * 1000;
  const request = { type: "cancel_requested", by: nameOf(actor), reason, graceMs } as const;
  return askForChange(environment, id, (coordinator) =>
    coordinator.runs.cancel(id, request, changeKey, inclusion),
  );
}
