/** What a request about runs brings: environment, actor, callback token, key of its change, and subscription. */
import type { Context, MiddlewareHandler } from "hono";
import { authorize, bearerToken, OF_CREDENTIAL } from "../../auth/authentication.ts";
import { type CallbackGrant, formatOf, verifyCallbackToken } from "../../auth/token-format.ts";
import { newUuidV7, parseUuid } from "../../base/ids.ts";
import { fingerprint, sha256Hex } from "../../base/json.ts";
import { CALLBACK_REPLAY_GRACE_MS } from "../../base/limits.ts";
import { askCoordinator as ask } from "../../definitions/change.ts";
import { ApiError, type ErrorCode, errorResponse } from "../../http/errors.ts";
import { type Described, guard, meaning } from "../../http/operation.ts";
import { type AppEnv, type Environment, noteOpened, scopeOf, usableRing } from "../../http/request-context.ts";
import type { KeyRing } from "../../settings/key-ring.ts";
import { withDetails } from "../action-run.ts";
import type { Actor } from "../run.ts";
import type { ChangeKey, RunAnswer, RunRefusal, RunReply } from "../run-calls.ts";
import { isGenuineRunId } from "../run-id.ts";

export { ask };

/** The id in the path. Throws `run_not_found` for a text that is not a UUID. */
export function runIdOf(c: Context<AppEnv>): string {
  const id = parseUuid(c.req.param("id") ?? "");
  if (id === null) throw new ApiError("run_not_found");
  return id;
}

/** Whether this service created the id for this scope, with a key that is still in the ring. */
export async function isGenuine({ ring, scope }: Environment, id: string): Promise<boolean> {
  return ring !== null && (await isGenuineRunId(ring, scope, id));
}

/** Whether `ask` threw this because the environment is being erased. */
export function isErasing(error: unknown): boolean {
  return error instanceof ApiError && error.code === "environment_erasing";
}

/** Who asks: the token of the request, and the person for whom it acts. A session acts as its token. */
export function actorOf(c: Context<AppEnv>): Actor {
  const { id: tokenId, name: tokenName, parents, proven } = c.get("principal");
  return { tokenId, tokenName, parents, person: c.get("person"), ...(proven !== null && { proven }) };
}

declare module "hono" {
  interface ContextVariableMap {
    /** The callback token is genuine, but its run's deadline has passed. */
    isLate?: boolean;
    /** The request has the run's callback token, and no principal. */
    isOfJob?: boolean;
  }
}

const EXPIRED = "This callback token has expired at the run's deadline.";

/**
 * The token is verified before the body is read and before any storage is asked, so a forged one costs an HMAC for each key.
 * `opensReplay`: for a day after the token's expiry, the holder may repeat a report that came in time, with the same key.
 */
export function requiresCallbackToken(
  { opensReplay }: { readonly opensReplay: boolean },
  operation: Described,
): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async (c, next) => {
    const lateMs = Date.now() - (await genuineGrant(c)).expiresAt;
    const isLate = lateMs >= 0;
    const { headers } = c.req.raw;
    const hasKey = headers.has("Idempotency-Key") || headers.has("webhook-id");
    if (isLate && !(opensReplay && lateMs < CALLBACK_REPLAY_GRACE_MS && hasKey)) {
      throw new ApiError("token_expired", EXPIRED);
    }
    c.set("isLate", isLate);
    await next();
    if (isLate && c.res.status >= 400 && c.res.status < 500) {
      c.res = errorResponse(c, new ApiError("token_expired", EXPIRED));
    }
  };
  return meaning(
    middleware,
    DESCRIBE && {
      who: "Requires the run's callback token.",
      security: [{ callbackToken: [] }],
      errors: ["unauthorized", "token_invalid", "token_expired", "not_configured"],
      operation,
    },
  );
}

export function requiresReaderOrJob(operation: Described) {
  const check = async (c: Context<AppEnv>) => {
    const isOfJob = c.req.header("Authorization") !== undefined && formatOf(bearerToken(c)) === "callback";
    if (!isOfJob) await authorize(c, "data:read");
    else if (Date.now() >= (await genuineGrant(c)).expiresAt) throw new ApiError("token_expired", EXPIRED);
    c.set("isOfJob", isOfJob);
  };
  return guard(
    check,
    DESCRIBE && {
      who: "Requires the permission `data:read`, or the run's callback token.",
      security: [{ apiToken: [] }, { callbackToken: [] }],
      errors: [...OF_CREDENTIAL, "forbidden"],
      operation,
    },
  );
}

/** Throws 401 if the token is not genuine for the run in the path. */
async function genuineGrant(c: Context<AppEnv>): Promise<CallbackGrant> {
  const token = bearerToken(c);
  // A path without a valid id gets 401, not 404, like every path that the token does not open.
  const id = parseUuid(c.req.param("id") ?? "") ?? "";
  const grant = await verifyCallbackToken(usableRing(c), token, scopeOf(c), id);
  if (grant === null) throw new ApiError("token_invalid", "This callback token is not valid for this run.");
  noteOpened(c);
  return grant;
}

