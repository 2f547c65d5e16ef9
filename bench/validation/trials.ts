/** Random schemas with parameters that give them work. They stay near the limits, or a limit refuses them. */

import type { Chance } from "./chance.ts";
import { randomPattern } from "./patterns.ts";
import { randomText, randomValue } from "./values.ts";

type Json = Record<string, unknown>;

export interface Trial {
  /** The subschema for the value `a`. */
  readonly subschema: Json;
  readonly schema: Json;
  readonly parameters: Json;
}

const FORMATS = ["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"] as const;

export function randomCase(chance: Chance): Trial {
  return trialOf(randomValue(chance), chance);
}

/** The same with another value, or with another schema. */
export function variant(trial: Trial, chance: Chance): Trial {
  const value = trial.parameters.a;
  if (chance.is(0.5)) return { ...trial, parameters: { a: randomValue(chance) } };
  return trialOf(value, chance);
}

function trialOf(value: unknown, chance: Chance): Trial {
  const subschema = randomSchema(chance, value, 2);
  return { subschema, schema: placed(subschema, chance), parameters: { a: value } };
}

/** Puts the subschema where it is evaluated once, or 2 to the power of 59 times. */
function placed(schema: Json, chance: Chance): Json {
  if (chance.is(0.4)) return { properties: { a: schema } };
  const keyword = chance.of(["allOf", "anyOf", "oneOf"]);
  const isSeen = chance.is(0.2);
  const levels = chance.times(60, (level) => {
    const next = { $ref: `#/$defs/${level + 1}` };
    return [String(level), level === 59 ? schema : { [keyword]: chance.is(0.1) ? [next] : [next, next] }];
  });
  const unevaluated = { unevaluatedItems: chance.is(0.5), unevaluatedProperties: chance.is(0.5) };
  return {
    properties: { a: { $ref: "#/$defs/0", ...(isSeen ? unevaluated : {}) } },
    $defs: Object.fromEntries(levels),
  };
}

function randomSchema(chance: Chance, value: unknown, depth: number): Json {
  const keywords = chance.times(1 + chance.below(2), () => randomKeyword(chance, value, depth));
  return Object.assign({}, ...keywords);
}

function randomKeyword(chance: Chance, value: unknown, depth: number): Json {
  const below = (part: unknown) => (depth === 0 ? true : randomSchema(chance, part, depth - 1));
  if (typeof value === "string") return textKeyword(chance, value);
  if (typeof value === "number") return numberKeyword(chance);
  if (Array.isArray(value)) return listKeyword(chance, value, below);
  if (typeof value === "object" && value !== null) return objectKeyword(chance, value as Json, below);
  return chance.of<Json>([{ type: ["string", "number"] }, { const: value }, { not: false }]);
}

function textKeyword(chance: Chance, text: string): Json {
  if (chance.is(0.5)) return { pattern: randomPattern(chance) };
  return chance.of<Json>([
    { format: chance.of(FORMATS) },
    { minLength: Math.floor(text.length * 0.6), maxLength: text.length - 1 },
    { enum: chance.times(chance.size(1, 500), (index) => `${text.slice(0, 50)}${index}`) },
    { const: text.slice(0, 20_000) },
    { anyOf: chance.times(chance.size(1, 60), () => ({ pattern: randomPattern(chance, 300) })) },
  ]);
}

function numberKeyword(chance: Chance): Json {
  return chance.of<Json>([
    { multipleOf: chance.of([5e-324, 1e308, 0.1, 7, 0.01]) },
    { enum: chance.times(chance.size(1, 2000), (index) => index) },
    { type: ["null", "integer"] },
    { not: { type: ["null", "string", "object", "array"] }, minimum: -1e308 },
  ]);
}

function listKeyword(chance: Chance, list: readonly unknown[], below: (part: unknown) => unknown): Json {
  return chance.of<() => Json>([
    () => ({ items: below(list[0]) }),
    () => ({ contains: below(list[0]), minContains: 0 }),
    () => ({ prefixItems: chance.times(chance.size(1, 100), () => below(list[0])), items: below(list[0]) }),
    () => ({ uniqueItems: true }),
    () => ({ unevaluatedItems: below(list[0]) }),
    () => ({ const: list.slice(0, 2000) }),
    () => ({ const: [] }),
  ])();
}

function objectKeyword(chance: Chance, object: Json, below: (part: unknown) => unknown): Json {
  const names = Object.keys(object);
  const first = object[names[0] ?? ""];
  const some = (most: number) => names.slice(0, chance.size(1, most));
  return chance.of<() => Json>([
    () => ({ additionalProperties: below(first) }),
    () => ({ unevaluatedProperties: below(first) }),
    () => ({ propertyNames: chance.is(0.7) ? { pattern: randomPattern(chance) } : below(names[0]) }),
    () => ({
      patternProperties: Object.fromEntries(
        chance.times(chance.size(1, 200), () => [randomPattern(chance, 160), below(first)]),
      ),
    }),
    () => ({ properties: Object.fromEntries(some(400).map((name) => [name, below(first)])) }),
    () => ({ required: [...some(2000), randomText(chance, 5)] }),
    () => ({ dependentRequired: Object.fromEntries(some(400).map((name) => [name, some(3)])) }),
    () => ({ dependentSchemas: Object.fromEntries(some(100).map((name) => [name, below(object)])) }),
    () => ({ minProperties: names.length, maxProperties: names.length }),
    () => ({ const: {} }),
    () => ({ const: Object.fromEntries(some(1000).map((name) => [name, first])) }),
  ])();
}
