/** Every error response. A code never changes. A sentence says what is wrong, then what to do, and may change. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { jsonPointer } from "../base/json.ts";
import { POINTER_MAX_CHARACTERS } from "../base/limits.ts";

/** The default sentences of the codes, by status. They are also the examples in the OpenAPI document. */
const SENTENCES = {
  400: {
    invalid_body: "timeout: 0 was sent; send whole minutes from 1 to 43200.",
    invalid_query: "limit: 500 was sent; send a whole number from 1 to 200.",
    invalid_idempotency_key: "Idempotency-Key is too long. Send 1 to 255 printable ASCII characters.",
    invalid_on_behalf_of:
      "On-Behalf-Of is not a person's name. Send 1 to 255 visible ASCII characters without spaces, and not a name that looks like root.",
    issuer_unknown:
      "issuer: https://ci.example.com is not one of OIDC_ISSUERS for this project; ask the operator to add it.",
    invalid_last_event_id: "Last-Event-ID is not an event of this run. Send the last id you received.",
    invalid_cursor:
      "after is not a cursor of this feed. Send the cursor of an earlier response, 0 for all changes, or omit it.",
  },
  401: {
    unauthorized: "The request has no token. Send the header Authorization: Bearer <token>.",
    token_invalid: "This API token is unknown or was revoked. Ask for a new one.",
    token_expired: "This API token has expired. Ask for a new one.",
    session_ended: "Your session ended. Sign in again.",
    event_unverified:
      "Nothing proves this event: its token or signature is missing, wrong or too old. Give the sender the newest secret of the action.",
    proof_invalid:
      "The proof does not count: its audience is not the expected one. Request a proof with exactly this audience: https://runs.example.com/acme/shop.",
    sign_in_code_invalid: "This sign-in was used, is too old, or began in another browser. Sign in again.",
  },
  403: {
    forbidden: "The role viewer lacks data:write. Use a token with a role that has it.",
    sign_in_refused: "The issuer did not sign you in. Sign in again, or ask the operator of the service.",
    person_unknown:
      "The issuer sends no verified e-mail address for you, or the claim that personClaim of OIDC_ISSUERS names can't be a person's name. Ask the operator to set personClaim.",
    may_not_act_for_others:
      "This token may not act for others. Omit On-Behalf-Of, or use a token that was minted with mayActForOthers.",
    starter_ended:
      "The token that stored this action was revoked or has expired, so it starts nothing by itself. Store the action again with another token.",
    trust_unmet:
      "No trust of this token accepts the proof: the claim environment differs. Compare the token's trust with the claims of the job.",
    another_execution:
      "The proof is of another execution than the one that this run has started. Only that one may report the run.",
    may_not_approve: "This token may not approve or reject runs. Use a token that was minted with mayApprove.",
    not_an_approver:
      "The action of this run names the tokens that may approve and reject it, and your token is not among them. " +
      "Ask the holder of one of these tokens.",
    own_run: "You created this run, or your token is above or below the one that did. Ask another person to decide.",
  },
  404: {
    not_found: "No such endpoint. GET / lists the endpoints.",
    run_not_found: "No such action run, or it is no longer kept. Check its id and environment.",
    erasure_not_found: "Nothing was erased here. To erase the texts of a run, send POST to this URL.",
    approval_not_found: "This run needs no approval. GET …/action-runs/{id} shows what it waits for.",
    bulk_operation_not_found:
      "No such bulk operation, or it is no longer kept. GET …/bulk-operations lists those of this environment.",
    pause_not_found: "There is no such pause. GET …/pauses lists the pauses.",
    session_not_found: "No such session that yours may end. GET …/sessions lists the sessions.",
    token_not_found: "No such token that yours may manage. GET …/tokens lists the tokens.",
    action_not_found: "No such action. GET …/actions lists the actions of this environment.",
    inbound_not_found: "The action takes no events. Store it with inbound, or choose another action.",
    webhook_endpoint_not_found:
      "No such webhook endpoint. GET …/webhook-endpoints lists the endpoints of this environment.",
    schedule_not_found: "No such schedule. GET …/schedules lists the schedules of this environment.",
    nothing_to_erase:
      "There is no acme/shop/prod: no run, definition, token or audit entry has this name. Check the spelling.",
    version_not_found: "No such version, or it is no longer kept. GET …/versions lists the versions.",
  },
  405: { method_not_allowed: "This endpoint accepts only GET, HEAD, POST." },
  409: {
    run_running: "The run is already running. You can cancel only a pending run.",
    run_succeeded: "The run already succeeded. Its result can't change.",
    run_failed: "The run already failed. Its result can't change.",
    run_timed_out: "The run already failed because it timed out. Its result can't change.",
    run_cancelled: "The run was cancelled. Its result can't change.",
    run_waiting:
      "The run still waits, and its workflow was not started. GET …/action-runs/{id}?include=details says what it waits for.",
    not_waiting: "The run does not wait for this decision. GET …/action-runs/{id}?include=details shows its state.",
    not_paused:
      "No pause of the run's group or of its environment is in force. GET …/action-runs/{id}?include=details says what the run waits for.",
    already_approved:
      "Your approval would not count, because your token is above or below that of an earlier approver. Ask another person.",
    delivery_failed: "The run already failed because its workflow could not be started.",
    too_many_tokens:
      "There is no room for another token below yours. Revoke tokens that nobody uses, or mint with a token above yours.",
    token_rotated:
      "Another rotation of this token came first. Only the response to that one has the newest secret. Rotate the token again if you don't have it.",
    token_has_no_secret:
      "This token is opened by proofs and has no secret. Its trust never changes. Mint another token instead.",
    too_many_trusts: "This project has 100 tokens with a trust, the maximum. Revoke tokens that nobody uses.",
    token_ended: "This token has expired, and a new secret would not work. Mint a new token.",
    idempotency_key_unverifiable:
      "This Idempotency-Key created a run under a signing key that was removed, so the bodies can't be compared. Look for the run in the list, or send a new key.",
    run_open: "The run has not ended. Wait for its end, or cancel it, and then retry it.",
    trigger_not_kept:
      "The service does not keep a run's trigger after the delivery. Store the trigger as an action, and start runs through the action.",
    run_erased:
      "The texts of this run were erased, so the service can't repeat it. Create a new run with another Idempotency-Key.",
    already_retried:
      "The run was retried since its end. Look at the newer run, or send includeRetried to retry it once more.",
    retry_planned:
      "The service retries this run by itself in a moment. Wait for that run, or cancel it and retry this one.",
    environment_erasing:
      "The operator erases this environment or its project. Its name can be used again when that is over, after about an hour.",
    move_under_way: "The environment is being moved to another database. Wait, or cancel the move first.",
    moved_lately:
      "A move left rows of the environment in this database, and they are still being deleted. Wait until the move is over, for about 75 minutes.",
    database_unknown:
      "Database 7 is not bound. Choose another database, or bind this one as DB_7 and run `npm run migrate`.",
    no_room: "The database has no room for the environment. Choose another database.",
    too_many_bulk_operations:
      "Too many bulk operations are under way: at most 5, and at most one of them a retry. Wait until one is over, or stop one.",
    concurrency_limit:
      "This concurrency group has no free slot for the run's key, and the action does not wait. Try again when a run has ended.",
    too_many_waiting:
      "Too many runs already wait in this environment. Cancel runs that nobody needs, or try again when some have started.",
    too_many_pauses: "This environment has 200 pauses, the maximum. Delete one that nobody needs.",
    too_many_actions: "This environment has 1000 actions, the maximum. Delete actions that nobody runs.",
    too_many_tools:
      "This environment would offer agents more than 200 actions, or more than 1 MiB of their definitions. Offer fewer actions.",
    too_many_endpoints: "This environment has 20 webhook endpoints, the maximum. Delete one that nobody needs.",
    too_many_schedules:
      "This environment has 100 schedules, or its project 500, the maximum. Delete one that nobody needs.",
    too_many_signing_secrets:
      "3 secrets count now, the maximum. Rotate again after 2026-01-31T12:00:00.000Z, when an old one ends. Or send gracePeriodSeconds 0, and only the new one counts.",
    version_current: "This version is the current one. Store another definition, then delete this version.",
    endpoint_disabled:
      "The endpoint is disabled, so it would drop the message. Enable it, and then send the request again.",
    event_not_happened: "The run does not have this event now. Wait until it has ended, or name another type.",
    recovery_under_way: "Another recovery of this endpoint is under way. GET …/status shows it. Wait until it is over.",
    endpoint_secrets_lost:
      "The endpoint's secrets were sealed under a signing key that was removed. Store the endpoint again with its URL, its secrets and a signingSecret.",
    action_secrets_lost:
      "The action's secrets were sealed under a signing key that was removed. Store the action again with its secrets.",
    test_skips_gates:
      "This action has an approval or a concurrency group, and a test would go around it. Run the action instead.",
  },
  410: {
    cursor_gone:
      "This cursor is from before the environment was restored or resynced. Drop your copy of the runs, take a new cursor, list the runs, and follow from there.",
  },
  412: {
    precondition_failed: "The version of the action is not the one in your If-Match. Get the action and try again.",
  },
  413: { body_too_large: "The body has more than 1048576 bytes. Send less." },
  415: { unsupported_media_type: "The body is not JSON. Send the header Content-Type: application/json." },
  422: {
    idempotency_key_reused:
      "You already sent this Idempotency-Key with a different request. Send a new key, or the same request.",
    person_required:
      "The run has gates, so this token must say for whom it acts. Send the header On-Behalf-Of with a person's name.",
    empty_filter:
      "This filter matches every run of the environment. Send at least one condition, for example a status.",
    too_many_labels: "The run would have 12 labels. Send at most 10, together with those of the action.",
    invalid_parameters: "The value at /replicas is 0. Send a number of at least 1.",
    gate_needs_trigger:
      "notBefore, approval and concurrency hold back the trigger, and the trigger is missing. Add a trigger, or leave them out.",
    trigger_required:
      "The service starts runs of this action by itself, so the action needs a trigger. Add a trigger to the action first.",
    invalid_concurrency_key:
      "The concurrency key needs {{ parameters.service }}, which this run does not have. Send parameters.service.",
    test_needs_trigger: "The action has no trigger, so there is nothing to send. Add a trigger, then test it.",
    secret_required: "trigger.headers.Authorization: there is no stored value to keep. Send the value instead of null.",
  },
  429: {
    too_many_requests: "Too many unknown tokens came from your address. Try again in a few seconds.",
    too_many_tests: "Webhooks of this environment were tested 10 times in a minute. Wait a little.",
    too_many_searches:
      "Other lists by text are still under way in this environment. Try again in a few seconds, or filter by createdAfter to search fewer runs.",
  },
  500: { internal_error: "The service failed. Try again, and give the X-Request-Id when you report this." },
  503: {
    not_configured: "CALLBACK_SIGNING_KEYS is not set. Make a key with `openssl rand -hex 32`.",
    not_ready: "The database is not migrated. Run `npm run migrate`.",
    trigger_unanswered:
      "The receiver has not answered the trigger of this run yet, so nobody knows which execution may report it. Try again in a few seconds.",
    issuer_unavailable: "The issuer gives no usable answer, so nothing can be proved. Try again in a few seconds.",
    database_unavailable: "The database did not answer. Try again in a few seconds.",
    database_not_bound: "The database of this environment is not bound. The operator must bind it under its number.",
    action_needs_newer_code:
      "The action uses a feature that this version of the service does not know. Try again when the deploy is over.",
    coordinator_unavailable: "The environment's runs can't be reached. Try again in a few seconds.",
    coordinator_overloaded: "The database can't keep up with new runs. Try again later.",
    storage_full:
      "This environment's storage is full. Ask the operator to remove older runs with POST …/purge, and try again.",
    too_many_watchers: "Too many clients are already watching runs here. Try again in a few seconds.",
  },
  508: { loop_detected: "A webhook must not call this service. Send it to the system that does the work." },
} as const satisfies Partial<Record<ContentfulStatusCode, Readonly<Record<string, string>>>>;

