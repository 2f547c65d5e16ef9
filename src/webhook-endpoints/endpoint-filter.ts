/** What decides which runs an endpoint hears of, stored beside its definition. PURE. */

import type { Secrets } from "../definitions/sealing.ts";
import { joinSecrets } from "../definitions/secrets.ts";
import type { EndpointFilter } from "../runs/matching.ts";
import { pathsOf } from "../webhooks/template/template.ts";
import type { StoredEndpoint } from "./definition.ts";
import { endpointSecrets } from "./secrets.ts";

/** JSON of an EndpointFilter. */
export function filterOf(definition: StoredEndpoint, secrets: Secrets): string {
  const { events, includeUnstored, onlyOnChange, disabled, actionNames = null, labels = [] } = definition;
  const shown = { showsPrevious: showsPrevious(definition, secrets) };
  const filter = { events, includeUnstored, onlyOnChange, disabled, actionNames, labels, ...shown };
  return JSON.stringify(filter satisfies EndpointFilter);
}

/** The default body shows it. */
function showsPrevious(definition: StoredEndpoint, secrets: Secrets): boolean {
  if (definition.payload === undefined) return true;
  const { url, headers, payload } = joinSecrets(endpointSecrets, definition, secrets) ?? definition;
  return pathsOf([url, headers, payload]).some(
    ([root, member = "previousStatus"]) => root === "event" && member === "previousStatus",
  );
}
