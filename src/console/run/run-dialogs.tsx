/** The dialogs that the buttons of one run open. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { isOpen } from "../../words/statuses.ts";
import { whenText } from "../../words/waiting.ts";
import type { Decision } from "../gates/approval.tsx";
import { DecisionDialog } from "../gates/decision-dialog.tsx";
import { useGateNews } from "../gates/gate-news.tsx";
import { hrefOf, useRoute, useRouter } from "../router.tsx";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, TextField, useChange } from "../ui/forms.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useZone } from "../ui/time.tsx";
import type { ActionOfRun } from "./action-of-run.tsx";
import { CancelDialog } from "./cancel-dialog.tsx";
import { RetryDialog } from "./retry-dialog.tsx";

export type RunDialog = "cancel" | "retry" | "release" | "through" | Decision;

interface RunDialogsProps {
  readonly open: RunDialog | null;
  readonly run: Schemas["DetailedActionRun"];
  /** The run as the server sent it. */
  readonly text: string;
  readonly actionOfRun: ActionOfRun;
  /** Whether the service starts the job of a retry. */
  readonly isDispatched: boolean;
  readonly onClose: () => void;
  /** Reads the run again. */
  readonly reload: () => void;
}

export function RunDialogs({ open, run, text, actionOfRun, isDispatched, onClose, reload }: RunDialogsProps) {
  const { scope } = useSession();
  const { reload: reloadGateNews } = useGateNews();
  const { search } = useRoute();
  const router = useRouter();
  const { note } = useNotices();
  function close() {
    onClose();
    reload();
    reloadGateNews();
  }
  switch (open) {
    case null:
      return null;
    case "cancel":
      return (
        <CancelDialog
          run={run}
          onClose={close}
          onCancelled={({ status }) => {
            close();
            note(isOpen(status) ? "The job was asked to stop." : "The run is cancelled.");
          }}
        />
      );
    case "release":
      return <ReleaseDialog run={run} onClose={close} onReleased={close} />;
    case "through":
      return <ThroughPauseDialog run={run} onClose={close} onReleased={close} />;
    case "retry":
      return (
        <RetryDialog
          run={run}
          text={text}
          action={actionOfRun.action ?? undefined}
          isDispatched={isDispatched}
          onClose={() => {
            onClose();
            actionOfRun.reload();
          }}
          onPlanned={reload}
          onRetried={(id) => {
            onClose();
            router.navigate(hrefOf({ name: "run", ...scope, id }, search));
            note("This is the new run.");
          }}
        />
      );
    default:
      return <DecisionDialog decision={open} run={run} onClose={close} onDecided={close} />;
  }
}

interface ReleaseDialogProps {
  readonly run: Schemas["DetailedActionRun"];
  readonly onClose: () => void;
  readonly onReleased: () => void;
}

function ReleaseDialog({ run: { id, details }, onClose, onReleased }: ReleaseDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const { timeZone } = useZone();
  const change = useChange();
  const { notBefore = null, group = null } = details?.waiting ?? {};
  const { required = 0, approvals = [] } = details?.approval ?? {};
  const others = [
    ...(approvals.length < required ? ["approval"] : []),
    ...(group === null ? [] : [`a slot of group ${group}`]),
  ];
  const release = () =>
    change.submit({
      send: (options) => client.runs.release(id, { ...options, include: "details" }),
      done(after) {
        note(
          after.details?.waiting == null
            ? "The run starts now."
            : "The run no longer waits for its time, but for something else.",
        );
        onReleased();
      },
    });
  return (
    <ChangeDialog
      title="Start now?"
      isRead
      change={change}
      onSubmit={release}
      onClose={onClose}
      verb="Start now"
      keep="Close"
      isDeliberate
    >
      <p>
        {notBefore === null
          ? ""
          : `The run was to start ${whenText(Date.parse(notBefore), Date.now(), timeZone)}. If you start it now, it does not wait for that time. `}
        {others.length === 0 ? "" : `The run still needs ${others.join(" and ")}.`}
      </p>
    </ChangeDialog>
  );
}

function ThroughPauseDialog({ run: { id }, onClose, onReleased }: ReleaseDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
  const [reason, setReason] = useState("");
  const change = useChange({ fields: ["/reason"] });
  function release() {
    const text = reason.trim();
    if (text === "") return change.refuse(new Map([["/reason", "Say why this run passes the pause."]]));
    const body = { throughPause: true, reason: text } as const;
    change.submit({
      body,
      send: (options) => client.runs.release(id, { ...body, ...options, include: "details" }),
      done(after) {
        const isStarted = after.details?.waiting == null;
        note(
          isStarted ? "The run starts now." : "The pause no longer holds the run. It still waits for something else.",
        );
        onReleased();
      },
    });
  }
  return (
    <ChangeDialog
      title="Let through the pause?"
      isRead
      change={change}
      onSubmit={release}
      onClose={onClose}
      verb="Let through"
      keep="Close"
      isDeliberate
    >
      <p>
        The pauses of now hold this run back no longer. It still waits for its time, its approvals and a slot, and for a
        pause that begins later. Other runs stay paused.
      </p>
      <TextField
        label="Reason"
        required
        hint="Everybody who can see the run can read it."
        value={reason}
        error={change.problems.get("/reason")}
        onText={setReason}
      />
    </ChangeDialog>
  );
}
