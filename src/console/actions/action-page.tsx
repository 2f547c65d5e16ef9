/**
 * The home of a stored action: its last runs, what it takes and calls, a form to run it, and for those who may, its
 * versions and an editor.
 */

import type { ComponentChildren } from "preact";
import { useCallback, useState } from "preact/hooks";
import { ActionRunsError, type Schemas, type Stored } from "../../client/index.ts";
import { DeleteDialog } from "../definitions/delete-dialog.tsx";
import { useWaitingNote } from "../gates/waiting-note.tsx";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { Button, Icon } from "../ui/button.tsx";
import { Command, Empty } from "../ui/empty.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { ErrorView, type Failure, useLoad } from "../ui/load.tsx";
import { runCommands } from "../ui/shell-commands.ts";
import { RelativeTime } from "../ui/time.tsx";
import { ActionEditor } from "./action-editor.tsx";
import { Fact, GateFacts, TriggerView } from "./action-facts.tsx";
import { Labels } from "./action-list.tsx";
import { RunsPart } from "./last-runs.tsx";
import { NobodyStarts, RunDialog } from "./run-dialog.tsx";
import { formOf, parameterRows } from "./schema-form.ts";
import { useVersions, VersionsPart } from "./versions.tsx";

type Open = "run" | "edit" | "delete" | null;

export function ActionPage({ name }: { readonly name: string }) {
  const { client, scope, reader, may } = useSession();
  const read = useCallback((signal: AbortSignal) => reader.actions.get(name, { signal }), [reader, name]);
  const { data, failure, reload } = useLoad(read);
  // If somebody else deleted the action, the data of an earlier read is wrong.
  const shown = isGone(failure) ? undefined : data;
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const noteWaiting = useWaitingNote();
  const router = useRouter();
  const list = hrefOf({ name: "actions", ...scope });
  useKeys("This action", [{ keys: "Escape", label: "Back to the actions", run: () => router.navigate(list) }]);
  return (
    <div class="page">
      <div class="page-head">
        <div class="action-title">
          <Link class="crumb" href={list}>
            <Icon name="previous" />
            All actions
          </Link>
          <h1 class="break">{name}</h1>
        </div>
        {shown === undefined ? null : (
          <div class="head-buttons">
            {may("actions:manage") ? (
              <>
                <Button kind="quiet" onClick={() => setOpen("delete")}>
                  Delete
                </Button>
                <Button onClick={() => setOpen("edit")}>Edit</Button>
              </>
            ) : null}
            {may("data:write") ? (
              <Button kind={shown.definition.trigger ? "primary" : "plain"} onClick={() => setOpen("run")}>
                Run action
              </Button>
            ) : null}
          </div>
        )}
      </div>
      {isGone(failure) ? (
        <Empty title="There is no action of this name">
          <p>Somebody deleted it, or the name in the address is wrong.</p>
          <p>
            <Link class="button is-plain" href={list}>
              See all actions
            </Link>
          </p>
        </Empty>
      ) : (
        <ErrorView failure={failure} onRetry={reload} isBanner={data !== undefined} />
      )}
      {shown === undefined ? null : <ActionView action={shown} onChanged={reload} />}
      {shown !== undefined && open === "run" ? <RunDialog action={shown} onClose={close} /> : null}
      {shown !== undefined && open === "edit" ? (
        <ActionEditor stored={shown} onClose={close} onStored={reload} />
      ) : null}
      {shown !== undefined && open === "delete" ? (
        <DeleteDialog
          noun="action"
          stored={shown}
          remove={client.actions.delete}
          list={{ name: "actions", ...scope }}
          onClose={close}
          onChanged={reload}
          onDeleted={noteWaiting}
        >
          Nobody can run it afterwards. Its secrets and versions are deleted, too. Runs that have begun continue, and so
          do those that wait. You can't undo this.
        </DeleteDialog>
      ) : null}
    </div>
  );
}

