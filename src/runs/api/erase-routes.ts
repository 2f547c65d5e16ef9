/** …/{id}/erase: erases the texts of a run, and says how far that got. */
import { type Context, Hono } from "hono";
import { askerRefusal, auditAfterwards, eraseReasons, hasReasons } from "../../auth/audit.ts";
import { mustNamePerson, requires } from "../../auth/authentication.ts";
import { rfc3339 } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import type { Described } from "../../http/operation.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { validBody } from "../../http/validate.ts";
import type { Coordinator } from "../protocol.ts";
import type { ErasureAnswer, ErasureReply } from "../run-calls.ts";
import { createdAtOf } from "../run-id.ts";
import { forgetEnded, MAX_AGE_MS, mayBeKnown } from "./read-runs.ts";
import { erasure } from "./request-schemas.ts";
import { OF_RUNS, runErasure } from "./responses/runs.ts";
import { actorOf, ask, environmentOf, runIdOf } from "./run-request.ts";
import { refusalError } from "./run-response.ts";

const FOR_OWNERS = "Only a token with the role owner erases the texts of a run. Ask the owner of the project.";
const NAMES_NOBODY = "This token must say for whom it acts. Send the header On-Behalf-Of with a person's name.";

export const eraseRoutes = new Hono<AppEnv>();

const ERASE_ACTION_RUN: Described = DESCRIBE && {
  operationId: "eraseActionRun",
  summary: "Erase the texts of an action run",
  description:
    "Erases what a run says of people and things: inputs, output, error, title, subject, labels, entity and link. Reasons, " +
    "messages of heartbeats and excerpts of responses go, too. An open run is cancelled first, without a grace. " +
    "Status, instants, action, and who created, approved and stopped the run stay as evidence. You can't undo this, " +
    "and you can't repeat the run. You can't erase a run that you created. If the response is 202, GET says when " +
    "nothing is left. {who}, and the role `owner`.",
  responses: {
    200: { description: "The texts are erased", json: runErasure },
    202: { description: "A database, a stop request or a queue still has some of them", json: runErasure },
  },
  errors: ["own_run", "person_required", ...OF_RUNS],
};
eraseRoutes.post("/:id/erase", requires("tokens:manage", ERASE_ACTION_RUN), validBody(erasure), async (c) => {
  requireOwner(c);
  // Otherwise nobody would know whether the run is the person's own.
  if (mustNamePerson(c)) throw new ApiError("person_required", NAMES_NOBODY);
  // Nobody can undo it, so what this isolate remembers of the token does not count, not even while D1 is down.
  const refusal = await askerRefusal(c);
  if (refusal !== null) throw refusal;
  const id = runIdOf(c);
  const erasing = eraseTexts(c, id, c.req.valid("json").reason);
  // A caller who hangs up must not leave an erasure without its audit entry.
  c.executionCtx.waitUntil(erasing.catch(() => {}));
  const erased = await erasing;
  return c.json(toWire(id, erased), erased.isComplete ? 200 : 202);
});

const GET_ACTION_RUN_ERASURE: Described = DESCRIBE && {
  operationId: "getActionRunErasure",
  summary: "Get how far an erasure got",
  description: "Returns whether texts of an erased run are left, and which runs have the same. {who}.",
  responses: { 200: { description: "The erasure", json: runErasure } },
  errors: ["erasure_not_found", ...OF_RUNS],
};
eraseRoutes.get("/:id/erase", requires("tokens:manage", GET_ACTION_RUN_ERASURE), async (c) => {
  const id = runIdOf(c);
  const erased = await asked(c, id, ({ runs }) => runs.erasure(id));
  const isComplete = erased.isComplete && !(await hasReasons(c, id, createdAtOf(id)));
  return c.json(toWire(id, { ...erased, isComplete }));
});

async function eraseTexts(c: Context<AppEnv>, id: string, reason: string): Promise<ErasureAnswer> {
  const by = actorOf(c);
  const erased = await asked(c, id, ({ runs }) => runs.erase(id, by));
  forgetEnded(environmentOf(c).scope, id);
  // First, because a D1 that fails must not leave the act without a trace.
  await auditAfterwards(c, { action: "run_erased", target: id, reason }, erased.erasedAt);
  await eraseReasons(c, id, createdAtOf(id));
  return erased;
}

function requireOwner(c: Context<AppEnv>): void {
  if (c.get("principal").role !== "owner") throw new ApiError("forbidden", FOR_OWNERS);
}

async function asked(
  c: Context<AppEnv>,
  id: string,
  call: (coordinator: Coordinator) => Promise<ErasureReply>,
): Promise<ErasureAnswer> {
  const environment = environmentOf(c);
  if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
  const reply = await ask(environment, call);
  if (!reply.ok) throw refusalError(reply.reason);
  return reply;
}

function toWire(id: string, { erasedAt, isComplete, retries, archived }: ErasureAnswer) {
  const forgottenAt = rfc3339(erasedAt + MAX_AGE_MS);
  return { id, erasedAt: rfc3339(erasedAt), complete: isComplete, forgottenAt, retries, archived };
}
