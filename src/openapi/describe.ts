/** What operation descriptions are made of: successes, errors by their codes, and schemas from zod. */

import { type DescribeRouteOptions, resolver } from "hono-openapi";
import * as z from "zod";
import { POINTER_MAX_CHARACTERS } from "../base/limits.ts";
import { ERRORS, type ErrorCode } from "../http/errors.ts";

export type Operation = DescribeRouteOptions & {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
};
type Responses = NonNullable<DescribeRouteOptions["responses"]>;

/** The error body of the contract. */
const errorBody = z
  .object({
    error: z.string().meta({ description: "What is wrong, then what to do. The sentence may change." }),
    code: z
      .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
      .meta({ description: "What happened. A code never changes its meaning." }),
    pointer: z.optional(
      z
        .string()
        .meta({
          format: "json-pointer",
          maxLength: POINTER_MAX_CHARACTERS,
          description:
            "A JSON pointer (RFC 6901) to the member of the request's body that is wrong, such as " +
            "`/trigger/url` or `/labels/0`. If a member is missing, the pointer says where to add it. If " +
            "several members are wrong, it points to the first one. For `invalid_query`, it is a slash and the " +
            "name of the parameter, such as `/limit`. It is missing if the request as a whole is wrong, or if " +
            `it would have more than ${POINTER_MAX_CHARACTERS} characters.`,
        }),
    ),
  })
  .meta({ id: "Error" });

interface Described {
  readonly wire?: Record<string, unknown>;
  readonly examples?: unknown[];
  readonly description?: string;
}

/** Which part of an operation a schema describes. */
type Part = "response" | "body" | "query";

interface Overridden {
  readonly zodSchema: z.core.$ZodType;
  readonly jsonSchema: Record<string, unknown>;
}

/**
 * zod's JSON Schema. Requests are closed, and responses open: a later version may add members to them, and generated
 * clients must not refuse those. If a schema's metadata has `wire`, that replaces zod's result, because some checks can't be
 * expressed in JSON Schema.
 */
export function resolved(schema: z.core.$ZodType, part: Part) {
  const override = ({ zodSchema, jsonSchema }: Overridden) => {
    const { wire, examples, description } = (z.globalRegistry.get(zodSchema) ?? {}) as Described;
    // zod omits examples from a schema with a transform.
    if (examples !== undefined) jsonSchema.examples = examples;
    if (wire !== undefined) {
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      Object.assign(jsonSchema, wire, description === undefined ? {} : { description });
    }
    if (part !== "query") sayDefault(jsonSchema);
    const discriminator = discriminatorOf(zodSchema);
    if (discriminator !== undefined) jsonSchema.discriminator = discriminator;
    if (part === "response" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  };
  const io = part === "response" ? "output" : "input";
  return resolver(schema, { options: { unrepresentable: "any", override, io } });
}

/** Which variant a value is, for generators that ignore a `const`. Each variant has a name. */
function discriminatorOf(schema: z.core.$ZodType): object | undefined {
  if (!(schema instanceof z.core.$ZodDiscriminatedUnion)) return undefined;
  const propertyName = schema._zod.def.discriminator;
  const mapping = schema._zod.def.options.flatMap((option) =>
    [...(option._zod.propValues?.[propertyName] ?? [])].map((value) => [
      value,
      `#/components/schemas/${z.globalRegistry.get(option)?.id}`,
    ]),
  );
  return { propertyName, mapping: Object.fromEntries(mapping) };
}

/** The version of a stored definition. */
export const version = z
  .int()
  .meta({
    description:
      "As in the ETag. Made of the clock, in milliseconds, so it grows with each change and never repeats, also after a restore.",
    wire: { type: "integer", format: "int64", minimum: 1 },
  });

/** An instant in a response. */
export const responseInstant = z.iso.datetime().meta({ wire: { type: "string", format: "date-time" } });

/** Moves the default into the description, because openapi-typescript makes a member with a `default` required. */
function sayDefault(jsonSchema: Record<string, unknown>): void {
  if (jsonSchema.default === undefined) return;
  const said = `Default: \`${JSON.stringify(jsonSchema.default)}\`.`;
  jsonSchema.description = [jsonSchema.description, said].filter((text) => text !== undefined).join(" ");
  delete jsonSchema.default;
}

const header = (name: string) => ({ [name]: { $ref: `#/components/headers/${name.replaceAll("-", "")}` } });

/** A success with its JSON and its headers. Every response also has X-Request-Id. */
export function responds(
  status: number,
  description: string,
  schema: z.core.$ZodType,
  headers: readonly string[] = [],
): Responses {
  return {
    [status]: {
      description,
      headers: headersOf(headers),
      content: { "application/json": { schema: resolved(schema, "response") } },
    },
  };
}

export function headersOf(names: readonly string[]) {
  return Object.assign({}, ...["X-Request-Id", ...names].map(header)) as ReturnType<typeof header>;
}

/** The error responses of a route, with an example for each code. */
export function refuses(...codes: readonly ErrorCode[]): Responses {
  const byStatus = Map.groupBy([...codes, ...ANYWHERE], (code) => ERRORS[code][0]);
  const responses: Responses = {};
  for (const [status, those] of byStatus) {
    const examples = those.map((code) => [code, { value: { error: ERRORS[code][1], code, ...POINTERS[code] } }]);
    responses[status] = {
      description: those.join(", "),
      headers: headersOf(HEADERS_WITH[status] ?? []),
      content: {
        "application/json": { schema: resolved(errorBody, "response"), examples: Object.fromEntries(examples) },
      },
    };
  }
  return responses;
}

/** Where the examples of these errors point to. */
const POINTERS: Partial<Record<ErrorCode, { readonly pointer: string }>> = {
  invalid_body: { pointer: "/timeout" },
  invalid_query: { pointer: "/limit" },
  invalid_parameters: { pointer: "/parameters/replicas" },
  empty_filter: { pointer: "/filter" },
  secret_required: { pointer: "/trigger/headers/Authorization" },
  too_many_labels: { pointer: "/labels" },
};

/** The errors of every endpoint. */
const ANYWHERE: readonly ErrorCode[] = ["method_not_allowed", "internal_error", "loop_detected"];
const HEADERS_WITH: Readonly<Record<number, readonly string[]>> = {
  401: ["WWW-Authenticate"],
  405: ["Allow"],
  429: ["Retry-After"],
  503: ["Retry-After"],
};

export const READS: readonly ErrorCode[] = ["database_unavailable", "coordinator_unavailable"];
/** The same of a request that may read the rows of runs. */
export const READS_RUNS: readonly ErrorCode[] = [...READS, "database_not_bound"];
export const BODY: readonly ErrorCode[] = ["invalid_body", "body_too_large", "unsupported_media_type"];
/** The errors of an API token. */
export const TOKEN: readonly ErrorCode[] = [
  "unauthorized",
  "token_invalid",
  "token_expired",
  "session_ended",
  "too_many_requests",
];
/** The errors of a session. */
export const SESSION: readonly ErrorCode[] = ["unauthorized", "session_ended", "too_many_requests"];
/** The errors of a run that has ended. */
export const ENDED: readonly ErrorCode[] = [
  "run_succeeded",
  "run_failed",
  "run_timed_out",
  "run_cancelled",
  "delivery_failed",
];
