/** What the form of an action calls the members of a definition, and example parameters. PURE. */
import { capitalized } from "../../words/statuses.ts";
import { type Field, formOf, type Schema } from "./schema-form.ts";

/** The labels of the fields, by the names that the service's sentences use. The longest comes first. */
const LABELS: readonly (readonly [member: string, label: string])[] = [
  ["trigger.cancel.url", "URL of the stop request"],
  ["trigger.signingSecret", "Signing secret"],
  ["trigger.payload", "Body"],
  ["trigger.headers", "Headers"],
  ["trigger.secrets", "Secrets"],
  ["trigger.method", "Method"],
  ["trigger.startOn", "A run starts"],
  ["trigger.url", "URL"],
  ["concurrency.group", "Group"],
  ["concurrency.key", "Key"],
  ["concurrency.limit", "Limit"],
  ["concurrency.onConflict", "If there is no room for a run"],
  ["approval.required", "Approvals"],
  ["inbound.parameters", "Parameters of the run"],
  ["inbound.headers", "Headers that it reads"],
  ["inbound.secret", "Secret for events"],
  ["inbound.when", "Only if"],
  ["retry.delaySeconds", "Seconds before each retry"],
  ["retry.attempts", "Retries"],
  ["retry.on", "Retried if"],
  ["agents.description", "Description for agents"],
  ["approval.tokens", "Tokens that may approve"],
  ["heartbeatTimeout", "Heartbeat timeout (minutes)"],
  ["parametersSchema", "Parameters"],
  ["waitTimeout", "Wait timeout (minutes)"],
  ["description", "Description"],
  ["subject", "Subject"],
  ["title", "Title"],
  ["timeout", "Timeout (minutes)"],
  ["labels", "Labels"],
];

/** Names that are no English words, so that a sentence means the member wherever they stand. */
const INSIDE = LABELS.filter(([member]) => /[.A-Z]/.test(member));

/** A sentence of the service with the form's labels instead of the names of members. */
export function inWords(sentence: string): string {
  const beginning = LABELS.find(([member]) => sentence.startsWith(`${member}:`) || sentence.startsWith(`${member}.`));
  const rest = INSIDE.reduce(
    (text, [member, label]) =>
      text.replaceAll(new RegExp(`(?<![\\w.“])${member.replace(".", "\\.")}(?![\\w])`, "g"), `“${label}”`),
    beginning === undefined ? sentence : sentence.slice(beginning[0].length),
  );
  if (beginning === undefined) return rest;
  const [, name = "", said = rest] = /^\.([^:\s]+): (.*)$/s.exec(rest) ?? /^(): (.*)$/s.exec(rest) ?? [];
  return `${beginning[1]}${name === "" ? "" : ` ${name}`}: ${capitalized(said)}`;
}

/** Parameters that the schema could accept: its defaults and examples, and the name of a parameter as its text. */
export function exampleParameters(schema: Schema | undefined): unknown {
  return exampleOf(formOf(schema)) ?? {};
}

function exampleOf(field: Field): unknown {
  if (field.suggested !== undefined) return field.suggested;
  switch (field.kind) {
    case "group":
      return Object.fromEntries(field.fields.map((one) => [one.name, exampleOf(one)]));
    case "text":
      return field.name;
    case "number":
      return 1;
    case "flag":
      return false;
    case "choice":
      return field.options[0];
    case "picks":
    case "lines":
      return [];
    case "json":
      return field.pointer === "" ? {} : undefined;
  }
}
