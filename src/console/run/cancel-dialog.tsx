/** Cancels a run: why, and how long its job may still work. */
import { useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, type Problems, TextField, useChange } from "../ui/forms.tsx";
import { type CancelWords, CommandDetails, CommandPair, cancelCommands } from "../ui/shell-commands.tsx";

interface CancelDialogProps {
  readonly run: Schemas["DetailedActionRun"];
  readonly onClose: () => void;
  /** Called with the run as the cancel left it: it may still be open. */
  readonly onCancelled: (run: Schemas["DetailedActionRun"]) => void;
}

export function CancelDialog({ run, onClose, onCancelled }: CancelDialogProps) {
  const { client, target } = useSession();
  const [typed, setTyped] = useState(NO_CANCEL);
  const change = useChange({ fields: CANCEL_FIELDS });
  const read = readCancel(typed);

  function send() {
    if ("problems" in read) return change.refuse(read.problems);
    const { value: body } = read;
    change.submit({
      body,
      send: (options) => client.runs.cancel(run.id, { ...body, ...options, include: "details" }),
      done: onCancelled,
    });
  }
  const commands = cancelCommands(target, run.id, "problems" in read ? {} : read.value);
  return (
    <ChangeDialog
      title="Cancel run"
      change={change}
      onSubmit={send}
      onClose={onClose}
      verb="Cancel run"
      kind="danger"
      keep="Keep the run"
      besides={
        <CommandDetails title="As a command">
          <CommandPair commands={commands} what="to cancel the run" />
        </CommandDetails>
      }
    >
      <p class="muted">
        {run.status === "pending"
          ? "The run is pending. It ends at once, and its job does not start."
          : "The job is asked to stop. The run ends when the job reports, or when its time is up."}
      </p>
      <CancelFields typed={typed} onType={setTyped} problems={change.problems} />
    </ChangeDialog>
  );
}

/** The pointers of the fields in the body. */
export const CANCEL_FIELDS = ["/reason", "/graceSeconds"];

interface CancelFieldsProps {
  readonly typed: TypedCancel;
  readonly onType: (typed: TypedCancel) => void;
  readonly problems: Problems;
}

export function CancelFields({ typed, onType, problems }: CancelFieldsProps) {
  return (
    <>
      <TextField
        label="Reason"
        value={typed.reason}
        onText={(reason) => onType({ ...typed, reason })}
        hint="Optional. The job and everybody who can see the run can read it."
        error={problems.get("/reason")}
      />
      <TextField
        label="Grace (seconds)"
        inputMode="numeric"
        placeholder="60"
        value={typed.grace}
        onText={(grace) => onType({ ...typed, grace })}
        hint="How long a running job may still work. 0 ends the run at once."
        error={problems.get("/graceSeconds")}
      />
    </>
  );
}

const GRACE_MAX_SECONDS = 3600;

type Read<T> = { readonly value: T } | { readonly problems: Problems };

/** What the fields of a cancel hold. */
interface TypedCancel {
  readonly reason: string;
  readonly grace: string;
}

export const NO_CANCEL: TypedCancel = { reason: "", grace: "" };

/** An empty field leaves its member out, so that the service's default counts. */
export function readCancel({ reason, grace }: TypedCancel): Read<CancelWords> {
  const text = grace.trim();
  if (text !== "" && !(/^\d{1,4}$/.test(text) && Number(text) <= GRACE_MAX_SECONDS)) {
    return { problems: new Map([["/graceSeconds", `Use a whole number from 0 to ${GRACE_MAX_SECONDS}.`]]) };
  }
  return {
    value: {
      ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
      ...(text === "" ? {} : { graceSeconds: Number(text) }),
    },
  };
}
