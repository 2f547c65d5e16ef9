/** …/action-runs: list, count, create, get, cancel, retry, erase. …/actions/{name}/runs: run a stored action. */
import { type Context, Hono } from "hono";
import {
  type AuditAction,
  askerRefusal,
  auditAfterwards,
  eraseReasons,
  hasReasons,
  requireNewestSecret,
} from "../../auth/audit.ts";
import { mustNamePerson, requires } from "../../auth/authentication.ts";
import { may } from "../../auth/principal.ts";
import { DEFINITION_NAME } from "../../base/limits.ts";
import { rfc3339 } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/headers.ts";
import type { Described } from "../../http/operation.ts";
import { linkNext } from "../../http/paging.ts";
import { type AppEnv, environmentOf } from "../../http/request-context.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { findFacets, findNewestRuns, summarizeRuns } from "../d1/summary.ts";
import type { Coordinator } from "../protocol.ts";
import { type Actor, nameOf } from "../run.ts";
import type { ChangeKey, ErasureAnswer, ErasureReply, Inclusion, RunReply } from "../run-calls.ts";
import { createdAtOf } from "../run-id.ts";
import { createRunOfAction, createRunOfBody, creationOf, retryRun, sendCreated } from "./create-run.ts";
import { forgetEnded, listRunsOf, MAX_AGE_MS, mayBeKnown, readReplica, readRun, searchRunsOf } from "./read-runs.ts";
import {
  type CancelBody,
  cancel,
  changeQuery,
  createQuery,
  erasure,
  newestRunsQuery,
  newRun,
  newRunOfAction,
  retry,
  runFacetsQuery,
  runListQuery,
  runQuery,
  runSummaryQuery,
} from "./request-schemas.ts";
import {
  actionRun,
  actionRunList,
  createdActionRun,
  detailedActionRun,
  newestRuns,
  OF_ACTION_RUN,
  OF_CREATE,
  OF_ENDED_RUN,
  OF_RUNS,
  runErasure,
  runFacets,
  runSummary,
  startedActionRun,
} from "./responses/runs.ts";
import {
  actorOf,
  ask,
  changeKeyOf,
  refusalError,
  requiresReaderOrJob,
  runIdOf,
  runJson,
  sendChanged,
  sendJson,
} from "./run-request.ts";

/** The response can lack the newest changes. */
const STALE = ["Action-Runs-Stale", "true"] as const;
const FOR_READERS = "A callback token reads only the run. Leave out `include` and `wait`, or use an API token.";

export const runRoutes = new Hono<AppEnv>();

const LIST_ACTION_RUNS: Described = DESCRIBE && {
  operationId: "listActionRuns",
  summary: "List action runs",
  description:
    "Returns the action runs of an environment, newest first, or oldest first with `order=oldest`. The list shows every " +
    "change that was acknowledged before you sent the request, unless the response has `Action-Runs-Stale`. A page can " +
    "be short or empty and still have a next page, so follow `Link` until it is missing. An environment serves one " +
    "page by `text` at a time. If its turn does not come within 5 s, the response is 429.",
  responses: {
    200: {
      description: "Action runs",
      json: actionRunList,
      headers: ["Link", "Action-Runs-Stale", "Action-Runs-Searched-To"],
    },
  },
  errors: ["database_not_bound", "too_many_searches", "coordinator_unavailable"],
};
runRoutes.get("/", requires("data:read", LIST_ACTION_RUNS), validQuery(runListQuery), async (c) => {
  const { text, ...query } = c.req.valid("query");
  const environment = environmentOf(c);
  const page =
    text === undefined ? await listRunsOf(environment, query) : await searchRunsOf(environment, { ...query, text });
  linkNext(c, page.nextAfter);
  if (text !== undefined && page.nextAfter !== null) {
    c.header("Action-Runs-Searched-To", rfc3339(createdAtOf(page.nextAfter)));
  }
  if (page.isStale) c.header(...STALE);
  return sendJson(c, `[${page.actionRuns.join(",")}]`);
});

