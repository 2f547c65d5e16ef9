/** What the title of the window and a screen reader say of a run while it is shown. */

import { useEffect, useRef } from "preact/hooks";
import type { DetailedActionRun } from "../../client/index.ts";
import { WAITED_FOR } from "../gates/waiting.ts";
import { useNotices } from "../ui/notices.tsx";
import { seen } from "../ui/seen-texts.ts";
import type { Status } from "../ui/statuses.ts";

/** What a screen reader says when the status changes. */
const NEWS: Readonly<Record<Status, string>> = {
  pending: "The run is pending.",
  running: "The run has started.",
  succeeded: "The run succeeded.",
  failed: "The run failed.",
  cancelled: "The run was cancelled.",
};

export function useRunAnnouncements({ actionName, status, details }: DetailedActionRun): void {
  const { announce } = useNotices();
  const gate = details?.waiting?.for ?? null;
  useTitle(`${actionName} ${status}`);
  useChanged(status, () => announce(NEWS[status]));
  // Its end and its start have words of their own.
  useChanged(gate, () => gate !== null && announce(`The run waits for ${WAITED_FOR[gate]}.`));
}

/** Names the run in the title while it is shown. */
function useTitle(text: string): void {
  useEffect(() => {
    const before = document.title;
    document.title = seen(`${text} · Action runs`);
    return () => {
      document.title = before;
    };
  }, [text]);
}

/** Calls `tell` when the value becomes another. */
function useChanged(value: unknown, tell: () => void): void {
  const before = useRef(value);
  useEffect(() => {
    if (before.current !== value) tell();
    before.current = value;
  }, [value]);
}
