/** One run: a region named "Run", beside the list or instead of it. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ActionRunsError, type DetailedActionRun } from "../../client/index.ts";
import { decidingOf, REASONS } from "../gates/deciding.ts";
import { type Decision, DecisionDialog } from "../gates/decision-dialog.tsx";
import { useGateNews } from "../gates/gate-news.tsx";
import { ReleaseDialog } from "../gates/release-dialog.tsx";
import { useApproval } from "../gates/use-approval.ts";
import { WAITED_FOR, type Waiting } from "../gates/waiting.ts";
import { useKeys } from "../keys/keys.tsx";
import { hrefOf, Link, useRoute, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Empty } from "../ui/empty.tsx";
import { ErrorView } from "../ui/error-view.tsx";
import { Icon } from "../ui/icons.tsx";
import { useNotices } from "../ui/notices.tsx";
import { StatusMark } from "../ui/status.tsx";
import { isOpen, type Status } from "../ui/statuses.ts";
import { CancelDialog } from "./cancel-dialog.tsx";
import { readingCommands, watchingCommands } from "./commands.ts";
import { CommandDetails, CommandPair } from "./commands-section.tsx";
import { Comparison } from "./comparison.tsx";
import { Facts } from "./facts.tsx";
import { HistorySection, useHistory } from "./history-section.tsx";
import { LifecycleBar } from "./lifecycle-bar.tsx";
import { Cancelled, NowSection } from "./now-section.tsx";
import { retryingOf, starterOf } from "./permitted.ts";
import { RetryDialog } from "./retry-dialog.tsx";
import { RetryNote } from "./retry-note.tsx";
import { TimelineList } from "./timeline-list.tsx";
import { useActionOfRun } from "./use-action-of-run.ts";
import { useRun, type WatchedRun } from "./use-run.ts";
import { Inputs, Outcome, RawJson, Section } from "./values.tsx";

interface RunPanelProps {
  readonly id: string;
  /** Leads back to the list, with its filters. */
  readonly onClose: () => void;
  /** Gets each read of the run, before the page is painted with it. Must not change. */
  readonly onRead: (run: DetailedActionRun) => void;
  /** The status of the run in the list; undefined if it is not there. */
  readonly listed: Status | undefined;
}

export function RunPanel({ id, onClose, onRead, listed }: RunPanelProps) {
  const watched = useRun(id);
  const { read, failure, reload } = watched;
  useLayoutEffect(() => {
    if (read !== undefined) onRead(read.run);
  }, [read, onRead]);
  // The list shows the newer of both reads. So if it shows another status, this read is behind.
  const isBehind = read !== undefined && listed !== undefined && listed !== read.run.status;
  useEffect(() => {
    if (isBehind) reload();
  }, [isBehind, reload]);
  return (
    <section class="run" aria-label="Run">
      {read !== undefined ? (
        <OneRun watched={watched} run={read.run} text={read.text} onClose={onClose} />
      ) : failure === null ? (
        <p class="run-loading muted">Loading the run …</p>
      ) : isUnknownRun(failure.error) ? (
        <UnknownRun id={id} />
      ) : (
        <ErrorView failure={failure} onRetry={reload} />
      )}
    </section>
  );
}

function isUnknownRun(error: unknown): boolean {
  return error instanceof ActionRunsError && error.status === 404;
}

