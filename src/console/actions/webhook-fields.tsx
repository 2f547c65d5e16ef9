/** What starts the job, as fields: those of a product, or those of any webhook. */
import { useEffect, useRef, useState } from "preact/hooks";
import { parseExact } from "../../words/typed-json.ts";
import type { FieldsProps } from "../definitions/kind.ts";
import { Check, SelectField, TextArea, TextField } from "../ui/forms.tsx";
import { Button, Icon } from "../ui/parts.tsx";
import { withMember } from "./definition-shape.ts";
import { ANY_WEBHOOK, givenValues, PRODUCTS, productOf, triggerOf, withTrigger } from "./products.ts";
import { isSchema, type Schema, stepOf } from "./schema-form.ts";

interface WebhookFieldsProps extends Pick<FieldsProps, "secretAt"> {
  readonly trigger: Schema;
  /** The names of the parameters. */
  readonly names: readonly string[];
  readonly problemAt: (pointer: string) => string | undefined;
  readonly onTrigger: (trigger: Schema) => void;
}

export function WebhookFields(props: WebhookFieldsProps) {
  const { trigger, names, problemAt, onTrigger } = props;
  const read = productOf(trigger, names);
  const problem = problemAt("/trigger");
  return (
    <>
      {read === null ? (
        <AnyWebhookFields {...props} />
      ) : (
        <div class="grid">
          {read.product.fields.map(({ key, label, hint, example, isGiven }, index) => (
            <TextField
              key={key}
              label={label}
              hint={hint}
              placeholder={isGiven ? undefined : example}
              value={read.values[key] ?? ""}
              error={problemAt(`/trigger/url/${key}`) ?? (index === 0 ? problemAt("/trigger/url") : undefined)}
              onText={(text) => {
                const values = { ...read.values, [key]: text.trim() };
                onTrigger(withTrigger(trigger, triggerOf(read.product, values, names)));
              }}
            />
          ))}
        </div>
      )}
      {problem === undefined ? null : (
        <p class="field-error" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}

function AnyWebhookFields({ trigger, problemAt, secretAt, onTrigger }: WebhookFieldsProps) {
  const set = (name: string, value: unknown) => onTrigger(withMember(trigger, name, value));
  const textOf = (name: string) => String(trigger[name] ?? "");
  return (
    <>
      <TextField
        label="URL"
        hint="https, with placeholders such as {{ parameters.version }} in path and query. Put no secret here."
        value={textOf("url")}
        error={problemAt("/trigger/url")}
        onText={(text) => set("url", text.trim())}
      />
      <div class="grid">
        <SelectField label="Method" value={textOf("method") || "POST"} onText={(text) => set("method", text)}>
          {["POST", "PUT", "PATCH"].map((method) => (
            <option key={method}>{method}</option>
          ))}
        </SelectField>
        <SelectField
          label="A run starts"
          value={textOf("startOn") || "accepted"}
          onText={(text) => set("startOn", text)}
        >
          <option value="heartbeat">with its first heartbeat</option>
          <option value="accepted">when the webhook is answered with 2xx</option>
        </SelectField>
      </div>
      <HeaderFields
        headers={trigger.headers}
        at={HEADERS}
        problemAt={problemAt}
        secretAt={secretAt}
        onHeaders={(headers) => set("headers", headers)}
      />
      <PayloadField
        payload={trigger.payload}
        hint="JSON with placeholders. Empty: the body is everything about the run, but no secrets."
        error={problemAt("/trigger/payload")}
        onPayload={(payload) => set("payload", payload)}
      />
      <Check
        isOn={trigger.signingSecret !== undefined}
        onChange={(isOn) => set("signingSecret", isOn ? null : undefined)}
      >
        Sign each request, after Standard Webhooks
      </Check>
    </>
  );
}

/** The pointer of a trigger's headers. */
export const HEADERS = "/trigger/headers";

interface HeaderFieldsProps extends Pick<FieldsProps, "problemAt" | "secretAt"> {
  readonly headers: unknown;
  /** Their pointer. */
  readonly at: string;
  readonly onHeaders: (headers: Schema) => void;
}

/** Headers that hold no secret, in lower case. The service shows their values. */
const SHOWN: ReadonlySet<string> = new Set(["accept", "accept-language", "content-type", "x-github-api-version"]);

/** Each header has its value beside its name, also if the value is a secret. */
export function HeaderFields({ headers: given, at, problemAt, secretAt, onHeaders }: HeaderFieldsProps) {
  const headers = isSchema(given) ? given : {};
  const [name, setName] = useState("");
  const rows = useRef<HTMLFieldSetElement>(null);
  const [added, setAdded] = useState<string | null>(null);
  useEffect(() => {
    if (added === null) return;
    const last = [...(rows.current?.querySelectorAll<HTMLElement>(".header-row input") ?? [])].at(-1);
    last?.focus();
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

interface PayloadFieldProps {
  readonly label?: string;
  readonly payload: unknown;
  readonly hint: string;
  readonly error: string | undefined;
  readonly onPayload: (payload: unknown) => void;
}

/** Any JSON. While the text is not valid JSON, the definition keeps the last valid value. */
export function PayloadField({ label = "Body", payload, hint, error, onPayload }: PayloadFieldProps) {
  const [text, setText] = useState(() => (payload === undefined ? "" : JSON.stringify(payload, null, 2)));
  const parsed = text.trim() === "" ? { value: undefined } : parseExact(text);
  return (
    <TextArea
      label={label}
      hint={hint}
      rows={4}
      value={text}
      error={"problem" in parsed ? parsed.problem : error}
      onText={(next) => {
        setText(next);
        const read = next.trim() === "" ? { value: undefined } : parseExact(next);
        if ("value" in read) onPayload(read.value);
      }}
    />
  );
}

interface TilesProps {
  readonly trigger: Schema | undefined;
  readonly names: readonly string[];
  readonly onTrigger: (trigger: Schema) => void;
}

/** One choice among the products. */
export function Tiles({ trigger, names, onTrigger }: TilesProps) {
  const chosen = trigger === undefined ? null : (productOf(trigger, names)?.product ?? "any");
  return (
    <div class="grid">
      {PRODUCTS.map((product) => (
        <Tile
          key={product.title}
          title={product.title}
          about={product.about}
          isChosen={chosen === product}
          onChoose={() => onTrigger(triggerOf(product, givenValues(product), names))}
        />
      ))}
      <Tile
        title="Any webhook"
        about="Calls a URL of yours."
        isChosen={chosen === "any"}
        onChoose={() => onTrigger(ANY_WEBHOOK)}
      />
    </div>
  );
}

interface TileProps {
  readonly title: string;
  readonly about: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

export function Tile({ title, about, isChosen, onChoose }: TileProps) {
  return (
    <label class="tile card switch row no-wrap">
      <input type="radio" name="product" checked={isChosen} onChange={onChoose} />
      <span>
        <span class="strong">{title}</span>
        <br />
        <span class="hint">{about}</span>
      </span>
    </label>
  );
}
