/**
 * Which schemas an action may have for its parameters: JSON Schema 2020-12. PURE: it makes no request, so a schema refers
 * only to itself. An unknown keyword or format is refused. The root's type is `object`. Numbers are doubles.
 *
 * A caller's schema can be hostile. This file bounds its size, its depth, its number of subschemas and the size of its
 * patterns, and refuses references that lead back to themselves. `validate.ts` bounds the evaluation.
 */
import { hasOnlyFiniteNumbers, isDeeperThan, isJsonObject, pointerStep } from "../json.ts";
import {
  JSON_MAX_DEPTH,
  PATTERNS_MAX_INSTRUCTIONS,
  SCHEMA_MAX_BYTES,
  SCHEMA_MAX_SUBSCHEMAS,
  utf8Bytes,
} from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { FORMATS } from "./formats.ts";
import { type Pattern, PatternParts, parsePattern } from "./pattern.ts";
import {
  type AllowedValues,
  COUNTS,
  type Draft,
  inPlaceSchemas,
  LIMITS,
  NAMED_SCHEMAS,
  SCHEMA_LISTS,
  SCHEMAS,
  type SchemaFault,
  type SchemaNode,
  shownJson,
  shownPointer,
  TYPES,
  type TypeName,
} from "./schema-node.ts";
import { canonicalText } from "./step-budget.ts";

/** A schema that was checked. It lives in memory only; `checkSchema` makes it again from the stored JSON. */
export type CheckedSchema = SchemaNode;

/** `value`: parsed JSON. Refuses with the first fault, whose `pointer` leads into the schema. */
export function checkSchema(value: unknown): Result<CheckedSchema, SchemaFault> {
  const fault = faultOfDocument(value);
  if (fault !== null) return err({ pointer: "", sentence: fault });
  const walk = new Walk();
  const root = walk.subschema(value, "");
  walk.link();
  return walk.fault === null ? ok(root) : err(walk.fault);
}

function faultOfDocument(value: unknown): string | null {
  if (!isJsonObject(value)) return 'The schema is not an object. Send a JSON object, such as { "type": "object" }.';
  // First, because the steps after this one recurse.
  if (isDeeperThan(value, JSON_MAX_DEPTH)) {
    return `The schema has more than ${JSON_MAX_DEPTH} levels. Move inner schemas to $defs, and refer to them with $ref.`;
  }
  const bytes = utf8Bytes(JSON.stringify(value));
  if (bytes > SCHEMA_MAX_BYTES) return `The schema has ${bytes} bytes of JSON. Send at most ${SCHEMA_MAX_BYTES}.`;
  if (!hasOnlyFiniteNumbers(value)) return "The schema has a number that is too large. Send a number below 1.8e308.";
  if (Object.hasOwn(value, "type") && value.type !== "object") {
    return 'The schema\'s type is not "object", but parameters are an object. Send "type": "object".';
  }
  return null;
}

/** Each pointer repeats the names above it, so with long names 500 of them would be very large. */
const POINTER_MAX_CHARACTERS = 2048;

/** Reads a schema into nodes. `pointer` leads to the schema, or to the keyword that is read. */
class Walk {
  /** Only the first one counts. */
  fault: SchemaFault | null = null;
  readonly #patternParts = new PatternParts();
  /** By the JSON Pointer that a `$ref` can contain. */
  readonly #nodes = new Map<string, SchemaNode>();
  readonly #anchors = new Map<string, SchemaNode>();
  readonly #references: { readonly node: Draft; readonly target: string; readonly pointer: string }[] = [];
  #instructions = 0;

  /** `fault` is to be read after `what` and the pointer. */
  refuse(pointer: string, what: string, fault: string): void {
    const shown = shownPointer(pointer);
    this.fault ??= { pointer, sentence: `${what}${shown === "" ? "" : ` at ${shown}`} ${fault}` };
  }

