/**
 * /{o}/{p}/envs/{envName}/webhook-endpoints: what every stored definition has, and what only an endpoint has: enabling
 * it, and rotating its signing secret.
 */

import { logAudit } from "../auth/audit.ts";
import { requires } from "../auth/bearer.ts";
import { requireNewestSecret, writeAudited } from "../auth/newest-secret.ts";
import { rfc3339 } from "../base/time.ts";
import { auditEntryOf, DEFINITION, definitionRefOf, definitionRoutes } from "../definitions/routes.ts";
import { scopeOf, usableRing } from "../http/environment.ts";
import { ApiError } from "../http/errors.ts";
import { idempotencyKey } from "../http/idempotency-key.ts";
import { etagOf } from "../http/preconditions.ts";
import { validBody } from "../http/validate.ts";
import { endpointKey } from "../runs/telling.ts";
import { askCoordinator } from "./ask-coordinator.ts";
import { enableEndpoint } from "./disabling.ts";
import { requireEndpoint } from "./endpoint-row.ts";
import { changed, ENDPOINT_KIND, noteChange } from "./kind.ts";
import { secretRotation } from "./request-schemas.ts";
import { rotateSecret } from "./rotate-secret.ts";

export const endpointRoutes = definitionRoutes(ENDPOINT_KIND)
  .post(`${DEFINITION}/enable`, requires("webhooks:manage"), async (c) => {
    const row = await requireEndpoint(c);
    const environment = { env: c.env, hops: c.get("hops"), scope: scopeOf(c) };
    await requireNewestSecret(c);
    // First, or the failures of before would disable it again with its next failure.
    if (row.disabledReason === null) await noteChange(c, definitionRefOf(c));
    else await askCoordinator(environment, (endpoints) => endpoints.forgetHealth(endpointKey(row)));
    const entry = auditEntryOf(c, "webhook_endpoint_enabled");
    const enabling = await writeAudited(c, () => enableEndpoint(c.env.DB, definitionRefOf(c), entry));
    if (enabling === "missing") throw new ApiError("webhook_endpoint_not_found");
    if (enabling === "enabled") logAudit(entry, c.get("requestId"));
    await changed(c, definitionRefOf(c));
    return c.body(null, 204);
  })
  .post(
    `${DEFINITION}/rotate-secret`,
    requires("webhooks:manage"),
    validBody(secretRotation, { mayBeEmpty: true }),
    async (c) => {
      const entry = auditEntryOf(c, "webhook_endpoint_secret_rotated");
      const { gracePeriodSeconds } = c.req.valid("json");
      const key = idempotencyKey(c);
      const ref = definitionRefOf(c);
      const rotated = await rotateSecret(c, usableRing(c), ref, gracePeriodSeconds, key, entry);
      c.header("ETag", etagOf(rotated.version));
      if (rotated.isUnchanged) c.header("Idempotent-Replayed", "true");
      const { signingSecret, graceEndsAt } = rotated;
      return c.json({ signingSecret, graceEndsAt: rfc3339(graceEndsAt) });
    },
  );
