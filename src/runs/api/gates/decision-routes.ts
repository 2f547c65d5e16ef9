/**
 * …/action-runs/{id}/approve, …/reject and …/release: open a gate of a run, or end the run there. And …/approval: what
 * an approver decides about. No GET changes anything, because mail scanners and previews follow every link.
 */

import { type Context, Hono } from "hono";
import { currentVersion } from "../../../actions/current-version.ts";
import { auditAfterwards } from "../../../auth/audit-afterwards.ts";
import { requires } from "../../../auth/bearer.ts";
import { requireNewestSecret } from "../../../auth/newest-secret.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError, type ErrorCode } from "../../../http/errors.ts";
import { idempotencyKey } from "../../../http/idempotency-key.ts";
import { validBody, validQuery } from "../../../http/validate.ts";
import type { Actor } from "../../actor.ts";
import type { ApprovalAnswer } from "../../gate-calls.ts";
import type { Coordinator } from "../../protocol.ts";
import type { RunReply } from "../../run-answer.ts";
import type { ChangeKey } from "../../run-calls.ts";
import { actorOf } from "../caller.ts";
import { changeKeyOf } from "../change-key.ts";
import { changeQuery } from "../query-schemas.ts";
import { mayBeKnown } from "../read/reader.ts";
import { decision } from "../request-schemas.ts";
import { ask, environmentOf, type RunEnvironment, runIdOf } from "../run-environment.ts";
import { sendChanged } from "../run-response.ts";
import { mustNamePerson, requirePerson } from "./require-person.ts";

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
