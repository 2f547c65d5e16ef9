/** Asks before something that can't be undone. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Button } from "./button.tsx";
import { Dialog, DialogButtons } from "./dialog.tsx";
import { sentenceOf } from "./error-view.tsx";

interface ConfirmDialogProps {
  readonly title: string;
  /** The text of the button that does it. */
  readonly verb: string;
  readonly onClose: () => void;
  /** Does it. Returns why it was refused, in a sentence; null if it is done. What it throws is shown as well. */
  readonly onConfirm: () => Promise<string | null>;
  /** What it means. */
  readonly children: ComponentChildren;
}

export function ConfirmDialog({ title, verb, onClose, onConfirm, children }: ConfirmDialogProps) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  async function confirm() {
    setBusy(true);
    setProblem(null);
    const refusal = await onConfirm().catch(sentenceOf);
    if (refusal === null) return;
    setBusy(false);
    setProblem(refusal);
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-body">
        {children}
        {problem === null ? null : (
          <p class="field-error" role="alert">
            {problem}
          </p>
        )}
        <DialogButtons>
          <Button onClick={onClose}>Keep it</Button>
          <Button kind="danger" isBusy={isBusy} onClick={confirm}>
            {verb}
          </Button>
        </DialogButtons>
      </div>
    </Dialog>
  );
}
