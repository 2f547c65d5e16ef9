/**
 * Which schemas an action may have for its parameters. PURE: it makes no request, so a schema refers only to itself.
 *
 * A schema of a caller is hostile until it was checked. Here it gets its bounds: size, depth, number of subschemas, size of
 * its patterns, and no circle of references that never moves on to a smaller part of the value. What bounds its evaluation
 * is in `validate.ts`.
 *
 * JSON Schema 2020-12 with these differences: `format` is checked, unknown keywords are refused, `$ref` stays inside the
 * document, and `$id` and `$schema` stand only at the root. `keyword-table.ts` and `pattern.ts` say what is accepted.
 */

import { hasOnlyFiniteNumbers, isJsonObject } from "../base/json.ts";
import { pointerStep } from "../base/json-pointer.ts";
import {
  JSON_MAX_DEPTH,
  PATTERNS_MAX_INSTRUCTIONS,
  SCHEMA_MAX_BYTES,
  SCHEMA_MAX_SUBSCHEMAS,
  utf8Bytes,
} from "../base/limits.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { SchemaWalk } from "./keyword-readers.ts";
import { faultOfKeyword, KEYWORDS } from "./keyword-table.ts";
import { isDeeperThan } from "./nesting.ts";
import { type Pattern, PatternParts } from "./pattern.ts";
import { type SchemaFault, shown, shownPointer } from "./schema-fault.ts";
import { type Draft, inPlaceSchemas, type SchemaNode } from "./schema-node.ts";

/** A schema that was checked. It lives in memory only; `checkSchema` makes it again from the stored JSON. */
export interface CheckedSchema {
  readonly root: SchemaNode;
}

/** `value`: parsed JSON. Refuses with the first fault. Its `pointer` leads into the schema. */
export function checkSchema(value: unknown): Result<CheckedSchema, SchemaFault> {
  const fault = faultOfDocument(value);
  if (fault !== null) return err({ pointer: "", sentence: fault });
  const walk = new Walk();
  const root = walk.subschema(value, "");
  walk.link();
  return walk.fault === null ? ok({ root }) : err(walk.fault);
}

function faultOfDocument(value: unknown): string | null {
  if (!isJsonObject(value))
    return 'The schema is not an object. Send a JSON object, such as { "type": "object" }.';
  // First, because the steps after this one recurse.
  if (isDeeperThan(value, JSON_MAX_DEPTH)) {
    return `The schema has more than ${JSON_MAX_DEPTH} levels. Move inner schemas to $defs, and refer to them with $ref.`;
  }
  const bytes = utf8Bytes(JSON.stringify(value));
  if (bytes > SCHEMA_MAX_BYTES)
    return `The schema has ${bytes} bytes of JSON. Send at most ${SCHEMA_MAX_BYTES}.`;
  if (!hasOnlyFiniteNumbers(value))
    return "The schema has a number that is too large. Send a number below 1.8e308.";
  if (Object.hasOwn(value, "type") && value.type !== "object") {
    return 'The schema\'s type is not "object", but parameters are an object. Send "type": "object".';
  }
  return null;
}

/** Of a subschema's place. Each subschema repeats the names above it, so long names would make 500 places very large. */
const POINTER_MAX_CHARACTERS = 2048;

interface Reference {
  readonly node: Draft;
  readonly target: string;
  readonly path: string;
}

class Walk implements SchemaWalk {
  fault: SchemaFault | null = null;
  readonly patternParts = new PatternParts();
  /** By the place that a `$ref` can name. */
  readonly #nodes = new Map<string, SchemaNode>();
  readonly #anchors = new Map<string, SchemaNode>();
  readonly #references: Reference[] = [];
  #instructions = 0;

  refuse(path: string, what: string, fault: string): void {
    const place = shownPointer(path);
    this.fault ??= { pointer: path, sentence: `${what}${place === "" ? "" : ` at ${place}`} ${fault}` };
  }

  subschema(value: unknown, path: string): SchemaNode {
    const node: Draft = {};
    if (this.fault === null && path.length > POINTER_MAX_CHARACTERS) {
      this.refuse(
        path,
        "The schema",
        `has a place of more than ${POINTER_MAX_CHARACTERS} characters. Use shorter names, or move it to $defs.`,
      );
    }
    if (this.fault !== null) return node;
    this.#nodes.set(path, node);
    if (this.#nodes.size > SCHEMA_MAX_SUBSCHEMAS + 1) {
      this.refuse(
        "",
        "The schema",
        `has more than ${SCHEMA_MAX_SUBSCHEMAS} subschemas. Send a smaller schema.`,
      );
    } else if (value === false) node.refusesAll = true;
    else if (isJsonObject(value)) this.#readKeywords(node, value, path);
    else if (value !== true) {
      this.refuse(path, "The value", "is not a schema. Send an object, true or false.");
    }
    return node;
  }

  #readKeywords(node: Draft, schema: Readonly<Record<string, unknown>>, path: string): void {
    for (const [keyword, value] of Object.entries(schema)) {
      if (this.fault !== null) return;
      const place = path + pointerStep(keyword);
      const read = KEYWORDS.get(keyword);
      if (read !== undefined) read(node, value, place, this);
      else {
        const fault = faultOfKeyword(keyword);
        if (fault !== null) this.refuse(place, "The keyword", fault);
      }
    }
  }

  reference(node: Draft, target: string, path: string): void {
    this.#references.push({ node, target, path });
  }

  anchor(node: Draft, name: string, path: string): void {
    if (this.#anchors.has(name)) this.refuse(path, "The $anchor", "is already used. Use another name.");
    this.#anchors.set(name, node);
  }

  admit({ program }: Pattern, path: string): boolean {
    this.#instructions += program.kinds.length;
    const fits = this.#instructions <= PATTERNS_MAX_INSTRUCTIONS;
    if (!fits) this.refuse(path, "The pattern", "makes the schema's patterns too large. Use smaller counts.");
    return fits;
  }

  /** Links every `$ref` to its schema, once all schemas are known. */
  link(): void {
    for (const { node, target, path } of this.#references) {
      if (this.fault !== null) return;
      const found = this.#find(target);
      if (found !== undefined) node.$ref = found;
      else {
        this.refuse(
          path,
          "The $ref",
          `leads to no schema: ${shown(target)}. Refer to a schema of this document, as in "#/$defs/name".`,
        );
      }
    }
    if (this.fault === null) this.#refuseCircles();
  }

  #find(target: string): SchemaNode | undefined {
    try {
      const fragment = decodeURIComponent(target.slice(1));
      return fragment === "" || fragment.startsWith("/")
        ? this.#nodes.get(fragment)
        : this.#anchors.get(fragment);
    } catch {
      return undefined;
    }
  }

  /** A circle that stays at one value would never end. A circle through `properties` or `items` ends with the value. */
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
    for (const { node, path } of this.#references) {
      if (!circle.has(node) || node.$ref === undefined || !circle.has(node.$ref)) continue;
      this.refuse(
        path,
        "The $ref",
        "leads back to itself for the same value. Put a property or an item in between.",
      );
    }
  }
}
