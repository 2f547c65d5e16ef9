/** The routes of a kind as the OpenAPI document describes them. The kind says what differs. */

import type * as z from "zod";
import type { ErrorCode } from "../http/errors.ts";
import type { Operation, Tag } from "../http/operation.ts";

type Route = "list" | "get" | "put" | "delete" | "listVersions" | "getVersion" | "deleteVersion";

/** What the document says of a kind. */
export interface KindDescription {
  readonly tag: Tag;
  /** In the ids of operations, such as `putAction`. */
  readonly id: string;
  /** As in "Delete an action" and "The action is deleted". */
  readonly noun: readonly [article: string, name: string];
  readonly descriptions: Readonly<Record<Route, string>>;
  /** What these responses contain: the definition, and that of a PUT that replaced one or created one. */
  readonly shown: Readonly<Record<"get" | "replaced" | "created" | "version", string>>;
  /** Where another summary than the usual is better. */
  readonly summaries?: Partial<Record<Route, string>>;
  readonly schemas: Readonly<Record<"list" | "one" | "created" | "versions", z.core.$ZodType>>;
  readonly errorsOfPut: readonly ErrorCode[];
}

export function operationsOf({
  tag,
  id,
  noun: [article, name],
  descriptions,
  shown,
  summaries,
  schemas,
  errorsOfPut,
}: KindDescription): Readonly<Record<Route, Operation>> {
  const one = `${article} ${name}`;
  const described = (route: Route, operationId: string, summary: string) => ({
    operationId,
    tag,
    summary: summaries?.[route] ?? summary,
    description: descriptions[route],
  });
  return {
    list: {
      ...described("list", `list${id}s`, `List ${name}s`),
      responses: { 200: { description: `${capital(name)}s`, json: schemas.list, headers: ["Link"] } },
    },
    get: {
      ...described("get", `get${id}`, `Get ${one}`),
      responses: { 200: { description: shown.get, json: schemas.one, headers: ["ETag"] } },
    },
    put: {
      ...described("put", `put${id}`, `Store ${one}`),
      headers: ["If-Match of PUT", "If-None-Match"],
      responses: {
        200: { description: shown.replaced, json: schemas.one, headers: ["ETag"] },
        201: { description: shown.created, json: schemas.created, headers: ["ETag", "Location"] },
      },
      errors: ["precondition_failed", "secret_required", "not_configured", "storage_full", ...errorsOfPut],
    },
    delete: {
      ...described("delete", `delete${id}`, `Delete ${one}`),
      headers: ["If-Match of DELETE"],
      responses: { 204: { description: `The ${name.split(" ").at(-1)} is deleted` } },
      errors: ["precondition_failed", "storage_full"],
    },
    listVersions: {
      ...described("listVersions", `list${id}Versions`, `List the versions of ${one}`),
      responses: { 200: { description: "Versions", json: schemas.versions, headers: ["Link"] } },
    },
    getVersion: {
      ...described("getVersion", `get${id}Version`, `Get a version of ${one}`),
      responses: { 200: { description: shown.version, json: schemas.one } },
    },
    deleteVersion: {
      ...described("deleteVersion", `delete${id}Version`, `Delete a version of ${one}`),
      responses: { 204: { description: "The version is deleted" } },
      errors: ["version_current", "storage_full"],
    },
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
