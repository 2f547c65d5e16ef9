/** Whether a receiver's response meets the conditions of a trigger's `accepted`. PURE. */

import type { Conditions } from "../request/accepted.ts";
import { memberAt } from "../template/placeholder.ts";
import { RESPONSE_READ_MAX_BYTES } from "./response-values.ts";

/**
 * What is wrong with a 2xx response, as the rest of a sentence; null if it meets all conditions. `json`: the response
 * as JSON; null if it is too long or not JSON, which meets no condition. The sentence names a path of the trigger, and
 * never a value of the response, because everybody who may read the run sees it.
 */
export function unmetCondition(conditions: Conditions, json: unknown, location: string | null): string | null {
  if (json === null) return `the response is not JSON of up to ${RESPONSE_READ_MAX_BYTES / 1024} KiB`;
  const at = (path: string) => {
    const [, ...members] = path.split(".");
    return members.join(".") === "headers.location" ? location : memberAt(json, members);
  };
  for (const { exists, equals = {} } of conditions) {
    if (exists !== undefined && at(exists) === null) return `the response has no ${exists}`;
    for (const [path, wanted] of Object.entries(equals)) {
      const found = at(path);
      if (found === null) return `the response has no ${path}`;
      if (found !== wanted) return `${path} of the response is not the value in accepted`;
    }
  }
  return null;
}
