/** The secrets of a definition. The service shows null in the place of each, and keeps what is stored for null. PURE. */

import { isSchema, stepOf } from "./schema-form.ts";

export interface SecretMember {
  readonly pointer: string;
  /** `Authorization`, or `signingSecret`. */
  readonly name: string;
}

const HOLDERS = [["headers"], ["secrets"], ["cancel", "headers"]];

/** The members that hold null in the place of a secret. */
export function secretsOf(definition: unknown): readonly SecretMember[] {
  const trigger = memberAt(definition, ["trigger"]);
  const found = HOLDERS.flatMap((path) =>
    Object.entries(memberAt(trigger, path) ?? {})
      .filter(([, value]) => value === null)
      .map(([name]) => ({ pointer: ["trigger", ...path, name].map(stepOf).join(""), name })),
  );
  const isSigned = isSchema(trigger) && trigger.signingSecret === null;
  return isSigned ? [...found, { pointer: "/trigger/signingSecret", name: "signingSecret" }] : found;
}

/** The definition with these texts in the place of nulls. `texts`: by pointer. An empty text leaves the null. */
export function withSecrets<T>(definition: T, texts: ReadonlyMap<string, string>): T {
  return filled(definition, "", texts) as T;
}

function filled(value: unknown, pointer: string, texts: ReadonlyMap<string, string>): unknown {
  if (value === null) return texts.get(pointer) || null;
  if (!isSchema(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, filled(one, pointer + stepOf(name), texts)]),
  );
}

function memberAt(value: unknown, path: readonly string[]): object | undefined {
  let at = value;
  for (const name of path) at = isSchema(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  return isSchema(at) ? at : undefined;
}
