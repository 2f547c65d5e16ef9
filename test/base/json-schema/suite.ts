/**
 * Cases of the public JSON-Schema-Test-Suite (https://github.com/json-schema-org/JSON-Schema-Test-Suite), draft
 * 2020-12, commit 44401e0c046704b476ec9d2e2fccdaee618f259d, one group of cases a line. SUITE-LICENSE has the licence,
 * which is MIT.
 *
 * Every line is [file, description, schema, [[description, data, valid], …]]. The schemas lost their `$schema`, because
 * it is the same in all. These files are missing, because a schema like theirs is refused, or because they test a
 * choice that we made in another way:
 *
 * - dynamicRef, optional/dynamicRef, refRemote, vocabulary, optional/cross-draft, optional/format-assertion: they need
 *   `$dynamicRef`, other documents or a meta-schema of their own
 * - optional/id, optional/unknownKeyword: they look for `$id` below the root
 * - optional/dependencies-compatibility: `dependencies` is refused
 * - format: it says that a format refuses nothing, and ours do
 * - optional/format/*: all formats that we refuse
 * - optional/bignum: JSON numbers are doubles here
 */
import lines from "./suite.jsonl?raw";

interface SuiteCase {
  readonly description: string;
  readonly data: unknown;
  readonly valid: boolean;
}

export interface SuiteGroup {
  readonly name: string;
  /** The suite's schema as the schema of the property `value`, because our root is always an object. */
  readonly schema: unknown;
  readonly cases: readonly SuiteCase[];
}

type Line = [string, string, unknown, [string, unknown, boolean][]];

/** Keywords whose values are data: a `$ref` in there is no reference. */
const DATA = ["const", "enum", "default", "examples"];

/** The same schema with references that begin one property further down. */
function moved(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(moved);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (DATA.includes(key)) return [key, value];
      const isPlace = key === "$ref" && typeof value === "string" && /^#(?:\/|$)/.test(value);
      return [key, isPlace ? `#/properties/value${value.slice(1)}` : moved(value)];
    }),
  );
}

function wrapped(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return { properties: { value: schema } };
  const { $id, $schema, ...rest } = schema as Record<string, unknown>;
  return {
    ...($id === undefined ? {} : { $id }),
    ...($schema === undefined ? {} : { $schema }),
    properties: { value: moved(rest) },
  };
}

export const SUITE: readonly SuiteGroup[] = lines
  .trim()
  .split("\n")
  .map((line) => {
    const [file, description, schema, cases] = JSON.parse(line) as Line;
    return {
      name: `${file}: ${description}`,
      schema: wrapped(schema),
      cases: cases.map(([about, data, valid]) => ({ description: about, data, valid })),
    };
  });
