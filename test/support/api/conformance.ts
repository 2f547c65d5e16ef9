/**
 * Holds every answer that the tests get against the document: its path, method, status, headers, media type and body.
 * What the document does not describe is a failure of the test that asked. The document's responses are open, because a
 * later version may add members. Here they are closed, so that this version's members are all described.
 */

import { dereference, type Schema, type ValidationResult, validate } from "@cfworker/json-schema";
import { makeDocument } from "../../../src/openapi/document.ts";

interface Described {
  /** Of an error: its codes, except of the MCP. */
  readonly description?: string;
  readonly headers?: Record<string, unknown>;
  readonly content?: Record<string, { readonly schema: Schema }>;
}

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required?: boolean }[];
  readonly responses: Record<string, Described>;
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
}

export const document = (await makeDocument()) as unknown as Document;
const held = closed(structuredClone(document));

/** Closes each object that names its members, and leaves open what says that it is. */
function closed<T>(described: T): T {
  const { type, properties, additionalProperties } = described as Schema;
  if (type === "object" && properties !== undefined && additionalProperties === undefined)
    Object.assign(described as Schema, { additionalProperties: false });
  for (const [name, part] of Object.entries(described as Schema)) {
    const isValue = name === "example" || name === "examples";
    if (typeof part === "object" && part !== null && !isValue) closed(part);
  }
  return described;
}

const parametersIn = (template: string) => template.split("{").length;

/** A fixed segment wins over a parameter, as it does in the service. */
const patterns = Object.entries(held.paths)
  .sort(([a], [b]) => parametersIn(a) - parametersIn(b))
  .map(([template, operations]) => ({
    pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    operations,
  }));

/** Every schema that was judged by, under its own address, beside those that all of them refer to. */
const schemas = dereference({ components: held.components } as Schema);
const judged = new Set<Schema>();

/** Judges a value by a schema of the document. */
export function judge(schema: Schema, value: unknown): ValidationResult {
  if (!judged.has(schema)) {
    dereference(schema, schemas, undefined, `/judged/${judged.size}`);
    judged.add(schema);
  }
  return validate(value, schema, "2020-12", schemas);
}

const ERROR: Described = { content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } };

/** Of what leads a browser to an issuer and back, which is no part of the document. */
const OF_BROWSERS = { Location: {}, "Set-Cookie": {}, "Referrer-Policy": {}, "Retry-After": {} };

/**
 * What the document says of such an answer. At a path that it lacks, an error is the Error that all errors are. A
 * method that it lacks gets an error that the path's other operations describe.
 */
function describedOf(method: string, path: string, status: number): Described | undefined {
  if (/^\/session\/(?:sign-in|callback)$/.test(path) && !["POST", "PUT", "DELETE"].includes(method)) {
    return { ...(status >= 400 && ERROR), headers: OF_BROWSERS };
  }
  // Every page of the console is the same.
  const described = /^\/console\/(?:-\/|sign-in$|cli$)/.test(path) && status !== 404 ? "/console" : path;
  const operations = patterns.find(({ pattern }) => pattern.test(described))?.operations;
  if (operations === undefined) return status >= 400 ? ERROR : undefined;
  const operation = operations[method === "HEAD" ? "get" : method.toLowerCase()];
  const [other] = Object.values(operations);
  return (operation ?? (status >= 400 ? other : undefined))?.responses[status];
}

/** Throws where the answer is not as the document says. `text`: its body. */
export function expectDescribed(method: string, url: string, response: Response, text: string): void {
  const { pathname } = new URL(url);
  const what = `${method} ${pathname} answered ${response.status}`;
  const described = describedOf(method, pathname, response.status);
  if (described === undefined) throw new Error(`${what}, which the document does not describe: ${text}`);
  for (const name of response.headers.keys()) {
    if (!isDescribed(name, described)) throw new Error(`${what} with a header that is not described: ${name}`);
  }
  if (described.content === undefined && response.headers.has("Content-Type"))
    throw new Error(`${what} with a Content-Type, and the document describes no content`);
  if (text === "") return;
  const [type = ""] = (response.headers.get("Content-Type") ?? "").split(";");
  const media = described.content?.[type];
  if (media === undefined) throw new Error(`${what} as ${type}, which the document does not describe`);
  if (type !== "application/json") return;
  // The validator can't name a place with half a surrogate pair in it, and where there is one no schema looks.
  const value: unknown = JSON.parse(text.replaceAll(/\\ud[89a-f][0-9a-f]{2}/gi, "\\ufffd"));
  const { valid, errors } = judge(media.schema, value);
  if (!valid) throw new Error(`${what} otherwise than described: ${JSON.stringify(errors)}\n${text}`);
  const codes = /^[a-z_]+(, [a-z_]+)*$/.exec(described.description ?? "")?.[0].split(", ");
  const { code } = (value ?? {}) as { readonly code?: string };
  if (response.status >= 400 && codes?.includes(code ?? "") === false)
    throw new Error(`${what} with the code ${code}, and the document describes ${codes}`);
}

/**
 * Throws where the pointer of an error leads nowhere: neither to a member of what was sent, nor to where one can be
 * added.
 * `sent`: the body, as JSON or as its text. For parameters that were left out, the service judges those that it has.
 */
export function expectPointed(url: string, sent: unknown, answer: unknown): void {
  const { code, pointer } = (answer ?? {}) as { readonly code?: string; readonly pointer?: string };
  if (typeof code !== "string" || pointer === undefined) return;
  const path = pointer.split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const refused = `${code} points to ${pointer}, which is nowhere in ${JSON.stringify(sent)}`;
  if (code === "invalid_query" || code === "invalid_cursor") {
    const { pathname, searchParams } = new URL(url);
    const [, name = ""] = path;
    if (path.length !== 2 || !(searchParams.has(name) || isRequired(pathname, name)))
      throw new Error(`${refused} of ${url}`);
    return;
  }
  const body: unknown = typeof sent === "string" ? JSON.parse(sent) : sent;
  const isJudged = code === "invalid_parameters" || code === "invalid_concurrency_key";
  if (isJudged && !Object.hasOwn((body ?? {}) as object, "parameters")) {
    if (path[1] !== "parameters") throw new Error(refused);
    return;
  }
  let parent = body;
  for (const step of path.slice(1, -1)) {
    if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, step)) throw new Error(refused);
    parent = (parent as Readonly<Record<string, unknown>>)[step];
  }
  if (typeof parent !== "object" || parent === null) throw new Error(refused);
}

/** Whether the operations of this path need the query parameter. */
function isRequired(path: string, name: string): boolean {
  const operations = patterns.find(({ pattern }) => pattern.test(path))?.operations ?? {};
  return Object.values(operations).some(({ parameters = [] }) =>
    parameters.some((one) => one.in === "query" && one.name === name && one.required === true),
  );
}

/** Headers of HTTP itself, of CORS, and of the connection to a real server. */
const OF_HTTP =
  /^(connection|keep-alive|date|transfer-encoding|content-encoding|cache-control|content-type|content-length|x-content-type-options|vary|access-control-.*|x-request-id)$/;

function isDescribed(name: string, { headers }: Described): boolean {
  if (OF_HTTP.test(name) || headers === undefined) return true;
  return Object.keys(headers).some((described) => described.toLowerCase() === name);
}
