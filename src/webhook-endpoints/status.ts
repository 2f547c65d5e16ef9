/** What `GET …/webhook-endpoints/{name}/status` shows: how an endpoint does, and who changed it. */

import type { Context } from "hono";
import { rfc3339 } from "../base/time.ts";
import { secretsOf } from "../definitions/put.ts";
import { definitionRefOf } from "../definitions/routes.ts";
import type { AppEnv } from "../http/app-env.ts";
import { scopeOf } from "../http/environment.ts";
import type { EndpointReport } from "../runs/endpoint-calls.ts";
import { COORDINATORS } from "../runs/run-id.ts";
import type { KeyRing } from "../settings/key-ring.ts";
import { plainUrl } from "../webhooks/template/template.ts";
import type { EndpointRow } from "./endpoint-row.ts";
import { ENDPOINT_KIND } from "./kind.ts";
import { shownDelivery } from "./shown-delivery.ts";
import { shownRecovery } from "./shown-recovery.ts";

/** `reports`: of the coordinators that could be reached. */
export async function statusOf(
  c: Context<AppEnv>,
  ring: KeyRing,
  row: EndpointRow,
  reports: readonly EndpointReport[],
) {
  const { createdBy, changedBy, changedAt, disabledReason, disabledAt } = row;
  const scope = scopeOf(c);
  const newest = reports
    .flatMap(({ newest, isProbed }) => (newest === null ? [] : [{ newest, isProbed }]))
    .sort((a, b) => (a.newest.runId < b.newest.runId ? 1 : -1))[0];
  return {
    origin: await originOf(c, ring, row),
    health: healthOf(row, reports),
    disabledReason,
    disabledAt: rfc3339(disabledAt),
    recover: shownRecovery(reports.map(({ recovery }) => recovery)),
    createdBy,
    changedBy,
    changedAt: rfc3339(changedAt),
    newestDelivery:
      newest === undefined
        ? null
        : await shownDelivery(newest.newest, { ring, scope, isProbed: newest.isProbed }),
    incomplete: reports.length < COORDINATORS,
  };
}

/** How the attempts with this version went, in all coordinators. */
function healthOf({ version }: EndpointRow, reports: readonly EndpointReport[]) {
  const known = reports.flatMap(({ health }) => (health?.version === version ? [health] : []));
  const failing = known.flatMap(({ failingSince }) => failingSince ?? []);
  const succeeded = known.flatMap(({ succeededAt }) => succeededAt ?? []);
  const worked = succeeded.length > 0 ? "working" : "unknown";
  return {
    state: failing.length > 0 ? "failing" : worked,
    failingSince: rfc3339(failing.length > 0 ? Math.min(...failing) : null),
    lastSuccessAt: rfc3339(succeeded.length > 0 ? Math.max(...succeeded) : null),
    isProbed: reports.some(({ isProbed }) => isProbed),
  };
}

/** Scheme, host and port of the endpoint's URL, whose rest is secret. Null if no key opens it. */
async function originOf(c: Context<AppEnv>, ring: KeyRing, row: EndpointRow): Promise<string | null> {
  const secrets = await secretsOf(ENDPOINT_KIND, ring, definitionRefOf(c), row);
  const url = secrets?.get("url");
  return url === undefined ? null : new URL(plainUrl(url)).origin;
}
