/** The page "Actions": the stored actions by name with their newest runs, a search, and a button that runs each. */
import { useCallback, useRef } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { WAITED_FOR } from "../../words/waiting.ts";
import { hrefOf, Link, useRoute, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { TextField, useDialog } from "../ui/forms.tsx";
import { type Column, ListPage, Table, useListPage, useRowKeys } from "../ui/list-page.tsx";
import { useRead } from "../ui/load.tsx";
import { Button, ByHand, Empty, Labels, Said, StatusMark } from "../ui/parts.tsx";
import { Command, FIRST_DEFINITION, putCommands } from "../ui/shell-commands.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { RunDialog } from "./run-dialog.tsx";

type ListedAction = Schemas["ListedAction"];

const COLUMNS: readonly Column[] = [
  { text: "Action" },
  { text: "Last run", width: "30%" },
  { text: "Webhook", class: "is-wide", width: "18%" },
  { text: "Labels", class: "is-wide", width: "18%" },
  { text: "Run", class: "is-end", width: "64px", isHeard: true },
];

const PAGE = 100;
const POLL_MS = 15_000;
/** As many as the service finds the newest runs of at once. */
const NAMES_AT_ONCE = 40;

export function ActionsPage() {
  const { reader, scope, may } = useSession();
  const router = useRouter();
  const { query } = useRoute();
  const text = query.get("q") ?? "";
  const list = useCallback<typeof reader.actions.list>(
    (asked, options) => reader.actions.list({ ...asked, limit: PAGE }, options),
    [reader],
  );
  const loaded = useListPage(list);
  // Only with many actions: what the page does not have is searched, too.
  const isSearchOfAll = text !== "" && loaded.data !== undefined && (loaded.data.next !== null || !loaded.isFirst);
  const all = useRead(
    async (signal) => {
      if (!isSearchOfAll) return null;
      const actions: ListedAction[] = [];
      for await (const action of reader.actions.list({ limit: PAGE }, { signal })) actions.push(action);
      return actions;
    },
    [reader, isSearchOfAll],
  );
  const mayManage = may("actions:manage");
  const search = (next: string) => {
    const asked = next === "" ? "" : new URLSearchParams({ q: next });
    router.navigate(hrefOf({ name: "actions", ...scope }, asked), { replace: true });
  };
  return (
    <ListPage
      title="Actions"
      of="actions"
      loaded={loaded}
      button={
        <div class="row gap-12">
          <TextField label="Search" type="search" placeholder="name or description" value={text} onText={search} />
          {mayManage ? (
            <Link class="button is-primary" href={hrefOf({ name: "new-action", ...scope })}>
              New action
            </Link>
          ) : null}
        </div>
      }
      empty={text === "" ? <NoActions mayManage={mayManage} /> : undefined}
    >
      {(actions) => {
        const shown = found(all.data ?? actions, text);
        if (shown.length > 0) return <ActionTable actions={shown} />;
        return (
          <p class="muted" role="status">
            No action has “<bdi>{text}</bdi>” in its name or description.
          </p>
        );
      }}
    </ListPage>
  );
}

/** Those whose name or description has each of the words, in any case. */
export function found(actions: readonly ListedAction[], text: string): readonly ListedAction[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return actions.filter(({ name, definition }) => {
    const searched = `${name}\n${definition.description ?? ""}`.toLowerCase();
    return words.every((word) => searched.includes(word));
  });
}

function ActionTable({ actions }: { readonly actions: readonly ListedAction[] }) {
  const { scope, may } = useSession();
  const table = useRef<HTMLTableElement>(null);
  const [dialog, open] = useDialog();
  const run = (action: ListedAction) => open((onClose) => <RunDialog action={action} onClose={onClose} />);
  const newest = useNewestRuns(actions);
  useRowKeys("Actions", "action", table);
  return (
    <>
      <Table tableRef={table} label="Actions" columns={COLUMNS}>
        {actions.map((action) => {
          const { name, definition } = action;
          return (
            <tr key={name}>
              <td>
                <Link class="row-link" href={hrefOf({ name: "action", action: name, ...scope })}>
                  {name}
                </Link>
                {definition.agents === undefined ? null : <span class="beside muted small">for agents</span>}
                <Said text={definition.description} />
              </td>
              <td>{newest === undefined ? null : <LastRun of={newest.get(name)} />}</td>
              <td class="is-wide">
                <Host url={definition.trigger?.url} />
              </td>
              <td class="is-wide">
                <Labels labels={definition.labels} />
              </td>
              <td class="is-end">
                {may("data:write") ? (
                  <Button aria-label={`Run ${name}`} onClick={() => run(action)}>
                    Run
                  </Button>
                ) : null}
              </td>
            </tr>
          );
        })}
      </Table>
      {dialog}
    </>
  );
}

type NewestRun = Schemas["NewestRun"];

/** By action; undefined while it is not known. A failure leaves them out, because the actions themselves are there. */
function useNewestRuns(actions: readonly ListedAction[]): ReadonlyMap<string, NewestRun> | undefined {
  const { reader } = useSession();
  const names = actions.map(({ name }) => name);
  const { data } = useRead(
    async (signal) => {
      const groups = Array.from({ length: Math.ceil(names.length / NAMES_AT_ONCE) }, (_, n) =>
        names.slice(n * NAMES_AT_ONCE, (n + 1) * NAMES_AT_ONCE),
      );
      const runs = await Promise.all(groups.map((group) => reader.runs.newest(group, { signal })));
      return new Map(runs.flat().map((run) => [run.actionName, run]));
    },
    [reader, names.join("\n")],
    { everyMs: POLL_MS },
  );
  return data;
}

function LastRun({ of }: { readonly of: NewestRun | undefined }) {
  const { scope } = useSession();
  if (of === undefined) return <span class="muted">never</span>;
  const { id, actionName, source, status, subject, waiting, createdAt, triggeredBy } = of;
  return (
    <>
      <Link href={hrefOf({ name: "run", ...scope, id }, new URLSearchParams({ actionName }))}>
        <StatusMark status={status} />
      </Link>{" "}
      {subject === null ? null : <bdi>{subject}</bdi>} {source === "action" ? null : <ByHand />}
      <p class="muted">
        <RelativeTime at={createdAt} /> by <bdi>{triggeredBy}</bdi>
        {waiting === null ? null : ` · waits for ${WAITED_FOR[waiting as keyof typeof WAITED_FOR] ?? waiting}`}
      </p>
    </>
  );
}

/** Where the trigger calls. A stored URL always has a host of its own. */
function Host({ url }: { readonly url: string | undefined }) {
  if (url === undefined) return <span class="muted">none</span>;
  return <bdi title={url}>{URL.parse(url)?.host ?? url}</bdi>;
}

function NoActions({ mayManage }: { readonly mayManage: boolean }) {
  const { target } = useSession();
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
