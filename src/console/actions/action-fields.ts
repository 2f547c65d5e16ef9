/** The fields of an action's editor, and the words for its members. PURE. */
import { capitalized } from "../../words/statuses.ts";
import { type FieldTable, type MemberField, pointersOf } from "../definitions/members.ts";
import { parametersIn } from "./parameter-rows.ts";
import { productOf } from "./products.ts";
import { isSchema, type Schema } from "./schema-form.ts";

/** The ends after which an action can retry its runs by itself, and the words for each. */
export const RETRIED = {
  failed: "the job reported a failure",
  delivery: "no receiver took the webhook",
  timeout: "nobody reported an end in time",
} as const;

/** Of a rule that names none. */
export const RETRIED_AT_FIRST: readonly string[] = ["failed", "delivery"];

/** How an event proves that it is genuine. */
export const VERIFIED = {
  token: "a token: Bearer, Basic or X-Gitlab-Token",
  github: "a signature as GitHub's",
  "standard-webhooks": "a signature of Standard Webhooks",
} as const;

/** The pointer of the secret for events. */
export const EVENT_SECRET = "/inbound/secret";

/** The labels that each run of a definition gets. */
export const LABELS: MemberField = { kind: "lines", label: "Labels", hint: "One on each line. Each run gets them." };

export const ACTION_FIELDS: FieldTable = {
  "/description": { kind: "text", label: "Description" },
  "/title": {
    kind: "text",
    label: "Title",
    hint: "What a run does, such as deploy {{ parameters.version }}. Lists show it.",
  },
  "/subject": {
    kind: "text",
    label: "Subject",
    hint: "What a run works on, such as {{ parameters.service }}. Its history is its own.",
  },
  "/trigger/url": {
    kind: "word",
    label: "URL",
    hint: "https, with placeholders such as {{ parameters.version }} in path and query. Put no secret here.",
    empty: "",
  },
  "/trigger/method": { kind: "choice", label: "Method", options: { POST: "POST", PUT: "PUT", PATCH: "PATCH" } },
  "/trigger/startOn": {
    kind: "choice",
    label: "A run starts",
    options: { accepted: "when the webhook is answered with 2xx", heartbeat: "with its first heartbeat" },
  },
  "/trigger/headers": { kind: "headers", label: "Headers" },
  "/trigger/payload": {
    kind: "json",
    label: "Body",
    hint: "JSON with placeholders. Empty: the body is everything about the run, but no secrets.",
  },
  "/trigger/signingSecret": { kind: "part", label: "Sign each request, after Standard Webhooks", first: null },
  "/parametersSchema": { kind: "json", label: "Parameters", isShown: (schema) => parametersIn(schema) !== null },
  "/parametersSchema/properties": { kind: "own", label: "Parameters" },
  "/approval": { kind: "part", label: "Somebody must approve each run", first: {} },
  "/approval/required": {
    kind: "number",
    label: "Approvals",
    hint: "How many different approvers a run needs, 5 at most.",
    placeholder: "1",
  },
  "/approval/allowSelf": { kind: "flag", label: "The creator of a run may approve it too" },
  "/approval/tokens": {
    kind: "lines",
    label: "Only these tokens",
    hint: "The ids of the tokens that alone may approve, one on each line. Empty: each token that may approve.",
  },
  "/concurrency": { kind: "part", label: "Runs take turns in a concurrency group", first: { group: "" } },
  "/concurrency/group": {
    kind: "word",
    label: "Group",
    hint: "All actions of the environment with this group share its slots.",
    placeholder: "deploy",
    empty: "",
  },
  "/concurrency/key": {
    kind: "word",
    label: "Key",
    hint: "Only runs with the same key take turns, for example {{ parameters.service }}.",
  },
  "/concurrency/limit": {
    kind: "number",
    label: "Limit",
    hint: "How many runs can run at once, 100 at most.",
    placeholder: "1",
  },
  "/concurrency/onConflict": {
    kind: "choice",
    label: "If there is no room for a run",
    options: {
      queue: "it waits its turn",
      cancel_running: "running ones of this action are cancelled, and waiting ones end",
      reject: "it is refused",
    },
  },
  "/waitTimeout": {
    kind: "number",
    label: "Wait timeout (minutes)",
    hint: "How long a run may wait. After this time, the run fails.",
    placeholder: "10080",
  },
  "/inbound": {
    kind: "part",
    label: "An event of another product starts a run",
    first: { verify: "token", secret: null },
  },
  "/inbound/verify": { kind: "choice", label: "Events are verified by", options: VERIFIED, empty: "" },
  [EVENT_SECRET]: { kind: "secret", label: "Secret for events" },
  "/inbound/headers": {
    kind: "lines",
    label: "Headers that it reads",
    hint: "One on each line, such as x-github-event. The next two fields can use these as headers.NAME.",
  },
  "/inbound/when": {
    kind: "json",
    label: "Only if",
    hint: 'Conditions as JSON, such as [{ "equals": { "body.ref": "refs/heads/main" } }]. Empty: each event starts a run.',
  },
  "/inbound/parameters": {
    kind: "json",
    label: "Parameters of the run",
    hint: 'JSON such as { "version": "{{ body.after }}" }. Empty: { "event": … } with the whole body.',
  },
  "/retry": {
    kind: "part",
    label: "The service retries a failed run by itself",
    first: { attempts: 2, delaySeconds: 60 },
  },
  "/retry/attempts": { kind: "number", label: "Retries", hint: "How many may follow the first run, 5 at most." },
  "/retry/delaySeconds": {
    kind: "numbers",
    label: "Seconds before each retry",
    hint: "One number for all, or one for each: 60, 600.",
  },
  "/retry/on": { kind: "picks", label: "Retried if", options: RETRIED, first: RETRIED_AT_FIRST },
  "/agents": { kind: "part", label: "Offer to agents", first: {} },
  "/agents/description": {
    kind: "text",
    label: "Description for agents",
    hint: "What the tool does, for the model that chooses it. Empty: the description of the action.",
  },
  "/timeout": { kind: "number", label: "Timeout (minutes)", placeholder: "60" },
  "/heartbeatTimeout": { kind: "number", label: "Heartbeat timeout (minutes)" },
  "/labels": LABELS,
};

