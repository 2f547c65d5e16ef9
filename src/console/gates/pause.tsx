/** What every page of an environment tells of its gates: the pauses, with their dialogs, and how many runs wait for approval. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { type Schemas, WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { nextPause, plannedText } from "../../words/waiting.ts";
import { useSession } from "../session/session.tsx";
import { ChangeDialog, ConfirmDialog, TextField, useDialog, useForm } from "../ui/forms.tsx";
import { useRead } from "../ui/load.tsx";
import { Button, Icon, useNotices, Who } from "../ui/parts.tsx";
import { contextOf } from "../ui/stores.ts";
import { Countdown, useZone } from "../ui/time.tsx";
import { CHOOSE_TIME, LocalTimeField, readLocalTime } from "./local-time.tsx";

const POLL_MS = 30_000;
/** Above this, the frame only says that there are more. */
const APPROVALS_MAX = 50;
/** A list is current. The service's own counts can lack the decision that was just made. */
const WAITING = { waiting: "approval", limit: APPROVALS_MAX } as const;
const NO_PAUSES: readonly Schemas["Pause"][] = [];

const [Provider, useGateNews] = contextOf<ReturnType<typeof useNews>>("news of gates");

export { useGateNews };

export function GateNewsProvider({ children }: { readonly children: ComponentChildren }) {
  return <Provider value={useNews()}>{children}</Provider>;
}

/** A failed read is not shown, because the page below shows its own failure. Meanwhile the last news stay. */
function useNews() {
  const { reader, holder } = useSession();
  const { mayApprove } = holder;
  const { data, reload } = useRead(
    async (signal) => {
      const [pauses, page] = await Promise.all([
        reader.pauses.list({ signal }),
        mayApprove ? reader.runs.list(WAITING, { signal }).page() : null,
      ]);
      const atLeast = page?.entries.length ?? 0;
      return { pauses, approvals: page && (page.next === null ? atLeast : { atLeast }) };
    },
    [reader, mayApprove],
    { everyMs: POLL_MS },
  );
  return useMemo(
    () => ({
      pauses: data?.pauses ?? NO_PAUSES,
      /** How many runs wait for approval. Null: not known, or this token may not approve. */
      approvals: data?.approvals ?? null,
      reload,
    }),
    [data, reload],
  );
}

/** Says that the environment is paused, and which runs go on. */
export function PauseBanner() {
  const { scope, may } = useSession();
  const { pauses, reload } = useGateNews();
  const [dialog, open] = useDialog(reload);
  const pause = pauses.find(({ group, active }) => active && group === WHOLE_ENVIRONMENT);
  if (pause === undefined) return null;
  const resume = () => open((onClose) => <ResumeDialog pause={pause} onClose={onClose} />);
  return (
    <section class="banner row gap-12 note is-warning" aria-label="Pause">
      <Icon name="warning" />
      <p>
        <strong>{scope.envName} is paused:</strong> <PauseFacts pause={pause} /> Runs without a gate go on.
      </p>
      {may("actions:manage") ? <Button onClick={resume}>Resume</Button> : null}
      {dialog}
    </section>
  );
}

/** The reason, who paused it, from when if it is planned, and until when. */
export function PauseFacts({ pause: { reason, by, via, from, until, active } }: { readonly pause: Schemas["Pause"] }) {
  const { when } = useZone();
  return (
    <>
      <bdi>{reason}</bdi>{" "}
      <span class="muted">
        (by <Who name={by} via={via} />
        {active ? "" : `, begins ${when(from)}`}
        {until === null ? "" : <>, ends {active ? <Countdown until={until} /> : when(until)}</>})
      </span>
    </>
  );
}

/** Says that a pause is planned which will hold back runs of this group. `group`: null for runs without one. */
export function PlannedPause({ group }: { readonly group: string | null }) {
  const { pauses } = useGateNews();
  const { timeZone } = useZone();
  const next = nextPause(pauses, group);
  if (next === null) return null;
  return (
    <p class="tone is-warning">
      <bdi>{plannedText(next, Date.now(), timeZone)}</bdi>
    </p>
  );
}

/** Pauses a concurrency group, or everything with a gate in the environment: a deploy freeze. */
export function PauseDialog({ group, onClose }: { readonly group: string; readonly onClose: () => void }) {
  const { client, scope } = useSession();
  const { note } = useNotices();
  const { when } = useZone();
  const { change, texts, field } = useForm(
    { "/reason": "", "/from": "", "/until": "" },
    { afterLoss: "The pause may have begun. You can send it again, because the second one replaces the first." },
  );
  const isWhole = group === WHOLE_ENVIRONMENT;
  const what = isWhole ? `the environment ${scope.envName}` : `the group ${group}`;

  function pause() {
    const wrong = new Map<string, string>();
    const reason = texts["/reason"].trim();
    const [begin, end] = [readLocalTime(texts["/from"]), readLocalTime(texts["/until"])];
    if (reason === "") wrong.set("/reason", "Say why. Those who wait for a run read the reason.");
    if (begin === null) wrong.set("/from", CHOOSE_TIME);
    if (end === null) wrong.set("/until", CHOOSE_TIME);
    if (wrong.size > 0) return change.refuse(wrong);
    change.submit({
      send: ({ signal }) =>
        client.pauses.put(group, { reason, ...(begin && { from: begin }), ...(end && { until: end }) }, { signal }),
      done({ active, from: begins, warning }) {
        note(active ? `You paused ${what}.` : `The pause of ${what} begins ${when(begins)}.`);
        if (warning !== undefined) note(warning);
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
          ? "While the pause lasts, no run starts that has a start time, an approval or a concurrency group. Runs without any of these go on, and so does every run that has begun."
          : "While the pause lasts, no run of this group starts. Every run that has begun goes on."}
      </p>
      <TextField
        label="Reason"
        required
        hint="Everybody who can see a waiting run can read it."
        {...field("/reason")}
      />
      <LocalTimeField label="From" hint="If you leave this empty, the pause begins now." {...field("/from")} />
      <LocalTimeField
        label="Until"
        hint="If you leave this empty, the pause ends when somebody resumes the runs."
        {...field("/until")}
      />
    </ChangeDialog>
  );
}

interface ResumeDialogProps {
  /** Only this one ends, also if another one of its group holds runs back. */
  readonly pause: Schemas["Pause"];
  /** Also called after the change. */
  readonly onClose: () => void;
}

export function ResumeDialog({ pause: { group, from, active }, onClose }: ResumeDialogProps) {
  const { scope } = useSession();
  const { when } = useZone();
  const what = group === WHOLE_ENVIRONMENT ? scope.envName : group;
  return (
    <ConfirmDialog
      title={active ? `Resume ${what}?` : `Remove the planned pause of ${what}?`}
      verb={active ? "Resume" : "Remove"}
      kind="primary"
      keep="Close"
      isRead
      isDeliberate
      afterLoss="The pause may have ended. You can try again."
      send={({ pauses }, { signal }) => pauses.delete(group, { from, signal })}
      said={active ? `The pause of ${what} has ended.` : `The planned pause of ${what} is removed.`}
      explain={({ code }) => (code === "pause_not_found" ? new Map([[null, "The pause has already ended."]]) : null)}
      onClose={onClose}
    >
      <p>
        {active
          ? "The runs that wait only for the end of this pause start at once, if there are free slots."
          : `The pause will not begin ${when(from)}.`}
      </p>
    </ConfirmDialog>
  );
}