type Sentences = typeof SENTENCES;
export type ErrorCode = { [Status in keyof Sentences]: keyof Sentences[Status] }[keyof Sentences];

type ErrorKind = readonly [status: ContentfulStatusCode, sentence: string];
export const ERRORS = Object.fromEntries<ErrorKind>(
  Object.entries(SENTENCES).flatMap(([status, sentences]) =>
    Object.entries(sentences).map(([code, sentence]) => [code, [Number(status) as ContentfulStatusCode, sentence]]),
  ),
) as Readonly<Record<ErrorCode, ErrorKind>>;

/** In the header `Retry-After`. */
const RETRY_SECONDS: Partial<Record<ErrorCode, number>> = {
  too_many_requests: 10,
  too_many_tests: 10,
  too_many_searches: 5,
  not_ready: 5,
  trigger_unanswered: 2,
  issuer_unavailable: 5,
  database_unavailable: 5,
  database_not_bound: 60,
  // During a deploy, another isolate can have the newer code, so a repetition may succeed.
  action_needs_newer_code: 5,
  coordinator_unavailable: 5,
  coordinator_overloaded: 10,
  // The status is not 507, because RFC 4918 forbids to repeat such a request. Clients that retry by themselves give up.
  storage_full: 600,
  too_many_watchers: 5,
};

