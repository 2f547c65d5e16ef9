/** /{o}/{p}/envs/{envName}/action-runs: list, count, create, get, cancel and retry runs, and find values to filter by. */
import { type Context, Hono } from "hono";
import { resolveAction } from "../../actions/resolve.ts";
import { auditAfterwards } from "../../auth/audit.ts";
import { requires } from "../../auth/authentication.ts";
import { may } from "../../auth/principal.ts";
import { DEFINITION_NAME, TIMEOUT_DEFAULT_MINUTES } from "../../base/limits.ts";
import { MINUTE_MS } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/headers.ts";
import { encodeCursor, nextLink } from "../../http/paging.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { baseUrl } from "../../settings/config.ts";
import { nameOf } from "../run.ts";
import type { RunReply } from "../run-calls.ts";
import {
  type CreatedRun,
  type Creation,
  createRetry,
  createRun,
  createRunOfBody,
  creationOf,
  keyOfCreate,
  toMs,
} from "./create-run.ts";
import { wantedGates } from "./prepare-run.ts";
import { changeQuery, createQuery, runFacetsQuery, runListQuery, runQuery, runSummaryQuery } from "./query-schemas.ts";
import { findFacetsOf, listRunsOf, mayBeKnown, readRun, summarizeRunsOf, waitForEnd } from "./read-runs.ts";
import { cancel, type NewRunOfActionBody, newRun, newRunOfAction, retry } from "./request-schemas.ts";
import {
  actorOf,
  ask,
  changeKeyOf,
  environmentOf,
  mustNamePerson,
  requirePerson,
  requiresReaderOrJob,
  runIdOf,
} from "./run-request.ts";
import { runJson, sendChanged, sendCreated, sendJson } from "./run-response.ts";
import { subscriptionFor } from "./subscription.ts";

/** The response can lack the newest changes. */
const STALE = ["Action-Runs-Stale", "true"] as const;
const FOR_READERS = "A callback token reads only the run. Leave out `include` and `wait`, or use an API token.";

/** Nobody waits for the row: a cancel must be as fast as ever. */
async function auditCancel(c: Context<AppEnv>, id: string, answer: RunReply, reason: string | null): Promise<void> {
  if (!answer.ok || answer.decidedAt === undefined) return;
  const what = { action: "run_cancelled", target: id, reason } as const;
  await auditAfterwards(c, what, answer.decidedAt, { isAwaited: false });
}

