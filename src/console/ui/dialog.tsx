/**
 * A modal dialog. It is open while it is rendered. Its first field gets the focus, or the dialog itself. The browser
 * keeps the focus inside the dialog, and afterwards gives it back.
 */

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "./button.tsx";
import { Icon } from "./icons.tsx";

interface DialogProps {
  /** The accessible name. */
  readonly title: string;
  /** Called when the user closes it. Stop rendering the dialog then. */
  readonly onClose: () => void;
  /** Only its buttons close it, and Escape does not, because what it holds would be lost. */
  readonly isKept?: boolean;
  /** People read it before they do anything: the dialog gets the focus, and so it begins at its top. */
  readonly isRead?: boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, isKept = false, isRead = false, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // Otherwise the button that closes it would get the focus.
    const field = dialog?.querySelector<HTMLElement>("form :is(input, select, textarea)");
    (isRead ? dialog : field)?.focus();
    return () => {
      isGone.current = true;
      dialog?.close();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class="dialog"
      tabIndex={-1}
      aria-labelledby={id}
      onCancel={(event) => {
        if (isKept) event.preventDefault();
      }}
      onClose={() => {
        // The browser tells of it later. By then, another dialog may be open instead.
        if (!isGone.current) onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <Button kind="quiet" aria-label="Close" onClick={onClose}>
          <Icon name="cross" />
        </Button>
      </div>
      {children}
    </dialog>
  );
}

/** The row of buttons at the end of a dialog. The one that does it comes last. */
export function DialogButtons({ children }: { readonly children: ComponentChildren }) {
  return <div class="dialog-buttons">{children}</div>;
}
