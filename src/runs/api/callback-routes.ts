/**
 * POST …/action-runs/{id}/callback, …/heartbeat and …/callback/token. A report that is too long must still end its run,
 * because its job is over and can't send a shorter one. So it is shortened to what a run keeps. What is kept depends on
 * nothing but the report, so a repeated report gets the same answer.
 */
import { Hono } from "hono";
import { charged, type ProvenBy, provenBy, requiresIssuers, validProof } from "../../auth/identity/proving.ts";
import { executionClaim, textsOf, trustFault } from "../../auth/identity/trust.ts";
import { signCallbackToken } from "../../auth/token-format.ts";
import { type JsonObject, jsonPointer } from "../../base/json.ts";
import {
  ERROR_MAX_BYTES,
  JSON_MAX_DEPTH,
  OUTPUT_MAX_BYTES,
  POINTER_MAX_CHARACTERS,
  REPORT_MAX_BYTES,
  TAIL_MAX_BYTES,
  TRUNCATED_MAX,
  utf8Bytes,
} from "../../base/limits.ts";
import { rfc3339 } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/headers.ts";
import type { Described } from "../../http/operation.ts";
import { type AppEnv, environmentOf, noteOpened, usableRing } from "../../http/request-context.ts";
import { type JsonShape, validBody } from "../../http/validate.ts";
import { withTruncated } from "../action-run.ts";
import type { JobAnswer, JobReply } from "../run-calls.ts";
import type { RunEvent } from "../transition.ts";
import { heartbeat, type Report, report } from "./request-schemas.ts";
import { callbackGrant, heartbeatResponse, OF_ENDED_RUN, OF_REPORT, reportedActionRun } from "./responses/runs.ts";
import {
  ask,
  changeKeyOf,
  isGenuine,
  refusalError,
  requiresCallbackToken,
  runIdOf,
  sendChanged,
} from "./run-request.ts";

const REPORT_BODY = { maxBytes: REPORT_MAX_BYTES, pruned: withoutHugeOutput };

export const callbackRoutes = new Hono<AppEnv>();

const COMPLETE_ACTION_RUN: Described = DESCRIBE && {
  operationId: "completeActionRun",
  summary: "Complete an action run (external workflow callback)",
  description:
    "Reports that the workflow succeeded or failed, which ends the run. The first report wins, and a later one gets " +
    "409. If you lost the response, send the same report with the same `Idempotency-Key` again. A report that is too " +
    "long ends the run, too: the service shortens it, and the response has `truncated`. Such a body may have 4 MiB.",
  idempotencyKey: "job-42",
  responses: {
    200: { description: "Completed action run", json: reportedActionRun, headers: ["Idempotent-Replayed"] },
  },
  errors: OF_REPORT,
};
callbackRoutes.post(
  "/:id/callback",
  requiresCallbackToken({ opensReplay: true }, COMPLETE_ACTION_RUN),
  validBody(report, REPORT_BODY),
  async (c) => {
    const id = runIdOf(c);
    const body = c.req.valid("json");
    const key = idempotencyKey(c);
    // Of what was sent, because a later release may keep more or less of it.
    const changeKey = await changeKeyOf("callback", key, body);
    const { report, truncated } = shortened(body);
    const options = c.get("isLate") ? { replayOnly: true } : undefined;
    const answer = await ask(environmentOf(c), ({ runs }) => runs.applyEvent(id, toEvent(report), changeKey, options));
    const isWhole = !answer.ok || truncated.length === 0;
    const told = isWhole ? answer : { ...answer, actionRun: withTruncated(answer.actionRun, truncated) };
    return sendChanged(c, told, key);
  },
);

const HEARTBEAT_ACTION_RUN: Described = DESCRIBE && {
  operationId: "heartbeatActionRun",
  summary: "Send a heartbeat",
  description:
    "Reports that the workflow is still working. The first heartbeat starts a pending run. The optional " +
    "body adds a message, the progress, a link to the job's page, and the newest output of the job. The response says whether somebody " +
    "asked the run to stop. If the link was not used, it says why. The response does not contain the run's inputs. 409 after the end also means " +
    "that the job must stop.",
  responses: { 200: { description: "The run's status and deadline, and a request to stop", json: heartbeatResponse } },
  errors: OF_REPORT,
};
callbackRoutes.post(
  "/:id/heartbeat",
  requiresCallbackToken({ opensReplay: false }, HEARTBEAT_ACTION_RUN),
  validBody(heartbeat, { mayBeEmpty: true }),
  async (c) => {
    const id = runIdOf(c);
    const { tail, ...rest } = c.req.valid("json");
    const news = tail === undefined ? rest : { ...rest, tail: newestOf(tail, TAIL_MAX_BYTES) };
    const answer = await ask(environmentOf(c), ({ runs }) => runs.heartbeat(id, news));
    if (!answer.ok) throw refusalError(answer.reason);
    // Not the whole run, because a run can be large and heartbeats are many.
    const { status, deadlineAt, cancel = null, externalUrlRefused, watched } = answer;
    const order = cancel && { ...cancel, requestedAt: rfc3339(cancel.requestedAt), until: rfc3339(cancel.until) };
    return c.json({
      status,
      deadlineAt: rfc3339(deadlineAt),
      cancel: order,
      externalUrlRefused,
      watched: watched || undefined,
    });
  },
);