  subschema(value: unknown, pointer: string): SchemaNode {
    const node: Draft = {};
    if (this.fault === null && pointer.length > POINTER_MAX_CHARACTERS) {
      this.refuse(
        pointer,
        "The schema",
        `has a JSON Pointer of more than ${POINTER_MAX_CHARACTERS} characters. Use shorter names, or move the schema to $defs.`,
      );
    }
    if (this.fault !== null) return node;
    this.#nodes.set(pointer, node);
    if (this.#nodes.size > SCHEMA_MAX_SUBSCHEMAS + 1) {
      this.refuse("", "The schema", `has more than ${SCHEMA_MAX_SUBSCHEMAS} subschemas. Send a smaller schema.`);
    } else if (value === false) node.refusesAll = true;
    else if (isJsonObject(value)) this.#readKeywords(node, value, pointer);
    else if (value !== true) {
      this.refuse(pointer, "The value", "is not a schema. Send an object, true or false.");
    }
    return node;
  }

  #readKeywords(node: Draft, schema: Readonly<Record<string, unknown>>, pointer: string): void {
    for (const [keyword, value] of Object.entries(schema)) {
      if (this.fault !== null) return;
      const at = pointer + pointerStep(keyword);
      const read = KEYWORDS.get(keyword);
      if (read !== undefined) read(node, value, at, this);
      else if (!keyword.startsWith("x-")) {
        const advice = ADVICE.get(keyword);
        const unknown = "is unknown. Correct its name, or begin the name of a note with x-.";
        this.refuse(at, "The keyword", advice === undefined ? unknown : `is not supported. ${advice}`);
      }
    }
  }

  membersOf(value: unknown, pointer: string): [string, unknown][] {
    if (isJsonObject(value)) return Object.entries(value);
    this.refuse(pointer, "The keyword", "is not an object. Send an object with a member for each name.");
    return [];
  }

  namedSchemas(value: unknown, pointer: string): Map<string, SchemaNode> {
    const members = this.membersOf(value, pointer);
    return new Map(members.map(([name, member]) => [name, this.subschema(member, pointer + pointerStep(name))]));
  }

  namesIn(value: unknown, pointer: string): readonly string[] {
    if (Array.isArray(value) && value.every(isText) && new Set(value).size === value.length) return value;
    this.refuse(pointer, "The keyword", "is not a list of names. Send an array of strings without repetitions.");
    return [];
  }

  pattern(source: unknown, pointer: string): Pattern | null {
    const parsed = isText(source)
      ? parsePattern(source, this.#patternParts)
      : err("is not a string. Send a regular expression as a string.");
    if (!parsed.ok) this.refuse(pointer, "The pattern", parsed.error);
    else {
      this.#instructions += parsed.value.program.kinds.length;
      if (this.#instructions <= PATTERNS_MAX_INSTRUCTIONS) return parsed.value;
      this.refuse(pointer, "The pattern", "makes the schema's patterns too large. Use smaller counts.");
    }
    return null;
  }

  reference(node: Draft, target: string, pointer: string): void {
    this.#references.push({ node, target, pointer });
  }

  anchor(node: Draft, name: string, pointer: string): void {
    if (this.#anchors.has(name)) this.refuse(pointer, "The $anchor", "is already used. Use another name.");
    this.#anchors.set(name, node);
  }

  link(): void {
    for (const { node, target, pointer } of this.#references) {
      if (this.fault !== null) return;
      const found = this.#find(target);
      // That is what a reference means.
      if (found !== undefined) node.allOf = [found, ...(node.allOf ?? [])];
      else {
        const advice = 'Refer to a schema of this document, as in "#/$defs/name".';
        this.refuse(pointer, "The $ref", `leads to no schema: ${shownJson(target)}. ${advice}`);
      }
    }
    if (this.fault === null) this.#refuseCircles();
  }

  #find(target: string): SchemaNode | undefined {
    try {
      const fragment = decodeURIComponent(target.slice(1));
      return fragment === "" || fragment.startsWith("/") ? this.#nodes.get(fragment) : this.#anchors.get(fragment);
    } catch {
      return undefined;
    }
  }

  /** Without a property or an item in between, a circle of references would never end. */
  #refuseCircles(): void {
    const state = new Map<SchemaNode, "open" | "done">();
    const trail: SchemaNode[] = [];
    const visit = (node: SchemaNode): void => {
      if (this.fault !== null || state.get(node) === "done") return;
      if (state.get(node) === "open") {
        this.#refuseCircle(new Set(trail.slice(trail.indexOf(node))));
        return;
      }
      state.set(node, "open");
      trail.push(node);
      for (const next of inPlaceSchemas(node)) visit(next);
      trail.pop();
      state.set(node, "done");
    };
    // A tree has no circles, so every circle goes through a reference.
    for (const { node } of this.#references) visit(node);
  }

  #refuseCircle(circle: ReadonlySet<SchemaNode>): void {
    for (const { node, target, pointer } of this.#references) {
      const found = this.#find(target);
      if (!circle.has(node) || found === undefined || !circle.has(found)) continue;
      const fault = "leads back to itself for the same value. Put a property or an item in between.";
      this.refuse(pointer, "The $ref", fault);
    }
  }
}

