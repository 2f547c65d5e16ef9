/**
 * POST …/actions/{name}/inbound/{inboundId}: an event of another product starts an action. The sender has no token of
 * ours, so the order of the checks is the protection. The id in the URL comes first, and costs no read. Nothing of an
 * event is parsed before its token or signature is verified. Whoever is verified is never refused because of others.
 */
import { type Context, Hono } from "hono";
import {
  eventIdOf,
  type Inbound,
  isInboundId,
  parametersOf,
  readableEvent,
  type SentEvent,
  startsRun,
  verifiedEvent,
} from "../../actions/inbound.ts";
import { ACTION_KIND, actionMemory, type KnownAction } from "../../actions/kind.ts";
import { eventSecretsOf } from "../../actions/resolve.ts";
import { tokenStateOf } from "../../auth/credential-memory.ts";
import { BoundedMap } from "../../base/bounded-map.ts";
import { BAD_EVENTS_PER_MINUTE, DEFINITION_NAME, EVENT_MAX_BYTES } from "../../base/limits.ts";
import { log } from "../../base/log.ts";
import { MINUTE_MS, msSinceOrLongAgo } from "../../base/time.ts";
import { ApiError } from "../../http/errors.ts";
import { type Described, guard } from "../../http/operation.ts";
import { type AppEnv, environmentOf, noteOpened, projectOf, scopeOf, usableRing } from "../../http/request-context.ts";
import { decodeUtf8, parsedForm, parsedJson, readBytes } from "../../http/validate.ts";
import { actorOfLine } from "../run.ts";
import { inboundKey } from "../starts.ts";
import { createRunOfAction, type StartEnvironment, starterOf } from "./create-run.ts";
import { ignoredEvent, OF_ACTION_RUN, OF_CREATE, startedByEvent } from "./responses/runs.ts";

const EVENTS = `/:name{${DEFINITION_NAME}}/inbound/:inboundId{[A-Za-z0-9_-]{43}}` as "/:name/inbound/:inboundId";

/** How many events of a kind an action may get in a while. Per isolate, and bounded: only real actions have an id. */
function eventLimit(max: number, whileMs: number) {
  const counts = new BoundedMap<{ readonly since: number; count: number }>(1000);
  return {
    /** Throws `too_many_requests` if the action may not get one now. */
    require(key: string, now: number): void {
      const { since, count } = counts.get(key) ?? { since: now, count: 0 };
      const leftMs = whileMs - msSinceOrLongAgo(since, now);
      if (count < max || leftMs <= 0) return;
      const headers = { "Retry-After": String(Math.ceil(leftMs / 1000)) };
      throw new ApiError("too_many_requests", TOO_MANY, { headers });
    },

    charge(key: string, now: number): void {
      const counted = counts.get(key);
      if (counted !== undefined && msSinceOrLongAgo(counted.since, now) < whileMs) counted.count++;
      else counts.set(key, { since: now, count: 1 });
    },
  };
}

/** Events that nothing proved. */
const unverified = eventLimit(BAD_EVENTS_PER_MINUTE, MINUTE_MS);
/**
 * Events of an action that takes none. D1 was asked for each, because no isolate remembers that an action is missing. The
 * while is short, because it also holds up an action that takes events again.
 */
const unwanted = eventLimit(5, 5000);

const TOO_MANY = "Too many events that nothing proves came to this action. Try again later.";

/** Lets only those through who know the URL. For all others, there is no such endpoint. */
function requiresInboundId(operation: Described) {
  const check = async (c: Context<AppEnv>) => {
    const { name, inboundId } = c.req.param() as Record<"name" | "inboundId", string>;
    if (!(await isInboundId(usableRing(c), scopeOf(c), name, inboundId))) throw new ApiError("not_found");
  };
  return guard(
    check,
    DESCRIBE && {
      who: "Requires what `verify` of the action's `inbound` asks for.",
      security: [{ eventSecret: [] }],
      errors: ["event_unverified", "too_many_requests", "not_configured", "database_unavailable"],
      operation,
    },
  );
}

const RECEIVE_EVENT: Described = DESCRIBE && {
  operationId: "receiveEvent",
  summary: "Start an action by an event",
  description:
    `Takes an event of another product: JSON or a form of at most ${EVENT_MAX_BYTES} bytes. \`GET …/inbound\` shows the ` +
    "URL. If the event meets the conditions of `when`, it starts a run with the parameters that the action makes of " +
    "it. A form is an object of texts. If `payload` is its only field, the JSON in it is the event. " +
    "The same event twice is one run: by its `webhook-id` with `standard-webhooks`, otherwise by its body.",
  responses: {
    200: {
      description: "The run that this event started before",
      json: startedByEvent,
      headers: ["Idempotent-Replayed"],
    },
    201: { description: "The run", json: startedByEvent },
    202: { description: "The event does not meet the conditions, and starts nothing", json: ignoredEvent },
  },
  errors: ["starter_ended", "invalid_body", "body_too_large", "unsupported_media_type", ...OF_CREATE, ...OF_ACTION_RUN],
};

