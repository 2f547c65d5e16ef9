/**
 * Gates: …/approve, …/reject and …/release open a gate of a run, or end the run there; …/approval shows what an approver
 * decides about; …/pauses hold runs back; …/concurrency-groups show who is running and queued. No GET changes anything,
 * because mail scanners and previews follow every link.
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import type { AfterActionWrite } from "../../actions/kind.ts";
import { currentVersion } from "../../actions/resolve.ts";
import { auditAfterwards, requireNewestSecret } from "../../auth/audit.ts";
import { requires } from "../../auth/authentication.ts";
import { CONCURRENCY_GROUP, PAUSES_MAX_PER_ENVIRONMENT } from "../../base/limits.ts";
import { rfc3339, shownMs } from "../../base/time.ts";
import { ApiError, type ErrorCode, refusalOf } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/headers.ts";
import { firstPage } from "../../http/paging.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { described, inDocument, instant } from "../../http/schemas.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { type Coordinator, callCoordinator } from "../protocol.ts";
import { type Actor, type ConcurrencyQueue, NO_GROUP, nameOf, viaOf } from "../run.ts";
import type { ApprovalAnswer, ChangeKey, ConcurrencyGroup, Inclusion, Pause, RunReply } from "../run-calls.ts";
import { mayBeKnown } from "./read-runs.ts";
import { changeQuery, decision, groupsQuery, reasonOf } from "./request-schemas.ts";
import { OF_DECISION, OF_RUNS } from "./responses/errors.ts";
import { approvalOfRun, concurrencyGroupList, pauseList, shownPause } from "./responses/gates.ts";
import { detailedActionRun } from "./responses/runs.ts";
import {
  actorOf,
  ask,
  changeKeyOf,
  environmentOf,
  mustNamePerson,
  type RunEnvironment,
  requirePerson,
  runIdOf,
} from "./run-request.ts";
import { sendChanged } from "./run-response.ts";

const APPROVER = "{who}. The token must have been minted with `mayApprove`.";

export const decisionRoutes = new Hono<AppEnv>()
  .post(
    "/:id/approve",
    requires(
      "data:read",
      DESCRIBE && {
        operationId: "approveActionRun",
        tag: "Gates",
        summary: "Approve an action run",
        description:
          "Counts your approval of a run that needs one. The gate opens when enough different approvers have approved. " +
          "Then the run waits for its slot or starts. You can approve while the run still waits for its time. You can't approve " +
          "your own run unless its action allows that. If you approve twice, the response is the same, and one approval " +
          `counts. ${APPROVER}`,
        idempotencyKey: "approve-42",
        responses: {
          200: { description: "The run with your approval", json: detailedActionRun, headers: ["Idempotent-Replayed"] },
        },
        errors: [...OF_DECISION, "may_not_approve", "own_run", "already_approved"],
      },
    ),
    validBody(decision, { mayBeEmpty: true }),
    validQuery(changeQuery),
    (c) => decideAsApprover(c, "approve", c.req.valid("json"), c.req.valid("query")),
  )
  .post(
    "/:id/reject",
    requires(
      "data:read",
      DESCRIBE && {
        operationId: "rejectActionRun",
        tag: "Gates",
        summary: "Reject an action run",
        description:
          "Ends a run that waits for approval as cancelled. One rejection is enough, also after approvals. " +
          "Whoever may approve a run may reject the run instead. You can't reject your own run unless its action allows that, " +
          `but you can cancel the run. ${APPROVER}`,
        idempotencyKey: "reject-42",
        responses: {
          200: { description: "The run has ended", json: detailedActionRun, headers: ["Idempotent-Replayed"] },
        },
        errors: [...OF_DECISION, "may_not_approve", "own_run"],
      },
    ),
    validBody(decision, { mayBeEmpty: true }),
    validQuery(changeQuery),
    (c) => decideAsApprover(c, "reject", c.req.valid("json"), c.req.valid("query")),
  )
  .post(
    "/:id/release",
    requires(
      "actions:manage",
      DESCRIBE && {
        operationId: "releaseActionRun",
        tag: "Gates",
        summary: "Release an action run before its time",
        description:
          "Opens the time gate of a run that waits for its `notBefore`. The run still needs its approvals and its slot.",
        idempotencyKey: "release-42",
        responses: {
          200: {
            description: "The run without its time gate",
            json: detailedActionRun,
            headers: ["Idempotent-Replayed"],
          },
        },
        errors: OF_DECISION,
      },
    ),
    validQuery(changeQuery),
    (c) => {
      const inclusion = c.req.valid("query");
      return decide(c, { action: "run_released" }, "release", (coordinator, { id, by, changeKey }) =>
        coordinator.gates.release(id, by, changeKey, inclusion),
      );
    },
  )
  .get(
    "/:id/approval",
    requires(
      "data:read",
      DESCRIBE && {
        operationId: "getActionRunApproval",
        tag: "Gates",
        summary: "Get what an approver decides about",
        description:
          "Returns the approvals of a run, whether you can approve or reject it, and the request as it will be sent, without " +
          "secrets. The request was made when the run was created, and no later version of the action changes it.",
        dependsOnPerson: true,
        responses: { 200: { description: "The approval of the run", json: approvalOfRun } },
        errors: ["approval_not_found", ...OF_RUNS],
      },
    ),
    async (c) => {
      const environment = environmentOf(c);
      const id = runIdOf(c);
      if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
      const asker = actorOf(c);
      const answer = await ask(environment, (coordinator) => coordinator.gates.approval(id, asker));
      if (!answer.ok) throw new ApiError(answer.reason);
      c.header("Content-Type", "application/json");
      return c.body(await approvalJson(environment, answer, refusalsFor(c, answer.conflicts)));
    },
  );

async function decideAsApprover(
  c: Context<AppEnv>,
  what: "approve" | "reject",
  body: z.output<typeof decision>,
  inclusion: Inclusion,
): Promise<Response> {
  // No role opens this. Admins may create tokens, so they could create an approver if a role made one.
  if (!c.get("principal").mayApprove) throw new ApiError("may_not_approve");
  const { reason = null } = body;
  const action = what === "approve" ? "run_approved" : "run_rejected";
  return decide(c, { action, reason }, [what, reason], (coordinator, { id, by, changeKey }) =>
    coordinator.gates[what](id, { by, reason }, changeKey, inclusion),
  );
}

interface Deciding {
  readonly id: string;
  readonly by: Actor;
  readonly changeKey: ChangeKey;
}

/** `request`: what makes a repetition the same request. */
async function decide(
  c: Context<AppEnv>,
  audited: { readonly action: "run_approved" | "run_rejected" | "run_released"; readonly reason?: string | null },
  request: unknown,
  call: (coordinator: Coordinator, deciding: Deciding) => Promise<RunReply>,
): Promise<Response> {
  const id = runIdOf(c);
  const key = idempotencyKey(c);
  const environment = environmentOf(c);
  const by = actorOf(c);
  const [isKnown, changeKey] = await Promise.all([mayBeKnown(environment, id), changeKeyOf(by, key, request)]);
  if (!isKnown) throw new ApiError("run_not_found");
  await requirePerson(mustNamePerson(c), environment, id);
  await requireNewestSecret(c);
  const answer = await ask(environment, (coordinator) => call(coordinator, { id, by, changeKey }));
  if (answer.ok && answer.decidedAt !== undefined) {
    await auditAfterwards(c, { ...audited, target: id }, answer.decidedAt);
  }
  return sendChanged(c, answer, key);
}

