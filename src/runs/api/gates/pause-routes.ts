/**
 * …/pauses: holds back the runs of a concurrency group, or every run of the environment that has a gate. A group's runs
 * can be in each coordinator, so each has every pause.
 */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { auditAfterwards } from "../../../auth/audit-afterwards.ts";
import { requires } from "../../../auth/bearer.ts";
import { requireNewestSecret } from "../../../auth/newest-secret.ts";
import { CONCURRENCY_GROUP } from "../../../base/limits.ts";
import { rfc3339 } from "../../../base/time.ts";
import type { AppEnv } from "../../../http/app-env.ts";
import { ApiError } from "../../../http/errors.ts";
import { refusalOf } from "../../../http/refusal.ts";
import { validBody } from "../../../http/validate.ts";
import { nameOf, viaOf } from "../../actor.ts";
import { PAUSE_JUDGE, type Pause } from "../../gate-calls.ts";
import { NO_GROUP } from "../../gates.ts";
import type { Coordinator } from "../../protocol.ts";
import { actorOf } from "../caller.ts";
import { ask, askAll, environmentOf } from "../run-environment.ts";
import { pause } from "./request-schemas.ts";

/** The name of the environment's pause. No group has it, because a group begins with a letter or a digit. */
const ENVIRONMENT = "-environment";
/** Matches more than the names, because Hono's routers differ on a pattern with alternatives. `groupOf` is exact. */
const PAUSE = "/:group{[A-Za-z0-9-][A-Za-z0-9._-]{0,62}}" as "/:group";
const GROUP = new RegExp(`^${CONCURRENCY_GROUP}$`);
/** No response can show a later year than 9999. */
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** An unknown path is 404 before the body is judged, as everywhere. */
const requiresName: MiddlewareHandler<AppEnv> = (c, next) => {
  groupOf(c);
  return next();
};

export const pauseRoutes = new Hono<AppEnv>()
  .get("/", requires("data:read"), async (c) => {
    const lists = await askAll(environmentOf(c), (coordinator) => coordinator.pauses());
    return c.json(newestOfEach(lists.flat()).map(toWire));
  })
  .put(PAUSE, requires("actions:manage"), requiresName, validBody(pause), async (c) => {
    const { reason, until } = c.req.valid("json");
    const at = Date.now();
    const put: Pause = {
      group: groupOf(c),
      reason,
      until: until === undefined ? null : Math.min(until.ceilMs, LAST_MS),
      by: nameOf(actorOf(c)),
      via: viaOf(actorOf(c)),
      at,
    };
    if (put.until !== null && put.until <= at) {
      throw refusalOf("invalid_body", [
        { path: ["until"], message: "is in the past; send a later instant." },
      ]);
    }
    await requireNewestSecret(c);
    const environment = environmentOf(c);
    const pauseIt = (coordinator: Coordinator) => coordinator.pause(put);
    let isPaused = true;
    try {
      // One coordinator judges the number of pauses, before any other has the new one. So no refused pause holds runs back.
      isPaused = await ask(environment, PAUSE_JUDGE, pauseIt);
      if (isPaused) await askAll(environment, pauseIt, PAUSE_JUDGE + 1);
    } finally {
      // Also if a coordinator could not be reached, because the others hold runs back by now.
      if (isPaused)
        await auditAfterwards(c, { action: "pause_put", target: c.req.param("group"), reason }, at);
    }
    if (!isPaused) throw new ApiError("too_many_pauses");
    return c.json(toWire(put));
  })
  .delete(PAUSE, requires("actions:manage"), async (c) => {
    const group = groupOf(c);
    await requireNewestSecret(c);
    let isResumed = false;
    try {
      await askAll(environmentOf(c), async (coordinator) => {
        if (await coordinator.resume(group)) isResumed = true;
      });
    } finally {
      // Also if a coordinator could not be reached, because the others let runs start by now.
      const deleted = { action: "pause_deleted", target: c.req.param("group") } as const;
      if (isResumed) await auditAfterwards(c, deleted, Date.now());
    }
    if (!isResumed) throw new ApiError("pause_not_found");
    return c.body(null, 204);
  });

/** Throws `not_found`. */
function groupOf(c: Context<AppEnv>): string {
  const name = c.req.param("group") ?? "";
  if (name === ENVIRONMENT) return NO_GROUP.group;
  if (!GROUP.test(name)) throw new ApiError("not_found");
  return name;
}

/** After a PUT that did not reach all coordinators, they differ. Its sender got 503 and was told to repeat the request. */
function newestOfEach(pauses: readonly Pause[]): readonly Pause[] {
  const newest = new Map<string, Pause>();
  for (const pause of pauses) {
    if (pause.at >= (newest.get(pause.group)?.at ?? 0)) newest.set(pause.group, pause);
  }
  return [...newest.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
}

function toWire({ group, reason, until, by, via, at }: Pause) {
  const name = group === NO_GROUP.group ? ENVIRONMENT : group;
  return { group: name, reason, until: rfc3339(until), by, via, at: rfc3339(at) };
}
