/** The dialogs that the buttons of one run open. */
import type { Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { type Decision, DecisionDialog } from "../gates/approval.tsx";
import { useGateNews } from "../gates/pause.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, type Problems, TextField, useForm } from "../ui/forms.tsx";
import { useNotices } from "../ui/parts.tsx";
import { type CancelWords, CommandDetails, cancelCommands } from "../ui/shell-commands.tsx";
import { useZone } from "../ui/time.tsx";
import { type ActionOfRun, RetryDialog } from "./retry.tsx";

export type RunDialog = "cancel" | "retry" | "release" | "through" | Decision;

interface RunDialogsProps extends DialogOfRunProps {
  readonly open: RunDialog | null;
  readonly text: string;
  readonly actionOfRun: ActionOfRun;
  /** Whether the service starts the job of a retry. */
  readonly isDispatched: boolean;
  readonly reload: () => void;
}

export function RunDialogs({ open, run, text, actionOfRun, isDispatched, onClose, reload }: RunDialogsProps) {
  const { reload: reloadGateNews } = useGateNews();
  function close() {
    onClose();
    reload();
    reloadGateNews();
  }
  switch (open) {
    case null:
      return null;
    case "cancel":
      return <CancelDialog run={run} onClose={close} />;
    case "release":
    case "through":
      return <ReleaseDialog run={run} isThrough={open === "through"} onClose={close} />;
    case "retry":
      return (
        <RetryDialog
          run={run}
          text={text}
          action={actionOfRun.action ?? undefined}
          isDispatched={isDispatched}
          onPlanned={reload}
          onClose={() => {
            onClose();
            actionOfRun.reload();
          }}
        />
      );
    default:
      return <DecisionDialog decision={open} run={run} onClose={close} />;
  }
}

interface DialogOfRunProps {
  readonly run: Schemas["DetailedActionRun"];
  /** Also called after the change. */
  readonly onClose: () => void;
}

function CancelDialog({ run: { id, status }, onClose }: DialogOfRunProps) {
  const { client, target } = useSession();
  const { note } = useNotices();
  const { change, texts, field } = useForm(NO_CANCEL);
  const read = readCancel(texts);

  function send() {
    if ("problems" in read) return change.refuse(read.problems);
    const { value: body } = read;
    change.submit({
      body,
      send: (options) => client.runs.cancel(id, { ...body, ...options, include: "details" }),
      done(after) {
        onClose();
        note(isOpen(after.status) ? "The job was asked to stop." : "The run is cancelled.");
      },
    });
  }
  const commands = cancelCommands(target, id, "problems" in read ? {} : read.value);
  return (
    <ChangeDialog
      title="Cancel run"
      change={change}
      onSubmit={send}
      onClose={onClose}
      verb="Cancel run"
      kind="danger"
      keep="Keep the run"
      besides={<CommandDetails pairs={[["to cancel the run", commands]]} />}
    >
      <p class="muted">
        {status === "pending"
          ? "The run is pending. It ends at once, and its job does not start."
          : "The job is asked to stop. The run ends when the job reports, or when its time is up."}
      </p>
      <CancelFields field={field} />
    </ChangeDialog>
  );
}

export const NO_CANCEL = { "/reason": "", "/graceSeconds": "" };

type CancelForm = ReturnType<typeof useForm<keyof typeof NO_CANCEL>>;

export function CancelFields({ field }: Pick<CancelForm, "field">) {
  return (
    <>
      <TextField
        label="Reason"
        hint="Optional. The job and everybody who can see the run can read it."
        {...field("/reason")}
      />
      <TextField
        label="Grace (seconds)"
        inputMode="numeric"
        placeholder="60"
        hint="How long a running job may still work. 0 ends the run at once."
        {...field("/graceSeconds")}
      />
    </>
  );
}

const GRACE_MAX_SECONDS = 3600;

/** An empty field leaves its member out, so that the service's default counts. */
export function readCancel(texts: CancelForm["texts"]): { value: CancelWords } | { problems: Problems } {
  const [reason, grace] = [texts["/reason"].trim(), texts["/graceSeconds"].trim()];
  if (grace !== "" && !(/^\d{1,4}$/.test(grace) && Number(grace) <= GRACE_MAX_SECONDS)) {
    return { problems: new Map([["/graceSeconds", `Use a whole number from 0 to ${GRACE_MAX_SECONDS}.`]]) };
  }
  return { value: { ...(reason !== "" && { reason }), ...(grace !== "" && { graceSeconds: Number(grace) }) } };
}

/** `isThrough`: through the pauses of now, and otherwise before its time. */
function ReleaseDialog({ run: { id, details }, isThrough, onClose }: DialogOfRunProps & { isThrough: boolean }) {
  const { client } = useSession();
  const { note } = useNotices();
  const { when } = useZone();
  const { change, texts, field } = useForm({ "/reason": "" });
  const { notBefore = null, group = null } = details?.waiting ?? {};
  const { required = 0, approvals = [] } = details?.approval ?? {};
  const others = [approvals.length < required && "approval", group !== null && `a slot of group ${group}`];
  const needed = others.filter(Boolean).join(" and ");
  function release() {
    const reason = texts["/reason"].trim();
    if (isThrough && reason === "") {
      return change.refuse(new Map([["/reason", "Say why this run passes the pause."]]));
    }
    const body = isThrough ? { throughPause: true as const, reason } : {};
    change.submit({
      body,
      send: (options) => client.runs.release(id, { ...body, ...options, include: "details" }),
      done(after) {
        note(after.details?.waiting == null ? "The run starts now." : "The run still waits for something else.");
        onClose();
      },
    });
  }
  return (
    <ChangeDialog
      title={isThrough ? "Let through the pause?" : "Start now?"}
      isRead
      change={change}
      onSubmit={release}
      onClose={onClose}
      verb={isThrough ? "Let through" : "Start now"}
      keep="Close"
      isDeliberate
    >
      {isThrough ? (
        <>
          <p>
            The pauses of now hold this run back no longer. It still waits for its time, its approvals and a slot, and
            for a pause that begins later. Other runs stay paused.
          </p>
          <TextField label="Reason" required hint="Everybody who can see the run can read it." {...field("/reason")} />
        </>
      ) : (
        <p>
          {notBefore !== null &&
            `The run was to start ${when(notBefore)}. If you start it now, it does not wait for that time. `}
          {needed && `The run still needs ${needed}.`}
        </p>
      )}
    </ChangeDialog>
  );
}
