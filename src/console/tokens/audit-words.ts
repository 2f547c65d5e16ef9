/** What an audit entry says, in words. PURE. */

import type { AuditEntry } from "../../client/index.ts";

const WORDS: Readonly<Record<AuditEntry["action"], string>> = {
  token_minted: "created the token",
  token_revoked: "revoked the token",
  resync_requested: "asked for a resync of",
  action_put: "stored the action",
  action_deleted: "deleted the action",
};

/** What was done, to be read before the target. A later service may know more kinds. */
export function wordsOf(action: string): string {
  const words = Object.hasOwn(WORDS, action) ? WORDS[action as AuditEntry["action"]] : undefined;
  return words ?? action.replaceAll("_", " ");
}

/** The environment of a scope `{o}/{p}/{envName}`; null for a whole project. */
export function envOf(scope: string): string | null {
  return scope.split("/")[2] ?? null;
}
