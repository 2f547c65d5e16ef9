/**
 * The page "Actions": the stored actions of the environment by name, and for those who may, a way to store a new one.
 */
import { useRef, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { hrefOf, Link } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { Command, Empty } from "../ui/empty.tsx";
import { Labels } from "../ui/facts.tsx";
import { type Column, ListPage, Table, useListPage, useRowKeys } from "../ui/list-page.tsx";
import { FIRST_DEFINITION, putCommands } from "../ui/shell-commands.ts";
import { RelativeTime } from "../ui/time.tsx";
import { ActionEditor } from "./action-editor.tsx";

const COLUMNS: readonly Column[] = [
  { text: "Action" },
  { text: "Webhook", class: "is-wide", width: "22%" },
  { text: "Labels", class: "is-wide", width: "24%" },
  { text: "Changed", class: "is-end", width: "88px" },
];

export function ActionsPage() {
  const { reader, may } = useSession();
  const loaded = useListPage(reader.actions.list);
  const [isNew, setNew] = useState(false);
  const mayManage = may("actions:manage");
  return (
    <>
      <ListPage
        title="Actions"
        of="actions"
        loaded={loaded}
        button={
          mayManage ? (
            <Button kind="primary" onClick={() => setNew(true)}>
              New action
            </Button>
          ) : null
        }
      >
        {(actions) =>
          actions.length === 0 ? (
            <NoActions mayManage={mayManage} isFirstPage={loaded.isFirst} />
          ) : (
            <ActionTable actions={actions} />
          )
        }
      </ListPage>
      {isNew ? <ActionEditor stored={null} onClose={() => setNew(false)} onStored={loaded.reload} /> : null}
    </>
  );
}

function ActionTable({ actions }: { readonly actions: readonly Schemas["ListedAction"][] }) {
  const { scope } = useSession();
  const table = useRef<HTMLTableElement>(null);
  useRowKeys("Actions", "action", table);
  return (
    <Table tableRef={table} label="Actions" columns={COLUMNS}>
      {actions.map(({ name, changedAt, definition }) => (
        <tr key={name}>
          <td>
            <Link class="row-link" href={hrefOf({ name: "action", action: name, ...scope })}>
              {name}
            </Link>
            {definition.description === undefined ? null : (
              <p class="muted">
                <bdi>{definition.description}</bdi>
              </p>
            )}
          </td>
          <td class="is-wide">
            <Host url={definition.trigger?.url} />
          </td>
          <td class="is-wide">
            <Labels labels={definition.labels} />
          </td>
          <td class="is-end">
            <RelativeTime at={changedAt} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** Where the trigger calls. A stored URL always has a host of its own. */
function Host({ url }: { readonly url: string | undefined }) {
  if (url === undefined) return <span class="muted">none</span>;
  return <bdi title={url}>{URL.parse(url)?.host ?? url}</bdi>;
}

function NoActions({ mayManage, isFirstPage }: { readonly mayManage: boolean; readonly isFirstPage: boolean }) {
  const { target } = useSession();
  if (!isFirstPage) return <Empty title="There are no more actions" />;
  const commands = putCommands(target, "deploy", FIRST_DEFINITION);
  return (
    <Empty title="No action is stored here yet">
      <p>
        An action is a webhook, its secrets and the parameters that it takes, stored under a name. People and programs
        then run it by that name.
      </p>
      {mayManage ? (
        <>
          <p>Press “New action”, or save the definition in deploy.json and store it from a terminal:</p>
          <Command what="command" text={commands.cli} />
          <p>Or with curl, with your token in $ACTION_RUNS_TOKEN:</p>
          <Command what="curl command" text={commands.curl} />
        </>
      ) : (
        <p>Your token can't store actions. Ask somebody whose token has the role owner or admin.</p>
      )}
    </Empty>
  );
}