export const inboundEventRoutes = new Hono<AppEnv>().post(EVENTS, requiresInboundId(RECEIVE_EVENT), async (c) => {
  const { name } = c.req.param() as { name: string };
  const environment = { ...environmentOf(c), ring: usableRing(c) };
  const parse = parserOf(c);
  const sent = { headers: c.req.raw.headers, body: new Uint8Array(await readBytes(c.req.raw, EVENT_MAX_BYTES)) };
  const known = await knownInbound(environment, name);
  const verified = await requireVerified(environment, name, known, sent);
  noteOpened(c);
  const { inbound } = known;
  const event = readableEvent(inbound, sent.headers, parse(decodeUtf8(sent.body)));
  if (!startsRun(inbound, event)) return c.json({ ignored: true }, 202);
  const actor = actorOfLine(known.storedBy);
  const key = inboundKey(name, await eventIdOf(sent, verified));
  const origin = new URL(c.req.url).origin;
  const creation = { ...starterOf(environment, { actor, mustNamePerson: false, origin, key }), refusedEventOf: name };
  // Without a fingerprint, because what is wanted can change until the event is repeated.
  const creating = createRunOfAction(creation, { key, fingerprint: "" }, name, async () => {
    const state = await tokenStateOf(environment, projectOf(c), actor.tokenId);
    if (state !== "living") throw new ApiError("starter_ended");
    const parameters = parametersOf(inbound, event);
    if (!parameters.ok) throw new ApiError("invalid_parameters", parameters.error);
    return { entityId: null, parameters: parameters.value, recommendations: {} };
  });
  const { answer } = await creating.catch((error: unknown) => refuse(c, name, error));
  c.set("runId", answer.id);
  if (answer.replayed) c.header("Idempotent-Replayed", "true");
  return c.json({ id: answer.id }, answer.replayed ? 200 : 201);
});

type WithInbound = KnownAction & { readonly inbound: Inbound };

/** Throws `not_found`, `action_needs_newer_code`, `too_many_requests` and `database_unavailable`. */
async function knownInbound({ env, hops, scope, waitUntil }: StartEnvironment, name: string): Promise<WithInbound> {
  const ref = { scope, name };
  const key = `${scope}/${name}`;
  const now = Date.now();
  unwanted.require(key, now);
  const known = await actionMemory.look(env.DB, hops, ACTION_KIND, ref, waitUntil, now);
  if (known?.needsNewerCode) throw new ApiError("action_needs_newer_code");
  const inbound = known?.definition.inbound;
  if (known !== null && inbound !== undefined) return { ...known, inbound };
  unwanted.charge(key, now);
  throw new ApiError("not_found");
}

/** Only what nothing proves is charged, so nobody can shut the sender out. */
async function requireVerified(
  { ring, scope }: StartEnvironment,
  name: string,
  known: WithInbound,
  sent: SentEvent,
): Promise<{ readonly id: string | null }> {
  const now = Date.now();
  const secrets = await eventSecretsOf(ring, { scope, name }, known, now);
  const verified = await verifiedEvent(known.inbound.verify, sent, secrets, now);
  if (verified !== null) return verified;
  const key = `${scope}/${name}`;
  unverified.require(key, now);
  unverified.charge(key, now);
  throw new ApiError("event_unverified");
}

/** Throws the refusal without its pointer: it leads into parameters, which are not what the sender sent. */
function refuse(c: Context<AppEnv>, action: string, error: unknown): never {
  if (!(error instanceof ApiError)) throw error;
  const { code, message, headers, cause } = error;
  log("info", "event_refused", { requestId: c.get("requestId"), scope: c.get("opened"), action, code });
  throw new ApiError(code, message, { headers, cause });
}

/** How the body is read, by its type. Throws `unsupported_media_type`. */
function parserOf(c: Context<AppEnv>): (text: string) => unknown {
  const type = c.req.header("Content-Type")?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (/^application\/([\w.-]+\+)?json$/.test(type)) return parsedJson;
  if (type === "application/x-www-form-urlencoded") return parsedForm;
  const sentence = "The body is no JSON and no form. Send the header Content-Type: application/json.";
  throw new ApiError("unsupported_media_type", sentence);
}
