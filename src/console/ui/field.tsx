/** Form fields: a label, the control, a hint and an error. The label is the accessible name. */
import type {
  ComponentChildren,
  InputHTMLAttributes,
  PartialInputHTMLAttributes,
  PartialSelectHTMLAttributes,
  TextareaHTMLAttributes,
} from "preact";
import { useId, useState } from "preact/hooks";
import { seen } from "./seen-texts.tsx";

interface Described {
  readonly label: string;
  readonly hint?: ComponentChildren;
  /** What is wrong and what to do. */
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

interface LabelledProps extends Described {
  /** What the control holds. */
  readonly text?: unknown;
  /** Makes the control. It must carry all of `attributes`. */
  readonly control: (attributes: ControlAttributes) => ComponentChildren;
}

/** A label around any control. Texts and selects have components below. */
export function Labelled({ label, hint, error = null, onText, text, control }: LabelledProps) {
  const id = useId();
  const unseen = unseenIn(text);
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
function unseenIn(text: unknown): string | undefined {
  return typeof text !== "string" || seen(text) === text
    ? undefined
    : [...text].find((character) => seen(character) !== character);
}

type TextFieldProps = Described &
  Omit<PartialInputHTMLAttributes<HTMLInputElement>, "label" | "role" | "type"> & {
    /** The id of a `datalist`. */
    readonly list?: string | undefined;
    readonly type?: "text" | "password" | "number" | "search" | "date" | "datetime-local";
  };

export function TextField({ label, hint, error, onText, ...rest }: TextFieldProps) {
  return (
    <Labelled
      label={label}
      hint={hint}
      error={error}
      onText={onText}
      text={rest.value}
      control={(described) => {
        // Preact's types have a member for each type of input, so they can't take one that is a variable.
        const attributes = { type: "text", ...rest, ...described } as InputHTMLAttributes<HTMLInputElement>;
        return <input autocomplete="off" spellcheck={false} {...attributes} />;
      }}
    />
  );
}

type TextAreaProps = Described & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "label">;

/** Several lines, in the font of code. */
export function TextArea({ label, hint, error, onText, ...rest }: TextAreaProps) {
  return (
    <Labelled
      label={label}
      hint={hint}
      error={error}
      onText={onText}
      text={rest.value}
      control={(described) => (
        <textarea autocomplete="off" spellcheck={false} rows={8} onFocus={showWhole} {...rest} {...described} />
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

export function SelectField({ label, hint, error, onText, children, options = [], ...rest }: SelectFieldProps) {
  return (
    <Labelled
      label={label}
      hint={hint}
      error={error}
      onText={onText}
      control={(described) => (
        <select {...rest} {...described}>
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
  readonly onChange: (isOn: boolean) => void;
  readonly children: ComponentChildren;
}

/** A box with its words beside it. */
export function Check({ isOn, isInvalid = false, onChange, children }: CheckProps) {
  return (
    <label class="switch row no-wrap">
      <input
        type="checkbox"
        checked={isOn}
        aria-invalid={isInvalid || undefined}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {children}
    </label>
  );
}

interface LinesFieldProps {
  readonly label: string;
  readonly hint: string;
  /** What the field begins with. */
  readonly lines: readonly string[];
  readonly error?: string | undefined;
  readonly onLines: (lines: readonly string[]) => void;
}

/** A list of texts, one on each line. It keeps empty lines while somebody types. */
export function LinesField({ label, hint, lines, error, onLines }: LinesFieldProps) {
  const [text, setText] = useState(() => lines.join("\n"));
  return (
    <TextArea
      label={label}
      hint={hint}
      error={error}
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
