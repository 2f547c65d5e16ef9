/** /{o}/{p}/envs/{envName}/action-runs: list, count, create, get and cancel runs. */

import { Hono } from "hono";
import type { AppEnv } from "../../app-env.ts";
import { requires } from "../../auth/bearer.ts";
import { baseUrl } from "../../config.ts";
import { encodeCursor, nextLink } from "../../http/cursor.ts";
import { ApiError } from "../../http/errors.ts";
import { idempotencyKey } from "../../http/idempotency-key.ts";
import { validBody, validQuery } from "../../http/validate.ts";
import { withCallback } from "../action-run.ts";
import { bookmarkOfRun, sentBookmark, union } from "./bookmark.ts";
import { changeKey } from "./change-key.ts";
import { bookmarkAfter, sendChanged, sendJson } from "./coordinator-answer.ts";
import { createRun } from "./create.ts";
import { listRunsAfter, summarizeRunsAfter } from "./list-runs.ts";
import { mayBeKnown, readRun } from "./reader.ts";
import { newRun, runListQuery, runQuery, runSummaryQuery } from "./request-schemas.ts";
import { askForChange, placeOf, runIdOf, usableRing } from "./run-place.ts";
import { waitForEnd } from "./wait-for-end.ts";
import { beginWatching } from "./watch-place.ts";

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
  .post("/", requires("data:write"), validBody(newRun), async (c) => {
    const ring = usableRing(c);
    const key = idempotencyKey(c);
    const { origin, pathname } = new URL(c.req.url);
    const runsUrl = `${baseUrl(c.env, c.req.url)}${pathname}`;
    const place = placeOf(c);
    const creation = { ...place, ring, origin, runsUrl, principal: c.get("principal"), key };
    const { answer, token } = await createRun(creation, c.req.valid("json"));
    if (answer.replayed && key !== null) c.header("Idempotent-Replayed", "true");
    const url = `${runsUrl}/${answer.id}`;
    const callback = { url: `${url}/callback`, token, expiresAt: new Date(answer.deadlineAt).toISOString() };
    c.header("Location", url);
    const bookmark = await bookmarkAfter(c, place, answer.id, answer);
    return sendJson(c, withCallback(answer.actionRun, callback), bookmark, 201);
  })
  .get("/:id", requires("data:read"), validQuery(runQuery), async (c) => {
    const { wait } = c.req.valid("query");
    const place = placeOf(c);
    const id = runIdOf(c);
    const waited =
      wait === undefined ? null : await waitForEnd(place, id, wait * 1000, () => beginWatching(c, place, id));
    const run = waited ?? (await readRun(place, id));
    if (run === null) throw new ApiError("run_not_found");
    return sendJson(c, run.actionRun, union(await sentBookmark(c, place), bookmarkOfRun(id, run.bookmark)));
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
  });
