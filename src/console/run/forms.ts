/** What somebody typed into the dialogs, and where the words of a refusal belong. PURE. */

import { ActionRunsError, type NewActionRun } from "../../client/index.ts";
import { afterTry } from "../ui/key-per-body.ts";
import type { CancelWords } from "./commands.ts";

const GRACE_MAX_SECONDS = 3600;

/** What is wrong, and the field that must change; null: no single field. */
export interface Problem<Field extends string> {
  readonly field: Field | null;
  readonly sentence: string;
}

export type Read<T, Field extends string> =
  | { readonly value: T }
  | { readonly problem: Problem<Field> & { readonly field: Field } };

/** An empty field leaves its member out, so that the service's default counts. */
export function readCancel(reason: string, grace: string): Read<CancelWords, "graceSeconds"> {
  const text = grace.trim();
  if (text !== "" && !(/^\d{1,4}$/.test(text) && Number(text) <= GRACE_MAX_SECONDS)) {
    const sentence = `Use a whole number from 0 to ${GRACE_MAX_SECONDS}.`;
    return { problem: { field: "graceSeconds", sentence } };
  }
  return {
    value: {
      ...(reason.trim() === "" ? {} : { reason: reason.trim() }),
      ...(text === "" ? {} : { graceSeconds: Number(text) }),
    },
  };
}

export type Parameters = NonNullable<NewActionRun["parameters"]>;

/**
 * null: as they were. Then they must not be sent, because a browser may change numbers that it can't hold. `before`: the text
 * that the field began with.
 */
export function readParameters(text: string, before: string): Read<Parameters | null, "parameters"> {
  if (text === before) return { value: null };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? ` The browser says: ${error.message}` : "";
    return { problem: { field: "parameters", sentence: `This is not valid JSON.${why}` } };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { problem: { field: "parameters", sentence: "Use a JSON object: { … }." } };
  }
  return { value: value as Parameters };
}

/** Where a refusal belongs. `names`: the fields of the dialog, as the API names them. */
export function problemOf<Field extends string>(error: unknown, names: readonly Field[]): Problem<Field> {
  if (!(error instanceof ActionRunsError)) {
    return { field: null, sentence: "Something went wrong in the console. Reload the page." };
  }
  const { code, message } = error;
  const field = names.find((name) => refers(code, message, name)) ?? null;
  return { field, sentence: field === null ? afterTry(error, message) : withoutName(message, field) };
}

function refers(code: string, message: string, name: string): boolean {
  if (code === "invalid_parameters") return name === "parameters";
  return code === "invalid_body" && new RegExp(`^${name}\\b`).test(message);
}

/** The API's sentence begins with the name of the member, which is the field's label already. */
function withoutName(message: string, name: string): string {
  if (!message.startsWith(`${name}: `)) return message;
  const rest = message.slice(name.length + 2);
  return rest.charAt(0).toUpperCase() + rest.slice(1);
}