declare global {
  interface ErrorConstructor {
    /** V8's own. */
    stackTraceLimit: number;
  }
}

interface ErrorExtras {
  /** They win over those of the table. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** A JSON pointer (RFC 6901) to the member of the request that is wrong. */
  readonly pointer?: string;
}

/** A refusal on its way to the caller. `message` is sent; `cause` is only logged. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: ContentfulStatusCode;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined if the error is about the request as a whole. */
  readonly pointer: string | undefined;

  /** The table has the default sentence and `Retry-After`. */
  constructor(code: ErrorCode, sentence: string = ERRORS[code][1], { headers, cause, pointer = "" }: ErrorExtras = {}) {
    // A stack is useless here, and capturing one costs more than all other work of a refusal.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(sentence, { cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "ApiError";
    this.code = code;
    this.status = ERRORS[code][0];
    // A part of a long pointer would point to another member.
    this.pointer = pointer === "" || pointer.length > POINTER_MAX_CHARACTERS ? undefined : pointer;
    const retrySeconds = RETRY_SECONDS[code];
    this.headers = {
      ...(this.status === 401 && { "WWW-Authenticate": "Bearer" }),
      ...(retrySeconds !== undefined && { "Retry-After": String(retrySeconds) }),
      ...headers,
    };
  }
}

