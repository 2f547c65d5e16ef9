/** The routes, the lists and the tests of a kind as the OpenAPI document describes them. The kind says what differs. */

import * as z from "zod";
import type { ErrorCode } from "../http/errors.ts";
import type { Operation } from "../http/operation.ts";
import { listOf, named, natural, responseInstant, text, textOrNull, version } from "../http/response-schemas.ts";

type Route = "list" | "get" | "put" | "delete" | "listVersions" | "getVersion" | "deleteVersion";

export interface KindDescription {
  readonly descriptions: Readonly<Record<Route, string>>;
  /** What these responses contain: the definition, and that of a PUT that replaced one or created one. */
  readonly shown: Readonly<Record<"get" | "replaced" | "created" | "version", string>>;
  /** Where another summary than the usual is better. */
  readonly summaries?: Partial<Record<Route, string>>;
  readonly schemas: Readonly<Record<"list" | "one" | "created" | "versions", z.core.$ZodType>>;
  readonly errorsOfPut: readonly ErrorCode[];
}

/** `noun`: of the kind, such as `webhook endpoint`. */
export function operationsOf(
  noun: string,
  { descriptions, shown, summaries, schemas, errorsOfPut }: KindDescription,
): Readonly<Record<Route, Operation>> {
  const one = `${noun.startsWith("a") ? "an" : "a"} ${noun}`;
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  const id = noun.split(" ").map(capital).join("");
  const ofRoute = (route: Route, operationId: string, summary: string) => ({
    operationId,
    summary: summaries?.[route] ?? summary,
    description: descriptions[route],
  });
  return {
    list: {
      ...ofRoute("list", `list${id}s`, `List ${noun}s`),
      responses: { 200: { description: `${capital(noun)}s`, json: schemas.list, headers: ["Link"] } },
    },
    get: {
      ...ofRoute("get", `get${id}`, `Get ${one}`),
      responses: { 200: { description: shown.get, json: schemas.one, headers: ["ETag"] } },
    },
    put: {
      ...ofRoute("put", `put${id}`, `Store ${one}`),
      headers: ["If-Match of PUT", "If-None-Match"],
      responses: {
        200: { description: shown.replaced, json: schemas.one, headers: ["ETag"] },
        201: { description: shown.created, json: schemas.created, headers: ["ETag", "Location"] },
      },
      errors: ["precondition_failed", "secret_required", "not_configured", "storage_full", ...errorsOfPut],
    },
    delete: {
      ...ofRoute("delete", `delete${id}`, `Delete ${one}`),
      headers: ["If-Match of DELETE"],
      responses: { 204: { description: `The ${noun.split(" ").at(-1)} is deleted` } },
      errors: ["precondition_failed", "storage_full"],
    },
    listVersions: {
      ...ofRoute("listVersions", `list${id}Versions`, `List the versions of ${one}`),
      responses: { 200: { description: "Versions", json: schemas.versions, headers: ["Link"] } },
    },
    getVersion: {
      ...ofRoute("getVersion", `get${id}Version`, `Get a version of ${one}`),
      responses: { 200: { description: shown.version, json: schemas.one } },
    },
    deleteVersion: {
      ...ofRoute("deleteVersion", `delete${id}Version`, `Delete a version of ${one}`),
      responses: { 204: { description: "The version is deleted" } },
      errors: ["version_current", "storage_full"],
    },
  };
}

const CHANGED = { version: 1795612908373, changedAt: "2026-11-25T13:21:48.373Z" };

/** The list of a kind's definitions, and that of a definition's versions. `ids`: of one of each in the document. */
export function listsOf<D extends z.ZodType>(
  definition: D,
  ids: Readonly<Record<"one" | "version", string>>,
  { name, ...example }: { readonly name: string; readonly definition: object },
  /** What the list shows besides: schemas and examples. */
  more: { readonly shape: z.ZodRawShape; readonly example: object } = { shape: {}, example: {} },
  actor = "The id of the token that stored it, or `root`.",
) {
  const changed = { version, changedAt: responseInstant };
  const one = named(
    `Listed${ids.one}`,
    { name, ...example, ...CHANGED, ...more.example },
    { name: text, ...changed, ...more.shape, definition },
  );
  const by = { actor: "root", actorName: "root" };
  const ofVersion = named(
    `Listed${ids.version}`,
    { ...CHANGED, ...by, ...example },
    { ...changed, actor: text.describe(actor), actorName: text, definition },
  );
  return { list: listOf(`${ids.one}List`, one), versions: listOf(`${ids.version}List`, ofVersion) };
}

export const attemptResult = {
  status: z.int().nullable().describe("Of the response. Null if there was none."),
  durationMs: natural,
  reason: text.describe("The end of a sentence that begins with `The receiver`."),
  excerpt: textOrNull.describe(
    "The start of the response. Null if it had no body, or if the key that sealed the text was removed.",
  ),
};

const TESTED = { status: 200, durationMs: 87, outcome: "delivered", reason: "answered 200", excerpt: "ok" };

export const testResult = named("WebhookTestResult", TESTED, {
  ...attemptResult,
  outcome: z
    .enum(["delivered", "failed", "refused", "not_made"])
    .describe(
      "`failed`: the service would try a real request again. `refused`: the service would give a real request up, because " +
        "it can't be rendered or the receiver refused it. `not_made`: the service's settings allow no request.",
    ),
});

/** The response to a rotation. `member`: the new secret. `graceEndsAt`: until when replaced ones count. */
export function rotatedOf<Member extends string>(member: Member, id: string, graceEndsAt: z.ZodType) {
  const example = { [member]: `whsec_${"1".repeat(43)}=`, graceEndsAt: "2026-11-26T13:21:48.373Z" };
  const secret = textOrNull.describe(
    "The new secret. Only this response shows it. Null if your `Idempotency-Key` has already rotated it.",
  );
  return named(id, example, { [member]: secret, graceEndsAt });
}
