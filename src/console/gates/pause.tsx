/** Says on every page of an environment that the environment is paused, and which runs go on. */
import { useState } from "preact/hooks";
import { type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { Button, Icon } from "../ui/button.tsx";
import { ChangeDialog } from "../ui/dialog.tsx";
import { Who } from "../ui/facts.tsx";
import { TextField } from "../ui/field.tsx";
import { useNotices } from "../ui/notices.tsx";
import { Countdown } from "../ui/time.tsx";
import { useChange } from "../ui/use-change.ts";

import { useGateNews } from "./gate-news.tsx";
import { LocalTimeField, readLocalTime } from "./local-time.tsx";

export function PauseBanner() {
  const { scope, may } = useSession();
  const { pauses, reload } = useGateNews();
  const [isResuming, setResuming] = useState(false);
  const pause = pauses.find(({ group }) => group === WHOLE_ENVIRONMENT);
  if (pause === undefined) return null;
  return (
    <section class="banner row gap-12 note is-warning" aria-label="Pause">
      <Icon name="warning" />
      <p>
        <strong>{scope.envName} is paused:</strong> <PauseFacts pause={pause} /> Runs without a gate go on.
      </p>
      {may("actions:manage") ? <Button onClick={() => setResuming(true)}>Resume</Button> : null}
      {isResuming ? <ResumeDialog group={pause.group} onClose={() => setResuming(false)} onResumed={reload} /> : null}
    </section>
  );
}

/** The reason, who paused it and until when. */
export function PauseFacts({ pause: { reason, by, via, until } }: { readonly pause: Schemas["Pause"] }) {
  return (
    <>
      <bdi>{reason}</bdi>{" "}
      <span class="muted">
        (by <Who name={by} via={via} />
        {until === null ? null : (
          <>
            , ends <Countdown until={until} />
          </>
        )}
        )
      </span>
    </>
  );
}

interface PauseDialogProps {
  /** The group, or `-environment`. */
  readonly group: string;
  readonly onClose: () => void;
  readonly onPaused: () => void;
}

/** Pauses a concurrency group, or everything with a gate in the environment: a deploy freeze. */
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
    <ChangeDialog
      title={`Pause ${what}?`}
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
    </ChangeDialog>
  );
}

interface ResumeDialogProps {
  /** The group, or `-environment`. */
  readonly group: string;
  readonly onClose: () => void;
  readonly onResumed: () => void;
}

export function ResumeDialog({ group, onClose, onResumed }: ResumeDialogProps) {
  const { client, scope } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss: "The pause may have ended. You can try again." });
  const what = group === WHOLE_ENVIRONMENT ? scope.envName : group;
  const resume = () =>
    change.submit({
      send: ({ signal }) => client.pauses.delete(group, { signal }),
      done() {
        note(`${what} goes on.`);
        onResumed();
        onClose();
      },
      explain({ code }) {
        if (code !== "pause_not_found") return null;
        onResumed();
        return new Map([[null, "The pause has already ended."]]);
      },
    });
  return (
    <ChangeDialog
      title={`Resume ${what}?`}
      isRead
      change={change}
      onSubmit={resume}
      onClose={onClose}
      verb="Resume"
      keep="Close"
      isDeliberate
    >
      <p>The runs that wait only for the end of this pause start at once, if there are free slots.</p>
    </ChangeDialog>
  );
}
