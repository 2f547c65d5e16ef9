/**
 * Well-formed or refused: bodies are read within bounds, and every schema's refusal becomes one sentence that
 * names the place.
 */

import { zValidator } from "@hono/zod-validator";
import type { MiddlewareHandler } from "hono";
import type * as z from "zod/mini";
import type { AppEnv } from "../app-env.ts";
import { ApiError } from "./errors.ts";
import { BODY_DRAIN_BYTES, BODY_MAX_BYTES, JSON_MAX_DEPTH } from "./limits.ts";
import { takes } from "./takes.ts";

/** Validates the query; a refusal is a 400 in the service's own words. */
export function validQuery<T extends z.ZodMiniType>(schema: T) {
  // At once, for what is parsed in steps has its faults in another order, and only the first are told. The validator's
  // own type of a result is that of zod's classic schemas.
  const validationFunction = (schema: T, query: unknown) => schema.safeParse(query) as never;
  const middleware = zValidator(
    "query",
    schema,
    (result) => {
      if (!result.success) throw new ApiError("invalid_query", sentenceOf(result.error.issues));
    },
    { validationFunction },
  );
  const ofNone = schema.safeParse({});
  const unlessNone: typeof middleware = async (c, next) => {
    if (c.req.url.includes("?") || !ofNone.success) return middleware(c, next);
    c.req.addValidatedData("query", ofNone.data as object);
    await next();
  };
  return takes(unlessNone, "query", schema);
}

/**
 * Reads a JSON body within the limits and validates it, for `c.req.valid("json")`. 415, 413 or 400.
 * Nesting is measured on the text, before anything recurses into it. `mayBeEmpty`: no body at all is `{}`.
 */
export function validBody<T extends z.ZodMiniType>(
  schema: T,
  { mayBeEmpty = false }: { readonly mayBeEmpty?: boolean } = {},
): MiddlewareHandler<AppEnv, string, { in: { json: z.input<T> }; out: { json: z.output<T> } }> {
  const middleware: ReturnType<typeof validBody<T>> = async function validBody(c, next) {
    const type = c.req.header("Content-Type")?.toLowerCase();
    const isEmpty = mayBeEmpty && type === undefined && (await isEmptyBody(c.req.raw));
    if (!isEmpty && !/^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/.test(type ?? "")) {
      throw new ApiError(
        "unsupported_media_type",
        "Send the body as JSON with the header Content-Type: application/json.",
      );
    }
    const text = isEmpty ? "{}" : await readText(c.req.raw);
    const depth = jsonDepth(text);
    if (depth > JSON_MAX_DEPTH) {
      throw new ApiError(
        "invalid_body",
        `The body is nested ${depth} levels deep; at most ${JSON_MAX_DEPTH} are taken.`,
      );
    }
    const result = schema.safeParse(parseJson(text));
    if (!result.success) throw new ApiError("invalid_body", sentenceOf(result.error.issues));
    c.req.addValidatedData("json", result.data as object);
    await next();
  };
  return takes(middleware, "json", schema);
}

/** Reads no more than tells: what is no empty body is refused for its missing type, and not looked at. */
async function isEmptyBody({ body }: Request): Promise<boolean> {
  if (body === null) return true;
  const reader = body.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  return done;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("invalid_body", "The body is not valid JSON: send one JSON object.");
  }
}

function sentenceOf(issues: readonly z.core.$ZodIssue[]): string {
  const shown = issues.slice(0, 3).map((issue) => {
    const place = issue.path.map(String).join(".").slice(0, 100);
    // Unknown keys are named in it, and those can fill a whole body.
    const message = issue.message.length > 300 ? `${issue.message.slice(0, 300)}…` : issue.message;
    return place === "" ? message : `${place}: ${message}`;
  });
  const more = issues.length > shown.length ? ` And ${issues.length - shown.length} more.` : "";
  return shown.join(" ") + more;
}

async function readText(request: Request): Promise<string> {
  const bytes = await readBytes(request);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new ApiError("invalid_body", "The body is not valid UTF-8: encode it as UTF-8 JSON.");
  }
}

async function readBytes(request: Request): Promise<ArrayBuffer> {
  // A length that was sent is the length there is; read in one piece, where that piece is small enough.
  const length = Number(request.headers.get("Content-Length") ?? Number.NaN);
  if (length <= BODY_MAX_BYTES) return request.arrayBuffer();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes <= BODY_MAX_BYTES) chunks.push(chunk);
    else if (bytes > BODY_DRAIN_BYTES) break;
  }
  if (bytes > BODY_MAX_BYTES) {
    const sent = bytes > BODY_DRAIN_BYTES ? `over ${BODY_DRAIN_BYTES}` : `${bytes}`;
    throw new ApiError("body_too_large", `The body has ${sent} bytes; at most ${BODY_MAX_BYTES} are taken.`);
  }
  return new Blob(chunks).arrayBuffer();
}

/** How deep arrays and objects nest, brackets inside strings not counted. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 92) i++;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) deepest = Math.max(deepest, ++depth);
    else if (code === 125 || code === 93) depth--;
  }
  return deepest;
}
