/** Whether a run can be retried, who then starts its job, the automatic retry that follows it, and the dialog. */
import { useMemo } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { parseExact } from "../../words/typed-json.ts";
import { changeIn, draftOf, type Filled, keptValues, parametersOf, textsOf } from "../actions/form-values.ts";
import { inBody, ParameterFields, useParameterTexts } from "../actions/parameter-fields.tsx";
import { useAction } from "../actions/run-dialog.tsx";
import { formOf, pointersOf } from "../actions/schema-form.ts";
import { readLocalTime, START_AT, StartAt, startAtOf } from "../gates/local-time.tsx";
import { useRouter } from "../router.tsx";
import { RunLink, useRunHref } from "../runs/run-link.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, useForm } from "../ui/forms.tsx";
import { JsonTree, TextBlock } from "../ui/json-tree.tsx";
import { useOnChange, useRead } from "../ui/load.tsx";
import { StatusMark, StatusNote, useNotices } from "../ui/parts.tsx";
import { CommandDetails, retryCommands } from "../ui/shell-commands.tsx";
import { Countdown, useZone } from "../ui/time.tsx";
import { indentedMember } from "./values.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

/** The stored action that the run came from, as it is now. Null: it is deleted. Undefined: it is not read yet. */
type ActionNow = Schemas["ActionDefinition"] | null | undefined;

export type ActionOfRun = ReturnType<typeof useActionOfRun>;

/**
 * Reads the action only for somebody who may retry the run. The first read comes when the page opens, so that the page
 * can offer a retry as soon as the run ends. The second comes at the end.
 */
export function useActionOfRun({ status, details }: DetailedActionRun) {
  const { may } = useSession();
  const { data, failure, reload } = useAction(may("data:write") ? details?.action?.name : undefined);
  useOnChange(isOpen(status), (wasOpen) => wasOpen && reload());
  const action: ActionNow = data === null ? null : data?.definition;
  return { action, failure, reload };
}

type Retrying =
  /** The run is open or erased, its action is not read yet, or the service is about to retry it by itself. */
  | "not_now"
  | "possible"
  /** Its trigger came with the create, and the service does not keep such triggers. */
  | "trigger_not_kept"
  /** A retry needs the stored action, and the action is deleted. */
  | "action_deleted";

/** `isPlanned`: the service retries it by itself, and that retry has not begun. */
export function retryingOf({ status, details }: DetailedActionRun, action: ActionNow, isPlanned = false): Retrying {
  if (isPlanned || isOpen(status) || details === undefined || details.erasedAt !== undefined) return "not_now";
  if (details.source === "trigger") return "trigger_not_kept";
  if (details.source === "none") return "possible";
  return action === undefined ? "not_now" : action === null ? "action_deleted" : "possible";
}

type Starter = "service" | "creator" | null;

/** Who starts the job of the run and of its retry: the service through a trigger, or the creator. Null: nobody knows. */
export function starterOf({ details }: DetailedActionRun, action: ActionNow): Starter {
  if (details?.source === "trigger") return "service";
  if (details?.source === "none") return "creator";
  return action == null ? null : action.trigger === undefined ? "creator" : "service";
}

interface RetryNoteProps {
  readonly retrying: Retrying;
  readonly starter: Starter;
  readonly name: string;
}

export function RetryNote({ retrying, starter, name }: RetryNoteProps) {
  if (retrying === "not_now" || (retrying === "possible" && starter !== "creator")) return null;
  return (
    <p class="hint">
      {retrying === "possible" &&
        "No trigger starts the job of this run or of its retry. You must start the job if you retry the run."}
      {retrying === "trigger_not_kept" &&
        "This run can't be retried here. Its trigger came with the request, and the service does not keep such a trigger. Store the trigger as an action, and start runs through the action."}
      {retrying === "action_deleted" && (
        <>
          This run can't be retried. Its action <bdi>{name}</bdi> is deleted. Store an action of that name again, and
          then retry the run.
        </>
      )}
    </p>
  );
}

const POLL_MS = 5000;

function isWaiting(run: DetailedActionRun | undefined): boolean {
  return run?.status === "pending" && run.details?.waiting != null;
}

/** A retry that waits can start, end or be replaced at any time. */
function paceOf(run: DetailedActionRun | undefined): number | undefined {
  return isWaiting(run) ? POLL_MS : undefined;
}

/**
 * `run`: the run that retries this one; undefined if there is none, or if it is not read yet. `isPlanned`: it will come, or
 * waits. Until it begins, the service refuses any other retry. `reload` reads this run again: if its retry never begins,
 * this run then says why.
 */
export function useAutomaticRetry({ details }: DetailedActionRun, reload: () => void) {
  const { reader } = useSession();
  const { runId = null, dropped = null } = details?.retry ?? {};
  const isComing = details?.retry != null && dropped === null;
  const { data: run, failure } = useRead(
    async (signal) => (runId === null ? undefined : reader.runs.get(runId, { include: "details", signal })),
    [reader, runId],
    { everyMs: paceOf },
  );
  useOnChange(isWaiting(run), (wasWaiting) => wasWaiting && reload());
  return { run, isPlanned: isComing && (run === undefined ? failure === null : isWaiting(run)) };
}

interface AutomaticRetryNoteProps extends ReturnType<typeof useAutomaticRetry> {
  readonly next: NonNullable<NonNullable<DetailedActionRun["details"]>["retry"]>;
}

