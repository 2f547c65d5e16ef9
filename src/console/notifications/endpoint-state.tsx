/** How an endpoint does, by colour, by shape and by word. */
import type { Client, Schemas, Stored } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { FieldError, useChange } from "../ui/forms.tsx";
import { Button, Mark, useNotices } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";

interface HealthProps {
  readonly status: Schemas["EndpointStatus"];
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

interface OffBoxProps {
  readonly endpoint: Stored<Schemas["StoredWebhookEndpoint"]>;
  readonly status: Schemas["EndpointStatus"] | undefined;
  readonly onChanged: () => void;
}

export function OffBox({ endpoint: { name, definition }, status, onChanged }: OffBoxProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: "The endpoint may be enabled already." });
  const isOff = definition.disabled;
  const reason = status?.disabledReason ?? null;
  if (!isOff && reason === null) return null;
  const enable = () =>
    change.submit({
      send: ({ signal }) =>
        isOff ? setDisabled(client, name, false, signal) : client.webhookEndpoints.enable(name, { signal }),
      done() {
        note(`${name} is enabled.`);
        onChanged();
      },
    });
  return (
    <div class="note is-warning stack" role="alert">
      <p>
        {isOff ? (
          "Somebody disabled this endpoint, so no message is sent."
        ) : (
          <>
            The service disabled this endpoint
            {status?.disabledAt ? (
              <>
                {" "}
                <RelativeTime at={status.disabledAt} />
              </>
            ) : null}
            : <bdi>{reason}</bdi> Correct the receiver, then enable the endpoint.
          </>
        )}{" "}
        Once it is enabled, Recover can send what it missed, up to 7 days back.
      </p>
      {[...change.problems.values()].map((problem) => (
        <FieldError key={problem} text={problem} />
      ))}
      <div class="row">
        <Button onClick={enable} isBusy={change.isBusy}>
          Enable
        </Button>
      </div>
    </div>
  );
}

/** Stores the endpoint with the switch. Throws as the client does, also if somebody changes it meanwhile. */
export async function setDisabled(
  { webhookEndpoints }: Client,
  name: string,
  disabled: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { definition, version } = await webhookEndpoints.get(name, { signal });
  await webhookEndpoints.put(name, { ...definition, disabled }, { ifVersion: version, signal });
}
