/**
 * Finds a placeholder for a parameter that the action never has, such as `{{ parameters.versoin }}`. PURE. A schema
 * says so only if its top level is closed and nothing else at its top level could add a property.
 */

import { isJsonObject } from "../base/json.ts";
import { namesInstead } from "../base/near-names.ts";
import { shortened } from "../base/visible-text.ts";
import type { MemberFault } from "../http/errors.ts";
import { pathsOf } from "../webhooks/template.ts";
import type { ActionDefinition, StoredTrigger } from "./definition.ts";

/** With one of these, the properties alone don't say which parameters there can be. */
const OPENING = [
  "patternProperties",
  "$ref",
  "$dynamicRef",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentSchemas",
];
const SHOWN_CHARACTERS = 30;

/** The first placeholder whose parameter the schema rules out; null if there is none. Only its first member counts. */
export function placeholderFault({
  trigger,
  concurrency,
  title,
  subject,
  parametersSchema: schema,
}: Pick<ActionDefinition, "trigger" | "concurrency" | "title" | "subject" | "parametersSchema">): MemberFault | null {
  if (schema === undefined || schema.additionalProperties !== false) return null;
  if (OPENING.some((keyword) => Object.hasOwn(schema, keyword))) return null;
  const properties = isJsonObject(schema.properties) ? schema.properties : {};
  const texts = [
    ...textsOf(title, ["title"]),
    ...textsOf(subject, ["subject"]),
    ...textsOf(trigger && requestsOf(trigger), ["trigger"]),
    ...textsOf(concurrency?.key, ["concurrency", "key"]),
  ];
  for (const [path, text] of texts) {
    for (const [root, name] of pathsOf(text)) {
      if (root !== "parameters" || name === undefined || Object.hasOwn(properties, name)) continue;
      return { path, message: sentence(path.includes("headers") ? null : name, Object.keys(properties)) };
    }
  }
  return null;
}

function requestsOf({ url, headers, payload, link, cancel }: StoredTrigger) {
  const stop = cancel && { url: cancel.url, headers: cancel.headers, payload: cancel.payload };
  return { url, headers, payload, link, cancel: stop };
}

function* textsOf(value: unknown, path: readonly string[]): Generator<[readonly string[], string]> {
  if (typeof value === "string") yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* textsOf(member, [...path, key]);
}

/** `name` null: the placeholder is part of a header, which is a secret, so no sentence quotes it. */
function sentence(name: string | null, names: readonly string[]): string {
  const what = name === null ? "a parameter" : `the parameter ${shortened(name, SHOWN_CHARACTERS)}`;
  const none = "parametersSchema has no parameters. Add this one to it, or remove the placeholder.";
  const instead = { having: "parametersSchema has", none, maxCharacters: SHOWN_CHARACTERS };
  return `uses ${what}, which parametersSchema does not have. ${namesInstead(name, names, instead)}`;
}