function toEvent(body: Report): RunEvent {
  const output = body.output === undefined ? null : JSON.stringify(body.output);
  return body.status === "succeeded" ? { type: "succeeded", output } : { type: "failed", error: body.error, output };
}

/** A shorter text of an output stays as it is. In bytes of JSON. */
const TEXT_MIN_BYTES = 256;
/** More than the sentence takes that stands in the gap. In bytes of JSON. */
const GAP_BYTES = 64;

const TOO_LARGE = leftOut(`it has more than ${OUTPUT_MAX_BYTES} bytes of JSON, even with its texts shortened`);
const TOO_DEEP = leftOut(`it has more than ${JSON_MAX_DEPTH - 1} levels of nesting`);

function leftOut(why: string) {
  return { leftOut: `The output was left out because ${why}.` };
}

/** Shortens texts of the output in place. `truncated`: JSON pointers to them, or to an output that was left out. */
function shortened(report: Report): { readonly report: Report; readonly truncated: readonly string[] } {
  const { output } = report;
  const ofOutput = output === undefined ? [] : shortenTexts(output);
  const kept = ofOutput === null ? { ...report, output: TOO_LARGE } : report;
  const truncated = ofOutput ?? ["/output"];
  if (kept.status === "succeeded") return { report: kept, truncated };
  const error = shortenedText(kept.error, ERROR_MAX_BYTES);
  return { report: { ...kept, error }, truncated: error === kept.error ? truncated : ["/error", ...truncated] };
}

/** The text of a report without an output that must not be parsed: it would take much memory, or a deep stack. */
function withoutHugeOutput(text: string, { depth, marks }: JsonShape): string {
  const isDeep = depth > JSON_MAX_DEPTH;
  // The marks alone take so many bytes of the output.
  return isDeep || marks > OUTPUT_MAX_BYTES ? withoutOutput(text, JSON.stringify(isDeep ? TOO_DEEP : TOO_LARGE)) : text;
}

/** `instead` replaces the value of the member `output`, which need not even be JSON. */
function withoutOutput(text: string, instead: string): string {
  let kept = "";
  let keptTo = 0;
  let depth = 0;
  let stringFrom = -1;
  let name = "";
  let valueFrom = -1;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (stringFrom >= 0) {
      if (character === "\\") i++;
      else if (character === '"') {
        if (depth === 1) name = text.slice(stringFrom, i + 1);
        stringFrom = -1;
      }
    } else if (character === '"') stringFrom = i;
    else if (character === "{" || character === "[") depth++;
    else if (character === ":" && depth === 1 && name === '"output"') valueFrom = i + 1;
    else if (character === "}" || character === "]" || character === ",") {
      if (character !== ",") depth--;
      const isEnd = depth === (character === "," ? 1 : 0);
      if (!isEnd || valueFrom < 0) continue;
      kept += text.slice(keptTo, valueFrom) + instead;
      keptTo = i;
      valueFrom = -1;
    }
  }
  return kept + text.slice(keptTo);
}

interface LongText {
  readonly path: readonly string[];
  readonly bytes: number;
  replace(max: number): void;
}

/** Shortens the longest texts to one length, so that the output fits. Null if that is not enough. */
function shortenTexts(output: JsonObject): readonly string[] | null {
  const excess = jsonBytes(output) - OUTPUT_MAX_BYTES;
  if (excess <= 0) {
    const wasLeftOut = [TOO_LARGE, TOO_DEEP].some((one) => one.leftOut === output.leftOut);
    return wasLeftOut ? ["/output"] : [];
  }
  const texts = longTexts(output).sort((a, b) => b.bytes - a.bytes);
  let bytes = 0;
  for (const [i, text] of texts.entries()) {
    bytes += text.bytes;
    const max = Math.floor((bytes - excess) / (i + 1));
    if (max < (texts[i + 1]?.bytes ?? TEXT_MIN_BYTES)) continue;
    const longest = texts.slice(0, i + 1);
    for (const one of longest) one.replace(max);
    const pointers = longest.map(({ path }) => jsonPointer(["output", ...path])).sort();
    const isShort = pointers.length <= TRUNCATED_MAX && pointers.every((one) => one.length <= POINTER_MAX_CHARACTERS);
    return isShort ? pointers : ["/output"];
  }
  return null;
}