type Refusals = Readonly<Record<keyof ApprovalAnswer["conflicts"], ErrorCode | null>>;

/** The codes with which each decision of the asker would be refused now, judged in the order of `decide`. */
function refusalsFor(c: Context<AppEnv>, conflicts: ApprovalAnswer["conflicts"]): Refusals {
  const refusal = !c.get("principal").mayApprove ? "may_not_approve" : mustNamePerson(c) ? "person_required" : null;
  return refusal === null ? conflicts : { approve: refusal, reject: refusal };
}

/** `isChanged`: null if D1 can't say. The approver must be able to decide during its outage. */
async function approvalJson(
  environment: RunEnvironment,
  { rule, approvals, request, actionName: name, actionVersion: version }: ApprovalAnswer,
  refusals: Refusals,
): Promise<string> {
  const { required, allowSelf } = rule;
  const current = await currentVersion(environment, name).catch(() => undefined);
  const isChanged = current === undefined ? null : current !== version;
  return (
    `{"required":${required},"allowSelf":${allowSelf},"approvals":${approvals},` +
    `"refusals":${JSON.stringify(refusals)},"request":${request ?? "null"},` +
    `"action":${JSON.stringify({ name, version, isChanged })}}`
  );
}

const pause = z.strictObject({
  reason: reasonOf(
    "Why the runs wait: one line of well-formed Unicode without control characters. Everybody who can read a waiting run can read the reason.",
    "is empty; say why the runs wait.",
  ),
  until: z.optional(
    described(
      instant,
      DESCRIBE && "When the pause ends by itself, in the future. Without this member, only a DELETE ends the pause.",
    ),
  ),
});
inDocument(pause, {
  id: "PauseRequest",
  examples: [{ reason: "a deploy freeze over lunch", until: "2099-01-31T12:00:00Z" }],
});

