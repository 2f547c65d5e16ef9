/**
 * …/action-runs/{id}/approve, …/reject and …/release: open a gate of a run, or end the run there. And …/approval: what
 * an approver decides about. No GET changes anything, because mail scanners and previews follow every link.
 */
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { AfterActionWrite } from "../../actions/kind.ts";
import { currentVersion } from "../../actions/resolve.ts";
import { auditAfterwards, requireNewestSecret } from "../../auth/audit.ts";
import { requires } from "../../auth/authentication.ts";
import { CONCURRENCY_GROUP } from "../../base/limits.ts";
import { rfc3339 } from "../../base/time.ts";
import { ApiError, type ErrorCode, refusalOf } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/headers.ts";
import { encodeCursor, nextLink } from "../../http/paging.ts";
import type { AppEnv } from "../../http/request-context.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { baseUrl } from "../../settings/config.ts";
import { type Coordinator, callCoordinator } from "../protocol.ts";
import { type Actor, type ConcurrencyQueue, NO_GROUP, nameOf, viaOf } from "../run.ts";
import type { ApprovalAnswer, ChangeKey, ConcurrencyGroup, Pause, RunReply } from "../run-calls.ts";
import { changeQuery, groupsQuery, pause } from "./query-schemas.ts";
import { mayBeKnown } from "./read-runs.ts";
import { decision } from "./request-schemas.ts";
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

const DECISIONS = [
  ["approve", "run_approved"],
  ["reject", "run_rejected"],
] as const;

export const decisionRoutes = new Hono<AppEnv>();

for (const [what, action] of DECISIONS) {
  decisionRoutes.post(
    `/:id/${what}`,
    requires("data:read"),
    validBody(decision, { mayBeEmpty: true }),
    validQuery(changeQuery),
    (c) => {
      // No role opens this. Admins may create tokens, so they could create an approver if a role made one.
      if (!c.get("principal").mayApprove) throw new ApiError("may_not_approve");
      const { reason = null } = c.req.valid("json");
      const inclusion = c.req.valid("query");
      return decide(c, { action, reason }, [what, reason], (coordinator, { id, by, changeKey }) =>
        coordinator.gates[what](id, { by, reason }, changeKey, inclusion),
      );
    },
  );
}

decisionRoutes
  .post("/:id/release", requires("actions:manage"), validQuery(changeQuery), (c) => {
    const inclusion = c.req.valid("query");
    return decide(c, { action: "run_released" }, "release", (coordinator, { id, by, changeKey }) =>
      coordinator.gates.release(id, by, changeKey, inclusion),
    );
  })
  .get("/:id/approval", requires("data:read"), async (c) => {
    const environment = environmentOf(c);
    const id = runIdOf(c);
    if (!(await mayBeKnown(environment, id))) throw new ApiError("run_not_found");
    const asker = actorOf(c);
    const answer = await ask(environment, (coordinator) => coordinator.gates.approval(id, asker));
    if (!answer.ok) throw new ApiError(answer.reason);
    c.header("Content-Type", "application/json");
    return c.body(await approvalJson(environment, answer, refusalsFor(c, answer.conflicts)));
  });

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

/* SECTION: …/pauses: holds back the runs of a concurrency group, or every run of the environment that has a gate. */

/** The name of the environment's pause. No group has it, because a group begins with a letter or a digit. */
const ENVIRONMENT = "-environment";
/** Matches more than the names, because Hono's routers differ on a pattern with alternatives. `groupOf` is exact. */
const PAUSE = "/:group{[A-Za-z0-9-][A-Za-z0-9._-]{0,62}}" as "/:group";
const GROUP = new RegExp(`^${CONCURRENCY_GROUP}$`);
/** No response can show a later year than 9999. */
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** An unknown path is 404 before the body is judged, as everywhere. */
const requiresName: MiddlewareHandler<AppEnv> = (c, next) => {
  groupOf(c);
  return next();
};

export const pauseRoutes = new Hono<AppEnv>()
  .get("/", requires("data:read"), async (c) => {
    const pauses = await ask(environmentOf(c), (coordinator) => coordinator.gates.pauses());
    return c.json(pauses.map(shownPause));
  })
  .put(PAUSE, requires("actions:manage"), requiresName, validBody(pause), async (c) => {
    const { reason, until } = c.req.valid("json");
    const at = Date.now();
    const put: Pause = {
      group: groupOf(c),
      reason,
      until: until === undefined ? null : Math.min(until.ceilMs, LAST_MS),
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
    return c.json(shownPause(put));
  })
  .delete(PAUSE, requires("actions:manage"), async (c) => {
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
  });

/** Throws `not_found`. */
function groupOf(c: Context<AppEnv>): string {
  const name = c.req.param("group") ?? "";
  if (name === ENVIRONMENT) return NO_GROUP.group;
  if (!GROUP.test(name)) throw new ApiError("not_found");
  return name;
}

function shownPause({ group, reason, until, by, via, at }: Pause) {
  const name = group === NO_GROUP.group ? ENVIRONMENT : group;
  return { group: name, reason, until: rfc3339(until), by, via, at: rfc3339(at) };
}

/* SECTION: GET …/concurrency-groups: how many runs are running and queued, by group and key. */

export const groupRoutes = new Hono<AppEnv>().get("/", requires("data:read"), validQuery(groupsQuery), async (c) => {
  const { limit, cursor = null, group: only = null } = c.req.valid("query");
  // One group more than the page has, to know whether there is a next page.
  const groups = await ask(environmentOf(c), (coordinator) =>
    coordinator.gates.groups(only, cursor as ConcurrencyQueue | null, limit + 1),
  );
  const page = groups.slice(0, limit);
  const last = page.at(-1);
  if (groups.length > limit && last !== undefined) {
    const next = encodeCursor(`${last.group}\n${last.key}`);
    c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, next));
  }
  return c.json(page.map(shownGroup));
});

function shownGroup({ group, key, limit, running, queued, pause }: ConcurrencyGroup) {
  return { group, key, limit, holders: running, waiters: queued, paused: pause };
}

/* SECTION:
 * Notifies the coordinator of a new limit when a PUT has stored it, so that a raised limit starts queued runs at once.
 * If it can't be reached, it hears of the limit with the next run of the action.
 */

/** A new action has no runs, so there is nobody to notify. */
export const notifyLimit: AfterActionWrite = async (c, { scope, name }, { concurrency }, { version, isNew }) => {
  if (concurrency === undefined || isNew) return;
  const { group, limit } = concurrency;
  await callCoordinator(c.env, c.get("hops"), scope, (coordinator) =>
    coordinator.gates.setLimit(group, name, version, limit),
  ).catch(() => {});
};
