/** Whether fields can show a definition, and how they change it. PURE. The service checks everything else. */

import { parametersIn } from "./parameter-builder.ts";
import { isSchema, type Schema } from "./schema-form.ts";

const isText = (value: unknown) => typeof value === "string";
const isTextOrNumber = (value: unknown) => isText(value) || typeof value === "number";

const isOptional = (value: unknown, isShown: (value: unknown) => boolean) => value === undefined || isShown(value);

/** What the fields can show of each member. */
const SHOWN: Readonly<Record<string, (value: unknown) => boolean>> = {
  description: isText,
  timeout: isTextOrNumber,
  heartbeatTimeout: isTextOrNumber,
  waitTimeout: isTextOrNumber,
  approval: (value) =>
    isSchema(value) &&
    isOptional(value.required, isTextOrNumber) &&
    isOptional(value.allowSelf, (one) => typeof one === "boolean"),
  concurrency: (value) =>
    isSchema(value) &&
    isText(value.group) &&
    isOptional(value.key, isText) &&
    isOptional(value.limit, isTextOrNumber) &&
    isOptional(value.onConflict, isText),
  labels: (value) => Array.isArray(value) && value.every(isText),
  parametersSchema: (value) => parametersIn(value) !== null,
  trigger: (value) => isSchema(value) && isText(value.url) && isSchema(value.headers ?? {}),
};

/** A member that the fields can't show; null if they can show everything. */
export function unshownMember(definition: Schema): string | null {
  const found = Object.entries(definition).find(([name, value]) => {
    return !(Object.hasOwn(SHOWN, name) && SHOWN[name]?.(value));
  });
  return found === undefined ? null : found[0];
}

/** The object with another member, or without it if the value is undefined. */
export function withMember(object: Schema, name: string, value: unknown): Schema {
  if (value !== undefined) return { ...object, [name]: value };
  const { [name]: _, ...others } = object;
  return others;
}

/** A number as somebody types it. The service refuses what is no number, with a sentence. */
export function numberOf(text: string): number | string | undefined {
  if (text.trim() === "") return undefined;
  return /^\d{1,15}$/.test(text.trim()) ? Number(text) : text;
}
