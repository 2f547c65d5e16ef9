/** Says that an endpoint gets no messages, why, and offers to enable it. */

import type { EndpointStatus, StoredEndpoint } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { useNotices } from "../ui/notices.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { setDisabled } from "./disabling.ts";

interface OffBoxProps {
  readonly endpoint: StoredEndpoint;
  readonly status: EndpointStatus | undefined;
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
    <div class="warning-box" role="alert">
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
        <p key={problem} class="field-error">
          {problem}
        </p>
      ))}
      <div class="head-buttons">
        <Button onClick={enable} isBusy={change.isBusy}>
          Enable
        </Button>
      </div>
    </div>
  );
}
