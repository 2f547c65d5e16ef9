/**
 * Which schemas an action may have for its parameters. PURE: it makes no request, so a schema refers only to itself.
 *
 * A caller's schema can be hostile. This file bounds its size, its depth, its number of subschemas and the size of its
 * patterns. It also refuses references that lead back to themselves for the same value. `validate.ts` bounds the
 * evaluation.
 *
 * JSON Schema 2020-12 with these differences: `format` is checked, unknown keywords are refused, `$ref` stays inside
 * the document, and `$id` and `$schema` stand only at the root. `keywords.ts` and `pattern.ts` say what is accepted.
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
import { faultOfKeyword, KEYWORDS, type SchemaWalk } from "./keywords.ts";
import { type Pattern, PatternParts } from "./pattern.ts";
import {
  type Draft,
  inPlaceSchemas,
  type SchemaFault,
  type SchemaNode,
  shownJson,
  shownPointer,
} from "./schema-node.ts";

/** A schema that was checked. It lives in memory only; `checkSchema` makes it again from the stored JSON. */
export interface CheckedSchema {
  readonly root: SchemaNode;
}

/** `value`: parsed JSON. Refuses with the first fault, whose `pointer` leads into the schema. */
export function checkSchema(value: unknown): Result<CheckedSchema, SchemaFault> {
  const fault = faultOfDocument(value);
  if (fault !== null) return err({ pointer: "", sentence: fault });
  const walk = new Walk();
  const root = walk.subschema(value, "");
  walk.link();
  return walk.fault === null ? ok({ root }) : err(walk.fault);
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

/**
 * Of a subschema's pointer. Each pointer repeats the names above it, so with long names 500 of them would be very
 * large.
 */
const POINTER_MAX_CHARACTERS = 2048;

interface Reference {
  readonly node: Draft;
  readonly target: string;
  readonly pointer: string;
}

class Walk implements SchemaWalk {
  fault: SchemaFault | null = null;
  readonly patternParts = new PatternParts();
  /** By the JSON Pointer that a `$ref` can contain. */
  readonly #nodes = new Map<string, SchemaNode>();
  readonly #anchors = new Map<string, SchemaNode>();
  readonly #references: Reference[] = [];
  #instructions = 0;

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
      else {
        const fault = faultOfKeyword(keyword);
        if (fault !== null) this.refuse(at, "The keyword", fault);
      }
    }
  }

  reference(node: Draft, target: string, pointer: string): void {
    this.#references.push({ node, target, pointer });
  }

  anchor(node: Draft, name: string, pointer: string): void {
    if (this.#anchors.has(name)) this.refuse(pointer, "The $anchor", "is already used. Use another name.");
    this.#anchors.set(name, node);
  }

  admit({ program }: Pattern, pointer: string): boolean {
    this.#instructions += program.kinds.length;
    const fits = this.#instructions <= PATTERNS_MAX_INSTRUCTIONS;
    if (!fits) this.refuse(pointer, "The pattern", "makes the schema's patterns too large. Use smaller counts.");
    return fits;
  }

  /** Links every `$ref` to its schema, once all schemas are known. */
  link(): void {
    for (const { node, target, pointer } of this.#references) {
      if (this.fault !== null) return;
      const found = this.#find(target);
      if (found !== undefined) node.$ref = found;
      else {
        this.refuse(
          pointer,
          "The $ref",
          `leads to no schema: ${shownJson(target)}. Refer to a schema of this document, as in "#/$defs/name".`,
        );
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

  /**
   * Without a property or an item in between, a circle of references would never end. Otherwise it ends with the value.
   */
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
    for (const { node, pointer } of this.#references) {
      if (!circle.has(node) || node.$ref === undefined || !circle.has(node.$ref)) continue;
      this.refuse(
        pointer,
        "The $ref",
        "leads back to itself for the same value. Put a property or an item in between.",
      );
    }
  }
}
