/** Validates queries and bodies. A body is read within bounds first, and a refusal becomes one sentence. */

import { zValidator } from "@hono/zod-validator";
import type { HonoRequest } from "hono";
import { safeParse } from "zod";
import * as z from "zod/mini";
import { BODY_DRAIN_BYTES, BODY_MAX_BYTES, JSON_MAX_DEPTH } from "../base/limits.ts";
import { ApiError, type ErrorCode, type MemberFault, refusalOf } from "./errors.ts";
import { meaning } from "./operation.ts";

/** Validates the query for `c.req.valid("query")`, or refuses it with 400. */
export function validQuery<Out, In>(schema: z.ZodMiniType<Out, In>) {
  const refuse = refuseAs("invalid_query", (faults) => withBracketedLists(faults, schema));
  return meaning(
    zValidator("query", schema, refuse, SYNCHRONOUS),
    DESCRIBE && { query: schema, errors: ["invalid_query"] },
  );
}

interface BodyOptions {
  /** A body without bytes counts as `{}`, whatever its Content-Type: many HTTP clients send a type with every POST. */
  readonly mayBeEmpty?: boolean;
  readonly maxBytes?: number;
  /** Makes a text that may be parsed of one that may not, because of its shape. */
  readonly pruned?: (text: string, shape: JsonShape) => string;
}

/** Validates a JSON body for `c.req.valid("json")`, or refuses it with 415, 413 or 400. */
export function validBody<Out, In>(schema: z.ZodMiniType<Out, In>, options: BodyOptions = {}) {
  const validate = zValidator("json", schema, refuseAs("invalid_body"), SYNCHRONOUS);
  const middleware: typeof validate = async (c, next) => {
    const text = await readJsonText(c.req, options);
    // Hono types its cache by what it resolves to, but stores promises. zValidator then parses this text, or takes `{}`
    // if the Content-Type is not JSON.
    Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
    return validate(c, next);
  };
  return meaning(
    middleware,
    DESCRIBE && {
      body: schema,
      mayBeEmpty: options.mayBeEmpty ?? false,
      errors: ["invalid_body", "body_too_large", "unsupported_media_type"],
    },
  );
}

/** By default, zValidator parses asynchronously, which changes the order of the issues. Callers see only the first three. */
const SYNCHRONOUS = { validationFunction: safeParse };

/** `reworded`: the same faults in other words. */
function refuseAs(code: ErrorCode, reworded = (faults: readonly MemberFault[]): readonly MemberFault[] => faults) {
  return (result: { readonly success: boolean; readonly error?: z.core.$ZodError }) => {
    if (result.error !== undefined) throw refusalOf(code, reworded(result.error.issues));
  };
}

export function requireJson(request: HonoRequest): void {
  if (!isJson(request)) throw new ApiError("unsupported_media_type");
}

function isJson(request: HonoRequest): boolean {
  const type = request.header("Content-Type")?.toLowerCase() ?? "";
  return /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/.test(type);
}

/** Reads no more than the first chunk, because a body of another type is refused unread. */
async function hasNoBytes({ body }: Request): Promise<boolean> {
  if (body === null) return true;
  const reader = body.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  return done;
}

/** The text of a JSON body, or `{}` for no bytes if `mayBeEmpty`. Nothing recurses into it before its depth is known. */
async function readJsonText(
  request: HonoRequest,
  { mayBeEmpty = false, maxBytes = BODY_MAX_BYTES, pruned = (text) => text }: BodyOptions,
): Promise<string> {
  if (mayBeEmpty && !isJson(request) && (await hasNoBytes(request.raw))) return "{}";
  requireJson(request);
  const bytes = await readBytes(request.raw, maxBytes);
  if (bytes.byteLength === 0) {
    if (mayBeEmpty) return "{}";
    throw new ApiError("invalid_body", "The body is empty. Send one JSON object.");
  }
  const sent = decodeUtf8(bytes);
  const sentShape = jsonShape(sent);
  const text = pruned(sent, sentShape);
  requireParsable(text, text === sent ? sentShape : undefined);
  return text;
}

