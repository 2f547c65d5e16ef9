/** Decisions, pauses and concurrency groups. No GET changes anything, because mail scanners follow every link. */
import { type Context, Hono } from "hono";
import * as z from "zod/mini";
import { type NamedGroup, namedGroups, unnamedWarning } from "../../actions/groups.ts";
import type { AfterActionWrite } from "../../actions/kind.ts";
import { currentVersion } from "../../actions/resolve.ts";
import { auditAfterwards, requireNewestSecret } from "../../auth/audit.ts";
import { mustNamePerson, requires } from "../../auth/authentication.ts";
import { CONCURRENCY_GROUP, PAUSE_FROM_MAX_DAYS, PAUSES_MAX_PER_ENVIRONMENT } from "../../base/limits.ts";
import { DAY_MS, rfc3339, shownMs } from "../../base/time.ts";
import { ApiError, refusalOf } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/headers.ts";
import { type Described, guard } from "../../http/operation.ts";
import { firstPage } from "../../http/paging.ts";
import { type AppEnv, environmentOf } from "../../http/request-context.ts";
import { described, instant, objectOf, withExample } from "../../http/schemas.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { holding, inForceFor, isInForce, type NewPause, type Pause } from "../pauses.ts";
import { callCoordinator } from "../protocol.ts";
import { type ConcurrencyQueue, NO_GROUP, nameOf, viaOf } from "../run.ts";
import type { ConcurrencyGroup } from "../run-calls.ts";
import { mayBeKnown } from "./read-runs.ts";
import { changeQuery, decision, groupsQuery, reasonOf, release } from "./request-schemas.ts";
import { approvalOfRun, concurrencyGroupList, pauseList, shownPause } from "./responses/gates.ts";
import { detailedActionRun, OF_DECISION, OF_RUNS } from "./responses/runs.ts";
import { actorOf, ask, runIdOf, sendChanged } from "./run-request.ts";
import { type CallOfChange, changeRun, type RunChange } from "./run-routes.ts";

const APPROVER =
  "{who}. The token must have been minted with `mayApprove`. If the action has `approval.tokens`, its id must be one of them.";

export const decisionRoutes = new Hono<AppEnv>();

const APPROVE_ACTION_RUN: Described = DESCRIBE && {
  operationId: "approveActionRun",
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
  errors: [...OF_DECISION, "may_not_approve", "not_an_approver", "own_run", "already_approved"],
};

const REJECT_ACTION_RUN: Described = DESCRIBE && {
  operationId: "rejectActionRun",
  summary: "Reject an action run",
  description:
    "Ends a run that waits for approval as cancelled. One rejection is enough, also after approvals. " +
    "Whoever may approve a run may reject the run instead. You can't reject your own run unless its action allows that, " +
    `but you can cancel the run. ${APPROVER}`,
  idempotencyKey: "reject-42",
  responses: { 200: { description: "The run has ended", json: detailedActionRun, headers: ["Idempotent-Replayed"] } },
  errors: [...OF_DECISION, "may_not_approve", "not_an_approver", "own_run"],
};

for (const [what, action, operation] of [
  ["approve", "run_approved", APPROVE_ACTION_RUN],
  ["reject", "run_rejected", REJECT_ACTION_RUN],
] as const) {
  decisionRoutes.post(
    `/:id/${what}`,
    requires("data:read", operation),
    validBody(decision, { mayBeEmpty: true }),
    validQuery(changeQuery),
    (c) => {
      // No role opens this. Admins may create tokens, so they could create an approver if a role made one.
      if (!c.get("principal").mayApprove) throw new ApiError("may_not_approve");
      const { reason = null } = c.req.valid("json");
      const inclusion = c.req.valid("query");
      return decide(c, { action, reason }, [what, reason], ({ gates }, { id, by, changeKey }) =>
        gates[what](id, { by, reason }, changeKey, inclusion),
      );
    },
  );
}

