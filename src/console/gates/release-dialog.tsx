/** Starts a run before its time. */

import type { DetailedActionRun } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { ChangeForm } from "../ui/change-form.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { useNotices } from "../ui/notices.tsx";
import { useChange } from "../ui/use-change.ts";
import { whenText } from "./waiting.ts";

interface ReleaseDialogProps {
  readonly run: DetailedActionRun;
  readonly onClose: () => void;
  readonly onReleased: () => void;
}

export function ReleaseDialog({ run: { id, details }, onClose, onReleased }: ReleaseDialogProps) {
  const { client } = useSession();
  const { note } = useNotices();
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
    <Dialog title="Start now?" onClose={onClose} isRead>
      <ChangeForm change={change} onSubmit={release} onClose={onClose} verb="Start now" keep="Close" isDeliberate>
        <p>
          {notBefore === null
            ? ""
            : `The run was to start ${whenText(Date.parse(notBefore), Date.now())}. If you start it now, it does not wait for that time. `}
          {others.length === 0 ? "" : `The run still needs ${others.join(" and ")}.`}
        </p>
      </ChangeForm>
    </Dialog>
  );
}
