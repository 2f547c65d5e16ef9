/**
 * A change that a form sends: one request at a time, so that a double click is one change. A body that was sent before
 * gets the same idempotency key again, so a second try after a lost response repeats the first one. Another body gets a
 * key of its own, because the service refuses a key that comes with another body.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ActionRunsError } from "../../client/index.ts";
import { capitalized } from "../../words/statuses.ts";
import { sentenceOf } from "./load.tsx";

/** What is wrong and what to do, by the pointer of a field. Null: the form as a whole. */
export type Problems = ReadonlyMap<string | null, string>;

interface Sending {
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

interface Submission<T> {
  /** The body. If it differs from every body before, the request gets a new idempotency key. */
  readonly body?: unknown;
  readonly send: (sending: Sending) => Promise<T>;
  /** Called with the result, unless the form is gone. */
  readonly done: (result: T) => void;
  /** Returns the form's own explanation of this error, or null to use the default one. */
  readonly explain?: (error: ActionRunsError) => Problems | null;
}

interface ChangeOptions {
  /** Each field's pointer in the body, such as `/reason`, or `""` if the field is the whole body. */
  readonly fields?: readonly string[];
  /** Read after the error of a lost response: what another try does. */
  readonly afterLoss?: string;
}

export interface Change {
  readonly isBusy: boolean;
  readonly problems: Problems;
  /** Shows problems that the form found itself. */
  readonly refuse: (problems: Problems) => void;
  /** Does nothing while a request is under way. */
  readonly submit: <T>(submission: Submission<T>) => Promise<void>;
}

export const NO_PROBLEMS: Problems = new Map();

/** The service's own sentence tells a program which header to send. */
export const PERSON_REQUIRED =
  "The run has gates, so your token must say for whom it acts. Press “On behalf of …” in the menu of your session.";

const SENT_WITH_A_KEY =
  "The service may have received this request. You can send the same one again without harm. If you change it, it is a new request.";

export function useChange({ fields = [], afterLoss = SENT_WITH_A_KEY }: ChangeOptions = {}): Change {
  const [keyOf] = useState(keyPerBody);
  const [isBusy, setBusy] = useState(false);
  const [problems, setProblems] = useState(NO_PROBLEMS);
  // A second click can come before the component renders again.
  const isUnderWay = useRef(false);
  const aborter = useRef(new AbortController());
  useEffect(() => () => aborter.current.abort(), []);

  async function submit<T>({ body, send, done, explain }: Submission<T>): Promise<void> {
    if (isUnderWay.current) return;
    const { signal } = aborter.current;
    isUnderWay.current = true;
    setBusy(true);
    setProblems(NO_PROBLEMS);
    try {
      const result = await send({ idempotencyKey: keyOf(body), signal });
      if (!signal.aborted) done(result);
    } catch (error) {
      if (signal.aborted) return;
      const explained = error instanceof ActionRunsError ? explain?.(error) : null;
      setProblems(explained ?? problemsOf(error, fields, afterLoss));
    } finally {
      isUnderWay.current = false;
      setBusy(false);
    }
  }
  return { isBusy, problems, refuse: setProblems, submit };
}

/** The keys of one form. */
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
  return new Map([[field, refusal?.status === null ? `${sentence} ${afterLoss}` : sentence]]);
}

/**
 * The service begins a sentence with the name of a member: `trigger.url: send …`. Beside a field, its label says that
 * already. What is left names a part of the field, if it names anything.
 */
function withoutName(sentence: string, field: string): string {
  const name = field.slice(1).split("/").map(unescaped).join(".");
  const rest = sentence.slice(name.length);
  if (field === "" || !sentence.startsWith(name) || !/^(: |\.)/.test(rest)) return sentence;
  // Fields of several texts have one on each line.
  const left = rest.replace(/^(: |\.)/, "").replace(/^\d+(?=: )/, (index) => `line ${Number(index) + 1}`);
  return /^(: |\.\d)/.test(rest) ? capitalized(left) : left;
}

/** A step of a JSON pointer as the name that it stands for. */
function unescaped(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}

/* SECTION: What follows when a value becomes another. The first value is no change. */

export function useOnChange<T>(value: T, follow: (before: T) => void): void {
  const last = useRef(value);
  useEffect(() => {
    const before = last.current;
    last.current = value;
    if (before !== value) follow(before);
  }, [value]);
}