const SUMMARIZE_ACTION_RUNS: Described = DESCRIBE && {
  operationId: "summarizeActionRuns",
  summary: "Count action runs by status",
  description:
    "Counts the runs that match the filters of a list, by status. The counts can be some seconds behind a list. " +
    "A count is exact up to 1000. If you filter by `label`, `entityId`, `subject`, `actionName` or `triggeredBy`, the service " +
    "counts only the newest 5000 such runs. If there are more, every count is `atLeast`.",
  responses: { 200: { description: "The counts", json: runSummary } },
  errors: ["database_not_bound"],
};
runRoutes.get("/summary", requires("data:read", SUMMARIZE_ACTION_RUNS), validQuery(runSummaryQuery), async (c) =>
  c.json(await readReplica(environmentOf(c), summarizeRuns, c.req.valid("query"))),
);

const FIND_ACTION_RUN_FACETS: Described = DESCRIBE && {
  operationId: "findActionRunFacets",
  summary: "Find values to filter by",
  description:
    "Returns the values of one filter that contain a text, each once: names of actions, subjects, labels, or names " +
    "of tokens. A value that equals the text is first. The service looks at the first 1000 values in the order " +
    "of their bytes and returns at most 20. If there can be others, `more` is true. Values of the last seconds can be " +
    "missing.",
  responses: { 200: { description: "The values", json: runFacets } },
  errors: ["database_not_bound"],
};
runRoutes.get("/facets", requires("data:read", FIND_ACTION_RUN_FACETS), validQuery(runFacetsQuery), async (c) =>
  c.json(await readReplica(environmentOf(c), findFacets, c.req.valid("query"))),
);

const FIND_NEWEST_ACTION_RUNS: Described = DESCRIBE && {
  operationId: "findNewestActionRuns",
  summary: "Find the newest run of each action",
  description:
    "Returns the newest run of each `actionName` that has runs, in a short form. Runs of the last seconds can be missing.",
  responses: { 200: { description: "The newest runs", json: newestRuns } },
  errors: ["database_not_bound"],
};
runRoutes.get("/newest", requires("data:read", FIND_NEWEST_ACTION_RUNS), validQuery(newestRunsQuery), async (c) => {
  const found = await readReplica(environmentOf(c), findNewestRuns, c.req.valid("query").actionName);
  return c.json(found.map((run) => ({ ...run, createdAt: rfc3339(createdAtOf(run.id)) })));
});

const CREATE_ACTION_RUN: Described = DESCRIBE && {
  operationId: "createActionRun",
  summary: "Create an action run",
  description:
    "Creates an action run. If you send a `trigger`, the service also starts the workflow by a webhook. " +
    "Only this response contains the callback token. If you repeat the request with the same " +
    "`Idempotency-Key`, you get the same run.",
  idempotencyKey: "deploy-42",
  headers: ["traceparent"],
  responses: { 201: { description: "The run", json: createdActionRun, headers: ["Location", "Idempotent-Replayed"] } },
  errors: OF_CREATE,
};
runRoutes.post(
  "/",
  requires("data:write", CREATE_ACTION_RUN),
  validBody(newRun),
  validQuery(createQuery),
  async (c) => {
    const creation = creationOf(c, c.req.valid("query"));
    return sendCreated(c, creation, await createRunOfBody(creation, c.req.valid("json")));
  },
);

const GET_ACTION_RUN: Described = DESCRIBE && {
  operationId: "getActionRun",
  summary: "Get an action run by id",
  description:
    "Returns an action run. If you send `wait`, the response waits until the run ends, but at most that many seconds. " +
    "{who}. With a callback token, leave out `wait` and `include`: otherwise the response is 403.",
  responses: { 200: { description: "The action run", json: detailedActionRun, headers: ["Action-Runs-Stale"] } },
  errors: [...OF_RUNS, "too_many_watchers"],
};
runRoutes.get("/:id", requiresReaderOrJob(GET_ACTION_RUN), validQuery(runQuery), async (c) => {
  const { wait, include } = c.req.valid("query");
  if (c.get("isOfJob") && (wait ?? include) !== undefined) throw new ApiError("forbidden", FOR_READERS);
  const run = await readRun(c, runIdOf(c), { include }, wait && wait * 1000);
  if (run.isStale) c.header(...STALE);
  return sendJson(c, runJson(run));
});

