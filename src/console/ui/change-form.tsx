/** The form of a change: its fields, what is wrong with it as a whole, and its buttons. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ActingNote } from "../session/acting-note.tsx";
import { Button, type ButtonProps } from "./button.tsx";
import { DialogButtons } from "./dialog.tsx";
import type { Change } from "./use-change.ts";

interface ChangeFormProps {
  readonly change: Change;
  /** Called when somebody submits the form. Sends the change, or refuses it. */
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  /** The text of the button that does it. */
  readonly verb: string;
  readonly kind?: ButtonProps["kind"];
  /** The text of the button that does not. */
  readonly keep?: string;
  readonly class?: string;
  /** Enter in a field does not submit the form. Only a press of the button does. */
  readonly isDeliberate?: boolean;
  /** Whether the button can be pressed. */
  readonly isReady?: boolean;
  /** The form sends no change, so it does not say for whom. */
  readonly isLocal?: boolean;
  /** Stands between the problem and the buttons. */
  readonly besides?: ComponentChildren;
  /** Another button, before the one that does it. */
  readonly also?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function ChangeForm({ change, onSubmit, onClose, verb, children, ...more }: ChangeFormProps) {
  const { kind = "primary", keep = "Cancel", besides, also, ...others } = more;
  const { isDeliberate = false, isReady = true, isLocal = false, ...attributes } = others;
  const { isBusy, problems } = change;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => showFirstProblem(form.current), [problems]);
  const problem = problems.get(null);
  return (
    <form
      {...attributes}
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isDeliberate) onSubmit();
      }}
    >
      {children}
      {problem === undefined ? null : (
        <p class="form-problem is-failed" role="alert">
          <bdi>{problem}</bdi>
        </p>
      )}
      {besides}
      {isLocal ? null : <ActingNote />}
      <DialogButtons>
        <Button onClick={onClose}>{keep}</Button>
        {also}
        <Button
          kind={kind}
          type={isDeliberate ? "button" : "submit"}
          isBusy={isBusy}
          disabled={!isReady}
          onClick={isDeliberate ? onSubmit : undefined}
        >
          {verb}
        </Button>
      </DialogButtons>
    </form>
  );
}

/** A field that gets the focus is read out with its error. In a low window, the error may be below what is seen. */
function showFirstProblem(form: HTMLFormElement | null): void {
  form?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  form?.querySelector(".field-error, .form-problem")?.scrollIntoView({ block: "nearest" });
}
