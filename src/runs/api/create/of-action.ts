/** Creates a run of a stored action, or finds the one that the same key created before. */

import type { Context } from "hono";
import { TIMEOUT_DEFAULT_MINUTES } from "../../../base/limits.ts";
import { MINUTE_MS } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import type { Trigger } from "../../../webhooks/request/trigger.ts";
import type { ChangeKey } from "../../protocol.ts";
import { sendCreated } from "../coordinator-answer.ts";
import type { NewRunOfActionBody } from "../request-schemas.ts";
import type { Place } from "../run-place.ts";
import {
  type Creation,
  changeOf,
  createRun,
  creationOf,
  inputsOf,
  recallRun,
  toMs,
  type WantedRun,
} from "./create.ts";

/** A stored action as it is now, complete with its secrets. The parameters have passed its schema. */
export interface ActionDefinition {
  readonly name: string;
  readonly version: number;
  readonly trigger: Trigger | undefined;
  /** In minutes. */
  readonly timeout: number | undefined;
  readonly heartbeatTimeout: number | undefined;
  readonly labels: readonly string[];
}

/**
 * POST …/actions/{name}/runs, once the action is resolved and its schema has accepted the parameters. If either fails, ask
 * `replayOfAction` first.
 */
export async function createRunOfAction(
  c: Context<AppEnv>,
  place: Place,
  action: ActionDefinition,
  body: NewRunOfActionBody,
  isDetailed = false,
): Promise<Response> {
  const creation = creationOf(c, place, isDetailed);
  const change = await changeOfAction(creation, action.name, body);
  const wanted: WantedRun = {
    ...inputsOf(body),
    actionName: action.name,
    timeoutMs: (body.timeout ?? action.timeout ?? TIMEOUT_DEFAULT_MINUTES) * MINUTE_MS,
    heartbeatTimeoutMs: toMs(action.heartbeatTimeout),
    labels: [...new Set([...action.labels, ...(body.labels ?? [])])].sort(),
    source: "action",
    actionVersion: action.version,
    retryOf: null,
    trigger: action.trigger,
  };
  return sendCreated(c, creation, await createRun(creation, wanted, change));
}

/**
 * The response to a run of an action that this key created before; null if there is none. A replay counts whatever has become
 * of the action and its schema since.
 */
export async function replayOfAction(
  c: Context<AppEnv>,
  place: Place,
  name: string,
  body: NewRunOfActionBody,
  isDetailed = false,
): Promise<Response | null> {
  const creation = creationOf(c, place, isDetailed);
  const created = await recallRun(creation, await changeOfAction(creation, name, body));
  return created && sendCreated(c, creation, created);
}

function changeOfAction(creation: Creation, name: string, body: NewRunOfActionBody): Promise<ChangeKey> {
  return changeOf(creation, ["run", name, body], false);
}
