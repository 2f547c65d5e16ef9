/** Forms: a change that is sent, dialogs, and fields. */
import type {
  ComponentChildren,
  PartialInputHTMLAttributes,
  PartialSelectHTMLAttributes,
  TextareaHTMLAttributes,
} from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ActionRunsError, type Client } from "../../client/index.ts";
import { capitalized } from "../../words/statuses.ts";
import { useSession } from "../session/session.tsx";
import { sentenceOf } from "./load.tsx";
import { Button, type ButtonProps, Icon, useNotices } from "./parts.tsx";
import { seen } from "./seen-texts.ts";

/*
 * SECTION: A change: one request at a time, so that a double click is one change. A body that was sent before gets the
 * same idempotency key again, so a second try after a lost response repeats the first one. Another body gets a key of its
 * own, because the service refuses a key that comes with another body.
 */

/** What is wrong and what to do, by the pointer of a field. Null: the form as a whole. */
export type Problems = ReadonlyMap<string | null, string>;

interface Submission<T> {
  readonly body?: unknown;
  readonly send: (options: { readonly idempotencyKey: string; readonly signal: AbortSignal }) => Promise<T>;
  /** Called with the result, unless the form is gone. */
  readonly done?: ((result: T) => void) | undefined;
  /** Returns the form's own explanation of this error, or nothing to use the default one. */
  readonly explain?: ((error: ActionRunsError) => Problems | null | undefined) | undefined;
}

interface ChangeOptions {
  /** Each field's pointer in the body, such as `/reason`, or `""` if the field is the whole body. */
  readonly fields?: readonly string[];
  /** Read after the error of a lost response: what another try does. */
  readonly afterLoss?: string | undefined;
}

export type Change = ReturnType<typeof useChange>;

export const NO_PROBLEMS: Problems = new Map();

/** The service's own sentence tells a program which header to send. */
export const PERSON_REQUIRED =
  "The run has gates, so your token must say for whom it acts. Press “On behalf of …” in the menu of your session.";

const SENT_WITH_A_KEY =
  "The service may have received this request. You can send the same one again without harm. If you change it, it is a new request.";

export function useChange({ fields = [], afterLoss = SENT_WITH_A_KEY }: ChangeOptions = {}) {
  const [keyOf] = useState(keyPerBody);
  const [isBusy, setBusy] = useState(false);
  const [problems, setProblems] = useState(NO_PROBLEMS);
  // A second click can come before the component renders again.
  const isUnderWay = useRef(false);
  const aborter = useRef(new AbortController());
  useEffect(() => () => aborter.current.abort(), []);

  /** Does nothing while a request is under way. */
  async function submit<T>({ body, send, done, explain }: Submission<T>): Promise<void> {
    if (isUnderWay.current) return;
    const { signal } = aborter.current;
    isUnderWay.current = true;
    setBusy(true);
    setProblems(NO_PROBLEMS);
    try {
      const result = await send({ idempotencyKey: keyOf(body), signal });
      if (!signal.aborted) done?.(result);
    } catch (error) {
      if (signal.aborted) return;
      const explained = error instanceof ActionRunsError ? explain?.(error) : null;
      setProblems(explained ?? problemsOf(error, fields, afterLoss));
    } finally {
      isUnderWay.current = false;
      setBusy(false);
    }
  }
  /** Shows problems that the form found itself. */
  const refuse = (found: Problems) => setProblems(found);
  return { isBusy, problems, refuse, submit };
}

/** A change with fields of texts. `first`: what they begin with, by their pointers. */
export function useForm<Pointer extends string>(first: Readonly<Record<Pointer, string>>, options?: ChangeOptions) {
  const change = useChange({ fields: Object.keys(first), ...options });
  const [texts, setTexts] = useState(first);
  const field = (pointer: Pointer) => ({
    value: texts[pointer],
    error: change.problems.get(pointer),
    onText: (text: string) => setTexts((before) => ({ ...before, [pointer]: text })),
  });
  return { change, texts, field };
}

export function keyPerBody(): (body: unknown) => string {
  const keys = new Map<string, string>();
  return (body) => {
    const text = JSON.stringify(body);
    const key = keys.get(text) ?? crypto.randomUUID();
    keys.set(text, key);
    return key;
  };
}

