/** The page "Notifications": the webhook endpoints of the environment with their health, and a way to make one. */
import { useRef } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { type Column, ListPage, Table, useListPage, useRowKeys } from "../ui/list-page.tsx";
import { useRead } from "../ui/load.tsx";
import { Empty, Said } from "../ui/parts.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { eventWords, RECEIVERS } from "./endpoint-editor.tsx";
import { Health } from "./endpoint-state.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Endpoint" },
  { text: "Health" },
  { text: "Runs", class: "is-wide" },
  { text: "Changed", class: "is-end is-wide", width: "88px" },
];

export function NotificationsPage() {
  const { reader, scope } = useSession();
  const loaded = useListPage(reader.webhookEndpoints.list);
  return (
    <ListPage
      title="Notifications"
      of="endpoints"
      loaded={loaded}
      button={
        <Link
          class="button is-primary"
          href={hrefOf({ name: "new-endpoint", ...scope }, `receiver=${RECEIVERS[0]?.title}`)}
        >
          New endpoint
        </Link>
      }
      empty={<NoEndpoints />}
    >
      {(endpoints) => <EndpointTable endpoints={endpoints} />}
    </ListPage>
  );
}

function NoEndpoints() {
  const { scope } = useSession();
  return (
    <Empty title="Nobody is told yet when a run ends">
      <p>An endpoint tells a chat or a program of yours. Choose who is told:</p>
      <div class="grid">
        {RECEIVERS.map((receiver) => (
          <Link
            key={receiver.title}
            class="tile card"
            href={hrefOf({ name: "new-endpoint", ...scope }, new URLSearchParams({ receiver: receiver.title }))}
          >
            <span class="strong">{receiver.title}</span>
            <br />
            <span class="hint">{receiver.about}</span>
          </Link>
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
        <Said text={status?.origin && URL.parse(status.origin)?.host} />
      </td>
      <td>{status === undefined ? null : <Health status={status} isOff={definition.disabled} />}</td>
      <td class="is-wide">
        {eventWords(definition.events)}
        {definition.onlyOnChange ? ", if changed" : ""}
        {definition.final ? ", final ends" : ""}
        <Said text={definition.actionNames?.join(", ")} />
      </td>
      <td class="is-end is-wide">
        <RelativeTime at={changedAt} />
      </td>
    </tr>
  );
}
