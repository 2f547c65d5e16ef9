/** JSON Schema and examples from the zod schemas of requests and responses. */

import { resolver } from "hono-openapi";
import * as z from "zod";
import { ERRORS, type ErrorCode } from "../http/errors.ts";
import { errorBody } from "../http/response-schemas.ts";

interface Registered {
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
    const { wire, examples, description } = (z.globalRegistry.get(zodSchema) ?? {}) as Registered;
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

/** Moves the default into the description, because openapi-typescript makes a member with a `default` required. */
function sayDefault(jsonSchema: Record<string, unknown>): void {
  if (jsonSchema.default === undefined) return;
  const said = `Default: \`${JSON.stringify(jsonSchema.default)}\`.`;
  jsonSchema.description = [jsonSchema.description, said].filter((text) => text !== undefined).join(" ");
  delete jsonSchema.default;
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

/** Where the examples of these errors point to. */
const POINTERS: Partial<Record<ErrorCode, { readonly pointer: string }>> = {
  invalid_body: { pointer: "/timeout" },
  invalid_query: { pointer: "/limit" },
  invalid_parameters: { pointer: "/parameters/replicas" },
  empty_filter: { pointer: "/filter" },
  secret_required: { pointer: "/trigger/headers/Authorization" },
  too_many_labels: { pointer: "/labels" },
};

/** An error as JSON, with an example for each code. */
export function errorMedia(codes: readonly ErrorCode[]) {
  const examples = codes.map((code) => [code, { value: { error: ERRORS[code][1], code, ...POINTERS[code] } }]);
  return { schema: resolved(errorBody, "response"), examples: Object.fromEntries(examples) };
}

interface Schema {
  $ref?: string;
  examples?: readonly unknown[];
}

interface Example {
  readonly schema?: Schema;
  example?: unknown;
}

interface Described {
  readonly parameters?: readonly Example[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Example>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/**
 * Puts an `example` beside each schema of a request: the first of its examples. Tools that send requests, such as Postman,
 * ignore the `examples` inside a schema and make values up. A parameter's moves, because nothing else has that schema.
 */
export function addExamples(document: unknown): void {
  const { paths, components } = document as Document;
  for (const { parameters = [], requestBody } of Object.values(paths).flatMap((one) => Object.values(one))) {
    for (const parameter of parameters) {
      if (parameter.schema?.examples === undefined) continue;
      parameter.example = parameter.schema.examples[0];
      delete parameter.schema.examples;
    }
    for (const media of Object.values(requestBody?.content ?? {})) {
      const name = media.schema?.$ref?.split("/").at(-1);
      media.example = (name === undefined ? media.schema : components.schemas[name])?.examples?.[0];
    }
  }
}
