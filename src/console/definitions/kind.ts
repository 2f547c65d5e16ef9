/** What the pages of all stored definitions need to know of a kind: an action, a schedule, a webhook endpoint. */
import type { ComponentType } from "preact";
import { ActionRunsError, type Client, type RotateSecretOptions, type Stored } from "../../client/index.ts";
import type { ProductSecret } from "../actions/products.ts";
import type { Schema } from "../actions/schema-form.ts";
import type { Page, Scope } from "../pages.ts";
import { hrefOf } from "../router.tsx";
import type { Permission } from "../session/sign-in.ts";
import type { Failure } from "../ui/load.tsx";
import type { FieldsProps } from "./member-fields.tsx";
import type { FieldTable } from "./members.ts";

export interface DefinitionKind {
  /** As sentences and pages call one. */
  readonly noun: "action" | "schedule" | "endpoint";
  /** What the client calls them. */
  readonly of: "actions" | "schedules" | "webhookEndpoints";
  readonly list: "actions" | "schedules" | "notifications";
  readonly namePlaceholder: string;
  readonly aboutNull: string;
  readonly permission: Permission;
  /** The code of the service if there is none of this name. */
  readonly goneCode: string;
  readonly deletion: string;
  /** The secret that the service makes; null if it makes none. */
  readonly madeSecret: MadeSecret | null;
  readonly fields: FieldTable;
  /** The service's sentence with the form's words for members. */
  readonly inWords: (sentence: string) => string;
  /** What the editor shows otherwise than for every kind. `base`: what is stored; undefined if there is nothing. */
  readonly viewOf: (definition: Schema | null, base: object | undefined, isJson: boolean) => Partial<View>;
  readonly Fields: ComponentType<FieldsProps>;
}

/** What the editor must know of a definition besides its fields. */
export interface View {
  /** The pointers of the secrets that somebody can type. */
  readonly secrets: readonly string[];
  readonly known: readonly ProductSecret[];
  /** The pointers of the secrets that an empty field keeps. */
  readonly kept: ReadonlySet<string>;
  /** The pointers that have a field of their own. */
  readonly pointers: readonly string[];
  /** The pointers of fields that must not be empty, but are. */
  readonly empty: readonly string[];
  readonly warning: string | null;
}

/** A secret that the service makes, and shows once. */
export interface MadeSecret {
  /** As sentences call it: `signing secret`. */
  readonly noun: string;
  readonly advice: string;
  /** What it means that two of them work. */
  readonly overlap: string;
  /** Where the result of a put has it. */
  readonly member: "inboundSecret" | "signingSecret";
  /** The secret is null if an earlier try has made it. */
  readonly rotate: (
    client: Client,
    name: string,
    options: RotateSecretOptions,
  ) => Promise<{ readonly secret: string | null; readonly graceEndsAt: string | null }>;
}

/** What can be stored of a kind has a name, a version and a definition. */
export type AnyStored = Stored<object>;

export interface ListedVersion {
  readonly version: number;
  readonly changedAt: string;
  readonly actor: string;
  readonly actorName: string;
  readonly definition: object;
}

/** The calls of all kinds take the same parameters, so the types of one stand for all. The service checks definitions. */
export function callsOf(client: Client, { of }: DefinitionKind): Client["actions"] {
  return client[of] as Client["actions"];
}

/** The secret that a put has made; null if it made none. */
export function secretOf({ madeSecret }: DefinitionKind, put: AnyStored): string | null {
  const made = put as Partial<Record<MadeSecret["member"], string | null>>;
  return madeSecret === null ? null : (made[madeSecret.member] ?? null);
}

export function isGone({ goneCode }: DefinitionKind, failure: Failure | null): boolean {
  return failure?.error instanceof ActionRunsError && failure.error.code === goneCode;
}

export function pagesOf({ noun, list }: DefinitionKind, scope: Scope) {
  const pageOf = (page: string, name: string) => ({ name: page, [noun]: name, ...scope }) as unknown as Page;
  return {
    list: hrefOf({ name: list, ...scope }),
    one: (name: string, query?: string) => hrefOf(pageOf(noun, name), query),
    edit: (name: string) => hrefOf(pageOf(`edit-${noun}`, name)),
  };
}

export function changedMeanwhile({ noun }: DefinitionKind): string {
  return `Somebody changed this ${noun} meanwhile. Close this dialog, look at the ${noun}, and decide again.`;
}