const CANCEL_ACTION_RUN: Described = DESCRIBE && {
  operationId: "cancelActionRun",
  summary: "Cancel a pending action run",
  description:
    "Cancels a run that is still pending. If the run is running or has ended, the response is 409. To stop " +
    "a running run, use `POST …/cancel`. {who}, and `data:write` for a run that has or had a gate.",
  idempotencyKey: "withdraw-42",
  responses: { 200: { description: "Cancelled action run", json: actionRun, headers: ["Idempotent-Replayed"] } },
  errors: ["idempotency_key_reused", "person_required", "run_running", ...OF_ENDED_RUN, ...OF_RUNS],
};
runRoutes.delete("/:id", requires("data:read", CANCEL_ACTION_RUN), async (c) => {
  const id = runIdOf(c);
  const key = idempotencyKey(c);
  const options = { mayWrite: may(c.get("principal"), "data:write") };
  const change = { key, request: "cancel", audited: { action: "run_cancelled", reason: null } } as const;
  const answer = await changeRun(c, id, change, ({ runs }, { by, changeKey }) =>
    runs.applyEvent(id, { type: "cancelled", by: nameOf(by) }, changeKey, options),
  );
  return sendChanged(c, answer, key);
});

const REQUEST_ACTION_RUN_CANCEL: Described = DESCRIBE && {
  operationId: "requestActionRunCancel",
  summary: "Cancel an action run",
  description:
    "Cancels a pending or a running run. A pending run ends at once. A running run stays open for `graceSeconds`, so " +
    "that its job can stop cleanly. The responses to heartbeats tell the job. If the job reports `succeeded` in " +
    "time, the run succeeds. Otherwise it ends as `cancelled`. If you cancel twice, the grace that ends first counts.",
  idempotencyKey: "stop-42",
  responses: {
    200: { description: "The run is cancelled", json: detailedActionRun, headers: ["Idempotent-Replayed"] },
    202: { description: "The job was asked to stop", json: detailedActionRun, headers: ["Idempotent-Replayed"] },
  },
  errors: ["idempotency_key_reused", "person_required", ...OF_ENDED_RUN, ...OF_RUNS],
};
runRoutes.post(
  "/:id/cancel",
  requires("data:write", REQUEST_ACTION_RUN_CANCEL),
  validBody(cancel, { mayBeEmpty: true }),
  validQuery(changeQuery),
  async (c) => {
    const key = idempotencyKey(c);
    const answer = await cancelRunOf(c, runIdOf(c), c.req.valid("json"), key, c.req.valid("query"));
    return sendChanged(c, answer, key, answer.ok && answer.hasGrace ? 202 : 200);
  },
);

const RETRY_ACTION_RUN: Described = DESCRIBE && {
  operationId: "retryActionRun",
  summary: "Run an action run again",
  description:
    "Creates a new run with the inputs, labels and timeouts of a run that has ended. `parameters` " +
    "replaces its parameters. A run of a stored action goes through the action as it is now. A run with a " +
    "`trigger` of its own can't be retried, because its trigger is not kept.",
  idempotencyKey: "deploy-42-again",
  headers: ["traceparent"],
  responses: {
    201: { description: "The new run", json: startedActionRun, headers: ["Location", "Idempotent-Replayed"] },
  },
  errors: [
    ...OF_CREATE,
    ...OF_ACTION_RUN,
    "action_not_found",
    "run_open",
    "retry_planned",
    "trigger_not_kept",
    ...OF_RUNS,
  ],
};
runRoutes.post(
  "/:id/retry",
  requires("data:write", RETRY_ACTION_RUN),
  validBody(retry, { mayBeEmpty: true }),
  validQuery(changeQuery),
  async (c) => {
    const creation = creationOf(c, c.req.valid("query"));
    const [id, body] = [runIdOf(c), c.req.valid("json")];
    const changeKey = await changeKeyOf(creation.actor, creation.key, ["retry", id, body]);
    return sendCreated(c, creation, await retryRun(creation, changeKey, id, body));
  },
);

