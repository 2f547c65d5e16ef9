/** What the pages of all stored definitions need to know of a kind: an action, a schedule, a webhook endpoint. */
import type { ComponentChildren, ComponentType } from "preact";
import type {
  CallOptions,
  DeleteOptions,
  List,
  ListOptions,
  PutOptions,
  RotateSecretOptions,
  Stored,
} from "../../client/index.ts";
import type { SecretMember, Shown } from "../actions/definition-shape.ts";
import type { ProductSecret } from "../actions/products.ts";
import type { Schema } from "../actions/schema-form.ts";
import type { Page } from "../pages.ts";
import type { Permission } from "../session/sign-in.ts";

/** What the fields of a kind get. */
export interface FieldsProps {
  /** One that fields can show. */
  readonly definition: Schema;
  readonly isNew: boolean;
  readonly problemAt: (pointer: string) => string | undefined;
  /** The field of one secret; null if the definition has no such secret to type. */
  readonly secretAt: (pointer: string) => ComponentChildren;
  /** The fields of its secrets, but for those whose pointers begin with one of `shown`. These stand elsewhere. */
  readonly secretsBut: (...shown: readonly string[]) => ComponentChildren;
  readonly onDefinition: (definition: Schema) => void;
}

/** What the editor must know of a definition besides its fields. */
export interface View {
  /** The secrets that somebody can type. */
  readonly secrets: readonly SecretMember[];
  readonly known: readonly ProductSecret[];
  /** The pointers of the secrets that an empty field keeps. */
  readonly kept: ReadonlySet<string>;
  /** The pointers that have a field of their own. */
  readonly pointers: readonly string[];
  /** The pointers of fields that must not be empty, but are. */
  readonly empty: readonly string[];
  readonly warning: string | null;
}

/** A version of a definition, as a list shows it. */
export interface ListedVersion {
  readonly version: number;
  readonly changedAt: string;
  readonly actor: string;
  readonly actorName: string;
  readonly definition: object;
}

/** What the API does with definitions of a kind. */
interface Operations<T> {
  readonly put: (name: string, definition: Schema, options: PutOptions) => Promise<T>;
  readonly get: (name: string, options: CallOptions) => Promise<T>;
  readonly remove: (name: string, options: DeleteOptions) => Promise<void>;
  readonly versions: (name: string, query: ListOptions, options: CallOptions) => List<ListedVersion>;
  readonly deleteVersion: (name: string, version: number, options: CallOptions) => Promise<void>;
}

/** What the client has of it. `Definition`: what a put takes. */
interface ClientOperations<T, Definition> extends Pick<Operations<T>, "get" | "versions" | "deleteVersion"> {
  readonly put: (name: string, definition: Definition, options: PutOptions) => Promise<T>;
  readonly delete: Operations<T>["remove"];
}

/** `client`: for changes. `reader`: for what a page shows. A definition that somebody types is checked by the service. */
export function operationsOf<T, Definition>(
  client: ClientOperations<T, Definition>,
  reader: ClientOperations<T, Definition>,
): Operations<T> {
  return {
    put: (name, definition, options) => client.put(name, definition as Definition, options),
    get: reader.get,
    remove: client.delete,
    versions: reader.versions,
    deleteVersion: client.deleteVersion,
  };
}

export interface DefinitionKind<T> extends Operations<T> {
  /** As sentences call it: `action`. */
  readonly noun: string;
  readonly namePlaceholder: string;
  readonly aboutNull: string;
  /** Who may change one. */
  readonly permission: Permission;
  /** `All actions`. */
  readonly all: string;
  /** Their list. */
  readonly list: Page;
  readonly pageOf: (name: string) => Page;
  /** The code of the service if there is none of this name. */
  readonly goneCode: string;
  /** What it means that one is deleted. */
  readonly deletion: string;
  /** The members that hold null in the place of a secret that somebody can type. */
  readonly secretsOf: (definition: unknown) => readonly SecretMember[];
  /** The secret that the service makes; null if it makes none. */
  readonly madeSecret: MadeSecret<T> | null;
  /** What the fields can show of each member. */
  readonly shown: Shown;
  /** The service's sentence with the form's words for members. */
  readonly inWords: (sentence: string) => string;
  /** `base`: what is stored; undefined if there is nothing. */
  readonly viewOf: (definition: Schema | null, base: object | undefined, isJson: boolean) => View;
  readonly Fields: ComponentType<FieldsProps>;
}

/** A secret that the service makes, and shows once. */
export interface MadeSecret<T> {
  /** As sentences call it: `signing secret`. */
  readonly noun: string;
  /** What to do with it. */
  readonly advice: string;
  /** What it means that two of them work. */
  readonly overlap: string;
  /** The secret that a put has made; null if it made none. */
  readonly of: (put: T) => string | null;
  /** The secret is null if an earlier try has made it. */
  readonly rotate: (
    name: string,
    options: RotateSecretOptions,
  ) => Promise<{ readonly secret: string | null; readonly graceEndsAt: string | null }>;
}

/** What can be stored of a kind has a name, a version and a definition. */
export type AnyStored = Stored<object>;
