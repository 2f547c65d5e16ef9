/** An action to read: how its runs went, what it takes and calls, and its versions. */

import type { ComponentChildren } from "preact";
import type { StoredAction } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Command } from "../ui/empty.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { Labels } from "./actions-page.tsx";
import { runCommands } from "./commands.ts";
import { GateFacts } from "./gate-facts.tsx";
import { parameterRows } from "./parameter-rows.ts";
import { NobodyStarts } from "./run-dialog.tsx";
import { RunsPart } from "./runs-part.tsx";
import { formOf } from "./schema-form.ts";
import { Fact, TriggerView } from "./trigger-view.tsx";
import { useVersions, VersionsPart } from "./versions-part.tsx";

interface ActionViewProps {
  readonly action: StoredAction;
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
