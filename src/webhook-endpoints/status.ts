/** What `GET …/webhook-endpoints/{name}/status` shows: how an endpoint does, and who changed it. */

import type { Context } from "hono";
import { rfc3339 } from "../base/time.ts";
import { secretsOf } from "../definitions/put.ts";
import { definitionRefOf } from "../definitions/routes.ts";
import type { AppEnv } from "../http/app-env.ts";
import { scopeOf } from "../http/environment.ts";
import type { EndpointReport } from "../runs/endpoint-calls.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { plainUrl } from "../webhooks/template/template.ts";
import type { EndpointRow } from "./endpoint-row.ts";
import { ENDPOINT_KIND } from "./kind.ts";
import { shownDelivery } from "./shown-delivery.ts";
import { shownRecovery } from "./shown-recovery.ts";

/** `report`: null if the coordinator could not be reached. */
export async function statusOf(c: Context<AppEnv>, ring: KeyRing, row: EndpointRow, report: EndpointReport | null) {
  const { createdBy, changedBy, changedAt, disabledReason, disabledAt } = row;
  const scope = scopeOf(c);
  const { newest = null, isHalfOpen = false, recovery = null } = report ?? {};
  return {
    origin: await originOf(c, ring, row),
    health: healthOf(row, report),
    disabledReason,
    disabledAt: rfc3339(disabledAt),
    recover: shownRecovery(recovery),
    createdBy,
    changedBy,
    changedAt: rfc3339(changedAt),
    newestDelivery: newest && (await shownDelivery(newest, { ring, scope, isHalfOpen })),
    incomplete: report === null,
  };
}

/** How the attempts with this version went. */
function healthOf({ version }: EndpointRow, report: EndpointReport | null) {
  const health = report?.health?.version === version ? report.health : null;
  const { failingSince = null, succeededAt = null } = health ?? {};
  const worked = succeededAt === null ? "unknown" : "working";
  return {
    state: failingSince === null ? worked : "failing",
    failingSince: rfc3339(failingSince),
    lastSuccessAt: rfc3339(succeededAt),
    isProbed: report?.isHalfOpen ?? false,
  };
}

/** Scheme, host and port of the endpoint's URL, whose rest is secret. Null if no key opens it. */
async function originOf(c: Context<AppEnv>, ring: KeyRing, row: EndpointRow): Promise<string | null> {
  const secrets = await secretsOf(ENDPOINT_KIND, ring, definitionRefOf(c), row);
  const url = secrets?.get("url");
  return url === undefined ? null : new URL(plainUrl(url)).origin;
}
