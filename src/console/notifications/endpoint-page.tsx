/** An endpoint's page: how it does, its deliveries, and what changes, tests, rotates, disables and deletes it. */
import { useState } from "preact/hooks";
import type { Schemas, Stored } from "../../client/index.ts";
import { counted } from "../../words/statuses.ts";
import { DefinitionPage } from "../definitions/definition-page.tsx";
import { RotateSecretDialog } from "../definitions/secrets.tsx";
import { useSession } from "../session/session.tsx";
import { ConfirmDialog, DialogButton } from "../ui/forms.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Fact, Labels } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { DeliveriesPart } from "./deliveries.tsx";
import { ENDPOINT, eventWords, TestDialog } from "./endpoint-editor.tsx";
import { Health, OffBox, setDisabled } from "./endpoint-state.tsx";

const STATUS_EVERY_MS = 5000;
const PROGRESS_EVERY_MS = 2000;

export function EndpointPage({ name }: { readonly name: string }) {
  const { reader } = useSession();
  const loaded = useRead((signal) => reader.webhookEndpoints.get(name, { signal }), [reader, name]);
  const [isRecovering, setRecovering] = useState(false);
  const status = useRead((signal) => reader.webhookEndpoints.status(name, { signal }), [reader, name], {
    everyMs: isRecovering ? PROGRESS_EVERY_MS : STATUS_EVERY_MS,
  });
  const isUnderWay = status.data?.recover?.isOver === false;
  if (isUnderWay !== isRecovering) setRecovering(isUnderWay);
  const changed = () => {
    loaded.reload();
    status.reload();
  };
  return (
    <DefinitionPage
      kind={ENDPOINT}
      name={name}
      loaded={loaded}
      quietly={({ definition }) => (
        <>
          <DialogButton
            kind="quiet"
            dialog={(close) => <RotateSecretDialog kind={ENDPOINT} name={name} onClose={close} onRotated={changed} />}
          >
            Rotate secret
          </DialogButton>
          {definition.disabled ? null : (
            <DialogButton
              kind="quiet"
              dialog={(close) => (
                <ConfirmDialog
                  title={`Disable ${name}?`}
                  verb="Disable endpoint"
                  afterLoss="The endpoint may be disabled already."
                  send={(client, { signal }) => setDisabled(client, name, true, signal)}
                  said={`${name} is disabled.`}
                  done={changed}
                  onClose={close}
                >
                  <p>
                    The endpoint gets no messages until you enable it. Messages that wait are dropped. Recover can send
                    them later, up to 7 days back.
                  </p>
                </ConfirmDialog>
              )}
            >
              Disable
            </DialogButton>
          )}
        </>
      )}
      button={() => (
        <DialogButton kind="primary" dialog={(close) => <TestDialog name={name} onClose={close} />}>
          Send test
        </DialogButton>
      )}
    >
      {(shown) => (
        <>
          <OffBox endpoint={shown} status={status.data} onChanged={changed} />
          <ErrorView failure={status.failure} onRetry={status.reload} isBanner />
          {status.data === undefined ? null : <EndpointFacts endpoint={shown} status={status.data} />}
          <DeliveriesPart name={name} newest={status.data?.newestDelivery} onRecovering={status.reload} />
        </>
      )}
    </DefinitionPage>
  );
}

interface EndpointFactsProps {
  readonly endpoint: Stored<Schemas["StoredWebhookEndpoint"]>;
  readonly status: Schemas["EndpointStatus"];
}

function EndpointFacts({ endpoint: { version, definition }, status }: EndpointFactsProps) {
  const { origin, recover, createdBy, changedBy, changedAt, incomplete } = status;
  const { events, onlyOnChange, final, actionNames, labels, disabled } = definition;
  return (
    <>
      <dl class="facts row">
        <Fact term="Health">
          <Health status={status} isOff={disabled} />
        </Fact>
        <Fact term="Sends to">
          {origin === null ? "unknown: type its URL again" : <bdi>{URL.parse(origin)?.host}</bdi>}
        </Fact>
        <Fact term="Runs">
          {eventWords(events)}
          {onlyOnChange ? ", if changed" : ""}
          {final ? ", if no automatic retry follows" : ""}
        </Fact>
        <Fact term="Actions">{actionNames && <Labels labels={actionNames} />}</Fact>
        <Fact term="Labels">{labels && <Labels labels={labels} />}</Fact>
        <Fact term={`Version ${version}`}>
          <RelativeTime at={changedAt} /> by <bdi>{changedBy}</bdi>
        </Fact>
        <Fact term="Created by">
          <bdi>{createdBy}</bdi>
        </Fact>
        <Fact term={recover?.isOver ? "Last recovery" : "Recovery"}>
          {recover && (
            <span role="status">
              {counted(recover.messages, "message")}
              {recover.isOver ? "" : " so far …"}
            </span>
          )}
        </Fact>
      </dl>
      {incomplete ? (
        <p class="note is-warning">The environment's runs can't be reached, so its deliveries are missing here.</p>
      ) : null}
    </>
  );
}
