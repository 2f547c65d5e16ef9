/**
 * The home of a stored action: its last runs, what it takes and calls, a form to run it, and for those who may, its
 * versions and an editor.
 */
import type { ComponentChildren } from "preact";
import { counted } from "../../words/statuses.ts";
import { DefinitionPage } from "../definitions/definition-page.tsx";
import type { DefinitionKind } from "../definitions/kind.ts";
import { useVersions, VersionsPart } from "../definitions/versions.tsx";
import { useWaitingNote } from "../gates/waiting-note.tsx";
import type { Page } from "../pages.ts";
import { hrefOf, Link, useRoute, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { useRead } from "../ui/load.tsx";
import { Button, Fact, Labels } from "../ui/parts.tsx";
import { Command, runCommands } from "../ui/shell-commands.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { type StoredAction, useActionKind } from "./action-editor.tsx";
import { GateFacts, TriggerView } from "./action-facts.tsx";
import { ActionTestDialog, untestable } from "./action-test.tsx";
import { RunsPart } from "./last-runs.tsx";
import { useTrialParameters } from "./request-preview.tsx";
import { NobodyStarts, RunDialog } from "./run-dialog.tsx";
import { formOf, parameterRows } from "./schema-form.ts";
import { StartsPart } from "./starts-part.tsx";

export function ActionPage({ name }: { readonly name: string }) {
  const { scope, reader, may } = useSession();
  const kind = useActionKind();
  const loaded = useRead<StoredAction>((signal) => reader.actions.get(name, { signal }), [reader, name]);
  const { reload } = loaded;
  const noteWaiting = useWaitingNote();
  const router = useRouter();
  const { query } = useRoute();
  // The editor leads here with it, after "Save and run".
  const isToRun = query.has("run") && may("data:write");
  const page: Page = { name: "action", action: name, ...scope };
  return (
    <DefinitionPage
      kind={kind}
      name={name}
      loaded={loaded}
      mayDelete={may("actions:manage")}
      onDeleted={noteWaiting}
      buttons={({ definition }, show: (dialog: "run" | "test") => void) => (
        <>
          {may("actions:manage") ? (
            <>
              <Button
                kind="quiet"
                disabled={untestable(definition) !== null}
                title={untestable(definition) ?? undefined}
                onClick={() => show("test")}
              >
                Send a test …
              </Button>
              <Link class="button is-plain" href={hrefOf({ ...page, name: "edit-action" })}>
                Edit
              </Link>
            </>
          ) : null}
          {may("data:write") ? (
            <Button kind={definition.trigger ? "primary" : "plain"} onClick={() => show("run")}>
              Run action
            </Button>
          ) : null}
        </>
      )}
    >
      {(shown, { open, close }) => (
        <>
          <ActionView kind={kind} action={shown} onChanged={reload} />
          {open === "test" ? <StoredTestDialog action={shown} onClose={close} /> : null}
          {open === "run" || isToRun ? (
            <RunDialog
              action={shown}
              onClose={() => {
                close();
                if (isToRun) router.navigate(hrefOf(page), { replace: true });
              }}
            />
          ) : null}
        </>
      )}
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
  readonly kind: DefinitionKind<StoredAction>;
  readonly action: StoredAction;
  /** Called when somebody changed the action. */
  readonly onChanged: () => void;
}

function ActionView({ kind, action, onChanged }: ActionViewProps) {
  const { target, may } = useSession();
  const { name, version, definition } = action;
  const { description, trigger, timeout, heartbeatTimeout, labels } = definition;
  const versions = useVersions(kind, action);
  const newest = versions.data?.[0];
  const commands = runCommands(target, name);
  return (
    <div class="stack gap-24">
      {description === undefined ? null : (
        <p class="action-description muted">
          <bdi>{description}</bdi>
        </p>
      )}
      <dl class="facts row">
        <Fact term="Version">{version}</Fact>
        {newest === undefined ? null : (
          <Fact term="Changed">
            <RelativeTime at={newest.changedAt} /> by <bdi>{newest.actorName}</bdi>
          </Fact>
        )}
        <Fact term="Timeout">{counted(timeout ?? 60, "minute")}</Fact>
        <Fact term="Without a heartbeat">
          {heartbeatTimeout === undefined ? "may be silent" : `fails after ${counted(heartbeatTimeout, "minute")}`}
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
        <RunsPart of="action" value={name} />
      </Part>
      {trigger === undefined ? null : (
        <Part title="What starts it">
          <StartsPart kind={kind} action={action} onChanged={onChanged} />
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
      {may("actions:manage") ? (
        <Part title="Versions">
          <VersionsPart kind={kind} stored={action} loaded={versions} onChanged={onChanged} />
        </Part>
      ) : null}
      <Part title="Definition">
        <JsonTree what="JSON" value={definition} />
      </Part>
    </div>
  );
}

/** Without a name of its own, because the dialogs have fields of these names. */
function Part({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <section class="stack">
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
              {isRequired ? <span class="beside muted small">required</span> : null}
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