/** POST …/{id}/cancel. `key`: the caller's Idempotency-Key. */
export async function cancelRunOf(
  c: Context<AppEnv>,
  id: string,
  body: CancelBody,
  key: string | null,
  inclusion: Inclusion,
): Promise<RunReply> {
  const { reason = null, graceSeconds } = body;
  const change = { key, request: ["cancel", body], audited: { action: "run_cancelled", reason } } as const;
  return changeRun(c, id, change, ({ runs }, { by, changeKey }) => {
    const asked = { type: "cancel_requested", by: nameOf(by), reason, graceMs: graceSeconds * 1000 } as const;
    return runs.cancel(id, asked, changeKey, inclusion);
  });
}

export type CallOfChange = (
  coordinator: Coordinator,
  change: { readonly id: string; readonly by: Actor; readonly changeKey: ChangeKey },
) => Promise<RunReply>;

export interface RunChange {
  /** The caller's Idempotency-Key. */
  readonly key: string | null;
  /** What makes a repetition the same request. */
  readonly request: unknown;
  readonly audited: { readonly action: AuditAction; readonly reason?: string | null };
  /** Whether the change opens a gate, or ends the run there. */
  readonly isDecision?: boolean;
}

/** Changes a run as a request asks, with an entry in the audit log. Throws why the asker may not. */
export async function changeRun(
  c: Context<AppEnv>,
  id: string,
  { key, request, audited, isDecision = false }: RunChange,
  call: CallOfChange,
): Promise<RunReply> {
  const environment = environmentOf(c);
  const by = actorOf(c);
  const [isKnown, changeKey] = await Promise.all([mayBeKnown(environment, id), changeKeyOf(by, key, request)]);
  if (!isKnown) throw new ApiError("run_not_found");
  // Only a request that must name a person, and names none, costs another call.
  if (mustNamePerson(c) && (await ask(environment, ({ gates }) => gates.hasGates(id)))) {
    throw new ApiError("person_required");
  }
  if (isDecision) await requireNewestSecret(c);
  const answer = await ask(environment, (coordinator) => call(coordinator, { id, by, changeKey }));
  if (answer.ok && answer.decidedAt !== undefined) {
    // Nobody waits for the row of a cancel, which must be as fast as ever.
    await auditAfterwards(c, { ...audited, target: id }, answer.decidedAt, { isAwaited: isDecision });
  }
  return answer;
}

const RUN_ACTION: Described = DESCRIBE && {
  operationId: "runAction",
  summary: "Run a stored action",
  description:
    "Creates a run of an action. The action's webhook starts the workflow, so your token needs no secret " +
    "of the CI product. If the action has a trigger, the response has no `callback`, because only the " +
    "receiver gets the callback token.",
  idempotencyKey: "run-42",
  headers: ["traceparent"],
  responses: { 201: { description: "The run", json: startedActionRun, headers: ["Location", "Idempotent-Replayed"] } },
  errors: [...OF_CREATE, ...OF_ACTION_RUN],
};

/** Below the actions. */
export const actionRunsRoutes = new Hono<AppEnv>().post(
  `/:name{${DEFINITION_NAME}}/runs` as "/:name/runs",
  requires("data:write", RUN_ACTION),
  validBody(newRunOfAction, { mayBeEmpty: true }),
  validQuery(createQuery),
  async (c) => {
    const creation = creationOf(c, c.req.valid("query"));
    const [name, body] = [c.req.param("name"), c.req.valid("json")];
    const changeKey = await changeKeyOf(creation.actor, creation.key, ["run", name, body]);
    return sendCreated(c, creation, await createRunOfAction(creation, changeKey, name, () => body));
  },
);

const FOR_OWNERS = "Only a token with the role owner erases the texts of a run. Ask the owner of the project.";
const NAMES_NOBODY = "This token must say for whom it acts. Send the header On-Behalf-Of with a person's name.";

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
runRoutes.post("/:id/erase", requires("tokens:manage", ERASE_ACTION_RUN), validBody(erasure), async (c) => {
  if (c.get("principal").role !== "owner") throw new ApiError("forbidden", FOR_OWNERS);
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
runRoutes.get("/:id/erase", requires("tokens:manage", GET_ACTION_RUN_ERASURE), async (c) => {
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
