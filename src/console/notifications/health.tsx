/** How an endpoint does, by colour, by shape and by word. */

import type { EndpointStatus } from "../../client/index.ts";
import { Mark } from "../ui/status.tsx";
import { RelativeTime } from "../ui/time.tsx";

interface HealthProps {
  readonly status: EndpointStatus;
  /** Whether a person disabled it. */
  readonly isOff: boolean;
}

export function Health({ status: { health, disabledReason }, isOff }: HealthProps) {
  const { state, failingSince, lastSuccessAt, isProbed } = health;
  if (isOff) return <Mark mark="cancelled">disabled</Mark>;
  if (disabledReason !== null) return <Mark mark="cancelled">disabled by the service</Mark>;
  if (state === "unknown") return <Mark mark="pending">no result yet</Mark>;
  const isFailing = state === "failing";
  const since = isFailing ? failingSince : lastSuccessAt;
  return (
    <>
      <Mark mark={isFailing ? "failed" : "succeeded"}>{state}</Mark>{" "}
      <span class="muted">
        {isFailing ? "since " : "last success "}
        {since === null ? null : <RelativeTime at={since} />}
        {isProbed ? ", tried once a minute" : ""}
      </span>
    </>
  );
}