/** An error as a problem of the field that its pointer leads to or into. */
export function problemsOf(error: unknown, fields: readonly string[], afterLoss: string): Problems {
  const refusal = error instanceof ActionRunsError ? error : null;
  const pointer = refusal?.pointer ?? null;
  // Both get a slash at the end, because `/ab` does not lead into the field `/a`.
  const [field = null] = fields
    .filter((one) => pointer !== null && `${pointer}/`.startsWith(`${one}/`))
    .sort((a, b) => b.length - a.length);
  const said = refusal?.code === "person_required" ? PERSON_REQUIRED : sentenceOf(error);
  const sentence = field === null ? said : withoutName(said, field);
  return new Map([[field, refusal?.status === null ? `${sentence} ${afterLoss}`.trimEnd() : sentence]]);
}

/** Without the name of the member that begins a sentence, because the label of the field says that already. */
function withoutName(sentence: string, field: string): string {
  const name = field.slice(1).split("/").map(unescaped).join(".");
  const rest = sentence.slice(name.length);
  if (field === "" || !sentence.startsWith(name) || !/^(: |\.)/.test(rest)) return sentence;
  // Fields of several texts have one on each line.
  const left = rest.replace(/^(: |\.)/, "").replace(/^\d+(?=: )/, (index) => `line ${Number(index) + 1}`);
  return /^(: |\.\d)/.test(rest) ? capitalized(left) : left;
}

function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

/* SECTION: Dialogs. */

