/** An endpoint's page: how it does, its deliveries, and what changes, tests, rotates, disables and deletes it. */

import { useCallback, useState } from "preact/hooks";
import { ActionRunsError, type EndpointStatus, type StoredEndpoint } from "../../client/index.ts";
import { Labels } from "../actions/actions-page.tsx";
import { Fact } from "../actions/trigger-view.tsx";
import { DeleteDialog } from "../definitions/delete-dialog.tsx";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, Link, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { NotYours } from "../tokens/not-yours.tsx";
import { Button } from "../ui/button.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { ConfirmDialog } from "../ui/confirm-dialog.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Empty } from "../ui/empty.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { Icon } from "../ui/icons.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { type Failure, useLoad } from "../ui/load.ts";
import { useNotices } from "../ui/notices.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";
import { DeliveriesPart } from "./deliveries-part.tsx";
import { setDisabled } from "./disabling.ts";
import { EndpointEditor } from "./endpoint-editor.tsx";
import { eventWords } from "./endpoint-shape.ts";
import { Health } from "./health.tsx";
import { RecoverDialog } from "./recover-dialog.tsx";
import { RotateSecretDialog } from "./rotate-secret-dialog.tsx";
import { type Tested, TestResult } from "./test-result.tsx";

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
  useKeys("This endpoint", [
    { keys: "Escape", label: "Back to the endpoints", run: () => router.navigate(list) },
  ]);
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
          {status.data === undefined ? null : <Facts endpoint={shown} status={status.data} />}
          <DeliveriesPart
            name={name}
            newest={status.data?.newestDelivery}
            onRecover={() => setOpen("recover")}
          />
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
              Its secrets and its messages that wait are deleted, too. A message can still be sent for up to
              30 seconds. You can't undo this.
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

interface FactsProps {
  readonly endpoint: StoredEndpoint;
  readonly status: EndpointStatus;
}

function Facts({ endpoint: { version, definition }, status }: FactsProps) {
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
        <p class="warning-box">
          A part of the environment can't be reached. Its deliveries are missing here.
        </p>
      ) : null}
    </>
  );
}

interface OffBoxProps {
  readonly endpoint: StoredEndpoint;
  readonly status: EndpointStatus | undefined;
  readonly onChanged: () => void;
}

/** Says that no message is sent, why, and offers to begin again. */
function OffBox({ endpoint: { name, definition }, status, onChanged }: OffBoxProps) {
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

interface DialogProps {
  readonly name: string;
  readonly onClose: () => void;
}

function DisableDialog({ name, onClose, onChanged }: DialogProps & { readonly onChanged: () => void }) {
  const { client } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: "The endpoint may be disabled already." });
  const disable = () =>
    change.submit({
      send: ({ signal }) => setDisabled(client, name, true, signal),
      done() {
        note(`${name} is disabled.`);
        onChanged();
        onClose();
      },
    });
  return (
    <ConfirmDialog
      title={`Disable ${name}?`}
      verb="Disable endpoint"
      change={change}
      onConfirm={disable}
      onClose={onClose}
    >
      <p>
        The endpoint gets no messages until you enable it. Messages that wait are dropped. Recover can send
        them later, up to 7 days back.
      </p>
    </ConfirmDialog>
  );
}

function TestDialog({ name, onClose }: DialogProps) {
  const { reader } = useSession();
  const [tested, setTested] = useState<Tested | null>(null);
  const change = useChange({
    afterLoss: "The receiver may have got this message. Another try sends a second one.",
  });
  const test = () =>
    change.submit({
      send: ({ signal }) => reader.webhookEndpoints.test(name, {}, { signal }),
      done: setTested,
    });
  return (
    <Dialog title={`Test ${name}`} onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={test}
        onClose={onClose}
        verb="Send test"
        keep="Close"
        besides={tested === null ? null : <TestResult result={tested} />}
      >
        <p>The receiver gets one message about a made-up run. It counts for nothing.</p>
      </ChangeForm>
    </Dialog>
  );
}
