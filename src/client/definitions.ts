/** What stored actions and webhook endpoints have in common: versions as ETags, and deletes that can be repeated. */

import type { CallOptions } from "./api.ts";
import { ActionRunsError, unexpectedResponse } from "./errors.ts";

/** A definition as the API stored it. */
export interface Stored<T> {
  readonly name: string;
  /** Grows with each change, and never repeats for a name. */
  readonly version: number;
  /** null in the place of each secret. You can put it again. */
  readonly definition: T;
}

export interface PutOptions extends CallOptions {
  /** A number replaces the definition only if it has this version. null only creates it. Otherwise 412. */
  readonly ifVersion?: number | null | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes the definition only if it has this version. Otherwise 412. */
  readonly ifVersion?: number | undefined;
}

/** The condition of a put. */
export function conditionOf(ifVersion: number | null | undefined) {
  return ifVersion === null ? { "If-None-Match": "*" } : ifMatch(ifVersion);
}

export function ifMatch(version: number | undefined): { "If-Match"?: string } {
  return version === undefined ? {} : { "If-Match": `"${version}"` };
}

/** The version is the ETag. A proxy that compresses the response may put `W/` before it. */
export function stored<T>(name: string, definition: T, response: Response): Stored<T> {
  const [, version] = /^(?:W\/)?"(\d+)"$/.exec(response.headers.get("ETag") ?? "") ?? [];
  if (version === undefined) throw unexpectedResponse(response, "The response has no version");
  return { name, version: Number(version), definition };
}

/** `gone`: the code of a repeat whose earlier try deleted, if the response to that try was lost. */
export async function deleting(gone: string, ask: (onRetry: () => void) => Promise<unknown>): Promise<void> {
  let isRepeat = false;
  try {
    await ask(() => {
      isRepeat = true;
    });
  } catch (error) {
    if (!(error instanceof ActionRunsError && error.code === gone && isRepeat)) throw error;
  }
}
