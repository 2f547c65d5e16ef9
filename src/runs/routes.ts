/** /{o}/{p}/envs/{envName}/action-runs: list, create, get and cancel. */

import { type Context, Hono } from "hono";
import { requires, runNotFound } from "../auth/bearer.ts";
import { signCallbackToken } from "../auth/callback-token.ts";
import { type KeyRing, keyRing } from "../auth/key-ring.ts";
import { baseUrl, webhookPolicy } from "../config.ts";
import { readD1, sessionFor } from "../d1.ts";
import type { NewDelivery } from "../dispatch/delivery.ts";
import type { TemplateContext } from "../dispatch/placeholder.ts";
import { prepareDelivery } from "../dispatch/prepare.ts";
import type { Trigger } from "../dispatch/trigger.ts";
import type { AppEnv } from "../http/context.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { ApiError } from "../http/errors.ts";
import { idempotencyKey } from "../http/idempotency.ts";
import { fingerprint } from "../http/json.ts";
import { validBody, validQuery } from "../http/validate.ts";
import { refusalError, sendChanged, sendRun } from "./answers.ts";
import { callCoordinator } from "./coordinators.ts";
import { listRuns } from "./list.ts";
import { type ChangeKey, COORDINATOR_BOOKMARK, type RunAnswer, type RunRefusal } from "./messages.ts";
import { mayBeKnown, type Reading, readRun } from "./reader.ts";
import type { NewRun } from "./run.ts";
import { coordinatorOfKey, mintRunId, parseUuid, randomCoordinator, readRunId } from "./run-id.ts";
import { newRun, runListQuery, runQuery } from "./schema.ts";
import { waitForEnd } from "./wait.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

export const runRoutes = new Hono<AppEnv>()
  .get("/", requires("data:read"), validQuery(runListQuery), async (c) => {
    const query = c.req.valid("query");
    const bookmark = c.req.header("x-d1-bookmark");
    // Rows that have not landed are in no replica; the primary has them first.
    const session =
      bookmark === COORDINATOR_BOOKMARK
        ? c.env.DB.withSession("first-primary")
        : sessionFor(c.env.DB, bookmark);
    const page = await readD1(c.get("hops"), () => listRuns(session, scopeOf(c), query));
    if (page.nextAfter !== null) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(page.nextAfter)));
    }
    return sendRun(c, `[${page.actionRuns.join(",")}]`, session.getBookmark());
  })
  .post("/", requires("data:write"), validBody(newRun), async (c) => {
    const ring = usableRing(c);
    const body = c.req.valid("json");
    const key = idempotencyKey(c);
    const change =
      body.trigger === undefined ? await changeKey(key, body) : await secretChangeKey(ring, key, body);
    const { timeout, heartbeatTimeout, parameters, recommendations, trigger, ...rest } = body;
    const runs = `${baseUrl(c.env, c.req.url)}${new URL(c.req.url).pathname}`;
    const create = async (createdAt: number) => {
      const coordinator = key === null ? randomCoordinator() : coordinatorOfKey(key);
      const id = await mintRunId(ring, scopeOf(c), { createdAt, coordinator });
      const deadlineAt = createdAt + timeout * MINUTE_MS;
      const run: NewRun = {
        ...rest,
        id,
        createdAt,
        deadlineAt,
        heartbeatTimeoutMs: heartbeatTimeout === undefined ? null : heartbeatTimeout * MINUTE_MS,
        parameters: JSON.stringify(parameters),
        recommendations: JSON.stringify(recommendations),
        triggeredBy: c.get("principal").name,
      };
      const signing = signCallbackToken(ring, { scope: scopeOf(c), runId: id, expiresAt: deadlineAt });
      const delivery =
        trigger === undefined
          ? null
          : await deliveryOf(c, ring, trigger, {
              run: {
                id,
                actionName: run.actionName,
                triggeredBy: run.triggeredBy,
                createdAt: new Date(createdAt).toISOString(),
                callbackUrl: `${runs}/${id}/callback`,
                callbackToken: await signing,
                expiresAt: new Date(deadlineAt).toISOString(),
              },
              parameters,
              recommendations,
              entity: { id: run.entityId },
            });
      // Without a trigger, the token is signed while the coordinator works.
      return Promise.all([
        callCoordinator(c.env, c.get("hops"), scopeOf(c), coordinator, (stub) =>
          delivery === null && run.heartbeatTimeoutMs === null
            ? stub.create(run, change)
            : stub.createFollowed(run, change, delivery),
        ),
        signing,
        id,
      ]);
    };
    let [answer, token, id] = await create(Date.now());
    if (!answer.ok && answer.reason === "id_taken") [answer, token, id] = await create(Date.now());
    if (!answer.ok) throw refusalError(answer.reason);
    if (answer.id !== id) {
      token = await signCallbackToken(ring, {
        scope: scopeOf(c),
        runId: answer.id,
        expiresAt: answer.deadlineAt,
      });
    }
    if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
    const url = `${runs}/${answer.id}`;
    const callback = { url: `${url}/callback`, token, expiresAt: new Date(answer.deadlineAt).toISOString() };
    c.header("Location", url);
    const created = `${answer.actionRun.slice(0, -1)},"callback":${JSON.stringify(callback)}}`;
    return sendRun(c, created, answer.bookmark, 201);
  })
  .get("/:id", requires("data:read"), validQuery(runQuery), async (c) => {
    const { wait } = c.req.valid("query");
    const from = reading(c);
    const id = runIdOf(c);
    const run =
      (wait === undefined ? null : await waitForEnd(from, id, wait * SECOND_MS)) ??
      (await readRun(from, id, c.req.header("x-d1-bookmark")));
    if (run === null) throw runNotFound();
    return sendRun(c, run.actionRun, run.bookmark);
  })
  .delete("/:id", requires("data:read"), async (c) => {
    const id = runIdOf(c);
    const key = idempotencyKey(c);
    const from = reading(c);
    if (!(await mayBeKnown(from, id))) throw runNotFound();
    const change = await changeKey(key, "cancel");
    const { coordinator } = readRunId(id);
    const answer: RunAnswer | RunRefusal = await callCoordinator(
      c.env,
      c.get("hops"),
      from.scope,
      coordinator,
      (stub) => stub.change(id, { type: "cancelled", by: c.get("principal").name }, change),
    );
    if (!answer.ok) throw refusalError(answer.reason);
    return sendChanged(c, answer, key !== null);
  });

