/**
 * What tells one kind of stored definition from another. All else is the same for stored actions and webhook endpoints:
 * rows, versions, compare-and-set, sealing, memory and routes.
 */

import type { Context } from "hono";
import type * as z from "zod/mini";
import type { AuditAction, GateChange } from "../auth/audit.ts";
import type { Permission } from "../auth/permissions.ts";
import type { AppEnv } from "../http/app-env.ts";
import type { ErrorCode } from "../http/errors.ts";
import type { DefinitionRef } from "./definition-ref.ts";
import type { Secrets } from "./sealing.ts";

/** What the rows of a kind and their changes need. */
export interface StoredKind {
  /** In the column `kind`. SQL texts contain it as it is. */
  readonly name: "action" | "webhook_endpoint";
  /** As sentences call it. */
  readonly noun: string;
  readonly maxPerEnvironment: number;
  readonly notFound: ErrorCode;
  readonly tooMany: ErrorCode;
  readonly audit: Readonly<Record<"put" | "deleted" | "versionDeleted", AuditAction>>;
  /** What the isolate remembers of this kind. */
  readonly memory: { forget(ref: DefinitionRef): void };
}

/** Replaces the text at `path`, which is a secret. Null stands for a stored one. */
export type Visit = (path: readonly string[], text: string | null) => string | null;

/** Which texts of a definition are secrets, and when null keeps a stored one. PURE. */
export interface SecretRules<D> {
  /** The definition with each secret replaced by what `visit` returns. */
  readonly map: (definition: D, visit: Visit) => D;
  /** Whether null at a path keeps the stored secret. `before`: what the PUT replaces; null if there is nothing. */
  readonly keeps: (before: D | null, sent: D) => (path: readonly string[]) => boolean;
  /** What the caller reads if null keeps nothing by this rule. */
  readonly moved: string;
}

/** What a PUT stores. */
export interface Completed<D> {
  readonly definition: D;
  /** What only the response to this PUT shows. */
  readonly shownOnce: Partial<D>;
}

export type AfterWrite<D> = (
  c: Context<AppEnv>,
  ref: DefinitionRef,
  definition: D,
  written: { readonly version: number; readonly isNew: boolean },
) => Promise<void>;

/** `D`: a definition as a PUT sends it and as a GET shows it, with null in the place of each secret. */
export interface DefinitionKind<D> extends StoredKind {
  readonly schema: z.ZodMiniType<D, unknown>;
  readonly permissions: Readonly<Record<"read" | "manage", Permission>>;
  readonly secrets: SecretRules<D>;
  /** Adds what the service chooses itself. `isNew`: whether there is no such definition yet. */
  readonly complete: (sent: D, isNew: boolean) => Completed<D>;
  /** Throws an ApiError if the definition can't be stored, before anything is read. */
  readonly requireStorable: (c: Context<AppEnv>, sent: D) => void;
  /** The same for rules that need the definition with its secrets. The sentence quotes no secret. */
  readonly requireWhole: (definition: D, secrets: Secrets) => void;
  /** What the kind's own queries read instead of the definition, as JSON; null if there are no such queries. */
  readonly filterOf: (definition: D, secrets: Secrets) => string | null;
  /**
   * What a definition uses that older code must not ignore: code that does not know one of them does nothing with the
   * definition. Kept beside the definition, so that a GET and a PUT don't show it.
   */
  readonly featuresOf: (definition: D) => readonly string[];
  /** What a change does to the gates of runs, for the audit. `before`, `after`: null if there is no such definition. */
  readonly gateChangeOf: (before: D | null, after: D | null) => GateChange | null;
  /** What is sealed beside the definition's secrets, by names that no member has. `stored`: what is sealed now. */
  readonly besides: (c: Context<AppEnv>, stored: Secrets) => Secrets;
  /**
   * What must have happened before a definition is written or deleted, also before a PUT that changes nothing is
   * answered. If it throws, nothing is changed. `definition` null: it is deleted. `createdVersion`: of a new definition.
   */
  readonly beforeChange: (
    c: Context<AppEnv>,
    ref: DefinitionRef,
    definition: D | null,
    createdVersion?: number,
  ) => Promise<void>;
  /** What follows after that, before the answer, also to a DELETE that finds nothing. It must not throw. */
  readonly afterChange: (c: Context<AppEnv>, ref: DefinitionRef) => Promise<void>;
  /** What follows when the row is written. It must not throw, because the definition is stored. */
  readonly afterWrite: AfterWrite<D>;
}
