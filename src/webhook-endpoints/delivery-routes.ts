/** …/webhook-endpoints/{name}: how its deliveries went, and what sends deliveries again. */

import { type Context, Hono } from "hono";
import { requires } from "../auth/bearer.ts";
import { RECOVER_MISSING_MAX_DAYS } from "../base/limits.ts";
import { DAY_MS, type Instant } from "../base/time.ts";
import { parseUuid } from "../base/uuid.ts";
import { DEFINITION } from "../definitions/routes.ts";
import type { AppEnv } from "../http/app-env.ts";
import { encodeCursor, nextLink } from "../http/cursor.ts";
import { scopeOf, usableRing } from "../http/environment.ts";
import { ApiError } from "../http/errors.ts";
import { refusalOf } from "../http/refusal.ts";
import { validBody, validQuery } from "../http/validate.ts";
import type { DeliveryPosition } from "../runs/message.ts";
import { isGenuineRunId } from "../runs/run-id.ts";
import { endpointKey } from "../runs/telling.ts";
import { baseUrl } from "../settings/public-url.ts";
import { askCoordinator, type Environment } from "./ask-coordinator.ts";
import { auditedKey, requireEndpoint } from "./endpoint-row.ts";
import { deliveriesQuery, recoveryRequest, resendRequest } from "./request-schemas.ts";
import { shownDelivery } from "./shown-delivery.ts";
import { shownRecovery } from "./shown-recovery.ts";
import { statusOf } from "./status.ts";

const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
const DELIVERIES = `${DEFINITION}/deliveries` as const;

export const deliveryRoutes = new Hono<AppEnv>()
  .get(`${DEFINITION}/status`, requires("webhooks:manage"), async (c) => {
    const row = await requireEndpoint(c);
    const asking = askCoordinator(environmentOf(c), (endpoints) => endpoints.report(endpointKey(row)));
    return c.json(await statusOf(c, usableRing(c), row, await asking.catch(() => null)));
  })
  .get(DELIVERIES, requires("webhooks:manage"), validQuery(deliveriesQuery), async (c) => {
    const { limit, state, cursor } = c.req.valid("query");
    const key = endpointKey(await requireEndpoint(c));
    const ring = usableRing(c);
    const before = cursor as DeliveryPosition | undefined;
    const { isHalfOpen, deliveries, nextBefore } = await askCoordinator(environmentOf(c), (endpoints) =>
      endpoints.page(key, { state, before, limit }),
    );
    if (nextBefore !== null) {
      const next = encodeCursor(`${nextBefore.runId} ${nextBefore.kind}`);
      c.header("Link", nextLink(baseUrl(c.env, c.req.url), c.req.url, next));
    }
    const scope = scopeOf(c);
    return c.json(
      await Promise.all(deliveries.map((delivery) => shownDelivery(delivery, { ring, scope, isHalfOpen }))),
    );
  })
  .post(
    `${DELIVERIES}/:id/resend`,
    requires("webhooks:manage"),
    validBody(resendRequest, { mayBeEmpty: true }),
    async (c) => {
      const { type = null } = c.req.valid("json");
      const runId = await genuineId(c);
      const key = await auditedKey(c, "webhook_endpoint_message_resent", `/deliveries/${runId}`);
      const reply = await askCoordinator(environmentOf(c), (endpoints) => endpoints.resend(key, runId, type));
      if (reply === "run_not_found") throw new ApiError("run_not_found");
      if (reply === "no_such_event") throw new ApiError("event_not_happened");
      return c.body(null, 202);
    },
  )
  .post(`${DEFINITION}/recover`, requires("webhooks:manage"), validBody(recoveryRequest), async (c) => {
    const { since, until, include } = c.req.valid("json");
    const order = { since: shownMs(since), until: until === undefined ? null : shownMs(until), include };
    if (order.until !== null && order.until <= order.since) {
      throw refusalOf("invalid_body", [{ path: ["until"], message: "is not after since; send a later instant." }]);
    }
    if (include === "missing" && order.since < Date.now() - RECOVER_MISSING_MAX_DAYS * DAY_MS) {
      const message = `is more than ${RECOVER_MISSING_MAX_DAYS} days ago; send a later instant.`;
      throw refusalOf("invalid_body", [{ path: ["since"], message }]);
    }
    const key = await auditedKey(c, "webhook_endpoint_recovery_started");
    const begun = await askCoordinator(environmentOf(c), (endpoints) => endpoints.recover(key, order));
    if (begun === null) throw new ApiError("recovery_under_way");
    return c.json(shownRecovery(begun), 202);
  });

/** The first whole ms at this instant or later. No response can show a later year than 9999. */
function shownMs({ ceilMs }: Instant): number {
  return Math.min(ceilMs, LAST_MS);
}

function environmentOf(c: Context<AppEnv>): Environment {
  return { env: c.env, hops: c.get("hops"), scope: scopeOf(c) };
}

/** The run's id in the path. An id that this service has not made asks no coordinator. */
async function genuineId(c: Context<AppEnv>): Promise<string> {
  const id = parseUuid(c.req.param("id") ?? "");
  const isIt = id !== null && (await isGenuineRunId(usableRing(c), scopeOf(c), id));
  if (!isIt) throw new ApiError("run_not_found");
  return id;
}
