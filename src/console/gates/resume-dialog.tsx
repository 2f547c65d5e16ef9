/** Ends a pause. */

import { WHOLE_ENVIRONMENT } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";

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
    <Dialog title={`Resume ${what}?`} onClose={onClose} isRead>
      <ChangeForm change={change} onSubmit={resume} onClose={onClose} verb="Resume" keep="Close" isDeliberate>
        <p>The runs that wait only for the end of this pause start at once, if there are free slots.</p>
      </ChangeForm>
    </Dialog>
  );
}
