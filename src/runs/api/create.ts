/** Creates a run: mints its id, signs its callback token, seals its webhook, and has a coordinator journal the run. */

import { signCallbackToken } from "../../auth/callback-token.ts";
import type { Principal } from "../../auth/permissions.ts";
import type { NewDelivery } from "../../dispatch/delivery.ts";
import type { TemplateContext } from "../../dispatch/placeholder.ts";
import { prepareDelivery } from "../../dispatch/prepare.ts";
import { MINUTE_MS } from "../../durations.ts";
import { ApiError } from "../../http/errors.ts";
import type { KeyRing } from "../../key-ring.ts";
import type { ChangeKey, RunAnswer, RunReply } from "../protocol.ts";
import type { NewRun } from "../run.ts";
import { coordinatorOfKey, mintRunId, randomCoordinator } from "../run-id.ts";
import { changeKey } from "./change-key.ts";
import { refusalError } from "./coordinator-answer.ts";
import type { NewRunBody } from "./request-schemas.ts";
import { askCoordinator, askForChange, type Place } from "./run-place.ts";

/** What a create takes from its request, apart from the body. */
export interface Creation extends Place {
  readonly ring: KeyRing;
  /** The origin of the request. */
  readonly origin: string;
  /** `…/action-runs`: the URL of a run is this and its id. */
  readonly runsUrl: string;
  readonly principal: Principal;
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
}

/** Two runs of one millisecond get the same place in the journal once in 32768 times, but never so often in a row. */
const IDS_MAX = 5;

/** The run and its callback token. The run is new, or the one that the same key created before. */
export async function createRun(
  creation: Creation,
  body: NewRunBody,
): Promise<{ readonly answer: RunAnswer; readonly token: string }> {
  const { ring, key, scope, principal } = creation;
  const hasSecrets = body.trigger !== undefined;
  const change = await changeKey({ tokenId: principal.id }, key, body, hasSecrets ? ring : null);
  let attempt = await tryToCreate(creation, body, change);
  for (let n = 1; n < IDS_MAX && isIdTaken(attempt.answer); n++) {
    attempt = await tryToCreate(creation, body, change);
  }
  const { answer, id, token } = attempt;
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.id === id) return { answer, token };
  const grant = { scope, runId: answer.id, expiresAt: answer.deadlineAt };
  return { answer, token: await signCallbackToken(ring, grant) };
}

function isIdTaken(answer: RunReply): boolean {
  return !answer.ok && answer.reason === "id_taken";
}

async function tryToCreate(creation: Creation, body: NewRunBody, change: ChangeKey) {
  const { scope, ring, key } = creation;
  const createdAt = Date.now();
  const coordinator = key === null ? randomCoordinator() : coordinatorOfKey(key);
  const id = await mintRunId(ring, scope, { createdAt, coordinator });
  creation.genuineIds.add(id);
  const run = toNewRun(body, id, creation.principal.name, createdAt);
  const signing = signCallbackToken(ring, { scope, runId: id, expiresAt: run.deadlineAt });

  let delivery: NewDelivery | null = null;
  if (body.trigger !== undefined) {
    const token = await signing;
    const prepared = await prepareDelivery(body.trigger, toContext(creation, body, run, token), creation);
    if (!prepared.ok) {
      // The settings may have allowed this webhook when the same key was sent before.
      const answer =
        key === null ? null : await askCoordinator(creation, coordinator, (stub) => stub.recall(change));
      if (answer === null || (!answer.ok && answer.reason === "run_not_found"))
        throw new ApiError(prepared.error.code, prepared.error.sentence);
      return { answer, id, token };
    }
    delivery = prepared.value;
  }
  // The token is signed while the coordinator works.
  const [answer, token] = await Promise.all([
    askForChange(creation, id, (stub) => stub.create(run, change, delivery)),
    signing,
  ]);
  return { answer, id, token };
}

function toNewRun(body: NewRunBody, id: string, triggeredBy: string, createdAt: number): NewRun {
  const { actionName, entityId, parameters, recommendations, timeout, heartbeatTimeout } = body;
  return {
    id,
    actionName,
    entityId,
    parameters: JSON.stringify(parameters),
    recommendations: JSON.stringify(recommendations),
    triggeredBy,
    createdAt,
    deadlineAt: createdAt + timeout * MINUTE_MS,
    heartbeatTimeoutMs: heartbeatTimeout === undefined ? null : heartbeatTimeout * MINUTE_MS,
    source: body.trigger === undefined ? "none" : "trigger",
    actionVersion: null,
    retryOf: null,
    labels: "[]",
  };
}

function toContext({ runsUrl }: Creation, body: NewRunBody, run: NewRun, token: string): TemplateContext {
  const { id, actionName, triggeredBy, createdAt, deadlineAt, entityId } = run;
  const { parameters, recommendations } = body;
  return {
    run: {
      id,
      actionName,
      triggeredBy,
      createdAt: new Date(createdAt).toISOString(),
      callbackUrl: `${runsUrl}/${id}/callback`,
      callbackToken: token,
      expiresAt: new Date(deadlineAt).toISOString(),
    },
    parameters,
    recommendations,
    entity: { id: entityId },
  };
}