function UnknownRun({ id }: { readonly id: string }) {
  const { scope } = useSession();
  const { search } = useRoute();
  return (
    <Empty title="There is no such run here">
      <p>
        Check the id and the environment. A run is also removed some time after its end, because the service
        keeps runs only for a while.
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

interface OneRunProps {
  readonly watched: WatchedRun;
  readonly run: DetailedActionRun;
  readonly text: string;
  readonly onClose: () => void;
}

function OneRun({ watched: { failure, reload, timeline }, run, text, onClose }: OneRunProps) {
  const { scope, may, holder } = useSession();
  const { reload: reloadGateNews } = useGateNews();
  const { search, compare } = useRoute();
  const router = useRouter();
  const { announce, note } = useNotices();
  const [open, setOpen] = useState<"cancel" | "retry" | "release" | Decision | null>(null);
  const { events } = timeline;
  const { id, actionName, status } = run;
  const actionOfRun = useActionOfRun(run);
  const history = useHistory(run);
  const retrying = retryingOf(run, actionOfRun.action);
  const starter = starterOf(run, actionOfRun.action);
  const mayCancel = may("data:write") && isOpen(status);
  const mayRetry = may("data:write") && retrying === "possible";
  const waiting = run.details?.waiting ?? null;
  const mayRelease = may("actions:manage") && waiting?.for === "time";
  const isUndecided = decidingOf(run, holder, undefined) !== "not_offered";
  const { data: rule } = useApproval(isUndecided ? id : null);
  const deciding = decidingOf(run, holder, rule ?? undefined);
  useKeys("This run", [
    { keys: "c", label: "Cancel the run", run: mayCancel ? () => setOpen("cancel") : undefined },
    { keys: "r", label: "Retry the run", run: mayRetry ? () => setOpen("retry") : undefined },
  ]);
  useTitle(`${actionName} ${status}`);
  useStatusChange(status, (now) => announce(NEWS[now]));
  useWaitChange(waiting, announce);

  function close() {
    setOpen(null);
    reload();
    reloadGateNews();
  }
  const target = { origin: location.origin, scope };
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
        {deciding === "not_offered" ? null : (
          <>
            <Button
              disabled={deciding !== "possible"}
              aria-describedby={deciding in REASONS ? "why-not" : undefined}
              onClick={() => setOpen("approve")}
            >
              Approve
            </Button>
            <Button
              disabled={deciding === "own_run"}
              aria-describedby={deciding === "own_run" ? "why-not" : undefined}
              onClick={() => setOpen("reject")}
            >
              Reject
            </Button>
          </>
        )}
        {mayRelease ? <Button onClick={() => setOpen("release")}>Start now</Button> : null}
        {mayCancel ? (
          <Button kind="danger" title="Cancel run (c)" onClick={() => setOpen("cancel")}>
            Cancel run
          </Button>
        ) : null}
      </RunHead>
      <ErrorView failure={failure} onRetry={reload} isBanner />
      {compare === null ? (
        <div class="run-body">
          <LifecycleBar run={run} events={events} />
          <HistorySection run={run} loaded={history} />
          {isOpen(status) ? <NowSection run={run} events={events} /> : null}
          {deciding in REASONS ? (
            <p class="muted" id="why-not">
              {REASONS[deciding]}
            </p>
          ) : null}
          {status === "cancelled" ? <Cancelled run={run} events={events} /> : null}
          <Outcome run={run} />
          {status === "pending" && starter === "creator" && waiting === null ? (
            <div class="warning-box">
              <p>
                The service does not start the job of this run, because no trigger says how.{" "}
                <bdi>{run.triggeredBy}</bdi> created the run, and must start the job.
              </p>
            </div>
          ) : null}
          {may("data:write") ? <RetryNote {...{ retrying, starter }} name={actionName} /> : null}
          {isOpen(status) ? null : (
            <ErrorView failure={actionOfRun.failure} onRetry={actionOfRun.reload} isBanner />
          )}
          <Facts run={run} scope={scope} />
          <Section title="Timeline">
            <ErrorView failure={timeline.failure} onRetry={timeline.retry} isBanner />
            <TimelineList events={events} />
          </Section>
          <Inputs run={run} />
          <div class="disclosures">
            <CommandDetails title="From a terminal">
              <CommandPair commands={readingCommands(target, id)} what="to show the run" />
              {isOpen(status) ? (
                <CommandPair commands={watchingCommands(target, id)} what="to follow the run" />
              ) : null}
            </CommandDetails>
            <RawJson text={text} />
          </div>
        </div>
      ) : (
        <div class="run-body">
          <Comparison key={compare} run={run} otherId={compare} />
        </div>
      )}
      {open === "cancel" ? (
        <CancelDialog
          run={run}
          onClose={() => {
            setOpen(null);
            reload();
          }}
          onCancelled={(after) => {
            setOpen(null);
            reload();
            note(isOpen(after.status) ? "The job was asked to stop." : "The run is cancelled.");
          }}
        />
      ) : null}
      {open === "approve" || open === "reject" ? (
        <DecisionDialog decision={open} run={run} onClose={close} onDecided={close} />
      ) : null}
      {open === "release" ? <ReleaseDialog run={run} onClose={close} onReleased={close} /> : null}
      {open === "retry" ? (
        <RetryDialog
          run={run}
          text={text}
          action={actionOfRun.action ?? undefined}
          isDispatched={starter === "service"}
          onClose={() => {
            setOpen(null);
            actionOfRun.reload();
          }}
          onRetried={(newId) => {
            setOpen(null);
            router.navigate(hrefOf({ name: "run", ...scope, id: newId }, search));
            note("This is the new run.");
          }}
        />
      ) : null}
    </>
  );
}

interface RunHeadProps {
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

function RunHead({ run: { id, actionName, status }, onClose, children }: RunHeadProps) {
  return (
    <header class="run-head">
      <div class="run-title">
        <h2>
          <bdi>{actionName}</bdi>
        </h2>
        <p class="run-id">
          <StatusMark status={status} />
          <span>
            <code>{id}</code>
            <CopyButton what="run id" text={id} />
          </span>
        </p>
      </div>
      <div class="run-actions">
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

/** Names the run in the title while it is shown. */
function useTitle(text: string): void {
  useEffect(() => {
    const before = document.title;
    document.title = `${text} · Action runs`;
    return () => {
      document.title = before;
    };
  }, [text]);
}

/** Says aloud what the run waits for now. Its end and its start have words of their own. */
function useWaitChange(waiting: Waiting | null, announce: (text: string) => void): void {
  const gate = waiting?.for ?? null;
  const before = useRef(gate);
  useEffect(() => {
    if (before.current !== gate && gate !== null) announce(`The run waits for ${WAITED_FOR[gate]}.`);
    before.current = gate;
  }, [gate, announce]);
}

function useStatusChange(status: Status, tell: (now: Status) => void): void {
  const before = useRef(status);
  useEffect(() => {
    if (before.current !== status) tell(status);
    before.current = status;
  }, [status]);
}
