/** The home of a stored action: its last runs, what it takes and calls, its versions, and a form to run it. */

import type { Schemas } from "../../client/index.ts";
import { formatDuration } from "../../words/durations.ts";
import { counted } from "../../words/statuses.ts";
import { DefinitionPage, Part } from "../definitions/definition-page.tsx";
import { useVersions, VersionsPart } from "../definitions/versions.tsx";
import { useWaitingNote } from "../gates/waiting-note.tsx";
import { hrefOf, Link, useRoute, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { DialogButton } from "../ui/forms.tsx";
import { JsonTree } from "../ui/json-tree.tsx";
import { type Column, Table } from "../ui/list-page.tsx";
import { useRead } from "../ui/load.tsx";
import { Fact, Labels, Said } from "../ui/parts.tsx";
import { Command, runCommands } from "../ui/shell-commands.tsx";
import { RelativeTime } from "../ui/time.tsx";
import { ACTION } from "./action-editor.tsx";
import { RunsPart } from "./last-runs.tsx";
import { ActionTestDialog, untestable, useTrialParameters } from "./request-preview.tsx";
import { NobodyStarts, RunDialog, type StoredAction } from "./run-dialog.tsx";
import { aboutOf, fieldsIn, formOf } from "./schema-form.ts";
import { StartsPart } from "./starts-part.tsx";

type Action = Schemas["Action"];

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

function ActionView({ action, onChanged }: { readonly action: StoredAction; readonly onChanged: () => void }) {
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
        <TriggerView of={definition} />
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

/* SECTION: What an action calls to start and to stop the work. Secrets are only named: the service shows null for them. */

function TriggerView({ of: { trigger, reporter } }: { readonly of: Action }) {
  if (trigger === undefined) {
    return <p class="muted">None. Run this action from the program that does the job, or add a trigger.</p>;
  }
  const { method, url, headers, secrets, signingSecret, payload, accepted } = trigger;
  const { retry = {}, startOn, link, cancel } = trigger;
  const { maxAttempts, initialDelayMs = 1000 } = retry;
  const most = maxAttempts === undefined ? "for half of the timeout, at most 1 h" : `at most ${maxAttempts}`;
  return (
    <dl class="facts is-ruled stack gap-0">
      <Fact term="Calls">
        <Address method={method} url={url} />
      </Fact>
      <Texts term="Headers" of={headers} />
      <Texts term="Secrets" of={secrets} />
      <Fact term="Signature">{signingSecret === undefined ? "none" : "Standard Webhooks, with a secret"}</Fact>
      <Fact term="Body">{payload === undefined ? null : <JsonTree what="body" value={payload} />}</Fact>
      <Fact term="Attempts">
        {maxAttempts === 1 ? "1" : `${most}, the second after at most ${formatDuration(initialDelayMs)}`}
      </Fact>
      <Fact term="A 2xx counts if">{accepted && <JsonTree what="conditions" value={accepted} />}</Fact>
      <Fact term="A run starts">
        {startOn === "accepted" ? "when the webhook is answered with 2xx" : "with its first heartbeat"}
      </Fact>
      <Fact term="Link to the job">{link && <code class="break">{link}</code>}</Fact>
      <Fact term="Reports without a token">{reporter && <JsonTree what="reporter" value={reporter} />}</Fact>
      <Fact term="A cancel calls">{cancel && <Address method={cancel.method} url={cancel.url} />}</Fact>
      <Texts term="Its headers" of={cancel?.headers} />
      <Fact term="Its body">
        {cancel?.payload === undefined ? null : <JsonTree what="body of the stop request" value={cancel.payload} />}
      </Fact>
    </dl>
  );
}

/** Not a link: people don't open what a webhook calls. */
function Address({ method, url }: { readonly method: string; readonly url: string }) {
  return (
    <code class="break">
      <span class="muted">{method}</span> <bdi>{url}</bdi>
    </code>
  );
}

interface TextsProps {
  readonly term: string;
  readonly of: Readonly<Record<string, string | null>> | undefined;
}

function Texts({ term, of = {} }: TextsProps) {
  const texts = Object.entries(of);
  const shown = texts.map(([name, text]) => (
    <span key={name} class="chip" title={`${name}: ${text ?? "its value is a secret"}`}>
      <bdi>{text === null ? name : `${name}: ${text}`}</bdi>
      {text === null ? (
        <>
          {" "}
          <span aria-hidden="true">•••</span>
          <span class="only-heard">is secret</span>
        </>
      ) : null}
    </span>
  ));
  return <Fact term={term}>{texts.length === 0 ? null : <span class="row gap-4">{shown}</span>}</Fact>;
}

const CONFLICTS: Readonly<Record<NonNullable<Action["concurrency"]>["onConflict"], string>> = {
  queue: "others wait",
  cancel_running: "a newer run replaces the others",
  reject: "others are refused",
};

function GateFacts({ of: { approval, concurrency } }: { readonly of: Action }) {
  const { scope } = useSession();
  return (
    <>
      <Fact term="Approvals">
        {approval && (
          <>
            {approval.required}
            {approval.allowSelf ? "" : ", by somebody else"}
            {approval.tokens === undefined ? "" : `, only by ${counted(approval.tokens.length, "named token")}`}
          </>
        )}
      </Fact>
      <Fact term="Group">
        {concurrency && (
          <>
            <Link href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ group: concurrency.group }))}>
              {concurrency.group}
            </Link>
            {concurrency.key === undefined ? null : (
              <>
                {" for each "}
                <code>
                  <bdi>{concurrency.key}</bdi>
                </code>
              </>
            )}
            : {concurrency.limit} at once, {CONFLICTS[concurrency.onConflict]}
          </>
        )}
      </Fact>
    </>
  );
}