interface DialogProps {
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

/** The open dialog, to be rendered, and what opens one. It is made once, so it does not see later props. */
export function useDialog(onClosed?: () => void) {
  const [dialog, setDialog] = useState<ComponentChildren>(null);
  function close() {
    setDialog(null);
    onClosed?.();
  }
  const open = (make: (onClose: () => void) => ComponentChildren) => setDialog(make(close));
  return [dialog, open] as const;
}

/** The row of buttons at the end of a dialog. The one that does it comes last. */
export function DialogButtons({ children }: { readonly children: ComponentChildren }) {
  return <div class="dialog-buttons row">{children}</div>;
}

interface ChangeFormProps {
  readonly change: Change;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly verb: string;
  readonly kind?: ButtonProps["kind"];
  /** The text of the button that does not. */
  readonly keep?: string;
  readonly class?: string;
  /** Enter in a field does not submit the form. Only a press of the button does. */
  readonly isDeliberate?: boolean;
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
export function showFirstProblem(form: HTMLFormElement | null): void {
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

export function ChangeDialog(props: ChangeDialogProps) {
  return (
    <Dialog {...props}>
      <ChangeForm {...props} />
    </Dialog>
  );
}

interface ConfirmDialogProps<T>
  extends Pick<Submission<T>, "done" | "explain">,
    Pick<ChangeOptions, "afterLoss">,
    Omit<ChangeDialogProps, "change" | "onSubmit"> {
  readonly send: (client: Client, options: { readonly signal: AbortSignal }) => Promise<T>;
  /** What a note says when it is done. Then the dialog closes by itself. */
  readonly said?: string;
}

/** Asks before something that can't be undone, and sends it. */
export function ConfirmDialog<T>({ afterLoss, send, said, done, explain, ...dialog }: ConfirmDialogProps<T>) {
  const { client } = useSession();
  const { note } = useNotices();
  const change = useChange({ afterLoss });
  const confirm = () =>
    change.submit({
      send: ({ signal }) => send(client, { signal }),
      done(result) {
        if (said !== undefined) {
          note(said);
          dialog.onClose();
        }
        done?.(result);
      },
      explain,
    });
  return <ChangeDialog kind="danger" keep="Keep it" {...dialog} change={change} onSubmit={confirm} />;
}

interface DialogButtonProps extends Omit<ButtonProps, "onClick"> {
  readonly dialog: (close: () => void) => ComponentChildren;
  readonly isOpenAtFirst?: boolean;
}

/** A button that opens a dialog. It stands in no form and no table, because these would hear the keys of the dialog. */
export function DialogButton({ dialog, isOpenAtFirst = false, ...button }: DialogButtonProps) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  return (
    <>
      <Button {...button} onClick={() => setOpen(true)} />
      {isOpen ? dialog(() => setOpen(false)) : null}
    </>
  );
}

/* SECTION: Fields. */

interface Described {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly error?: string | null | undefined;
  /** Called with what the control holds, after each change that somebody makes. */
  readonly onText?: ((text: string) => void) | undefined;
}

interface ControlAttributes {
  readonly id: string;
  readonly onInput?: (event: { readonly currentTarget: { readonly value: string } }) => void;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": true | undefined;
}

type LabelledProps<Attributes> = Attributes &
  Described & {
    /** Makes the control. It must carry all of `attributes`. */
    readonly control: (attributes: Attributes & ControlAttributes) => ComponentChildren;
  };

/** A label around any control. Texts and selects have components below. */
export function Labelled<Attributes>(props: LabelledProps<Attributes>) {
  const { label, hint, error = null, onText, control, ...attributes } = props;
  const id = useId();
  const unseen = unseenIn(attributes);
  const described = [hint && "hint", unseen && "unseen", error !== null && "error"]
    .filter(Boolean)
    .map((part) => `${id}-${part}`)
    .join(" ");
  return (
    <div class="field stack gap-4">
      <label for={id}>
        <bdi>{label}</bdi>
      </label>
      {control({
        ...(attributes as Attributes),
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": error === null ? undefined : true,
        ...(onText && { onInput: (event) => onText(event.currentTarget.value) }),
      })}
      {hint ? (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      ) : null}
      {unseen ? (
        <p class="hint" id={`${id}-unseen`}>
          It has a character that nobody sees: <code>{unseen}</code>
        </p>
      ) : null}
      {error === null ? null : (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

/** The first character that nobody sees. A control keeps its text as it is, because that is what is sent. */
function unseenIn({ value }: { readonly value?: unknown }): string | undefined {
  if (typeof value !== "string" || seen(value) === value) return;
  return [...value].find((character) => seen(character) !== character);
}

type TextFieldProps = Described &
  Omit<PartialInputHTMLAttributes<HTMLInputElement>, "label" | "role" | "type"> & {
    /** The id of a `datalist`. */
    readonly list?: string | undefined;
    readonly type?: "text" | "password" | "number" | "search" | "date" | "datetime-local";
  };

export function TextField({ type = "text", ...props }: TextFieldProps) {
  return (
    <Labelled
      {...props}
      control={(attributes) => <input autocomplete="off" spellcheck={false} type={type as "text"} {...attributes} />}
    />
  );
}

type TextAreaProps = Described & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "label">;

export function TextArea(props: TextAreaProps) {
  return (
    <Labelled
      {...props}
      control={(attributes) => (
        <textarea autocomplete="off" spellcheck={false} rows={8} onFocus={showWhole} {...attributes} />
      )}
    />
  );
}

/** When Tab leads to it, the browser shows only the line of the caret. A press of a pointer must not move it. */
function showWhole({ currentTarget }: { readonly currentTarget: HTMLElement }) {
  if (!currentTarget.matches(":active")) currentTarget.scrollIntoView({ block: "nearest" });
}

type SelectFieldProps = Described &
  Omit<PartialSelectHTMLAttributes<HTMLSelectElement>, "label" | "role" | "size"> & {
    /** Values with their words, after the `option` elements among the children. */
    readonly options?: readonly (readonly [value: string, words: string])[];
  };

export function SelectField({ children, options = [], ...props }: SelectFieldProps) {
  return (
    <Labelled
      {...props}
      control={(attributes) => (
        <select {...attributes}>
          {children}
          {options.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    />
  );
}

interface CheckProps {
  readonly isOn: boolean;
  readonly isInvalid?: boolean;
  readonly error?: string | undefined;
  readonly onChange: (isOn: boolean) => void;
  readonly children: ComponentChildren;
}

export function Check({ isOn, isInvalid = false, error, onChange, children }: CheckProps) {
  return (
    <>
      <label class="switch row no-wrap">
        <input
          type="checkbox"
          checked={isOn}
          aria-invalid={isInvalid || undefined}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        {children}
      </label>
      <FieldError text={error} />
    </>
  );
}

/** A problem of a form, or of several fields together. */
export function FieldError({ text, id }: { readonly text: string | undefined; readonly id?: string }) {
  return text === undefined ? null : (
    <p class="field-error" role="alert" id={id}>
      {text}
    </p>
  );
}

interface LinesFieldProps extends Omit<Described, "onText"> {
  readonly lines: readonly string[];
  readonly onLines: (lines: readonly string[]) => void;
}

/** A list of texts, one on each line. It keeps empty lines while somebody types. */
export function LinesField({ lines, onLines, ...described }: LinesFieldProps) {
  const [text, setText] = useState(() => lines.join("\n"));
  return (
    <TextArea
      {...described}
      rows={2}
      value={text}
      onText={(next) => {
        setText(next);
        onLines(filledLines(next));
      }}
    />
  );
}

export function filledLines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