/** Checks the value of a keyword, and notes in the node what it means. */
type KeywordReader = (node: Draft, value: unknown, pointer: string, walk: Walk) => void;

const SHOWN_VALUES = 5;
const DRAFT = "https://json-schema.org/draft/2020-12/schema";

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function all<K extends string>(keywords: readonly K[], reader: (keyword: K) => KeywordReader) {
  return keywords.map((keyword) => [keyword, reader(keyword)] as const);
}

const READERS: Readonly<Record<string, KeywordReader>> = {
  // `$schema` and `$id` identify the document, so they stand only at its root. `$id` is a name and changes no `$ref`.
  $schema(_, value, pointer, walk) {
    if (pointer !== "/$schema") walk.refuse(pointer, "The $schema", "is not at the root. Remove it.");
    else if (value !== DRAFT && value !== `${DRAFT}#`) {
      const fault = `is ${shownJson(value)}. Write the schema for 2020-12, and send "${DRAFT}".`;
      walk.refuse(pointer, "The $schema", fault);
    }
  },
  $id(_, value, pointer, walk) {
    if (pointer !== "/$id") {
      walk.refuse(pointer, "The $id", "is not at the root. Remove it, and refer to the schema by its location.");
    } else if (!isText(value)) walk.refuse(pointer, "The $id", "is not a string. Send a URI, or remove it.");
  },
  $ref(node, value, pointer, walk) {
    const advice = `Copy the schema into $defs, and refer to it as "#/$defs/name".`;
    if (isText(value) && value.startsWith("#")) walk.reference(node, value, pointer);
    else walk.refuse(pointer, "The $ref", `does not begin with #. ${advice}`);
  },
  $anchor(node, value, pointer, walk) {
    if (isText(value) && /^[A-Za-z_][-A-Za-z0-9._]*$/.test(value)) walk.anchor(node, value, pointer);
    else walk.refuse(pointer, "The $anchor", `is not a name. Use letters, digits, "-", "_" and ".".`);
  },
  type(node, value, pointer, walk) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const isValid = list.every((one) => TYPES.some((type) => type === one));
    const wanted = `Send one of ${TYPES.join(", ")}, or an array of them.`;
    if (list.length === 0 || !isValid || new Set(list).size < list.length) {
      walk.refuse(pointer, "The type", `is ${shownJson(value)}. ${wanted}`);
    }
    node.type = new Set(list as readonly TypeName[]);
  },
  enum(node, value, pointer, walk) {
    if (Array.isArray(value) && value.length > 0) node.enum = allowed(value);
    else walk.refuse(pointer, "The enum", "is not a list of values. Send an array with at least one value.");
  },
  const(node, value) {
    node.const = allowed([value]);
  },
  pattern(node, value, pointer, walk) {
    const pattern = walk.pattern(value, pointer);
    if (pattern !== null) node.pattern = pattern;
  },
  format(node, value, pointer, walk) {
    const found = isText(value) ? FORMATS.get(value) : undefined;
    if (found !== undefined) node.format = found;
    else {
      const known = [...FORMATS.keys()].join(", ");
      walk.refuse(pointer, "The format", `is unknown: ${shownJson(value)}. Use one of ${known}, or a pattern.`);
    }
  },
  uniqueItems(node, value, pointer, walk) {
    if (typeof value === "boolean") node.uniqueItems = value;
    else walk.refuse(pointer, "The keyword", "is not a boolean. Send true or false.");
  },
  required(node, value, pointer, walk) {
    node.required = walk.namesIn(value, pointer);
  },
  dependentRequired(node, value, pointer, walk) {
    const members = walk.membersOf(value, pointer);
    const namesOf = (name: string, list: unknown) => walk.namesIn(list, pointer + pointerStep(name));
    node.dependentRequired = new Map(members.map(([name, list]) => [name, namesOf(name, list)]));
  },
  patternProperties(node, value, pointer, walk) {
    node.patternProperties = [...walk.namedSchemas(value, pointer)].flatMap(([source, schema]) => {
      const pattern = walk.pattern(source, pointer + pointerStep(source));
      return pattern === null ? [] : { pattern, schema };
    });
  },
};

