/** One run: a region named "Run", beside the list or instead of it. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import type { Schemas } from "../../client/index.ts";
import { isOpen, type Status, titleOf } from "../../words/statuses.ts";
import { isHeldBy, WAITED_FOR } from "../../words/waiting.ts";
import { DecisionButtons, isUndecided, useRefusals, WhyRefused } from "../gates/approval.tsx";
import { useGateNews } from "../gates/pause.tsx";
import { useKeys } from "../keys.tsx";
import { hrefOf, Link, useRoute } from "../router.tsx";
import { isByHand } from "../runs/run-list.ts";
import { useSession } from "../session/session.tsx";
import { ErrorView, isNotFound, useOnChange } from "../ui/load.tsx";
import { Button, ByHand, CopyButton, Empty, Icon, Section, Skeleton, StatusMark, useNotices } from "../ui/parts.tsx";
import { seen } from "../ui/seen-texts.ts";
import { CommandDetails, readingCommands, watchingCommands } from "../ui/shell-commands.tsx";
import { Comparison, HistorySection } from "./other-runs.tsx";
import { Cancelled, Facts, LifecycleBar, LiveTail, NowSection } from "./overview.tsx";
import { AutomaticRetryNote, RetryNote, retryingOf, starterOf, useActionOfRun, useAutomaticRetry } from "./retry.tsx";
import { type RunDialog, RunDialogs } from "./run-dialogs.tsx";
import { TimelineList } from "./timeline.tsx";
import { newestTail, useRun, type WatchedRun } from "./use-run.ts";
import { areFew, Outcome, RawJson, Value } from "./values.tsx";

type DetailedActionRun = Schemas["DetailedActionRun"];

const WHY = "why-refused";

interface RunPanelProps {
  readonly id: string;
  /** Leads back to the list, with its filters. */
  readonly onClose: () => void;
  /** Gets each read of the run, before the page is painted with it. Must not change. */
  readonly onRead: (run: DetailedActionRun) => void;
  /** The status of the run in the list; undefined if it is not there. */
  readonly listed: Status | undefined;
  /** Whether runs of the list are selected. Then `c` and `r` mean those. */
  readonly isOtherSelected: boolean;
}

export function RunPanel({ id, onClose, onRead, listed, isOtherSelected }: RunPanelProps) {
  const watched = useRun(id);
  const { data, failure, reload } = watched;
  useLayoutEffect(() => {
    if (data !== undefined) onRead(data.run);
  }, [data, onRead]);
  // The list shows the newer of both reads. So if it shows another status, this read is behind.
  const isBehind = data !== undefined && listed !== undefined && listed !== data.run.status;
  useEffect(() => {
    if (isBehind) reload();
  }, [isBehind, reload]);
  return (
    <section class="run" aria-label="Run">
      {data !== undefined ? (
        <OneRun {...watched} {...data} onClose={onClose} isOtherSelected={isOtherSelected} />
      ) : failure === null ? (
        <div class="run-body">
          <p class="only-heard">Loading the run …</p>
          <Skeleton />
        </div>
      ) : isNotFound(failure.error) ? (
        <UnknownRun id={id} />
      ) : (
        <ErrorView failure={failure} onRetry={reload} />
      )}
    </section>
  );
}

interface OneRunProps
  extends Omit<WatchedRun, "data">,
    NonNullable<WatchedRun["data"]>,
    Pick<RunPanelProps, "onClose" | "isOtherSelected"> {}

