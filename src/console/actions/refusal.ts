/**
 * Which field a refusal of the service is about. PURE. The service names the place in its sentence: "The value at
 * /replicas is 0." or "labels.0: send a string."
 */

import type { Field } from "./schema-form.ts";

/** The pointer of the field that the sentence of `invalid_parameters` names; null if it names none of the form. */
export function fieldOfRefusal(form: Field, sentence: string): string | null {
  const [, place] = /^(?:The value at |parameters)([\s\S]*)$/.exec(sentence) ?? [];
  return place === undefined ? null : nearest(form, place);
}

/** The deepest field whose place begins the text. Names can hold spaces, so the end of a place can't be seen. */
function nearest(field: Field, rest: string): string | null {
  if (!rest.startsWith(field.pointer) || !/^[ /]/.test(rest.slice(field.pointer.length))) return null;
  if (field.kind !== "group") return field.pointer;
  const missing = field.fields.find(({ name }) =>
    rest.startsWith(` has no property ${JSON.stringify(name)}.`, field.pointer.length),
  );
  if (missing !== undefined) return missing.pointer;
  const inner = field.fields.map((one) => nearest(one, rest)).filter((found) => found !== null);
  // Of `/a` and `/a b`, the longer one.
  return inner.sort((a, b) => b.length - a.length)[0] ?? field.pointer;
}

/** The member of the body that the sentence of `invalid_body` names: `entityId` or `labels`. */
export function memberOfRefusal(sentence: string): string | null {
  return /^([A-Za-z]+)[.:]/.exec(sentence)?.[1] ?? null;
}
