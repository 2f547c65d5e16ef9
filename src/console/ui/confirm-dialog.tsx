/** Asks before something that can't be undone. */

import type { ComponentChildren } from "preact";
import { ChangeForm } from "./change-form.tsx";
import { Dialog } from "./dialog.tsx";
import type { Change } from "./use-change.ts";

interface ConfirmDialogProps {
  readonly title: string;
  /** The text of the button that does it. */
  readonly verb: string;
  readonly change: Change;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  /** What it means. */
  readonly children: ComponentChildren;
}

export function ConfirmDialog({ title, children, onConfirm, ...form }: ConfirmDialogProps) {
  return (
    <Dialog title={title} onClose={form.onClose}>
      <ChangeForm {...form} onSubmit={onConfirm} kind="danger" keep="Keep it">
        {children}
      </ChangeForm>
    </Dialog>
  );
}