function isGone(failure: Failure | null): boolean {
  return failure?.error instanceof ActionRunsError && failure.error.code === "action_not_found";
}

/* SECTION: An action to read: how its runs went, what it takes and calls, and its versions. */

interface ActionViewProps {
  readonly action: Stored<Schemas["Action"]>;
  /** Called when somebody changed the action. */
  readonly onChanged: () => void;
}

export function ActionView({ action, onChanged }: ActionViewProps) {
  const { target, may } = useSession();
  const { name, version, definition } = action;
  const { description, trigger, timeout, heartbeatTimeout, labels } = definition;
  const versions = useVersions(action);
  const newest = versions.data?.[0];
  const commands = runCommands(target, name);
  return (
    <div class="action-view">
      {description === undefined ? null : (
        <p class="action-description">
          <bdi>{description}</bdi>
        </p>
      )}
      <dl class="action-facts">
        <Fact term="Version">{version}</Fact>
        {newest === undefined ? null : (
          <Fact term="Changed">
            <RelativeTime at={newest.changedAt} /> by <bdi>{newest.actorName}</bdi>
          </Fact>
        )}
        <Fact term="Timeout">{minutes(timeout ?? 60)}</Fact>
        <Fact term="Without a heartbeat">
          {heartbeatTimeout === undefined ? "may be silent" : `fails after ${minutes(heartbeatTimeout)}`}
        </Fact>
        <GateFacts of={definition} />
        {labels === undefined ? null : (
          <Fact term="Labels">
            <Labels labels={labels} />
          </Fact>
        )}
      </dl>
      {trigger === undefined ? <NobodyStarts /> : null}
      <Part title="Last runs">
        <RunsPart name={name} />
      </Part>
      <Part title="Parameters">
        <Parameters schema={definition.parametersSchema} />
      </Part>
      <Part title="Webhook">
        {trigger === undefined ? (
          <p class="muted">None. Run this action from the program that does the job, or add a trigger.</p>
        ) : (
          <TriggerView trigger={trigger} />
        )}
      </Part>
      {may("data:write") ? (
        <Part title="Run it from a terminal">
          <p class="muted">With your token in $ACTION_RUNS_TOKEN.</p>
          <Command what="command" text={commands.cli} />
          <Command what="curl command" text={commands.curl} />
        </Part>
      ) : null}
      {may("actions:manage") ? (
        <Part title="Versions">
          <VersionsPart action={action} loaded={versions} onChanged={onChanged} />
        </Part>
      ) : null}
      <Part title="Definition">
        <JsonTree what="JSON" value={definition} />
      </Part>
    </div>
  );
}

interface PartProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

/** Without a name of its own, because the dialogs have fields of these names. */
function Part({ title, children }: PartProps) {
  return (
    <section class="part">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Parameters({ schema }: { readonly schema: Readonly<Record<string, unknown>> | undefined }) {
  if (schema === undefined) {
    return <p class="muted">Any parameters. The action has no schema, so nothing checks them.</p>;
  }
  const form = formOf(schema);
  if (form.kind !== "group") return <JsonTree what="schema" value={schema} />;
  const rows = parameterRows(form);
  if (rows.length === 0) return <p class="muted">None.</p>;
  return (
    <table class="table parameters-table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ pointer, name, type, isRequired, suggested, limits, about }) => (
          <tr key={pointer}>
            <td>
              <code>
                <bdi>{name}</bdi>
              </code>
              {isRequired ? <span class="required">required</span> : null}
              {about === null ? null : (
                <p class="muted">
                  <bdi>{about}</bdi>
                </p>
              )}
            </td>
            <td>
              <bdi>{type}</bdi>
              {limits === null ? null : (
                <p class="muted">
                  <bdi>{limits}</bdi>
                </p>
              )}
              {suggested === null ? null : (
                <p class="muted">
                  default <code class="break">{suggested}</code>
                </p>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function minutes(count: number): string {
  return count === 1 ? "1 minute" : `${count} minutes`;
}