/** The name of the environment's pause. No group has it, because a group begins with a letter or a digit. */
const ENVIRONMENT = "-environment";
/** Matches more than the names, because Hono's routers differ on a pattern with alternatives. `groupOf` is exact. */
const PAUSE = "/:group{[A-Za-z0-9-][A-Za-z0-9._-]{0,62}}" as "/:group";
const GROUP = new RegExp(`^${CONCURRENCY_GROUP}$`);
/** No response can show a later year than 9999. */

/** An unknown path is 404 before the body is judged, as everywhere. */
const requiresName: MiddlewareHandler<AppEnv> = (c, next) => {
  groupOf(c);
  return next();
};

export const pauseRoutes = new Hono<AppEnv>()
  .get(
    "/",
    requires(
      "data:read",
      DESCRIBE && {
        operationId: "listPauses",
        tag: "Gates",
        summary: "List the pauses",
        description: "Returns what is paused in an environment.",
        responses: { 200: { description: "The pauses", json: pauseList } },
        errors: ["coordinator_unavailable"],
      },
    ),
    async (c) => {
      const pauses = await ask(environmentOf(c), (coordinator) => coordinator.gates.pauses());
      return c.json(pauses.map(pauseToWire));
    },
  )
  .put(
    PAUSE,
    requires(
      "actions:manage",
      DESCRIBE && {
        operationId: "putPause",
        tag: "Gates",
        summary: "Pause runs",
        description:
          "Holds back the runs of a concurrency group. With `-environment`, holds back every run of the environment that has a " +
          "gate: a concurrency group, an approval, or a time. Runs that have started go on, and so do runs without a gate. A " +
          "second PUT replaces the pause. If the response is 503, the pause may be stored. Then send the " +
          `request again. An environment has at most ${PAUSES_MAX_PER_ENVIRONMENT} pauses.`,
        responses: { 200: { description: "The pause", json: shownPause } },
        errors: ["too_many_pauses", "coordinator_unavailable"],
      },
    ),
    requiresName,
    validBody(pause),
    async (c) => {
      const { reason, until } = c.req.valid("json");
      const at = Date.now();
      const put: Pause = {
        group: groupOf(c),
        reason,
        until: until === undefined ? null : shownMs(until),
        by: nameOf(actorOf(c)),
        via: viaOf(actorOf(c)),
        at,
      };
      if (put.until !== null && put.until <= at) {
        throw refusalOf("invalid_body", [{ path: ["until"], message: "is in the past; send a later instant." }]);
      }
      await requireNewestSecret(c);
      const isPaused = await ask(environmentOf(c), (coordinator) => coordinator.gates.pause(put));
      if (!isPaused) throw new ApiError("too_many_pauses");
      await auditAfterwards(c, { action: "pause_put", target: c.req.param("group"), reason }, at);
      return c.json(pauseToWire(put));
    },
  )
  .delete(
    PAUSE,
    requires(
      "actions:manage",
      DESCRIBE && {
        operationId: "deletePause",
        tag: "Gates",
        summary: "Let paused runs go on",
        description: "Ends a pause. Runs that it held back start at once if nothing else holds them back.",
        responses: { 204: { description: "The pause has ended" } },
        errors: ["coordinator_unavailable"],
      },
    ),
    async (c) => {
      const group = groupOf(c);
      await requireNewestSecret(c);
      let calls = 0;
      const isResumed = await ask(environmentOf(c), (coordinator) => {
        calls++;
        return coordinator.gates.resume(group);
      });
      // If the first answer was lost, that call may have ended the pause. Then the audit must say so.
      if (!isResumed && calls === 1) throw new ApiError("pause_not_found");
      const deleted = { action: "pause_deleted", target: c.req.param("group") } as const;
      await auditAfterwards(c, deleted, Date.now());
      return c.body(null, 204);
    },
  );

