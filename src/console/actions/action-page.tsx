/**
 * The home of a stored action: its last runs, what it takes and calls, a form to run it, and for those who may, its
 * versions and an editor.
 */
import { counted } from "../../words/statuses.ts";
import { DefinitionPage, Part } from "../definitions/definition-page.tsx";
import { useVersions, VersionsPart } from "../definitions/versions.tsx";
import { useWaitingNote } from "../gates/waiting-note.tsx";
import { hrefOf, useRoute, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { DialogButton } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { useRead } from "../ui/load.tsx";
import { Fact, Labels, Said } from "../ui/parts.tsx";
import { Command, runCommands } from "../ui/shell-commands.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { ACTION } from "./action-editor.tsx";
import { GateFacts, TriggerView } from "./action-facts.tsx";
import { RunsPart } from "./last-runs.tsx";
import { ActionTestDialog, untestable, useTrialParameters } from "./request-preview.tsx";
import { NobodyStarts, RunDialog } from "./run-dialog.tsx";
import { aboutOf, fieldsIn, formOf } from "./schema-form.ts";
import { StartsPart } from "./starts-part.tsx";
import type { StoredAction } from "./use-action.ts";

export function ActionPage({ name }: { readonly name: string }) {
  const { scope, reader, may } = useSession();
  const loaded = useRead<StoredAction>((signal) => reader.actions.get(name, { signal }), [reader, name]);
  const noteWaiting = useWaitingNote();
  const router = useRouter();
  // The editor leads here with it, after "Save and run".
  const isToRun = useRoute().query.has("run");
  return (
    <DefinitionPage
      kind={ACTION}
      name={name}
      loaded={loaded}
      onDeleted={noteWaiting}
      quietly={(shown) => (
        <DialogButton
          kind="quiet"
          disabled={untestable(shown.definition) !== null}
          title={untestable(shown.definition) ?? undefined}
          dialog={(close) => <StoredTestDialog action={shown} onClose={close} />}
        >
          Send a test …
        </DialogButton>
      )}
      button={(shown) =>
        may("data:write") ? (
          <DialogButton
            kind={shown.definition.trigger ? "primary" : "plain"}
            isOpenAtFirst={isToRun}
            dialog={(close) => (
              <RunDialog
                action={shown}
                onClose={() => {
                  close();
                  if (isToRun) router.navigate(hrefOf({ name: "action", action: name, ...scope }), { replace: true });
                }}
              />
            )}
          >
            Run action
          </DialogButton>
        ) : null
      }
    >
      {(shown) => <ActionView action={shown} onChanged={loaded.reload} />}
    </DefinitionPage>
  );
}

function StoredTestDialog({ action, onClose }: { readonly action: StoredAction; readonly onClose: () => void }) {
  const { name, definition } = action;
  const parameters = useTrialParameters(name, definition.parametersSchema);
  if (parameters === null) return null;
  return <ActionTestDialog name={name} body={null} parameters={parameters} onClose={onClose} />;
}

interface ActionViewProps {
  readonly action: StoredAction;
  /** Called when somebody changed the action. */
  readonly onChanged: () => void;
}

function ActionView({ action, onChanged }: ActionViewProps) {
  const { target, may } = useSession();
  const { name, version, definition } = action;
  const { description, trigger, timeout, heartbeatTimeout, labels } = definition;
  const versions = useVersions(ACTION, action);
  const newest = versions.data?.[0];
  const commands = runCommands(target, name);
  return (
    <>
      <Said class="action-description" text={description} />
      <dl class="facts row">
        <Fact term="Version">{version}</Fact>
        <Fact term="Changed">
          {newest && (
            <>
              <RelativeTime at={newest.changedAt} /> by <bdi>{newest.actorName}</bdi>
            </>
          )}
        </Fact>
        <Fact term="Timeout">{counted(timeout ?? 60, "minute")}</Fact>
        <Fact term="Without a heartbeat">
          {heartbeatTimeout === undefined ? "may be silent" : `fails after ${counted(heartbeatTimeout, "minute")}`}
        </Fact>
        <GateFacts of={definition} />
        <Fact term="Labels">{labels && <Labels labels={labels} />}</Fact>
      </dl>
      {trigger === undefined ? <NobodyStarts /> : null}
      <Part title="Last runs">
        <RunsPart of="action" value={name} />
      </Part>
      {trigger === undefined ? null : (
        <Part title="What starts it">
          <StartsPart action={action} onChanged={onChanged} />
        </Part>
      )}
      <Part title="Parameters">
        <Parameters schema={definition.parametersSchema} />
      </Part>
      <Part title="Webhook">
        {trigger === undefined ? (
          <p class="muted">None. Run this action from the program that does the job, or add a trigger.</p>
        ) : (
          <TriggerView trigger={trigger} reporter={definition.reporter} />
        )}
      </Part>
      {may("data:write") ? (
        <Part title="Run it from a terminal">
          <p class="muted">With your token in $ACTION_RUNS_TOKEN.</p>
          <Command what="command" text={commands.cli} />
          <Command what="curl command" text={commands.curl} />
        </Part>
      ) : null}
      <VersionsPart kind={ACTION} stored={action} loaded={versions} onChanged={onChanged} />
    </>
  );
}

const COLUMNS: readonly Column[] = [{ text: "Name" }, { text: "Value" }];

function Parameters({ schema }: { readonly schema: Readonly<Record<string, unknown>> | undefined }) {
  if (schema === undefined) {
    return <p class="muted">Any parameters. The action has no schema, so nothing checks them.</p>;
  }
  const form = formOf(schema);
  if (form.kind !== "group") return <JsonTree what="schema" value={schema} />;
  const rows = fieldsIn(form);
  if (rows.length === 0) return <p class="muted">None.</p>;
  return (
    <Table label="What a run takes" class="parameters-table" columns={COLUMNS}>
      {rows.map(([name, field]) => (
        <tr key={field.pointer}>
          <td>
            <code>
              <bdi>{name}</bdi>
            </code>
            {field.isRequired ? <span class="beside muted small">required</span> : null}
            <Said text={aboutOf(field)} />
          </td>
          <td>
            <bdi>{field.takes}</bdi>
            <Said text={field.limits} />
            {field.suggested === undefined ? null : (
              <p class="muted">
                default <code class="break">{JSON.stringify(field.suggested)}</code>
              </p>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}
