/** An endpoint's page: how it does, its deliveries, and what changes, tests, rotates, disables and deletes it. */
import { useCallback, useState } from "preact/hooks";
import { ActionRunsError, type Schemas, type Stored } from "../../client/index.ts";
import { Fact } from "../actions/action-facts.tsx";
import { Labels } from "../actions/action-list.tsx";
import { DeleteDialog } from "../definitions/delete-dialog.tsx";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Button, Icon } from "../ui/button.tsx";
import { Empty, NotYours } from "../ui/empty.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { ErrorView, type Failure, useLoad } from "../ui/load.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { DeliveriesPart, RecoverDialog } from "./deliveries.tsx";
import { EndpointEditor, TestDialog } from "./endpoint-editor.tsx";
import { eventWords } from "./endpoint-shape.ts";
import { DisableDialog, Health, OffBox } from "./endpoint-state.tsx";
import { RotateSecretDialog } from "./rotate-secret-dialog.tsx";

const STATUS_EVERY_MS = 5000;
const PROGRESS_EVERY_MS = 2000;

type Open = "edit" | "delete" | "rotate" | "recover" | "disable" | "test" | null;

export function EndpointPage({ name }: { readonly name: string }) {
  const { may } = useSession();
  return may("webhooks:manage") ? <Endpoint name={name} /> : <NotYours what="notifications" />;
}

function Endpoint({ name }: { readonly name: string }) {
  const { client, scope, reader } = useSession();
  const readEndpoint = useCallback(
    (signal: AbortSignal) => reader.webhookEndpoints.get(name, { signal }),
    [reader, name],
  );
  const loaded = useLoad(readEndpoint);
  // If somebody else deleted it, the data of an earlier read is wrong.
  const shown = isGone(loaded.failure) ? undefined : loaded.data;
  const readStatus = useCallback(
    (signal: AbortSignal) => reader.webhookEndpoints.status(name, { signal }),
    [reader, name],
  );
  const [isRecovering, setRecovering] = useState(false);
  const status = useLoad(readStatus, { everyMs: isRecovering ? PROGRESS_EVERY_MS : STATUS_EVERY_MS });
  const isUnderWay = status.data?.recover?.isOver === false;
  if (isUnderWay !== isRecovering) setRecovering(isUnderWay);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const changed = () => {
    loaded.reload();
    status.reload();
  };
  const router = useRouter();
  const page = { name: "notifications", ...scope } as const;
  const list = hrefOf(page);
  useKeys("This endpoint", [{ keys: "Escape", label: "Back to the endpoints", run: () => router.navigate(list) }]);
  return (
    <div class="page">
      <div class="page-head">
        <div class="action-title">
          <Link class="crumb" href={list}>
            <Icon name="previous" />
            All notifications
          </Link>
          <h1 class="break">{name}</h1>
        </div>
        {shown === undefined ? null : (
          <div class="head-buttons">
            <Button kind="quiet" onClick={() => setOpen("delete")}>
              Delete
            </Button>
            <Button kind="quiet" onClick={() => setOpen("rotate")}>
              Rotate secret
            </Button>
            {shown.definition.disabled ? null : (
              <Button kind="quiet" onClick={() => setOpen("disable")}>
                Disable
              </Button>
            )}
            <Button onClick={() => setOpen("edit")}>Edit</Button>
            <Button kind="primary" onClick={() => setOpen("test")}>
              Send test
            </Button>
          </div>
        )}
      </div>
      {isGone(loaded.failure) ? (
        <Empty title="There is no endpoint of this name">
          <p>Somebody deleted it, or the name in the address is wrong.</p>
          <p>
            <Link class="button is-plain" href={list}>
              See all endpoints
            </Link>
          </p>
        </Empty>
      ) : (
        <ErrorView failure={loaded.failure} onRetry={loaded.reload} isBanner={loaded.data !== undefined} />
      )}
      {shown === undefined ? null : (
        <div class="action-view">
          <OffBox endpoint={shown} status={status.data} onChanged={changed} />
          <ErrorView failure={status.failure} onRetry={status.reload} isBanner />
          {status.data === undefined ? null : <EndpointFacts endpoint={shown} status={status.data} />}
          <DeliveriesPart name={name} newest={status.data?.newestDelivery} onRecover={() => setOpen("recover")} />
          <section class="part">
            <h2>Definition</h2>
            <JsonTree what="JSON" value={shown.definition} />
          </section>
        </div>
      )}
      {shown === undefined || open === null ? null : (
        <>
          {open === "edit" ? <EndpointEditor stored={shown} onClose={close} onStored={changed} /> : null}
          {open === "test" ? <TestDialog name={name} onClose={close} /> : null}
          {open === "rotate" ? <RotateSecretDialog name={name} onClose={close} onRotated={changed} /> : null}
          {open === "recover" ? <RecoverDialog name={name} onClose={close} onBegun={status.reload} /> : null}
          {open === "disable" ? <DisableDialog name={name} onClose={close} onChanged={changed} /> : null}
          {open === "delete" ? (
            <DeleteDialog
              noun="endpoint"
              stored={shown}
              remove={client.webhookEndpoints.delete}
              list={page}
              onClose={close}
              onChanged={changed}
            >
              Its secrets and its messages that wait are deleted, too. A message can still be sent for up to 30 seconds.
              You can't undo this.
            </DeleteDialog>
          ) : null}
        </>
      )}
    </div>
  );
}

function isGone(failure: Failure | null): boolean {
  return failure?.error instanceof ActionRunsError && failure.error.code === "webhook_endpoint_not_found";
}

/* SECTION: What an endpoint's page says of it: how its receiver does, which runs it hears of, and who changed it. */

interface EndpointFactsProps {
  readonly endpoint: Stored<Schemas["StoredWebhookEndpoint"]>;
  readonly status: Schemas["EndpointStatus"];
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