/** Throws `not_found`. */
function groupOf(c: Context<AppEnv>): string {
  const name = c.req.param("group") ?? "";
  if (name === ENVIRONMENT) return NO_GROUP.group;
  if (!GROUP.test(name)) throw new ApiError("not_found");
  return name;
}

function pauseToWire({ group, reason, until, by, via, at }: Pause) {
  const name = group === NO_GROUP.group ? ENVIRONMENT : group;
  return { group: name, reason, until: rfc3339(until), by, via, at: rfc3339(at) };
}

export const groupRoutes = new Hono<AppEnv>().get(
  "/",
  requires(
    "data:read",
    DESCRIBE && {
      operationId: "listConcurrencyGroups",
      tag: "Gates",
      summary: "List the concurrency groups",
      description:
        "Returns the concurrency groups and keys whose slots runs hold or wait for, in order. A run holds its slot until it " +
        "has ended. A slot follows the run and not its job, because a job can go on after its run was cancelled.",
      responses: { 200: { description: "The groups", json: concurrencyGroupList, headers: ["Link"] } },
      errors: ["coordinator_unavailable"],
    },
  ),
  validQuery(groupsQuery),
  async (c) => {
    const { limit, cursor = null, group: only = null } = c.req.valid("query");
    // One group more than the page has, to know whether there is a next page.
    const groups = await ask(environmentOf(c), (coordinator) =>
      coordinator.gates.groups(only, cursor as ConcurrencyQueue | null, limit + 1),
    );
    return c.json(firstPage(c, groups, limit, ({ group, key }) => `${group}\n${key}`).map(groupToWire));
  },
);

function groupToWire({ group, key, limit, running, queued, pause }: ConcurrencyGroup) {
  return { group, key, limit, holders: running, waiters: queued, paused: pause };
}

/**
 * Notifies the coordinator of a new limit when a PUT has stored it, so that a raised limit starts queued runs at once.
 * If it can't be reached, it hears of the limit with the next run of the action. A new action has no runs, so there is
 * nobody to notify.
 */
export const notifyLimit: AfterActionWrite = async (c, { scope, name }, { concurrency }, { version, isNew }) => {
  if (concurrency === undefined || isNew) return;
  const { group, limit } = concurrency;
  await callCoordinator(c.env, c.get("hops"), scope, (coordinator) =>
    coordinator.gates.setLimit(group, name, version, limit),
  ).catch(() => {});
};
