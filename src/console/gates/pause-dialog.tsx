/** Pauses a concurrency group, or everything with a gate in the environment: a deploy freeze. */

import { useState } from "preact/hooks";
import { WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";
import { readLocalTime } from "./local-time.ts";
import { LocalTimeField } from "./local-time-field.tsx";

interface PauseDialogProps {
  /** The group, or `-environment`. */
  readonly group: string;
  readonly onClose: () => void;
  readonly onPaused: () => void;
}

export function PauseDialog({ group, onClose, onPaused }: PauseDialogProps) {
  const { client, scope } = useSession();
  const { note } = useNotices();
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const change = useChange({
    fields: ["/reason", "/until"],
    afterLoss: "The pause may have begun. You can send it again, because the second one replaces the first.",
  });
  const { problems } = change;
  const isWhole = group === WHOLE_ENVIRONMENT;
  const what = isWhole ? `the environment ${scope.envName}` : `the group ${group}`;

  function pause() {
    const wrong = new Map<string, string>();
    const at = readLocalTime(until);
    if (reason.trim() === "") wrong.set("/reason", "Say why. Those who wait for a run read the reason.");
    if (at === null) wrong.set("/until", "Choose a day and a time, or leave the field empty.");
    if (wrong.size > 0) return change.refuse(wrong);
    change.submit({
      send: ({ signal }) =>
        client.pauses.put(group, { reason: reason.trim(), ...(typeof at === "string" && { until: at }) }, { signal }),
      done() {
        note(`You paused ${what}.`);
        onPaused();
        onClose();
      },
    });
  }
  return (
    <Dialog title={`Pause ${what}?`} onClose={onClose}>
      <ChangeForm
        change={change}
        onSubmit={pause}
        onClose={onClose}
        verb="Pause"
        keep="Close"
        class="decision"
        isDeliberate
      >
        <p>
          {isWhole
            ? "Until the pause ends, no run starts that has a start time, an approval or a concurrency group. Runs without any of these go on, and so does every run that has begun."
            : "Until the pause ends, no run of this group starts. Every run that has begun goes on."}
        </p>
        <TextField
          label="Reason"
          required
          hint="Everybody who can see a waiting run can read it."
          value={reason}
          error={problems.get("/reason")}
          onText={setReason}
        />
        <LocalTimeField
          label="Until"
          hint="If you leave this empty, the pause ends when somebody resumes the runs."
          value={until}
          error={problems.get("/until")}
          onText={setUntil}
        />
      </ChangeForm>
    </Dialog>
  );
}