export const runRoutes = new Hono<AppEnv>()
  .get("/", requires("data:read"), validQuery(runListQuery), async (c) => {
    const page = await listRunsOf(environmentOf(c), c.req.valid("query"));
    if (page.nextAfter !== null) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(page.nextAfter)));
    }
    if (page.isStale) c.header(...STALE);
    return sendJson(c, `[${page.actionRuns.join(",")}]`);
  })
  .get("/summary", requires("data:read"), validQuery(runSummaryQuery), async (c) => {
    return c.json(await summarizeRunsOf(environmentOf(c), c.req.valid("query")));
  })
  .get("/facets", requires("data:read"), validQuery(runFacetsQuery), async (c) => {
    return c.json(await findFacetsOf(environmentOf(c), c.req.valid("query")));
  })
  .post("/", requires("data:write"), validBody(newRun), validQuery(createQuery), async (c) => {
    const creation = creationOf(c, c.req.valid("query"));
    return sendCreated(c, creation, await createRunOfBody(creation, c.req.valid("json")));
  })
  .get("/:id", requiresReaderOrJob(), validQuery(runQuery), async (c) => {
    const { wait, include } = c.req.valid("query");
    if (c.get("isOfJob") && (wait ?? include) !== undefined) throw new ApiError("forbidden", FOR_READERS);
    const environment = environmentOf(c);
    const id = runIdOf(c);
    const subscription = () => subscriptionFor(c, environment);
    const waited =
      wait === undefined ? null : await waitForEnd(environment, id, { waitMs: wait * 1000, include, subscription });
    const run = waited ?? (await readRun(environment, id, { include }));
    if (run === null) throw new ApiError("run_not_found");
    if (run.isStale) c.header(...STALE);
    return sendJson(c, runJson(run));
  })
  .delete("/:id", requires("data:read"), async (c) => {
    const id = runIdOf(c);
    const key = idempotencyKey(c);
    const environment = environmentOf(c);
    const actor = actorOf(c);
    const [isKnown, changeKey] = await Promise.all([mayBeKnown(environment, id), changeKeyOf(actor, key, "cancel")]);
    if (!isKnown) throw new ApiError("run_not_found");
    await requirePerson(mustNamePerson(c), environment, id);
    const options = { mayWrite: may(c.get("principal").role, "data:write") };
    const answer = await ask(environment, (coordinator) =>
      coordinator.runs.applyEvent(id, { type: "cancelled", by: nameOf(actor) }, changeKey, options),
    );
    await auditCancel(c, id, answer, null);
    return sendChanged(c, answer, key);
  })
  .post(
    "/:id/cancel",
    requires("data:write"),
    validBody(cancel, { mayBeEmpty: true }),
    validQuery(changeQuery),
    async (c) => {
      const id = runIdOf(c);
      const key = idempotencyKey(c);
      const environment = environmentOf(c);
      const body = c.req.valid("json");
      const query = c.req.valid("query");
      const actor = actorOf(c);
      const { reason = null, graceSeconds } = body;
      const graceMs = graceSeconds * 1000;
      const request = { type: "cancel_requested", by: nameOf(actor), reason, graceMs } as const;
      const changeKey = await changeKeyOf(actor, key, ["cancel", body]);
      if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
      await requirePerson(mustNamePerson(c), environment, id);
      const answer = await ask(environment, (coordinator) => coordinator.runs.cancel(id, request, changeKey, query));
      await auditCancel(c, id, answer, reason);
      return sendChanged(c, answer, key, answer.ok && answer.hasGrace ? 202 : 200);
    },
  )
  .post(
    "/:id/retry",
    requires("data:write"),
    validBody(retry, { mayBeEmpty: true }),
    validQuery(changeQuery),
    async (c) => {
      const creation = creationOf(c, c.req.valid("query"));
      return sendCreated(c, creation, await createRetry(creation, runIdOf(c), c.req.valid("json")));
    },
  );

/* SECTION: POST /{o}/{p}/envs/{envName}/actions/{name}/runs: runs a stored action. */

export const actionRunsRoutes = new Hono<AppEnv>().post(
  `/:name{${DEFINITION_NAME}}/runs` as "/:name/runs",
  requires("data:write"),
  validBody(newRunOfAction, { mayBeEmpty: true }),
  validQuery(createQuery),
  async (c) => {
    const creation = creationOf(c, c.req.valid("query"));
    const created = await createRunOfAction(creation, c.req.param("name"), c.req.valid("json"));
    return sendCreated(c, creation, created);
  },
);

async function createRunOfAction(creation: Creation, name: string, body: NewRunOfActionBody): Promise<CreatedRun> {
  const { entityId, parameters, recommendations } = body;
  const changeKey = await keyOfCreate(creation, ["run", name, body]);
  return createRun(creation, changeKey, async () => {
    const action = await resolveAction(creation, name, parameters);
    return {
      actionName: name,
      entityId,
      parameters,
      recommendations,
      timeoutMs: (body.timeout ?? action.timeout ?? TIMEOUT_DEFAULT_MINUTES) * MINUTE_MS,
      heartbeatTimeoutMs: toMs(action.heartbeatTimeout),
      labels: [...new Set([...action.labels, ...(body.labels ?? [])])].sort(),
      source: "action",
      actionVersion: action.version,
      retryOf: null,
      trigger: action.trigger,
      shownTrigger: action.shownTrigger,
      gates: wantedGates(body, action, { parameters, entityId }, action.trigger !== undefined),
    };
  });
}