const RELEASE_ACTION_RUN: Described = DESCRIBE && {
  operationId: "releaseActionRun",
  summary: "Release an action run before its time, or through a pause",
  description:
    "Without a body, opens the time gate of a run that waits for its `notBefore`. The run still needs its approvals and " +
    "its slot. With `throughPause`, the pauses of the run's group and of its environment that are in force now no longer " +
    "hold the run back. The run still waits for its time, its approvals and its slot, and for a pause that begins later. " +
    "It overtakes the runs that the pause holds.",
  idempotencyKey: "release-42",
  responses: {
    200: {
      description: "The run without its time gate, or released through the pause",
      json: detailedActionRun,
      headers: ["Idempotent-Replayed"],
    },
  },
  errors: [...OF_DECISION, "not_paused"],
};
decisionRoutes.post(
  "/:id/release",
  requires("actions:manage", RELEASE_ACTION_RUN),
  validBody(release, { mayBeEmpty: true }),
  validQuery(changeQuery),
  (c) => {
    const inclusion = c.req.valid("query");
    const { throughPause = false, reason = null } = c.req.valid("json");
    if (!throughPause) {
      return decide(c, { action: "run_released" }, "release", ({ gates }, { id, by, changeKey }) =>
        gates.release(id, by, changeKey, inclusion),
      );
    }
    const audited = { action: "run_released_through_pause", reason } as const;
    return decide(c, audited, ["release", reason], ({ gates }, { id, by, changeKey }) =>
      gates.releaseThroughPause(id, { by, reason }, changeKey, inclusion),
    );
  },
);

const GET_ACTION_RUN_APPROVAL: Described = DESCRIBE && {
  operationId: "getActionRunApproval",
  summary: "Get what an approver decides about",
  description:
    "Returns the approvals of a run, whether you can approve or reject it, and the request as it will be sent, without " +
    "secrets. The request was made when the run was created, and no later version of the action changes it.",
  dependsOnPerson: true,
  responses: { 200: { description: "The approval of the run", json: approvalOfRun } },
  errors: ["approval_not_found", ...OF_RUNS],
};
decisionRoutes.get("/:id/approval", requires("data:read", GET_ACTION_RUN_APPROVAL), async (c) => {
  const environment = environmentOf(c);
  const id = runIdOf(c);
  if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
  const asker = actorOf(c);
  const answer = await ask(environment, ({ gates }) => gates.approval(id, asker));
  if (!answer.ok) throw new ApiError(answer.reason);
  const { rule, title, subject, conflicts, actionName: name, actionVersion: version } = answer;
  // Judged in the order of `decide`.
  const refusal = !c.get("principal").mayApprove ? "may_not_approve" : mustNamePerson(c) ? "person_required" : null;
  // D1 need not answer, because the approver must be able to decide during its outage.
  const current = await currentVersion(environment, name).catch(() => undefined);
  return c.json({
    title,
    subject,
    required: rule.required,
    allowSelf: rule.allowSelf,
    tokens: rule.tokens ?? null,
    approvals: JSON.parse(answer.approvals),
    until: rfc3339(answer.waitUntil),
    refusals: refusal === null ? conflicts : { approve: refusal, reject: refusal },
    request: JSON.parse(answer.request ?? "null"),
    action: { name, version, isChanged: current === undefined ? null : current !== version },
  });
});

async function decide(c: Context<AppEnv>, audited: RunChange["audited"], request: unknown, call: CallOfChange) {
  const key = idempotencyKey(c);
  return sendChanged(c, await changeRun(c, runIdOf(c), { key, request, audited, isDecision: true }, call), key);
}

const pause = objectOf(
  {
    reason: reasonOf(
      "Why the runs wait: one line of well-formed Unicode without control characters. Everybody who can read a waiting run can read the reason.",
      "is empty; say why the runs wait.",
    ),
    from: z.optional(instant),
    until: z.optional(instant),
  },
  DESCRIBE && {
    id: "PauseRequest",
    members: {
      from:
        `When the pause begins, at most ${PAUSE_FROM_MAX_DAYS} days ahead. A PUT with the \`from\` of a pause replaces this ` +
        "pause. Without this member, or with an instant in the past, the pause begins now.",
      until:
        "When the pause ends by itself: in the future, and after `from`. Without this member, only a DELETE ends the pause.",
    },
    examples: [{ reason: "a deploy freeze over lunch", until: "2099-01-31T12:00:00Z" }],
  },
);

