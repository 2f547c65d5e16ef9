/** /{o}/{p}/envs/{envName}/action-runs: list, create, get and cancel. */

import { type Context, Hono } from "hono";
import type { AppEnv } from "../../app-env.ts";
import { requires, runNotFound } from "../../auth/bearer.ts";
import { baseUrl } from "../../config.ts";
import { encodeCursor, nextLink } from "../../http/cursor.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/idempotency-key.ts";
import { readD1, sessionFor } from "../../http/read-d1.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { type KeyRing, keyRing } from "../../key-ring.ts";
import { parseUuid } from "../../uuid.ts";
import { withCallback } from "../action-run.ts";
import { listRuns } from "../d1/list.ts";
import { COORDINATOR_BOOKMARK, type RunAnswer, type RunRefusal } from "../protocol.ts";
import { readRunId } from "../run-id.ts";
import { refusalError, sendChanged, sendRun } from "./answers.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { changeKey } from "./change-key.ts";
import { createRun } from "./create.ts";
import { mayBeKnown, type Reading, readRun } from "./reader.ts";
import { newRun, runListQuery, runQuery } from "./request-schemas.ts";
import { waitForEnd } from "./wait-for-end.ts";
import { beginWatching } from "./watch-place.ts";

const SECOND_MS = 1000;

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
    const key = idempotencyKey(c);
    const { origin, pathname } = new URL(c.req.url);
    const runsUrl = `${baseUrl(c.env, c.req.url)}${pathname}`;
    const creation = {
      env: c.env,
      hops: c.get("hops"),
      scope: scopeOf(c),
      ring,
      origin,
      runsUrl,
      principal: c.get("principal"),
      key,
    };
    const { answer, token } = await createRun(creation, c.req.valid("json"));
    if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
    const url = `${runsUrl}/${answer.id}`;
    const callback = { url: `${url}/callback`, token, expiresAt: new Date(answer.deadlineAt).toISOString() };
    c.header("Location", url);
    return sendRun(c, withCallback(answer.actionRun, callback), answer.bookmark, 201);
  })
  .get("/:id", requires("data:read"), validQuery(runQuery), async (c) => {
    const { wait } = c.req.valid("query");
    const from = reading(c);
    const id = runIdOf(c);
    const waited =
      wait === undefined
        ? null
        : await waitForEnd(from, id, wait * SECOND_MS, () => beginWatching(c, from.scope, id, "wait"));
    const run = waited ?? (await readRun(from, id, c.req.header("x-d1-bookmark")));
    if (run === null) throw runNotFound();
    return sendRun(c, run.actionRun, run.bookmark);
  })
  .delete("/:id", requires("data:read"), async (c) => {
    const id = runIdOf(c);
    const key = idempotencyKey(c);
    const from = reading(c);
    const { id: tokenId, name: by } = c.get("principal");
    const [known, change] = await Promise.all([mayBeKnown(from, id), changeKey({ tokenId }, key, "cancel")]);
    if (!known) throw runNotFound();
    const { coordinator } = readRunId(id);
    const answer: RunAnswer | RunRefusal = await askCoordinator(
      c.env,
      c.get("hops"),
      from.scope,
      coordinator,
      (stub) => stub.change(id, { type: "cancelled", by }, change),
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

export function reading(c: Context<AppEnv>): Reading {
  const ring = keyRing(c.env.CALLBACK_SIGNING_KEYS);
  return { env: c.env, hops: c.get("hops"), scope: scopeOf(c), ring: ring.ok ? ring.value : null };
}