/** Throws `invalid_body` if a JSON text is too deep or has too many values to be parsed. */
function requireParsable(text: string, { depth, marks } = jsonShape(text)): void {
  if (depth > JSON_MAX_DEPTH) {
    throw new ApiError("invalid_body", `The body has ${depth} levels of nesting. Send at most ${JSON_MAX_DEPTH}.`);
  }
  // A value can take 20 times the memory of its text. A body of the usual size can't have so many.
  if (marks > BODY_MAX_BYTES) throw new ApiError("invalid_body", "The body has too many values. Send fewer.");
}

/** Throws `body_too_large`. */
export async function readBytes(request: Request, maxBytes: number): Promise<ArrayBuffer> {
  // The runtime enforces a declared length, so a small body is read in one piece.
  const length = Number(request.headers.get("Content-Length") ?? Number.NaN);
  if (length <= maxBytes) return request.arrayBuffer();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes <= maxBytes) chunks.push(chunk);
    else if (bytes > maxBytes + BODY_DRAIN_BYTES) break;
  }
  if (bytes > maxBytes) {
    // The sentence leaves out the number of bytes, because some of them can be a secret's.
    throw new ApiError("body_too_large", `The body has more than ${maxBytes} bytes. Send less.`);
  }
  return new Blob(chunks).arrayBuffer();
}

/** Throws `invalid_body`. */
export function decodeUtf8(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new ApiError("invalid_body", "The body is not valid UTF-8. Encode it as UTF-8 JSON.");
  }
}

/** What a scan can tell of a JSON text without parsing it. */
export interface JsonShape {
  /** How deep arrays and objects nest. */
  readonly depth: number;
  /** How many brackets, commas and colons it has outside of strings. Each value but one takes at least one of them. */
  readonly marks: number;
}

function jsonShape(text: string): JsonShape {
  let depth = 0;
  let deepest = 0;
  let marks = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 92) i++;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) {
      marks++;
      deepest = Math.max(deepest, ++depth);
    } else if (code === 125 || code === 93) {
      marks++;
      depth--;
    } else if (code === 44 || code === 58) marks++;
  }
  return { depth: deepest, marks };
}

/** The value of a JSON text. Throws `invalid_body`. */
export function parsedJson(text: string): unknown {
  requireParsable(text);
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("invalid_body", "The body is not valid JSON. Send one JSON value.");
  }
}

/** A text for each name, or a list if it repeats. GitHub and Slack can send JSON as the only field `payload`. */
export function parsedForm(text: string): unknown {
  const fields = Map.groupBy(new URLSearchParams(text), ([name]) => name);
  const [payload, ...others] = fields.get("payload") ?? [];
  if (payload !== undefined && others.length === 0 && fields.size === 1) return parsedJson(payload[1]);
  // Don't assign members, because a name `__proto__` would set the prototype.
  return Object.fromEntries(
    [...fields].map(([name, pairs]) => {
      const values = pairs.map(([, value]) => value);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

const BRACKETED = /^([^[]+)\[\d*\]$/;

/** Some HTTP clients write lists as `status[]=failed` or `status[0]=failed`. The refusal says how to send them. */
function withBracketedLists(faults: readonly MemberFault[], schema: z.ZodMiniType) {
  const shape = schema instanceof z.ZodMiniObject ? schema.shape : {};
  return faults.flatMap((fault): readonly MemberFault[] => {
    const byName = Map.groupBy(fault.keys ?? [], (key) => BRACKETED.exec(key)?.[1] ?? "");
    const told = [...byName].flatMap(([name, [key = ""]]) => {
      const parameter = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (parameter === undefined) return [];
      // Only a list takes an empty one.
      const verb = z.safeParse(parameter, []).success ? "repeat" : "send";
      return [{ path: [key], message: `${verb} ${name}= without brackets.` }];
    });
    return told.length > 0 && told.length === byName.size ? told : [...told, fault];
  });
}