/** When the automatic retry comes, which run it is, or why there is none after all. `run`: the retry. */
export function AutomaticRetryNote({ next: { at, attempt, runId, dropped }, run, isPlanned }: AutomaticRetryNoteProps) {
  const { may } = useSession();
  const { when } = useZone();
  return (
    <StatusNote status={dropped === null ? "pending" : "cancelled"}>
      <p>
        Automatic retry {attempt}
        {dropped === null ? null : (
          <>
            {" does not start. "}
            <bdi>{dropped}</bdi>
            {runId === null ? "" : " Its run"}
          </>
        )}
        {isPlanned && ` starts ${when(at)}, `}
        {isPlanned ? <Countdown until={at} /> : null}
        {runId === null ? null : (
          <>
            : <RunLink id={runId} /> {run === undefined || dropped !== null ? null : <StatusMark status={run.status} />}
          </>
        )}
      </p>
      {isPlanned && may("data:write") ? (
        <p class="muted">
          Until it starts, nobody else can retry this run. Open the run that waits to start it now or to cancel it.
        </p>
      ) : null}
    </StatusNote>
  );
}

/* SECTION: The dialog: a form of the parameters, which marks what somebody changes. */

interface RetryDialogProps {
  readonly run: DetailedActionRun;
  /** The run as the server sent it. */
  readonly text: string;
  /** The run's action as it is now; undefined if the run came from none. */
  readonly action: Schemas["ActionDefinition"] | undefined;
  /** Whether the service starts the job. If not, the new run waits for somebody else to do it. */
  readonly isDispatched: boolean;
  readonly onClose: () => void;
  /** Called if the service is about to retry the run by itself. */
  readonly onPlanned: () => void;
}

export function RetryDialog({ run, text, action, isDispatched, onClose, onPlanned }: RetryDialogProps) {
  const { client, target } = useSession();
  const { note } = useNotices();
  const router = useRouter();
  const hrefOfRun = useRunHref();
  const form = useMemo(() => formOf(action?.parametersSchema), [action]);
  const before = useMemo(
    () => ({ values: run.parameters, texts: textsOf(form, run.parameters) }),
    [form, run.parameters],
  );
  const parameters = useParameterTexts(form, before.texts, (texts) => draftOf(form, texts, before));
  const fields = [START_AT, ...pointersOf(parameters.form).map(inBody)];
  const { change, texts, field } = useForm({ [START_AT]: "" }, { fields });
  const kept = parameters.isJson ? [] : keptValues(form, before);
  const original = useMemo(() => indentedMember(text, "parameters") ?? "{}", [text]);
  const exact = useMemo(() => parseExact(original), [original]);

  const filled: Filled = parameters.isJson
    ? parametersOf(parameters.form, parameters.texts)
    : parametersOf(form, parameters.texts, before);
  // Parameters that nobody changed are not sent, so the service takes them from the run.
  const isChanged = "value" in filled && JSON.stringify(filled.value) !== JSON.stringify(run.parameters);
  const changed = isChanged ? (filled.value as typeof run.parameters) : undefined;

  function send() {
    if ("problems" in filled) {
      return change.refuse(new Map([...filled.problems].map(([at, problem]) => [inBody(at), problem])));
    }
    const start = startAtOf(texts[START_AT], change);
    if (start === null) return;
    const body = { parameters: changed, ...start };
    change.submit({
      body,
      send: (options) => client.runs.retry(run.id, { ...body, ...options }),
      done({ id }) {
        onClose();
        router.navigate(hrefOfRun(id));
        note("This is the new run.");
      },
      explain({ code }) {
        if (code === "retry_planned") onPlanned();
      },
    });
  }
  const changedText = changed === undefined ? null : JSON.stringify(changed);
  const commands = retryCommands(target, run.id, changedText, readLocalTime(texts[START_AT]) ?? undefined);
  return (
    <ChangeDialog
      title="Retry run"
      change={change}
      onSubmit={send}
      onClose={onClose}
      verb="Retry run"
      kind={isDispatched ? "primary" : "plain"}
      keep="Close"
      class="wide-form"
      besides={<CommandDetails pairs={[["to retry the run", commands]]} />}
    >
      <p class="muted">This makes a new run with the same inputs and labels.</p>
      {isDispatched ? null : (
        <p class="note is-warning">
          No trigger starts its job. You must start the job yourself. The job needs the run's callback token to report.
          Only the command below shows that token.
        </p>
      )}
      {"problem" in exact ? (
        <>
          <p class="note is-warning">{exact.problem} So you can retry the run only with the same parameters.</p>
          <TextBlock name="parameters of the retry" text={original} />
        </>
      ) : (
        <>
          <ParameterFields
            parameters={parameters}
            problemAt={(pointer) => change.problems.get(inBody(pointer))}
            changeIn={(one) => (parameters.isJson ? null : changeIn(one, before.texts, parameters.texts))}
          />
          {kept.length === 0 ? null : (
            <div class="stack">
              <p>The new run gets these values as well, although the action's form has no field for them.</p>
              <JsonTree what="kept values" value={Object.fromEntries(kept.map(({ name, value }) => [name, value]))} />
            </div>
          )}
        </>
      )}
      {isDispatched ? <StartAt {...field(START_AT)} /> : null}
    </ChangeDialog>
  );
}