/**
 * The key of a change: a change with the same key is not made again. If the caller sends no key, we create one, so that the
 * call to the coordinator can be repeated. Our own keys sort by time, so the journal's index has those of runs that are
 * purged together side by side.
 *
 * Who repeats a create gets the run's callback token, so no key may find another caller's run. The person is part of the
 * fingerprint and not of the key: another person who sends the same key through the same token is refused.
 *
 * `caller`: `callback` for the holder of a callback token, whose key is looked up only in that token's run. `ring`: for a
 * body that can contain secrets. From a plain hash in the journal, somebody could guess a weak one.
 */
export async function changeKeyOf(
  caller: Pick<Actor, "tokenId" | "person" | "proven"> | "callback",
  callersKey: string | null,
  body: unknown,
  ring: KeyRing | null = null,
): Promise<ChangeKey> {
  if (callersKey === null) return { key: `m:${newUuidV7(Date.now())}`, fingerprint: "" };
  // An id contains no colon, so no key can spell another caller's.
  const key = caller === "callback" ? `c:${callersKey}` : `t:${await holderOf(caller)}:${callersKey}`;
  const hash = await fingerprint(caller === "callback" ? body : bodyOf(caller, body));
  if (ring === null) return { key, fingerprint: hash };
  const [signatures, keyIds] = await Promise.all([ring.signWithEach("fingerprint", hash), ring.keyIds("fingerprint")]);
  const [first = "", ...others] = signatures.map((signature) => signature.toHex());
  return { key, fingerprint: first, otherFingerprints: others, keyIds };
}

/** The token, and the program or the person whose proof opened it: two repositories are two callers. */
async function holderOf({ tokenId, proven }: Pick<Actor, "tokenId" | "proven">): Promise<string> {
  const who = proven?.subject ?? proven?.identity;
  return who === undefined ? tokenId : `${tokenId}:${await sha256Hex(who)}`;
}

/** No request is a list that begins with this word, so none can look like another's with a person. */
function bodyOf({ person }: Pick<Actor, "person">, body: unknown): unknown {
  return person === null ? body : ["on-behalf-of", person, body];
}

type Reason = RunRefusal["reason"];

/** The refusals that have another code in the response. */
const CODES: Partial<Record<Reason, ErrorCode>> = {
  key_reused: "idempotency_key_reused",
  key_unverifiable: "idempotency_key_unverifiable",
  overloaded: "coordinator_overloaded",
  write_required: "forbidden",
};

const WRITE_REQUIRED =
  "Deleting a run that has or had a gate requires data:write, which your role lacks. Use a token with a role that has it.";

/** Thrown for a time of a schedule that is decided, and for an automatic retry that was dropped. No request asks for them. */
export class NotWanted extends Error {}

export function refusalError(reason: Reason): ApiError {
  if (reason === "time_decided" || reason === "retry_dropped") throw new NotWanted();
  if (reason === "id_taken") throw new Error("several run ids in a row were taken");
  const sentence = reason === "write_required" ? WRITE_REQUIRED : undefined;
  return new ApiError(CODES[reason] ?? (reason as ErrorCode), sentence);
}

export function sendJson(c: Context, text: string, status: 200 | 201 | 202 = 200): Response {
  c.header("Content-Type", "application/json");
  return c.body(text, status);
}

export function runJson({ actionRun, details }: Pick<RunAnswer, "actionRun" | "details">): string {
  return details === undefined ? actionRun : withDetails(actionRun, details);
}

/** Sends the run as a change left it. `key`: the caller's Idempotency-Key, or null. */
export function sendChanged(
  c: Context<AppEnv>,
  answer: RunReply,
  key: string | null,
  status: 200 | 202 = 200,
): Response {
  if (!answer.ok) throw refusalError(answer.reason);
  if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
  return sendJson(c, runJson(answer), status);
}

export type Subscription = ReturnType<typeof subscriptionFor>;

/** The first call with `subscriber` subscribes at the coordinator. A client that hangs up is unsubscribed. */
export function subscriptionFor(c: Context<AppEnv>, environment: Environment) {
  const { id: tokenId, expiresAt } = c.get("principal");
  const subscriber = { key: crypto.randomUUID(), tokenId };
  const { signal } = c.req.raw;
  let hasLeft = false;
  const leave = () => {
    if (hasLeft) return;
    hasLeft = true;
    const left = ask(environment, ({ watches }) => watches.unwatch(subscriber.key));
    // Without waitUntil, the platform drops the call together with the request of a client that hung up.
    c.executionCtx.waitUntil(left.catch(() => {}));
  };
  signal.addEventListener("abort", leave, { once: true });
  return {
    subscriber,
    /** When the token expires. No wait lasts longer. */
    expiresAt: expiresAt ?? Number.POSITIVE_INFINITY,
    hasLeft: () => hasLeft,
    /** Whether the client hung up. */
    isGone: () => signal.aborted,
    /** Call it before news is sent. A token gets none 30 s after its revocation, or 10 minutes while D1 is down. */
    authorizeAgain: () => authorize(c, "data:read"),
    leave,
  };
}
