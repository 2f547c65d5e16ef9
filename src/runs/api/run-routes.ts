/** /{o}/{p}/envs/{envName}/action-runs: list, count, create, get, cancel and retry runs. */

import { Hono } from "hono";
import { requires } from "../../auth/bearer.ts";
import type { AppEnv } from "../../http/app-env.ts";
import { encodeCursor, nextLink } from "../../http/cursor.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/idempotency-key.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { baseUrl } from "../../settings/public-url.ts";
import { bookmarkOfRun, sentBookmark, union } from "./bookmark/bookmark.ts";
import { changeKey } from "./change-key.ts";
import { sendChanged, sendCreated, sendJson, shown } from "./coordinator-answer.ts";
import { createRunOfBody, creationOf } from "./create/create.ts";
import { retryRun } from "./create/retry.ts";
import { changeQuery, createQuery, runListQuery, runQuery, runSummaryQuery } from "./query-schemas.ts";
import { listRunsAfter, summarizeRunsAfter } from "./read/list-runs.ts";
import { mayBeKnown, readRun } from "./read/reader.ts";
import { newRun, retry, stop } from "./request-schemas.ts";
import { askForChange, placeOf, runIdOf } from "./run-place.ts";
import { waitForEnd } from "./watch/wait-for-end.ts";
import { beginWatching } from "./watch/watch-place.ts";

export const runRoutes = new Hono<AppEnv>()
  .get("/", requires("data:read"), validQuery(runListQuery), async (c) => {
    const place = placeOf(c);
    const page = await listRunsAfter(place, c.req.valid("query"), await sentBookmark(c, place));
    if (page.nextAfter !== null) {
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, encodeCursor(page.nextAfter)));
    }
    return sendJson(c, `[${page.actionRuns.join(",")}]`, page.bookmark);
  })
  .get("/summary", requires("data:read"), validQuery(runSummaryQuery), async (c) => {
    const place = placeOf(c);
    const sent = await sentBookmark(c, place);
    const { summary, bookmark } = await summarizeRunsAfter(place, c.req.valid("query"), sent);
    return sendJson(c, JSON.stringify(summary), bookmark);
  })
  .post("/", requires("data:write"), validBody(newRun), validQuery(createQuery), async (c) => {
    const creation = creationOf(c, placeOf(c), c.req.valid("query").include !== undefined);
    return sendCreated(c, creation, await createRunOfBody(creation, c.req.valid("json")));
  })
  .get("/:id", requires("data:read"), validQuery(runQuery), async (c) => {
    const { wait, include } = c.req.valid("query");
    const isDetailed = include !== undefined;
    const place = placeOf(c);
    const id = runIdOf(c);
    const waited =
      wait === undefined
        ? null
        : await waitForEnd(place, id, wait * 1000, isDetailed, () => beginWatching(c, place, id));
    const run = waited ?? (await readRun(place, id, isDetailed));
    if (run === null) throw new ApiError("run_not_found");
    return sendJson(c, shown(run), union(await sentBookmark(c, place), bookmarkOfRun(id, run.bookmark)));
  })
  .delete("/:id", requires("data:read"), async (c) => {
    const id = runIdOf(c);
    const key = idempotencyKey(c);
    const place = placeOf(c);
    const { id: tokenId, name: by } = c.get("principal");
    const [known, change] = await Promise.all([mayBeKnown(place, id), changeKey({ tokenId }, key, "cancel")]);
    if (!known) throw new ApiError("run_not_found");
    const answer = await askForChange(place, id, (stub) =>
      stub.change(id, { type: "cancelled", by }, change),
    );
    return sendChanged(c, place, id, answer, key);
  })
  .post(
    "/:id/cancel",
    requires("data:write"),
    validBody(stop, { mayBeEmpty: true }),
    validQuery(changeQuery),
    async (c) => {
      const id = runIdOf(c);
      const key = idempotencyKey(c);
      const place = placeOf(c);
      const body = c.req.valid("json");
      const { id: tokenId, name: by } = c.get("principal");
      const [known, change] = await Promise.all([
        mayBeKnown(place, id),
        changeKey({ tokenId }, key, ["cancel", body]),
      ]);
      if (!known) throw new ApiError("run_not_found");
      const { reason = null, graceSeconds } = body;
      const request = { type: "cancel_requested", by, reason, graceMs: graceSeconds * 1000 } as const;
      const answer = await askForChange(place, id, (stub) =>
        stub.cancel(id, request, change, c.req.valid("query").include !== undefined),
      );
      return sendChanged(c, place, id, answer, key, answer.ok && answer.hasGrace ? 202 : 200);
    },
  )
  .post(
    "/:id/retry",
    requires("data:write"),
    validBody(retry, { mayBeEmpty: true }),
    validQuery(changeQuery),
    (c) => {
      const isDetailed = c.req.valid("query").include !== undefined;
      return retryRun(c, placeOf(c), runIdOf(c), c.req.valid("json"), isDetailed);
    },
  );