/**
 * Every keyword that a schema may have (JSON Schema 2020-12, Core and Validation). Another one is refused, although the
 * standard would ignore it: a misspelt `requierd` would let everything through. Names that begin with `x-` stay unread.
 */
export const KEYWORDS: ReadonlyMap<string, KeywordReader> = new Map<string, KeywordReader>([
  ...Object.entries(READERS),
  // Nothing decodes the content, so its schema is checked, but never evaluated.
  ["contentSchema", (_, value, pointer, walk) => walk.subschema(value, pointer)],
  ["multipleOf", numberOf("multipleOf", (value) => value > 0, "a number over 0")],
  ...all(LIMITS, (keyword) => numberOf(keyword, () => true, "a number")),
  ...all(COUNTS, (keyword) => {
    return numberOf(keyword, (value) => Number.isSafeInteger(value) && value >= 0, "a whole number of 0 or more");
  }),
  ...all(SCHEMAS, (keyword) => (node, value, pointer, walk) => {
    if (Array.isArray(value) && keyword === "items") {
      walk.refuse(pointer, "The keyword", "is an array. Rename the keyword to prefixItems.");
    } else node[keyword] = walk.subschema(value, pointer);
  }),
  ...all(SCHEMA_LISTS, (keyword) => (node, value, pointer, walk) => {
    if (!Array.isArray(value) || value.length === 0) {
      walk.refuse(pointer, "The keyword", "is not a list of schemas. Send an array with at least one schema.");
    } else node[keyword] = value.map((item, index) => walk.subschema(item, pointer + pointerStep(index)));
  }),
  ...all(NAMED_SCHEMAS, (keyword) => (node, value, pointer, walk) => {
    node[keyword] = walk.namedSchemas(value, pointer);
  }),
  // Evaluated only where a reference leads to them.
  ...all(["$defs", "definitions"], () => (_, value, pointer, walk) => walk.namedSchemas(value, pointer)),
  ...all(["$comment", "title", "description", "contentEncoding", "contentMediaType"], () => note(isText, "a string")),
  ...all(["deprecated", "readOnly", "writeOnly"], () => note((value) => typeof value === "boolean", "true or false")),
  ["default", note(() => true, "any value")],
  ["examples", note(Array.isArray, "an array")],
]);

/** Keywords of JSON Schema that we refuse, with what to use instead. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["$dynamicRef", "Use $ref."],
  ["$dynamicAnchor", "Use $anchor and $ref."],
  ["$recursiveRef", "Use $ref."],
  ["$recursiveAnchor", "Use $anchor and $ref."],
  ["$vocabulary", "Remove it."],
  ["additionalItems", "Use prefixItems and items."],
  ["dependencies", "Use dependentRequired or dependentSchemas."],
  ["id", "Remove it."],
]);

/** A reader that only checks the keyword's value, because the keyword changes no evaluation. */
function note(isValid: (value: unknown) => boolean, wanted: string): KeywordReader {
  return (_, value, pointer, walk) => {
    if (!isValid(value)) walk.refuse(pointer, "The keyword", `has the wrong type. Send ${wanted}.`);
  };
}

function numberOf(
  keyword: (typeof LIMITS | typeof COUNTS)[number] | "multipleOf",
  isValid: (value: number) => boolean,
  wanted: string,
): KeywordReader {
  return (node, value, pointer, walk) => {
    if (typeof value === "number" && isValid(value)) node[keyword] = value;
    else walk.refuse(pointer, "The keyword", `is ${shownJson(value)}. Send ${wanted}.`);
  };
}

function allowed(values: readonly unknown[]): AllowedValues {
  // The schema's size bounds this work.
  const budget = { left: Number.POSITIVE_INFINITY };
  const more = values.length > SHOWN_VALUES ? ", …" : "";
  return {
    texts: new Set(values.map((value) => canonicalText(value, budget))),
    hasContainers: values.some((value) => typeof value === "object" && value !== null),
    shown: values.slice(0, SHOWN_VALUES).map(shownJson).join(", ") + more,
  };
}
