/**
 * How an operation of the API is described where it is handled. A route's first middleware has the description, and each
 * middleware says what it means for the operation: who may ask, what is validated, which errors it throws. The OpenAPI
 * document is made of that (src/openapi/document.ts).
 *
 * `DESCRIBE && { … }` keeps descriptions out of the Worker: its build replaces `DESCRIBE` by false (wrangler.toml), and
 * drops them together with the schemas that only they name. So such schemas stand in modules of their own. Schemas of
 * requests are described with `inDocument` and `described` (schemas.ts).
 */

import type { Context, Handler, MiddlewareHandler } from "hono";
import type * as z from "zod/mini";
import type { ErrorCode } from "./errors.ts";
import type { AppEnv } from "./request-context.ts";

declare global {
  /** False in the Worker. True where the document is made. */
  var DESCRIBE: boolean;
}

/** A header that the operation reads, besides Authorization. */
export type HeaderParameter =
  | "traceparent"
  | "Last-Event-ID"
  | "Last-Event-ID of changes"
  | "If-Match of PUT"
  | "If-Match of DELETE"
  | "If-None-Match"
  | "MCP-Protocol-Version";

/** One success. Every response also has X-Request-Id. */
export interface Success {
  readonly description: string;
  readonly json?: z.core.$ZodType;
  /** The body as text: an example for each media type. */
  readonly text?: Readonly<Record<string, string>>;
  readonly headers?: readonly string[];
  /** Where a redirect always leads. */
  readonly location?: string;
}

/** What only the operation itself can say. */
export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  /** Who may ask is added at the end, or put in the place of `{who}`, then without the full stop. */
  readonly description: string;
  /** An example of `Idempotency-Key`. Each operation has its own, because an environment takes a key once. */
  readonly idempotencyKey?: string;
  readonly headers?: readonly HeaderParameter[];
  readonly responses: Readonly<Record<number, Success>>;
  /** The errors that none of its middleware says. Not those of a path: the document knows them by its parameters. */
  readonly errors?: readonly ErrorCode[];
  /** Headers of every response, also of errors. */
  readonly headersOfAll?: readonly string[];
  /** Whether the response to a GET depends on the person of `On-Behalf-Of`. */
  readonly dependsOnPerson?: true;
}

/** As `DESCRIBE && { … }` gives it. */
export type Described = Operation | false;

/** What a middleware or a handler means for its operation. */
export interface Meaning {
  readonly operation?: Described | undefined;
  /** Who may ask, as a sentence. */
  readonly who?: string;
  /** Each is enough to authenticate: the schemes that a request needs together. */
  readonly security?: readonly Readonly<Record<string, []>>[];
  /** What `On-Behalf-Of` does in a change. `refused`: the header is only checked, because a person means nothing there. */
  readonly person?: "taken" | "refused";
  readonly errors?: readonly ErrorCode[];
  readonly query?: z.core.$ZodType;
  readonly body?: z.core.$ZodType;
  /** Whether the request may have no body. */
  readonly mayBeEmpty?: boolean;
}

const MEANING = Symbol("meaning");

/** The same middleware or handler, with its meaning, which no request reads. */
export function meaning<H extends object>(handler: H, means: Meaning | false): H {
  return means ? Object.assign(handler, { [MEANING]: means }) : handler;
}

export function meaningOf(handler: object): Meaning | undefined {
  return (handler as { readonly [MEANING]?: Meaning })[MEANING];
}

/** A middleware that lets a request pass unless `check` throws. */
export function guard(check: (c: Context<AppEnv>) => unknown, means: Meaning | false): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async (c, next) => {
    await check(c);
    await next();
  };
  return meaning(middleware, means);
}

/** The handler of an operation that needs no token. */
export function forAnyone(operation: Described, handler: Handler<AppEnv>): Handler<AppEnv> {
  return meaning(handler, DESCRIBE && { operation });
}