function longTexts(holder: object, path: readonly string[] = []): LongText[] {
  const members = holder as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => {
    const value = members[key];
    if (typeof value === "object" && value !== null) return longTexts(value, [...path, key]);
    const bytes = typeof value === "string" ? jsonBytes(value) : 0;
    if (typeof value !== "string" || bytes <= TEXT_MIN_BYTES) return [];
    const replace = (max: number) => {
      members[key] = shortenedText(value, max);
    };
    return [{ path: [...path, key], bytes, replace }];
  });
}

/** The text with a sentence in the place of its middle, so that it has at most `max` bytes as a JSON string. */
function shortenedText(text: string, max: number): string {
  if (jsonBytes(text) <= max) return text;
  const half = Math.floor((max - GAP_BYTES) / 2);
  const head = longestFitting(half, (units) => text.slice(0, units));
  const tail = longestFitting(half, (units) => text.slice(text.length - units));
  const from = head.length - Number(isHalfPair(text, head.length));
  const tailFrom = text.length - tail.length;
  const to = tailFrom + Number(isHalfPair(text, tailFrom));
  let characters = 0;
  for (let i = from; i < to; i++) if (!isHalfPair(text, i)) characters++;
  return `${text.slice(0, from)}\n… ${characters} characters left out …\n${text.slice(to)}`;
}

/** `partOf`: makes the part of this many UTF-16 units. */
function longestFitting(maxBytes: number, partOf: (units: number) => string): string {
  let fits = 0;
  // Each unit takes a byte at least.
  let least = maxBytes + 1;
  while (least - fits > 1) {
    const units = Math.floor((fits + least) / 2);
    if (jsonBytes(partOf(units)) - 2 <= maxBytes) fits = units;
    else least = units;
  }
  return partOf(fits);
}

/** Whether the unit at `i` is the second half of a character. */
function isHalfPair(text: string, i: number): boolean {
  return (text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800;
}

/** A shorter first line that was cut is left out. */
const CUT_LINE_MAX_BYTES = 1024;
const LINE_FEED = 0x0a;

/** The last `max` bytes of a well-formed text. It begins with a whole character, and with a whole line if one is near. */
export function newestOf(text: string, max: number): string {
  // Each unit takes a byte at least. A pair that is cut in half here is outside of the last `max` bytes.
  const bytes = new TextEncoder().encode(text.slice(-max));
  if (bytes.length <= max && text.length <= max) return text;
  let from = bytes.length - max;
  while (((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  const lineEnd = bytes.subarray(from, from + CUT_LINE_MAX_BYTES).indexOf(LINE_FEED);
  if (lineEnd >= 0) from += lineEnd + 1;
  return new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes.subarray(from));
}

function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value));
}

/** The receiver's response names the execution that may report, so the URL alone opens nothing for another job. */
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

callbackRoutes.post("/:id/callback/token", requiresIssuers(ISSUE_CALLBACK_TOKEN), validProof(), async (c) => {
  const ring = usableRing(c);
  const environment = environmentOf(c);
  const { scope } = environment;
  const id = runIdOf(c);
  const [o, p, envName] = scope.split("/");
  const path = `/${o}/${p}/envs/${envName}/action-runs/${id}/callback`;
  const proven = await provenBy(c, c.req.valid("json").proof, path, Date.now());
  const { issuer, claims } = proven;
  if (!(await isGenuine(environment, id))) throw new ApiError("run_not_found");
  const job = opened(await ask(environment, ({ runs }) => runs.job(id)));
  const unmet = unmetOf(job, proven);
  if (unmet !== null) return charged(c, new ApiError("trust_unmet", unmet));
  noteOpened(c);
  if (job.refused !== null) throw refusalError(job.refused);
  if (job.execution === null && !job.isAnswered) throw new ApiError("trigger_unanswered");
  const execution = textOf(claims[executionClaim(issuer.kind) ?? ""]);
  const isTheirs = execution !== null && execution === job.execution;
  const type = isTheirs ? "token_issued" : "token_refused";
  const told = { type, execution: execution ?? "none", attempt: textOf(claims.run_attempt) } as const;
  const { deadlineAt } = opened(await ask(environment, ({ runs }) => runs.noteJob(id, told)));
  if (!isTheirs) {
    return charged(c, new ApiError("another_execution", job.execution === null ? NO_EXECUTION : undefined));
  }
  const grant = { scope, runId: id, expiresAt: deadlineAt };
  const callbackToken = await signCallbackToken(ring, grant);
  return c.json({ callbackToken, expiresAt: rfc3339(deadlineAt) });
});

function textOf(value: unknown): string | null {
  return Array.isArray(value) ? null : (textsOf(value)[0]?.slice(0, 256) ?? null);
}

function opened(reply: JobReply): JobAnswer {
  if (!reply.ok) throw refusalError(reply.reason);
  return reply;
}

/** Null if the run's reporter accepts the proof. A claim is named only if the anchor matched. */
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