export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof HTTPException && thrown.status === 400) {
    return new ApiError("invalid_body", "The body is not valid JSON. Send one JSON object.");
  }
  return new ApiError("internal_error", undefined, { cause: thrown });
}

export function errorResponse(c: Context, { code, status, message, headers, pointer }: ApiError): Response {
  c.set("errorCode", code);
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  return c.json({ error: message, code, pointer }, status);
}

/** A fault of one member. The issues of zod are such faults. */
export interface MemberFault {
  /** From the body, or from the query, to the member. Empty: the whole of it. */
  readonly path: readonly PropertyKey[];
  /** What is read after the member's name. */
  readonly message: string;
  /** Unknown members of the object at `path`. */
  readonly keys?: readonly string[];
  /** `pointer`: from the member at `path` to the part of it that is wrong. */
  readonly params?: { readonly pointer?: string } | undefined;
}

export function refusalOf(code: ErrorCode, faults: readonly MemberFault[]): ApiError {
  const [first] = faults;
  return new ApiError(code, sentenceOf(faults), first && { pointer: pointerTo(code, first) });
}

/** In a query, the pointer names the parameter alone, because a list of values is not JSON. */
function pointerTo(code: ErrorCode, { path, keys = [], params }: MemberFault): string {
  const whole = [...path, ...keys.slice(0, 1)];
  return jsonPointer(code === "invalid_query" ? whole.slice(0, 1) : whole) + (params?.pointer ?? "");
}

/** The first three faults with the names of their members. */
export function sentenceOf(faults: readonly MemberFault[]): string {
  const told = faults.slice(0, 3).map(({ path, message }) => {
    const member = path.map(String).join(".").slice(0, 100);
    // zod's message names every unknown member, which can be as long as the body.
    const short = message.length > 300 ? `${message.slice(0, 300)}…` : message;
    return member === "" ? short : `${member}: ${short}`;
  });
  const more = faults.length > told.length ? ` And ${faults.length - told.length} more.` : "";
  return told.join(" ") + more;
}
