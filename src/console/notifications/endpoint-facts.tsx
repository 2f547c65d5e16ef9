/** What an endpoint's page says of it: how its receiver does, which runs it hears of, and who changed it. */

import type { EndpointStatus, StoredEndpoint } from "../../client/index.ts";
import { Labels } from "../actions/actions-page.tsx";
import { Fact } from "../actions/trigger-view.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { eventWords } from "./endpoint-shape.ts";
import { Health } from "./health.tsx";

interface EndpointFactsProps {
  readonly endpoint: StoredEndpoint;
  readonly status: EndpointStatus;
}

export function EndpointFacts({ endpoint: { version, definition }, status }: EndpointFactsProps) {
  const { origin, recover, createdBy, changedBy, changedAt, incomplete } = status;
  const { events, onlyOnChange, actionNames, labels, disabled } = definition;
  return (
    <>
      <dl class="action-facts">
        <Fact term="Health">
          <Health status={status} isOff={disabled} />
        </Fact>
        <Fact term="Sends to">
          {origin === null ? "unknown: type its URL again" : <bdi>{URL.parse(origin)?.host}</bdi>}
        </Fact>
        <Fact term="Runs">
          {eventWords(events)}
          {onlyOnChange ? ", if changed" : ""}
        </Fact>
        {actionNames === undefined ? null : (
          <Fact term="Actions">
            <Labels labels={actionNames} />
          </Fact>
        )}
        {labels === undefined ? null : (
          <Fact term="Labels">
            <Labels labels={labels} />
          </Fact>
        )}
        <Fact term={`Version ${version}`}>
          <RelativeTime at={changedAt} /> by <bdi>{changedBy}</bdi>
        </Fact>
        <Fact term="Created by">
          <bdi>{createdBy}</bdi>
        </Fact>
        {recover === null ? null : (
          <Fact term={recover.isOver ? "Last recovery" : "Recovery"}>
            <span role="status">
              {recover.messages} {recover.messages === 1 ? "message" : "messages"}
              {recover.isOver ? "" : " so far …"}
            </span>
          </Fact>
        )}
      </dl>
      {incomplete ? (
        <p class="warning-box">The environment's runs can't be reached, so its deliveries are missing here.</p>
      ) : null}
    </>
  );
}
