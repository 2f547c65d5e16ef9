/** An endpoint's page: how it does, its deliveries, and what changes, tests, rotates, disables and deletes it. */
import { useState } from "preact/hooks";
import type { Schemas, Stored } from "../../client/index.ts";
import { counted } from "../../words/statuses.ts";
import { DefinitionPage } from "../definitions/definition-page.tsx";
import { RotateSecretDialog } from "../definitions/rotate-secret-dialog.tsx";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { ErrorView, useRead } from "../ui/load.tsx";
import { Button, Fact, Labels, NotYours } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { DeliveriesPart, RecoverDialog } from "./deliveries.tsx";
import { TestDialog, useEndpointKind } from "./endpoint-editor.tsx";
import { eventWords } from "./endpoint-shape.ts";
import { DisableDialog, Health, OffBox } from "./endpoint-state.tsx";

const STATUS_EVERY_MS = 5000;
const PROGRESS_EVERY_MS = 2000;

type Dialog = "rotate" | "recover" | "disable" | "test";

export function EndpointPage({ name }: { readonly name: string }) {
  const { may } = useSession();
  return may("webhooks:manage") ? <Endpoint name={name} /> : <NotYours what="notifications" />;
}

function Endpoint({ name }: { readonly name: string }) {
  const { scope, reader } = useSession();
  const kind = useEndpointKind();
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
      kind={kind}
      name={name}
      loaded={loaded}
      mayDelete
      buttons={({ definition }, show: (dialog: Dialog) => void) => (
        <>
          <Button kind="quiet" onClick={() => show("rotate")}>
            Rotate secret
          </Button>
          {definition.disabled ? null : (
            <Button kind="quiet" onClick={() => show("disable")}>
              Disable
            </Button>
          )}
          <Link class="button is-plain" href={hrefOf({ name: "edit-endpoint", endpoint: name, ...scope })}>
            Edit
          </Link>
          <Button kind="primary" onClick={() => show("test")}>
            Send test
          </Button>
        </>
      )}
    >
      {(shown, { open, show, close }) => (
        <>
          <div class="stack gap-24">
            <OffBox endpoint={shown} status={status.data} onChanged={changed} />
            <ErrorView failure={status.failure} onRetry={status.reload} isBanner />
            {status.data === undefined ? null : <EndpointFacts endpoint={shown} status={status.data} />}
            <DeliveriesPart name={name} newest={status.data?.newestDelivery} onRecover={() => show("recover")} />
            <section class="stack">
              <h2>Definition</h2>
              <JsonTree what="JSON" value={shown.definition} />
            </section>
          </div>
          {open === "test" ? <TestDialog name={name} onClose={close} /> : null}
          {open === "rotate" && kind.madeSecret !== null ? (
            <RotateSecretDialog
              about={kind.madeSecret}
              name={name}
              of={kind.noun}
              onClose={close}
              onRotated={changed}
            />
          ) : null}
          {open === "recover" ? <RecoverDialog name={name} onClose={close} onBegun={status.reload} /> : null}
          {open === "disable" ? <DisableDialog name={name} onClose={close} onChanged={changed} /> : null}
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
              {counted(recover.messages, "message")}
              {recover.isOver ? "" : " so far …"}
            </span>
          </Fact>
        )}
      </dl>
      {incomplete ? (
        <p class="note is-warning">The environment's runs can't be reached, so its deliveries are missing here.</p>
      ) : null}
    </>
  );
}