const deletedPause = z.strictObject({
  from: z.optional(
    withExample(
      described(
        instant,
        DESCRIBE && "The `from` of one pause. Without it, all pauses of the group end that have begun.",
      ),
      "2099-01-30T18:00:00Z",
    ),
  ),
});

/** The name of the environment's pause. No group has it, because a group begins with a letter or a digit. */
const ENVIRONMENT = "-environment";
/** Matches more than the names, because Hono's routers differ on a pattern with alternatives. `groupOf` is exact. */
const PAUSE = "/:group{[A-Za-z0-9-][A-Za-z0-9._-]{0,62}}" as "/:group";
const GROUP = new RegExp(`^${CONCURRENCY_GROUP}$`);

/** An unknown path is 404 before the body is judged, as everywhere. */
const requiresName = guard(groupOf, false);

export const pauseRoutes = new Hono<AppEnv>();

const LIST_PAUSES: Described = DESCRIBE && {
  operationId: "listPauses",
  summary: "List the pauses",
  description:
    "Returns the pauses of an environment that have not ended, by group and `from`. Planned ones are not `active` yet.",
  responses: { 200: { description: "The pauses", json: pauseList } },
  errors: ["coordinator_unavailable"],
};
pauseRoutes.get("/", requires("data:read", LIST_PAUSES), async (c) => {
  const pauses = await ask(environmentOf(c), ({ gates }) => gates.pauses());
  const now = Date.now();
  return c.json(pauses.map((one) => pauseToWire(one, now)));
});

const PUT_PAUSE: Described = DESCRIBE && {
  operationId: "putPause",
  summary: "Pause runs",
  description:
    "Holds back the runs of a concurrency group. With `-environment`, holds back every run of the environment that has a " +
    "gate: a concurrency group, an approval, or a time. Runs that have started go on, and so do runs without a gate. A " +
    "pause with a `from` in the future is planned, and runs can start until then. A second PUT with the same `from` " +
    "replaces the pause, and so does a second one without `from`. Neither changes another pause of the group. If several " +
    "hold, runs wait for the end of the last. If the response is 503, the pause may be stored. Then send the request again. " +
    `If no action has the group, the response has a \`warning\`. An environment has at most ${PAUSES_MAX_PER_ENVIRONMENT} pauses.`,
  responses: { 200: { description: "The pause", json: shownPause } },
  errors: ["too_many_pauses", "coordinator_unavailable"],
};
pauseRoutes.put(PAUSE, requires("actions:manage", PUT_PAUSE), requiresName, validBody(pause), async (c) => {
  const { reason, from, until } = c.req.valid("json");
  const at = Date.now();
  const put: NewPause = {
    group: groupOf(c),
    from: from === undefined ? null : shownMs(from),
    reason,
    until: until === undefined ? null : shownMs(until),
    by: nameOf(actorOf(c)),
    via: viaOf(actorOf(c)),
    at,
  };
  requireTimes(put, at);
  await requireNewestSecret(c);
  const environment = environmentOf(c);
  // Only the coordinator decides. D1 is asked meanwhile, and need not answer.
  const [paused, warning] = await Promise.all([
    ask(environment, ({ gates }) => gates.pause(put)),
    put.group === NO_GROUP.group ? null : unnamedWarning(environment, put.group),
  ]);
  if (paused === null) throw new ApiError("too_many_pauses");
  await auditAfterwards(c, { action: "pause_put", target: c.req.param("group"), reason }, at);
  return c.json({ ...pauseToWire(paused, at), ...(warning !== null && { warning }) });
});