/** `{org}/{project}/{env}`: whose runs these are. */
export function scopeOf(c: Context<AppEnv>): string {
  const { o, p, envName } = c.req.param() as { o: string; p: string; envName: string };
  return `${o}/${p}/${envName}`;
}

/** The id of the path in its canonical spelling; what is no uuid is no run. */
export function runIdOf(c: Context<AppEnv>): string {
  const id = parseUuid(c.req.param("id") ?? "");
  if (id === null) throw runNotFound();
  return id;
}

/** The ring, or a 503 that tells the operator what to set, before anything is made. */
export function usableRing(c: Context<AppEnv>): KeyRing {
  const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
  if (!ring.ok) throw new ApiError("not_configured", ring.error);
  return ring.value;
}

/** The caller's key, or one of ours by which a call to the coordinator may be repeated. */
export async function changeKey(callersKey: string | null, body: unknown): Promise<ChangeKey> {
  if (callersKey === null) return { key: `m:${crypto.randomUUID()}`, fingerprint: "" };
  return { key: `c:${callersKey}`, fingerprint: await fingerprint(body) };
}

/** The same for a body with secrets in it: from a plain hash, which is kept as long as the run, a weak one could be guessed. */
async function secretChangeKey(ring: KeyRing, callersKey: string | null, body: unknown): Promise<ChangeKey> {
  const change = await changeKey(callersKey, body);
  if (callersKey === null) return change;
  const signatures = await ring.signWithEach("fingerprint", change.fingerprint);
  const [fingerprint = "", ...otherFingerprints] = signatures.map((signature) => signature.toHex());
  return { ...change, fingerprint, otherFingerprints };
}

/** The delivery that a trigger asks for, or a 400 that names what can't be sent; 503 where the settings forbid any. */
async function deliveryOf(
  c: Context<AppEnv>,
  ring: KeyRing,
  trigger: Trigger,
  context: TemplateContext,
): Promise<NewDelivery> {
  const { origin } = new URL(c.req.url);
  const policy = webhookPolicy(c.env, origin);
  if (!policy.ok) throw new ApiError("not_configured", policy.error);
  const circumstances = { ring, policy: policy.value, origin, scope: scopeOf(c), context };
  const delivery = await prepareDelivery(trigger, circumstances);
  if (!delivery.ok) throw new ApiError("invalid_body", delivery.error);
  return delivery.value;
}

export function reading(c: Context<AppEnv>): Reading {
  const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
  return { env: c.env, hops: c.get("hops"), scope: scopeOf(c), ring: ring.ok ? ring.value : null };
}