function OneRun({ run, text, failure, reload, timeline, onClose, isOtherSelected }: OneRunProps) {
  const { target, may, holder } = useSession();
  const { compare } = useRoute();
  const { pauses } = useGateNews();
  const [open, setOpen] = useState<RunDialog | null>(null);
  const { events } = timeline;
  const { id, actionName, status, details, parameters } = run;
  const { waiting = null, heartbeat = null, retry: next = null } = details ?? {};
  const isRunOpen = isOpen(status);
  const tail = isRunOpen ? newestTail(heartbeat, timeline.tail) : null;
  const actionOfRun = useActionOfRun(run);
  const automatic = useAutomaticRetry(run, reload);
  const retrying = retryingOf(run, actionOfRun.action, automatic.isPlanned);
  const starter = starterOf(run, actionOfRun.action);
  const mayCancel = may("data:write") && isRunOpen;
  const mayRetry = may("data:write") && retrying === "possible";
  const mayRelease = may("actions:manage") && waiting?.for === "time";
  const mayPass = may("actions:manage") && waiting !== null && isHeldBy(pauses, waiting);
  const mayDecide = isUndecided(run, holder);
  const refusals = useRefusals(run, mayDecide);
  const opens = (may: boolean, dialog: RunDialog) => (may && !isOtherSelected ? () => setOpen(dialog) : undefined);
  useKeys("This run", [
    { keys: "c", label: "Cancel the run", run: opens(mayCancel, "cancel") },
    { keys: "r", label: "Retry the run", run: opens(mayRetry, "retry") },
  ]);
  useRunAnnouncements(run);
  const showing = ["to show the run", readingCommands(target, id)] as const;
  const following = ["to follow the run", watchingCommands(target, id)] as const;
  const shownParameters = <Value title="Parameters" value={parameters} />;
  return (
    <>
      <RunHead run={run} onClose={onClose}>
        {mayRetry ? (
          <Button
            kind={starter === "service" && status === "failed" ? "primary" : "plain"}
            title="Retry run (r)"
            onClick={() => setOpen("retry")}
          >
            Retry run
          </Button>
        ) : null}
        {mayDecide ? <DecisionButtons refusals={refusals} whyId={WHY} onDecide={setOpen} /> : null}
        {mayRelease ? <Button onClick={() => setOpen("release")}>Start now</Button> : null}
        {mayPass ? <Button onClick={() => setOpen("through")}>Let through</Button> : null}
        {mayCancel ? (
          <Button kind="danger" title="Cancel run (c)" onClick={() => setOpen("cancel")}>
            Cancel run
          </Button>
        ) : null}
      </RunHead>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {compare === null ? (
        <div class="run-body stack gap-24">
          <LifecycleBar run={run} events={events} />
          <HistorySection run={run} />
          {isRunOpen ? <NowSection run={run} events={events} /> : null}
          {tail === null ? null : <LiveTail key={id} tail={tail} />}
          <WhyRefused refusals={refusals} id={WHY} />
          {status === "cancelled" ? <Cancelled run={run} events={events} /> : null}
          {next === null ? null : <AutomaticRetryNote next={next} {...automatic} />}
          <Outcome run={run} />
          {status === "pending" && starter === "creator" && waiting === null ? (
            <div class="note is-warning">
              <p>
                The service does not start the job of this run, because no trigger says how.{" "}
                <bdi>{run.triggeredBy}</bdi> created the run, and must start the job.
              </p>
            </div>
          ) : null}
          {may("data:write") ? <RetryNote retrying={retrying} starter={starter} name={actionName} /> : null}
          {isRunOpen ? null : <ErrorView failure={actionOfRun.failure} onRetry={actionOfRun.reload} isBanner />}
          <Facts run={run} />
          {areFew(parameters) ? shownParameters : null}
          <Section title="Timeline">
            <ErrorView failure={timeline.failure} onRetry={timeline.reload} isBanner />
            <TimelineList events={events} />
          </Section>
          {areFew(parameters) ? null : shownParameters}
          <Value title="Recommendations" value={run.recommendations} />
          <div class="stack">
            <CommandDetails title="From a terminal" pairs={isRunOpen ? [showing, following] : [showing]} />
            <RawJson text={text} />
          </div>
        </div>
      ) : (
        <div class="run-body stack gap-24">
          <Comparison key={compare} run={run} otherId={compare} />
        </div>
      )}
      <RunDialogs
        open={open}
        run={run}
        text={text}
        actionOfRun={actionOfRun}
        reload={reload}
        isDispatched={starter === "service"}
        onClose={() => setOpen(null)}
      />
    </>
  );
}

interface RunHeadProps extends Pick<OneRunProps, "run" | "onClose"> {
  readonly children: ComponentChildren;
}

function RunHead({ run, onClose, children }: RunHeadProps) {
  const { id, actionName, status, details } = run;
  return (
    <header class="run-head row is-apart">
      <div class="run-title">
        <h2>
          <bdi class="cut-lines">{titleOf(run)}</bdi>
        </h2>
        <p class="row">
          <StatusMark status={status} />
          {details?.title == null ? null : <bdi class="muted">{actionName}</bdi>}
          {isByHand(run) ? <ByHand /> : null}
          <span class="row gap-0">
            <code class="muted">{id}</code>
            <CopyButton what="run id" text={id} />
          </span>
        </p>
      </div>
      <div class="row">
        {children}
        <span class="run-close">
          <Button kind="quiet" aria-label="Back to the list" title="Back to the list (Esc)" onClick={onClose}>
            <Icon name="cross" />
          </Button>
        </span>
      </div>
    </header>
  );
}

function UnknownRun({ id }: { readonly id: string }) {
  const { scope } = useSession();
  const { search } = useRoute();
  return (
    <Empty title="There is no such run here">
      <p>
        Check the id and the environment. A run is also removed some time after its end, because the service keeps runs
        only for a while.
      </p>
      <code class="break">{id}</code>
      <Link class="button is-plain" href={hrefOf({ name: "runs", ...scope }, search)}>
        Back to the runs
      </Link>
    </Empty>
  );
}

/** What a screen reader says when the status changes. */
const NEWS: Readonly<Record<Status, string>> = {
  pending: "The run is pending.",
  running: "The run has started.",
  succeeded: "The run succeeded.",
  failed: "The run failed.",
  cancelled: "The run was cancelled.",
};

/** Names the run in the title while it is shown, and tells a screen reader how it goes on. */
function useRunAnnouncements(run: DetailedActionRun): void {
  const { status, details } = run;
  const { announce } = useNotices();
  const gate = details?.waiting?.for ?? null;
  const title = seen(`${titleOf(run)} ${status} · Action runs`);
  useEffect(() => {
    const before = document.title;
    document.title = title;
    return () => {
      document.title = before;
    };
  }, [title]);
  useOnChange(status, () => announce(NEWS[status]));
  // Its end and its start have words of their own.
  useOnChange(gate, () => gate !== null && announce(`The run waits for ${WAITED_FOR[gate]}.`));
}