const DELETE_PAUSE: Described = DESCRIBE && {
  operationId: "deletePause",
  summary: "Let paused runs go on",
  description:
    "Ends the pauses of a group that have begun, and leaves planned ones. With `from`, ends or removes only the pause " +
    "that has it. Runs that were held back start at once if nothing else holds them back.",
  responses: { 204: { description: "The pause has ended" } },
  errors: ["coordinator_unavailable"],
};
pauseRoutes.delete(
  PAUSE,
  requires("actions:manage", DELETE_PAUSE),
  requiresName,
  validQuery(deletedPause),
  async (c) => {
    const group = groupOf(c);
    const { from } = c.req.valid("query");
    const fromMs = from === undefined ? null : shownMs(from);
    await requireNewestSecret(c);
    let calls = 0;
    const isResumed = await ask(environmentOf(c), (coordinator) => {
      calls++;
      return coordinator.gates.resume(group, fromMs);
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

/** Throws `invalid_body`. */
function requireTimes({ from, until }: NewPause, now: number): void {
  const refused = (member: keyof NewPause, message: string) => refusalOf("invalid_body", [{ path: [member], message }]);
  if (until !== null && until <= now) throw refused("until", "is in the past; send a later instant.");
  if (from == null) return;
  if (from - now > PAUSE_FROM_MAX_DAYS * DAY_MS) {
    throw refused("from", `is too far ahead; send an instant at most ${PAUSE_FROM_MAX_DAYS} days ahead.`);
  }
  if (until !== null && until <= from) {
    throw refused("until", "is not after from; send a later instant.");
  }
}

function pauseToWire(pause: Pause, now: number) {
  const { group, from, reason, until, by, via, at } = pause;
  const name = group === NO_GROUP.group ? ENVIRONMENT : group;
  const times = { from: rfc3339(from), until: rfc3339(until), active: isInForce(pause, now) };
  return { group: name, reason, ...times, by, via, at: rfc3339(at) };
}

const LIST_CONCURRENCY_GROUPS: Described = DESCRIBE && {
  operationId: "listConcurrencyGroups",
  summary: "List the concurrency groups",
  description:
    "Returns the concurrency groups and keys whose slots runs hold or wait for, in order, and the groups of actions that " +
    "have no such run. A run holds its slot until it has ended. A slot follows the run and not its job, because a job can " +
    "go on after its run was cancelled. While the database does not answer, groups without runs are left out.",
  responses: { 200: { description: "The groups", json: concurrencyGroupList, headers: ["Link"] } },
  errors: ["coordinator_unavailable"],
};

export const groupRoutes = new Hono<AppEnv>().get(
  "/",
  requires("data:read", LIST_CONCURRENCY_GROUPS),
  validQuery(groupsQuery),
  async (c) => {
    const { limit, cursor = null, group: only = null } = c.req.valid("query");
    const after = cursor as ConcurrencyQueue | null;
    const environment = environmentOf(c);
    // One group more than the page has, to know whether there is a next page.
    const [{ groups, pauses }, named] = await Promise.all([
      ask(environment, ({ gates }) => gates.groups(only, after, limit + 1)),
      namedGroups(environment, only, after?.group ?? "", limit + 1).catch(() => []),
    ]);
    const page = firstPage(c, withIdle(groups, named), limit, ({ group, key }) => `${group}\n${key}`);
    const now = Date.now();
    return c.json(page.map((one) => groupToWire(one, holding(inForceFor(pauses, one.group, now), []))));
  },
);

/** Each list has all that come before its last entry, so a page of both is whole. */
function withIdle(groups: readonly ConcurrencyGroup[], named: readonly NamedGroup[]): readonly ConcurrencyGroup[] {
  const active = new Set(groups.map(({ group }) => group));
  const idle = named.filter(({ group }) => !active.has(group));
  const all = [...groups, ...idle.map((one) => ({ ...one, key: "", running: 0, queued: 0 }))];
  return all.sort((a, b) => (a.group === b.group ? 0 : a.group < b.group ? -1 : 1));
}

function groupToWire({ group, key, limit, running, queued }: ConcurrencyGroup, pause: Pause | null) {
  return { group, key, limit, holders: running, waiters: queued, paused: pause?.reason ?? null };
}

/** A raised limit starts queued runs at once. If this fails, the next run of the action tells the coordinator. */
export const notifyLimit: AfterActionWrite = async (c, { scope, name }, { concurrency }, { version, isNew }) => {
  if (concurrency === undefined || isNew) return;
  const { group, limit } = concurrency;
  await callCoordinator(c.env, c.get("hops"), scope, ({ gates }) => gates.setLimit(group, name, version, limit)).catch(
    () => {},
  );
};
