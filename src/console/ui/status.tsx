/** A run's status by colour, by shape and by word. */
import type { ComponentChildren } from "preact";
import type { Status } from "../../words/statuses.ts";

/** The shape in a disc or ring: nothing, a clock's hand, a check, a cross, a slash. */
const SHAPES: Readonly<Record<Status, string | null>> = {
  pending: null,
  running: "M8 4.8V8l2.2 1.5",
  succeeded: "M5 8.3l2.1 2.1L11 6",
  failed: "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
  cancelled: "M5.2 8h5.6",
};

/** The shape without the word. Use it only if the word stands beside it. */
export function StatusIcon({ status }: { readonly status: Status }) {
  const shape = SHAPES[status];
  return (
    <svg class={`icon status-icon is-${status}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <circle cx="8" cy="8" r="6.25" />
      {shape === null ? null : <path d={shape} />}
    </svg>
  );
}

export function StatusMark({ status }: { readonly status: Status }) {
  return <Mark mark={status}>{status}</Mark>;
}

/** What is no run, but is shown like one: the status says the colour and the shape. */
export function Mark({ mark, children }: { readonly mark: Status; readonly children: string }) {
  return (
    <span class={`status is-${mark}`}>
      <StatusIcon status={mark} />
      {children}
    </span>
  );
}

export function StatusNote({ status, children }: { readonly status: Status; readonly children: ComponentChildren }) {
  return (
    <div class={`note with-icon is-${status}`}>
      <StatusIcon status={status} />
      <div>{children}</div>
    </div>
  );
}

/** Beside the name of a run's action, because a run of any name can be made without the stored action of that name. */
export function ByHand() {
  return (
    <span class="boxed by-hand muted small" title="No stored action made this run. Somebody sent its request.">
      by hand
    </span>
  );
}
