/** …/pauses: holds back the runs of a concurrency group, or every run of the environment that has a gate. */

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
import type { Pause } from "../../gate-calls.ts";
import { NO_GROUP } from "../../gates.ts";
import { actorOf } from "../caller.ts";
import { ask, environmentOf } from "../run-environment.ts";
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
    const pauses = await ask(environmentOf(c), (coordinator) => coordinator.gates.pauses());
    return c.json(pauses.map(toWire));
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
      throw refusalOf("invalid_body", [{ path: ["until"], message: "is in the past; send a later instant." }]);
    }
    await requireNewestSecret(c);
    const isPaused = await ask(environmentOf(c), (coordinator) => coordinator.gates.pause(put));
    if (!isPaused) throw new ApiError("too_many_pauses");
    await auditAfterwards(c, { action: "pause_put", target: c.req.param("group"), reason }, at);
    return c.json(toWire(put));
  })
  .delete(PAUSE, requires("actions:manage"), async (c) => {
    const group = groupOf(c);
    await requireNewestSecret(c);
    let calls = 0;
    const isResumed = await ask(environmentOf(c), (coordinator) => {
      calls++;
      return coordinator.gates.resume(group);
    });
    // If the first answer was lost, that call may have ended the pause. Then the audit must say so.
    if (!isResumed && calls === 1) throw new ApiError("pause_not_found");
    const deleted = { action: "pause_deleted", target: c.req.param("group") } as const;
    await auditAfterwards(c, deleted, Date.now());
    return c.body(null, 204);
  });

/** Throws `not_found`. */
function groupOf(c: Context<AppEnv>): string {
  const name = c.req.param("group") ?? "";
  if (name === ENVIRONMENT) return NO_GROUP.group;
  if (!GROUP.test(name)) throw new ApiError("not_found");
  return name;
}

function toWire({ group, reason, until, by, via, at }: Pause) {
  const name = group === NO_GROUP.group ? ENVIRONMENT : group;
  return { group: name, reason, until: rfc3339(until), by, via, at: rfc3339(at) };
}
