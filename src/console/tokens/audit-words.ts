/** What an audit entry says, in words. PURE. */

import type { AuditEntry } from "../../client/index.ts";
import { countsText } from "../bulk/bulk-words.ts";
import { runsText } from "../bulk/selection.ts";
import type { Page, Project } from "../routes/pages.ts";

type Bulk = NonNullable<AuditEntry["bulk"]>;

const WORDS: Readonly<Record<AuditEntry["action"], string>> = {
  token_minted: "created the token",
  token_rotated: "rotated the token",
  token_revoked: "revoked the token",
  session_ended: "ended a session of",
  resync_requested: "asked for a resync of",
  environment_moved: "moved the environment to",
  action_put: "stored the action",
  action_deleted: "deleted the action",
  action_version_deleted: "deleted a version of the action",
  webhook_endpoint_put: "stored the endpoint",
  webhook_endpoint_deleted: "deleted the endpoint",
  webhook_endpoint_version_deleted: "deleted a version of the endpoint",
  webhook_endpoint_secret_rotated: "rotated the secret of the endpoint",
  webhook_endpoint_disabled: "disabled the endpoint",
  webhook_endpoint_enabled: "enabled the endpoint",
  webhook_endpoint_tested: "tested the endpoint",
  webhook_endpoint_message_resent: "sent a message again to the endpoint",
  webhook_endpoint_recovery_started: "began a recovery of the endpoint",
  run_approved: "approved the run",
  run_rejected: "rejected the run",
  run_released: "opened the time gate of the run",
  run_cancelled: "cancelled the run",
  pause_put: "paused",
  pause_deleted: "resumed",
  bulk_started: "began the bulk operation",
  bulk_ended: "ended the bulk operation",
};

const GATES: Readonly<Record<NonNullable<AuditEntry["gates"]>, string>> = {
  added: "more holds its runs back",
  weakened: "less holds its runs back",
  removed: "something no longer holds its runs back",
};

/** What an entry did to the approval and the concurrency of an action; null if nothing. */
export function gatesOf({ gates }: Pick<AuditEntry, "gates">): string | null {
  return gates && (GATES[gates] ?? gates);
}

/** What an entry says of a bulk operation: `cancel of at most 40 runs, completed: 38 accepted, 2 skipped`. */
export function bulkWords({ operation, runs, maxRuns, status, counts }: Bulk): string {
  const what = `${operation} of ${runs === null ? `at most ${runsText(maxRuns ?? 0)}` : runsText(runs)}`;
  return status === undefined || counts === undefined ? what : `${what}, ${status}: ${countsText(counts)}`;
}

/** What was done, to be read before the target. A later service may know more kinds. */
export function wordsOf(action: string): string {
  const words = Object.hasOwn(WORDS, action) ? WORDS[action as AuditEntry["action"]] : undefined;
  return words ?? action.replaceAll("_", " ");
}

/** The environment of a scope `{o}/{p}/{envName}`; null for a whole project. */
export function envOf(scope: string): string | null {
  return scope.split("/")[2] ?? null;
}

/** The page of what was changed. A deleted action has none, and a later service may change things without a page. */
export function pageOf(entry: Pick<AuditEntry, "action" | "target" | "scope">, project: Project): Page | null {
  const { o, p } = project;
  const { action, target } = entry;
  if (/^(token|session)_/.test(action)) return { name: "tokens", o, p };
  const envName = envOf(entry.scope);
  if (envName === null || action === "action_deleted" || action === "webhook_endpoint_deleted") return null;
  // The target can be a part of it, such as `{name}/versions/{version}`.
  const [name = ""] = target.split("/");
  if (action.startsWith("webhook_")) return { name: "endpoint", o, p, envName, endpoint: name };
  if (action.startsWith("run_")) return { name: "run", o, p, envName, id: target };
  if (action.startsWith("bulk_")) return { name: "operation", o, p, envName, id: target };
  if (action.startsWith("pause_")) return { name: "groups", o, p, envName };
  if (action.startsWith("action_")) return { name: "action", o, p, envName, action: name };
  return action === "resync_requested" || action === "environment_moved" ? { name: "runs", o, p, envName } : null;
}
