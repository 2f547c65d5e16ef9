/** The fields of a definition, made from the table of its kind. Each changes the definition at once. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { parseExact } from "../../words/typed-json.ts";
import { isSchema, type Schema, stepOf } from "../actions/schema-form.ts";
import { Check, FieldError, LinesField, SelectField, TextArea, TextField } from "../ui/forms.tsx";
import { Button, Icon } from "../ui/parts.tsx";
import { type FieldTable, type MemberField, numberOf, numbersOf, valueAt, withMember, withValueAt } from "./members.ts";

export interface FieldsProps {
  /** One that fields can show. */
  readonly definition: Schema;
  readonly isNew: boolean;
  readonly problemAt: (pointer: string) => string | undefined;
  /** The field of one secret; null if the definition has no such secret to type. */
  readonly secretAt: (pointer: string) => ComponentChildren;
  /** The fields of its secrets, but for those whose pointers begin with one of `shown`. These stand elsewhere. */
  readonly secretsBut: (...shown: readonly string[]) => ComponentChildren;
  readonly onDefinition: (definition: Schema) => void;
}

export function fieldsOf(table: FieldTable, props: FieldsProps) {
  /** `more`: what this field has beside its row of the table. */
  function field(at: string, more?: Partial<MemberField>) {
    const of = table[at];
    return of === undefined ? null : <Member key={at} {...props} at={at} of={{ ...of, ...more }} />;
  }
  const fields = (...all: readonly string[]) => all.map((at) => field(at));
  const grid = (...all: readonly string[]) => <div class="grid">{fields(...all)}</div>;
  /** A member that a checkbox adds, and the fields inside it. */
  const part = (at: string, ...inside: readonly ComponentChildren[]) => (
    <>
      {field(at)}
      {valueAt(props.definition, at) === undefined ? null : inside}
    </>
  );
  return { field, fields, grid, part };
}

const READERS = { text: String, word: (text: string) => text.trim(), number: numberOf };

interface MemberProps extends FieldsProps {
  readonly at: string;
  readonly of: MemberField;
}

function Member({ at, of, definition, problemAt, secretAt, onDefinition }: MemberProps) {
  const { label, hint, placeholder, kind, empty, options = {}, suggested } = of;
  const id = useId();
  const value = valueAt(definition, at);
  const text = String(value ?? "");
  const error = problemAt(at);
  const shared = { label, hint, error };
  const set = (next: unknown) => onDefinition(withValueAt(definition, at, next));
  switch (kind) {
    case "text":
    case "word":
    case "number":
      return (
        <>
          <TextField
            {...shared}
            inputMode={kind === "number" ? "numeric" : "text"}
            placeholder={placeholder}
            list={suggested && id}
            value={text}
            onText={(next) => {
              const read = READERS[kind](next);
              set(read === "" ? empty : read);
            }}
          />
          {suggested && (
            <datalist id={id}>
              {suggested.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          )}
        </>
      );
    case "numbers":
      return <NumbersField {...shared} value={value} onValue={set} />;
    case "lines":
      return (
        <LinesField
          label={label}
          hint={hint ?? ""}
          error={error}
          lines={(value ?? []) as readonly string[]}
          onLines={(lines) => set(lines.length === 0 ? undefined : lines)}
        />
      );
    case "choice":
      return (
        <SelectField
          {...shared}
          value={text || Object.keys(options)[0]}
          onText={set}
          options={Object.entries(options)}
        />
      );
    case "picks":
      return (
        <Picks
          {...shared}
          options={Object.entries(options)}
          picked={(value ?? of.first ?? []) as readonly string[]}
          onPicked={set}
        />
      );
    case "flag":
      return (
        <Check isOn={value === true} onChange={(isOn) => set(isOn || empty)}>
          {label}
        </Check>
      );
    case "part":
      return (
        <Check isOn={value !== undefined} error={error} onChange={(isOn) => set(isOn ? of.first : undefined)}>
          {label}
        </Check>
      );
    case "json":
      return <JsonField {...shared} value={value} onValue={set} />;
    case "secret":
      return <>{secretAt(at)}</>;
    case "headers":
      return <HeaderFields at={at} of={value} problemAt={problemAt} secretAt={secretAt} onHeaders={set} />;
    case "own":
      return null;
  }
}

interface ValueFieldProps extends Pick<MemberField, "label" | "hint"> {
  readonly error: string | undefined;
  readonly value: unknown;
  readonly onValue: (value: unknown) => void;
}

function NumbersField({ value, onValue, ...shared }: ValueFieldProps) {
  const [text, setText] = useState(() => [value ?? ""].flat().join(", "));
  return (
    <TextField
      {...shared}
      value={text}
      onText={(next) => {
        setText(next);
        onValue(numbersOf(next));
      }}
    />
  );
}

/** Any JSON. While the text is not valid JSON, the definition keeps the last valid value. */
function JsonField({ error, value, onValue, ...shared }: ValueFieldProps) {
  const [text, setText] = useState(() => (value === undefined ? "" : JSON.stringify(value, null, 2)));
  const read = (typed: string) => (typed.trim() === "" ? { value: undefined } : parseExact(typed));
  const parsed = read(text);
  return (
    <TextArea
      {...shared}
      rows={4}
      value={text}
      error={"problem" in parsed ? parsed.problem : error}
      onText={(next) => {
        setText(next);
        const typed = read(next);
        if ("value" in typed) onValue(typed.value);
      }}
    />
  );
}

interface PicksProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly error: string | undefined;
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly picked: readonly string[];
  readonly onPicked: (picked: string[]) => void;
}

