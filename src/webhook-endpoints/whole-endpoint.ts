/** A webhook endpoint as an attempt needs it: with all its secrets. It never leaves the Worker. */

import type { EndpointDefinition } from "./definition.ts";

export interface WholeEndpoint {
  readonly name: string;
  readonly version: number;
  /** The version at which the endpoint was created. With the name it tells the endpoint from a later one. */
  readonly createdVersion: number;
  /** With `url`, headers and secrets filled in. */
  readonly definition: EndpointDefinition;
  /** All secrets that sign now, the newest first: `whsec_…`. */
  readonly signingSecrets: readonly string[];
  /** The origin of the request that stored this version. It counts only without PUBLIC_URL, on loopback. */
  readonly origin: string;
  /** Why the service has disabled this version; null if it has not. */
  readonly disabledReason: string | null;
}
