/**
 * A modal dialog. It is open while it is rendered. Its first field gets the focus, or the dialog itself. The browser
 * keeps the focus inside the dialog, and afterwards gives it back.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { useSession } from "../session/session.tsx";
import { Button, type ButtonProps, Icon } from "./button.tsx";
import type { Change } from "./use-change.ts";

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
    const field = isRead ? null : dialog?.querySelector<HTMLElement>("form :is(input, select, textarea)");
    (field ?? dialog)?.focus();
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
      <div class="dialog-head row no-wrap is-apart">
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
  return <div class="dialog-buttons row">{children}</div>;
}

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
  /** The form is a page, which is long: its problem stands at its top. */
  readonly isPage?: boolean;
  /** Stands between the problem and the buttons. */
  readonly besides?: ComponentChildren;
  /** Another button, before the one that does it. */
  readonly also?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function ChangeForm({ change, onSubmit, onClose, verb, children, ...more }: ChangeFormProps) {
  const { kind = "primary", keep = "Cancel", besides, also, ...others } = more;
  const { isDeliberate = false, isReady = true, isLocal = false, isPage = false, class: classes = "" } = others;
  const { isBusy, problems } = change;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => showFirstProblem(form.current), [problems]);
  const problem = problems.get(null);
  const note =
    problem === undefined ? null : (
      <p class="note is-failed" role="alert">
        <bdi>{problem}</bdi>
      </p>
    );
  return (
    <form
      class={`stack gap-14 ${classes}`}
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isDeliberate) onSubmit();
      }}
    >
      {isPage ? note : null}
      {children}
      {isPage ? null : note}
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
  form?.querySelector(".field-error, .note.is-failed")?.scrollIntoView({ block: "nearest" });
}

/** Names the person in each dialog that changes something, so that nobody acts in another's name unseen. */
function ActingNote() {
  const { holder, person } = useSession();
  if (!holder.mayActForOthers || person === null) return null;
  return (
    <p class="muted">
      You act on behalf of <bdi class="break">{person}</bdi>.
    </p>
  );
}

interface ChangeDialogProps extends ChangeFormProps, Pick<DialogProps, "title" | "isKept" | "isRead"> {}

/** A dialog that is the form of one change. */
export function ChangeDialog({ title, isKept = false, isRead = false, ...form }: ChangeDialogProps) {
  return (
    <Dialog title={title} onClose={form.onClose} isKept={isKept} isRead={isRead}>
      <ChangeForm {...form} />
    </Dialog>
  );
}

/** Asks before something that can't be undone. */
export function ConfirmDialog(props: ChangeDialogProps) {
  return <ChangeDialog {...props} kind="danger" keep="Keep it" />;
}
