/**
 * An `example` beside each schema of a request. Tools that send requests, such as Postman, ignore the `examples` inside
 * a schema and make values up.
 */

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

/** Takes the first example of each schema. A parameter's moves, because nothing else has that schema. */
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
