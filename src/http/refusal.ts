/** What is wrong with members of a request, as one sentence and as a JSON pointer. PURE. */

import { jsonPointer } from "../base/json-pointer.ts";
import { ApiError, type ErrorCode } from "./errors.ts";

/** A fault of one member. The issues of zod are such faults. */
export interface MemberFault {
  /** From the body, or from the query, to the member. Empty: the whole of it. */
  readonly path: readonly PropertyKey[];
  /** What is read after the member's name. */
  readonly message: string;
  /** Unknown members of the object at `path`. */
  readonly keys?: readonly string[];
  /** `pointer`: from the member at `path` to the part of it that is wrong. */
  readonly params?: { readonly pointer?: string } | undefined;
}

/** An error about these faults, with a pointer to the first one. */
export function refusalOf(code: ErrorCode, faults: readonly MemberFault[]): ApiError {
  const [first] = faults;
  return new ApiError(code, sentenceOf(faults), first && { pointer: pointerTo(code, first) });
}

/** In a query, the pointer names the parameter alone, because a list of values is not JSON. */
function pointerTo(code: ErrorCode, { path, keys = [], params }: MemberFault): string {
  const whole = [...path, ...keys.slice(0, 1)];
  return jsonPointer(code === "invalid_query" ? whole.slice(0, 1) : whole) + (params?.pointer ?? "");
}

/** The first three faults with the names of their members. */
export function sentenceOf(faults: readonly MemberFault[]): string {
  const told = faults.slice(0, 3).map(({ path, message }) => {
    const member = path.map(String).join(".").slice(0, 100);
    // zod's message names every unknown member, which can be as long as the body.
    const short = message.length > 300 ? `${message.slice(0, 300)}…` : message;
    return member === "" ? short : `${member}: ${short}`;
  });
  const more = faults.length > told.length ? ` And ${faults.length - told.length} more.` : "";
  return told.join(" ") + more;
}
