/** The dialogs that the buttons of one run open. */

import type { DetailedActionRun } from "../../client/index.ts";
import type { Decision } from "../gates/deciding.ts";
import { DecisionDialog } from "../gates/decision-dialog.tsx";
import { useGateNews } from "../gates/gate-news.tsx";
import { ReleaseDialog } from "../gates/release-dialog.tsx";
import { hrefOf, useRoute, useRouter } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { useNotices } from "../ui/notices.tsx";
import { isOpen } from "../ui/statuses.ts";
import { CancelDialog } from "./cancel-dialog.tsx";
import { RetryDialog } from "./retry-dialog.tsx";
import type { ActionOfRun } from "./use-action-of-run.ts";

export type RunDialog = "cancel" | "retry" | "release" | Decision;

interface RunDialogsProps {
  readonly open: RunDialog | null;
  readonly run: DetailedActionRun;
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
