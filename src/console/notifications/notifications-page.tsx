/** The page "Notifications": the webhook endpoints of the environment with their health, and a way to make one. */

import { useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Empty, NotYours } from "../ui/empty.tsx";
import { type Column, ListPage, Table, useListPage, useRowKeys } from "../ui/list-page.tsx";
import { useRead } from "../ui/load.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { EndpointEditor } from "./endpoint-editor.tsx";
import { eventWords, RECEIVERS, type Receiver } from "./endpoint-shape.ts";
import { Health } from "./endpoint-state.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Endpoint" },
  { text: "Health" },
  { text: "Runs", class: "is-wide" },
  { text: "Changed", class: "is-end is-wide", width: "88px" },
];

export function NotificationsPage() {
  const { may } = useSession();
  return may("webhooks:manage") ? <Notifications /> : <NotYours what="notifications" />;
}

function Notifications() {
  const { reader } = useSession();
  const loaded = useListPage(reader.webhookEndpoints.list);
  const [making, setMaking] = useState<Receiver | null>(null);
  return (
    <>
      <ListPage
        title="Notifications"
        of="endpoints"
        loaded={loaded}
        button={
          <Button kind="primary" onClick={() => setMaking(RECEIVERS[0] ?? null)}>
            New endpoint
          </Button>
        }
      >
        {(endpoints) =>
          endpoints.length === 0 ? (
            <NoEndpoints isFirstPage={loaded.isFirst} onMake={setMaking} />
          ) : (
            <EndpointTable endpoints={endpoints} />
          )
        }
      </ListPage>
      {making === null ? null : (
        <EndpointEditor stored={null} receiver={making} onClose={() => setMaking(null)} onStored={loaded.reload} />
      )}
    </>
  );
}

interface NoEndpointsProps {
  readonly isFirstPage: boolean;
  readonly onMake: (receiver: Receiver) => void;
}

function NoEndpoints({ isFirstPage, onMake }: NoEndpointsProps) {
  if (!isFirstPage) return <Empty title="There are no more endpoints" />;
  return (
    <Empty title="Nobody is told yet when a run ends">
      <p>An endpoint tells a chat or a program of yours. Choose who is told:</p>
      <div class="grid">
        {RECEIVERS.map((receiver) => (
          <button key={receiver.title} type="button" class="tile card" onClick={() => onMake(receiver)}>
            <span class="strong">{receiver.title}</span>
            <br />
            <span class="hint">{receiver.about}</span>
          </button>
        ))}
      </div>
    </Empty>
  );
}

function EndpointTable({ endpoints }: { readonly endpoints: readonly Schemas["ListedWebhookEndpoint"][] }) {
  const table = useRef<HTMLTableElement>(null);
  useRowKeys("Notifications", "endpoint", table);
  return (
    <Table tableRef={table} label="Endpoints" columns={COLUMNS}>
      {endpoints.map((endpoint) => (
        <EndpointRow key={endpoint.name} endpoint={endpoint} />
      ))}
    </Table>
  );
}

function EndpointRow({ endpoint }: { readonly endpoint: Schemas["ListedWebhookEndpoint"] }) {
  const { name, version, changedAt, definition } = endpoint;
  const { scope, reader } = useSession();
  // `version`: a change makes another health.
  const { data: status } = useRead(
    (signal) => reader.webhookEndpoints.status(name, { signal }),
    [reader, name, version],
  );
  return (
    <tr>
      <td>
        <Link class="row-link" href={hrefOf({ name: "endpoint", endpoint: name, ...scope })}>
          {name}
        </Link>
        {status === undefined || status.origin === null ? null : (
          <p class="muted">
            <bdi>{URL.parse(status.origin)?.host}</bdi>
          </p>
        )}
      </td>
      <td>{status === undefined ? null : <Health status={status} isOff={definition.disabled} />}</td>
      <td class="is-wide">
        {eventWords(definition.events)}
        {definition.onlyOnChange ? ", if changed" : ""}
        {definition.actionNames === undefined ? null : (
          <p class="muted">
            <bdi>{definition.actionNames.join(", ")}</bdi>
          </p>
        )}
      </td>
      <td class="is-end is-wide">
        <RelativeTime at={changedAt} />
      </td>
    </tr>
  );
}