/** These fields are there only beside a trigger, and these only if it is no product's. */
const BESIDE_TRIGGER = /^\/(approval|waitTimeout|concurrency|inbound|retry|agents)\b/;
const OF_ANY_WEBHOOK = /^\/trigger\/(?!url$)/;

/** The pointers that have a field of their own. */
export function pointersOfAction(definition: Schema | null): readonly string[] {
  const trigger = isSchema(definition?.trigger) ? definition.trigger : {};
  const isAny = productOf(trigger, namesIn(definition)) === null;
  return [
    "/trigger",
    ...pointersOf(definition, ACTION_FIELDS).filter(
      (at) => (trigger.url !== undefined || !BESIDE_TRIGGER.test(at)) && (isAny || !OF_ANY_WEBHOOK.test(at)),
    ),
  ];
}

/** The names of the parameters. */
export function namesIn(definition: Schema | null): readonly string[] {
  return (parametersIn(definition?.parametersSchema) ?? []).map(({ name }) => name);
}

/** The labels of the fields, by the names that the service's sentences use. The longest comes first. */
const WORDS = [
  ...Object.entries(ACTION_FIELDS)
    .filter(([, { kind }]) => kind !== "part")
    .map(([at, { label }]) => [at.slice(1).replaceAll("/", "."), label] as const),
  ["trigger.cancel.url", "URL of the stop request"] as const,
  ["trigger.signingSecret", "Signing secret"] as const,
  ["trigger.secrets", "Secrets"] as const,
].sort(([a], [b]) => b.length - a.length);

/** Names that are no English words, so that a sentence means the member wherever they stand. */
const INSIDE = WORDS.filter(([member]) => /[.A-Z]/.test(member));

/** A sentence of the service with the form's labels instead of the names of members. */
export function inWords(sentence: string): string {
  const beginning = WORDS.find(([member]) => sentence.startsWith(`${member}:`) || sentence.startsWith(`${member}.`));
  const rest = INSIDE.reduce(
    (text, [member, label]) =>
      text.replaceAll(new RegExp(`(?<![\\w.“])${member.replaceAll(".", "\\.")}(?![\\w])`, "g"), `“${label}”`),
    beginning === undefined ? sentence : sentence.slice(beginning[0].length),
  );
  if (beginning === undefined) return rest;
  const [, name = "", said = rest] = /^\.([^:\s]+): (.*)$/s.exec(rest) ?? /^(): (.*)$/s.exec(rest) ?? [];
  return `${beginning[1]}${name === "" ? "" : ` ${name}`}: ${capitalized(said)}`;
}
