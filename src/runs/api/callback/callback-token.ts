/**
 * POST …/action-runs/{id}/callback/token: a job gets the run's callback token for a proof of its product, so that no
 * secret travels through the trigger.
 *
 * The receiver's response to the trigger names the execution that may report. So the URL alone opens nothing, also for
 * another job of the same repository.
 */
import { Hono } from "hono";
import { charged, type ProvenBy, provenBy, requiresIssuers, validProof } from "../../../auth/identity/proving.ts";
import { executionClaim, textsOf, trustFault } from "../../../auth/identity/trust.ts";
import { signCallbackToken } from "../../../auth/token-format.ts";
import { rfc3339 } from "../../../base/time.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Described } from "../../../http/operation.ts";
import { type AppEnv, noteOpened, usableRing } from "../../../http/request-context.ts";
import type { JobAnswer, JobReply } from "../../run-calls.ts";
import { callbackGrant, OF_ENDED_RUN } from "../responses/runs.ts";
import { ask, environmentOf, isGenuine, runIdOf } from "../run-request.ts";
import { refusalError } from "../run-response.ts";

const ISSUE_CALLBACK_TOKEN: Described = DESCRIBE && {
  operationId: "issueCallbackToken",
  summary: "Get the callback token for a proof of the job",
  description:
    "Returns the run's callback token to the job that the run's trigger started. The action's `reporter` says whose " +
    "proofs count, and the receiver's response which execution. The audience of the proof is the run's callback URL. " +
    "Before the receiver has responded, the response is 503 with `Retry-After`. Requires no token. Without the " +
    "setting `OIDC_ISSUERS`, the response is 404.",
  responses: { 200: { description: "The callback token and its end", json: callbackGrant } },
  errors: ["trust_unmet", "another_execution", ...OF_ENDED_RUN, "trigger_unanswered", "coordinator_unavailable"],
};

export const callbackTokenRoutes = new Hono<AppEnv>().post(
  "/:id/callback/token",
  requiresIssuers(ISSUE_CALLBACK_TOKEN),
  validProof(),
  async (c) => {
    const ring = usableRing(c);
    const environment = environmentOf(c);
    const { scope } = environment;
    const id = runIdOf(c);
    const [o, p, envName] = scope.split("/");
    const path = `/${o}/${p}/envs/${envName}/action-runs/${id}/callback`;
    const proven = await provenBy(c, c.req.valid("json").proof, path, Date.now());
    const { issuer, claims } = proven;
    if (!(await isGenuine(environment, id))) throw new ApiError("run_not_found");
    const job = opened(await ask(environment, (coordinator) => coordinator.runs.job(id)));
    const unmet = unmetOf(job, proven);
    if (unmet !== null) return charged(c, new ApiError("trust_unmet", unmet));
    noteOpened(c);
    if (job.refused !== null) throw refusalError(job.refused);
    if (job.execution === null && !job.isAnswered) throw new ApiError("trigger_unanswered");
    const execution = textOf(claims[executionClaim(issuer.kind) ?? ""]);
    const isTheirs = execution !== null && execution === job.execution;
    const type = isTheirs ? "token_issued" : "token_refused";
    const told = { type, execution: execution ?? "none", attempt: textOf(claims.run_attempt) } as const;
    const { deadlineAt } = opened(await ask(environment, (coordinator) => coordinator.runs.noteJob(id, told)));
    if (!isTheirs) {
      return charged(c, new ApiError("another_execution", job.execution === null ? NO_EXECUTION : undefined));
    }
    const grant = { scope, runId: id, expiresAt: deadlineAt };
    const callbackToken = await signCallbackToken(ring, grant);
    return c.json({ callbackToken, expiresAt: rfc3339(deadlineAt) });
  },
);

/** Products send ids as texts or as numbers. */
function textOf(value: unknown): string | null {
  return Array.isArray(value) ? null : (textsOf(value)[0]?.slice(0, 256) ?? null);
}

function opened(reply: JobReply): JobAnswer {
  if (!reply.ok) throw refusalError(reply.reason);
  return reply;
}

/** Why the run's reporter does not accept the proof; null if it does. A claim is named only if the anchor matched. */
function unmetOf({ reporter }: JobAnswer, { issuer, claims }: ProvenBy): string | null {
  if (reporter?.issuer !== issuer.issuer) return NO_REPORTER;
  const fault = trustFault({ for: "programs", ...reporter }, claims, issuer);
  if (fault === null) return null;
  const which = fault.isAnchor ? "" : `: the claim ${fault.claim} differs`;
  return `The reporter of the run's action does not accept the proof${which}. Compare both.`;
}

const NO_EXECUTION =
  "The receiver's response to the trigger named no execution, so no proof may report this run. Correct execution of the action's reporter, or use the callback token.";

const NO_REPORTER =
  "The action of this run lets no job of this issuer report with a proof. Store a reporter, or use the callback token.";
