/** What a coordinator asks the Worker about automatic retries: to create a batch of them. */
import { WorkerEntrypoint } from "cloudflare:workers";
import { knownAction } from "../../../actions/resolve.ts";
import { OPERATOR } from "../../../auth/principal.ts";
import { tokenStateOf } from "../../../auth/token-state.ts";
import { logFailure } from "../../../base/log.ts";
import { readD1 } from "../../../database/read-d1.ts";
import { ApiError } from "../../../http/errors.ts";
import type { Env } from "../../../settings/env.ts";
import { selectRevoked } from "../../d1/control-database.ts";
import { type Actor, actorOfLine } from "../../run.ts";
import { type MadeRetry, type Retrier, type RetryToMake, retryKey } from "../../starts.ts";
import { retryRun } from "../create-run.ts";
import { NotWanted } from "../run-response.ts";
import { type StartEnvironment, startEach, startEnvironment, starterOf } from "./starter.ts";

const MADE: MadeRetry = { dropped: null };
const ENDED = {
  token_revoked: "The token that stored the action was revoked. Store the action again.",
  token_expired: "The token that stored the action has expired. Store the action again.",
} as const;

export class AutomaticRetries extends WorkerEntrypoint<Env> implements Retrier {
  make(scope: string, retries: readonly RetryToMake[]): Promise<readonly MadeRetry[]> {
    const environment = startEnvironment(this.env, scope, (work) => this.ctx.waitUntil(work));
    return startEach(
      retries,
      (retry) => make(environment, retry),
      (error, { runId }) => logFailure("retry_undecided", error, { run: runId }),
    );
  }
}

const CREATOR_REVOKED = "The token that created the run was revoked. Retry the run yourself if it is still needed.";

/** Whether the actor's token, or one above it, was revoked. */
async function isRevoked({ env, hops }: StartEnvironment, project: string, { tokenId, parents }: Actor) {
  if (tokenId === OPERATOR.id) return false;
  return (await readD1(hops, () => selectRevoked(env.DB, project, [tokenId, ...parents]))).length > 0;
}

/**
 * Uses the action as it is now. The token that stored the action must not have ended. The creator's token may have expired,
 * but must not be revoked. Throws if nobody knows whether the retry was made.
 */
async function make(environment: StartEnvironment, retry: RetryToMake): Promise<MadeRetry> {
  const { runId, actionName, attempt, at, creator: actor, origin } = retry;
  try {
    const { storedBy } = await knownAction(environment, actionName);
    const project = environment.scope.slice(0, environment.scope.lastIndexOf("/"));
    const state = await tokenStateOf(environment, project, actorOfLine(storedBy).tokenId);
    if (state !== "living") return { dropped: ENDED[state] };
    if (await isRevoked(environment, project, actor)) return { dropped: CREATOR_REVOKED };
    const changeKey = { key: retryKey(runId), fingerprint: "" };
    const creation = starterOf(environment, { actor, mustNamePerson: false, origin, key: changeKey.key });
    const notBefore = { floorMs: at, ceilMs: at };
    await retryRun(creation, changeKey, runId, { notBefore }, { isFirst: false, automaticAttempt: attempt });
    return MADE;
  } catch (error) {
    // Somebody dropped it meanwhile, and said why.
    if (error instanceof NotWanted) return MADE;
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    return { dropped: `The retry was refused as ${error.code}. ${error.message}` };
  }
}