/** Checkboxes of which several can be ticked. */
export function Picks({ label, hint, error, options, picked, onPicked }: PicksProps) {
  const id = useId();
  const values = options.map(([value]) => value);
  return (
    <fieldset class="stack" aria-describedby={error && id}>
      <legend>{label}</legend>
      <div class="row gap-14">
        {options.map(([value, words]) => (
          <Check
            key={value}
            isOn={picked.includes(value)}
            isInvalid={error !== undefined}
            onChange={(isOn) => onPicked(values.filter((one) => (one === value ? isOn : picked.includes(one))))}
          >
            <bdi>{words}</bdi>
          </Check>
        ))}
      </div>
      {hint ? <p class="hint">{hint}</p> : null}
      <FieldError text={error} id={id} />
    </fieldset>
  );
}

/** Headers that hold no secret, in lower case. The service shows their values. */
const SHOWN: ReadonlySet<string> = new Set(["accept", "accept-language", "content-type", "x-github-api-version"]);

interface HeaderFieldsProps extends Pick<FieldsProps, "problemAt" | "secretAt"> {
  readonly at: string;
  readonly of: unknown;
  readonly onHeaders: (headers: Schema) => void;
}

/** Each header has its value beside its name, also if the value is a secret. */
function HeaderFields({ at, of, problemAt, secretAt, onHeaders }: HeaderFieldsProps) {
  const headers = isSchema(of) ? of : {};
  const [name, setName] = useState("");
  const rows = useRef<HTMLFieldSetElement>(null);
  const [added, setAdded] = useState<string | null>(null);
  useEffect(() => {
    if (added === null) return;
    const inputs = rows.current?.querySelectorAll<HTMLElement>(".header-row input") ?? [];
    [...inputs].at(-1)?.focus();
  }, [added]);
  function add() {
    const next = name.trim();
    if (next !== "" && !Object.hasOwn(headers, next)) {
      onHeaders({ ...headers, [next]: SHOWN.has(next.toLowerCase()) ? "" : null });
      setAdded(next);
    }
    setName("");
  }
  return (
    <fieldset class="stack header-rows" ref={rows}>
      <legend>Headers</legend>
      {Object.entries(headers).map(([one, value]) => (
        <div key={one} class="header-row row no-wrap">
          {value === null ? (
            secretAt(at + stepOf(one))
          ) : (
            <TextField
              label={one}
              value={String(value)}
              error={problemAt(at + stepOf(one))}
              onText={(text) => onHeaders({ ...headers, [one]: text })}
            />
          )}
          <Button
            kind="quiet"
            aria-label={`Remove the header ${one}`}
            onClick={() => onHeaders(withMember(headers, one, undefined))}
          >
            <Icon name="cross" />
          </Button>
        </div>
      ))}
      <div class="with-button row no-wrap">
        <TextField
          label="New header"
          placeholder="Authorization"
          value={name}
          error={problemAt(at)}
          onText={setName}
          onKeyDown={(event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();
            add();
          }}
        />
        <Button onClick={add}>Add header</Button>
      </div>
    </fieldset>
  );
}

interface TilesProps<T> {
  readonly of: readonly T[];
  readonly chosen: T | undefined;
  readonly onChoose: (one: T) => void;
}

/** One choice among several, with what each means. */
export function Tiles<T extends { readonly title: string; readonly about: string }>(props: TilesProps<T>) {
  const { of, chosen, onChoose } = props;
  return (
    <div class="grid">
      {of.map((one) => (
        <label key={one.title} class="tile card switch row no-wrap">
          <input type="radio" name="product" checked={one === chosen} onChange={() => onChoose(one)} />
          <span>
            <span class="strong">{one.title}</span>
            <br />
            <span class="hint">{one.about}</span>
          </span>
        </label>
      ))}
    </div>
  );
}
